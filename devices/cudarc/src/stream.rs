//! What waits for what.

use std::sync::Arc;

use cudarc::driver::sys::CUstream;
use cudarc::driver::{CudaContext, CudaStream, DriverError};
use dlpack::negotiate::Stream;

use crate::Error;
use crate::device::device;

/// Makes a stream wait for the work that another library has enqueued on its own so far.
///
/// For tensors that come without synchronisation, as from the exchange API, whose `current_work_stream` names the
/// producer's stream: [`Stream::from_ptr`] takes it. The processor does not wait.
///
/// # Errors
///
/// [`dlpack::Error::InvalidStream`] for a number that is no stream of CUDA, and [`Error::Driver`].
///
/// # Examples
///
/// ```no_run
/// use cudarc::driver::CudaContext;
/// use dlpack::negotiate::Stream;
/// use dlpack_cudarc::wait_for;
///
/// let stream = CudaContext::new(0)?.new_stream()?;
/// wait_for(&stream, Stream::CUDA_LEGACY_DEFAULT)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait_for(stream: &Arc<CudaStream>, producer: Stream) -> Result<(), Error> {
    let Some(handle) = handle(producer, stream.context())? else { return Ok(()) };
    // SAFETY: a stream by the contract of `Stream::from_handle`; the wrapper ends with this call.
    let producer = unsafe { stream.context().wrap_borrowed_stream(handle) };
    Ok(join(stream, &producer)?)
}

/// The handle of a stream as CUDA takes it; `None` if nobody is to wait.
pub(crate) fn handle(stream: Stream, context: &CudaContext) -> Result<Option<CUstream>, Error> {
    stream.check(device(context))?;
    if stream.is_no_sync() {
        return Ok(None);
    }
    // Nothing said is the default stream, which is a number that the driver knows as a handle.
    let said = if stream == Stream::NONE { Stream::CUDA_LEGACY_DEFAULT } else { stream };
    Ok(Some(said.as_ptr().cast()))
}

/// Makes `later` wait for the work that is on `earlier` now.
pub(crate) fn join(later: &CudaStream, earlier: &CudaStream) -> Result<(), DriverError> {
    if later.cu_stream() == earlier.cu_stream() && later.context() == earlier.context() {
        return Ok(());
    }
    later.join(earlier)
}
