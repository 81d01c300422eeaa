//! Streams as the protocol names them, and what waits for what.

use std::sync::Arc;

use cudarc::driver::sys::CUstream;
use cudarc::driver::{CudaStream, DriverError};

use crate::Error;

/// The stream on which another library uses the memory, as DLPack's protocols name it.
///
/// # Examples
///
/// ```
/// use dlpack_cudarc::{Error, Stream};
///
/// assert_eq!(Stream::from_number(None)?, Stream::LEGACY_DEFAULT);
/// assert_eq!(Stream::from_number(Some(2))?, Stream::PER_THREAD_DEFAULT);
/// assert_eq!(Stream::from_number(Some(-1))?, Stream::NO_SYNC);
/// assert_eq!(Stream::from_number(Some(0)), Err(Error::InvalidStream { found: 0 }));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream(Option<usize>);

impl Stream {
    /// The default stream that waits for all others that block.
    pub const LEGACY_DEFAULT: Self = Self(Some(1));
    /// The default stream of the calling thread.
    pub const PER_THREAD_DEFAULT: Self = Self(Some(2));
    /// No stream: the consumer sees to the order itself.
    pub const NO_SYNC: Self = Self(None);

    /// Reads the argument `stream` of Python's `__dlpack__`.
    ///
    /// `None` and 1 are the legacy default stream, 2 is the default stream of the thread, -1 asks for no
    /// synchronisation, any other number is a handle.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidStream`] for 0, which could be either default stream, and for negative numbers but -1.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_cudarc::Stream;
    ///
    /// assert_eq!(Stream::from_number(Some(1))?, Stream::LEGACY_DEFAULT);
    /// # Ok::<(), dlpack_cudarc::Error>(())
    /// ```
    pub fn from_number(number: Option<isize>) -> Result<Self, Error> {
        let number = number.unwrap_or(1);
        match usize::try_from(number) {
            _ if number == -1 => Ok(Self::NO_SYNC),
            Ok(handle) if handle != 0 => Ok(Self(Some(handle))),
            _ => Err(Error::InvalidStream { found: number }),
        }
    }

    /// Reads the pointer of C's `current_work_stream`, where null is the legacy default stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_cudarc::Stream;
    ///
    /// assert_eq!(Stream::from_ptr(core::ptr::null_mut()), Stream::LEGACY_DEFAULT);
    /// ```
    #[must_use]
    pub fn from_ptr(stream: CUstream) -> Self {
        if stream.is_null() { Self::LEGACY_DEFAULT } else { Self(Some(stream.expose_provenance())) }
    }

    /// The handle as CUDA takes it, unless there is no stream.
    pub(crate) fn handle(self) -> Option<CUstream> {
        self.0.map(core::ptr::with_exposed_provenance_mut)
    }
}

/// Makes a stream wait for the work that another library has enqueued on its own so far.
///
/// For tensors that come without synchronisation, as from the exchange API, whose `current_work_stream` names the
/// producer's stream. The processor does not wait.
///
/// # Errors
///
/// What the driver says.
///
/// # Safety
///
/// `producer` is a live stream of the device of `stream`.
///
/// # Examples
///
/// ```no_run
/// use cudarc::driver::CudaContext;
/// use dlpack_cudarc::{Stream, wait_for};
///
/// let stream = CudaContext::new(0)?.new_stream()?;
/// // SAFETY: every device has a default stream.
/// unsafe { wait_for(&stream, Stream::LEGACY_DEFAULT) }?;
/// # Ok::<(), cudarc::driver::DriverError>(())
/// ```
pub unsafe fn wait_for(stream: &Arc<CudaStream>, producer: Stream) -> Result<(), DriverError> {
    let Some(handle) = producer.handle() else { return Ok(()) };
    // SAFETY: the caller's promise; the wrapper ends with this call.
    let producer = unsafe { stream.context().wrap_borrowed_stream(handle) };
    join(stream, &producer)
}

/// Makes `later` wait for the work that is on `earlier` now.
pub(crate) fn join(later: &CudaStream, earlier: &CudaStream) -> Result<(), DriverError> {
    if later.cu_stream() == earlier.cu_stream() && later.context() == earlier.context() {
        return Ok(());
    }
    later.join(earlier)
}
