//! The stream on which a consumer will use a tensor.

use core::ffi::c_void;
use core::fmt;
use core::ptr;

use crate::error::Error;
use crate::vocabulary::{Device, DeviceType};

/// The stream, a queue of device work such as a CUDA stream, on which a consumer will use a tensor.
///
/// The producer makes later work on the stream wait until the elements have been written. The meaning of a handle depends
/// on the device; see [`check`](Self::check).
///
/// | Here | In Python | |
/// |---|---|---|
/// | [`NONE`](Self::NONE) | `None` | unspecified: the default stream, on devices that have one |
/// | [`NO_SYNC`](Self::NO_SYNC) | `-1` | the consumer orders its work itself |
/// | [`from_handle(n)`](Self::from_handle) | `n` | this stream |
///
/// Producers pass handles to the runtime of the device, which trusts them. Creating a stream from a handle is therefore
/// `unsafe`, and functions that take a stream are safe.
///
/// # Examples
///
/// ```
/// use dlpack::negotiate::Stream;
///
/// assert_eq!(Stream::CUDA_LEGACY_DEFAULT.handle(), Some(1));
/// assert_eq!(Stream::NONE.handle(), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Stream {
    /// One of the constants below; any other value is an error when the request is answered.
    kind: u32,
    /// Used for the kind `HANDLE` only, and never dereferenced.
    handle: *mut c_void,
}

// SAFETY: `handle` is never dereferenced.
unsafe impl Send for Stream {}
// SAFETY: `handle` is never dereferenced, and there is no interior mutability.
unsafe impl Sync for Stream {}

// The kinds of streams, as C passes them.
const NONE: u32 = 0;
const NO_SYNC: u32 = 1;
const HANDLE: u32 = 2;

/// Python's number for [`Stream::NO_SYNC`], which is not a handle on CUDA and ROCm.
const MINUS_ONE: usize = usize::MAX;

impl Stream {
    /// Unspecified: the default stream, on devices that have streams.
    pub const NONE: Self = Self::without_handle(NONE);
    /// The consumer orders its work itself, and the producer does not synchronize.
    pub const NO_SYNC: Self = Self::without_handle(NO_SYNC);
    /// CUDA's legacy default stream.
    pub const CUDA_LEGACY_DEFAULT: Self = Self::with_handle(1);
    /// CUDA's per-thread default stream.
    pub const CUDA_PER_THREAD_DEFAULT: Self = Self::with_handle(2);
    /// ROCm's default stream.
    pub const ROCM_DEFAULT: Self = Self::with_handle(0);

    /// Creates a stream from its handle, or from a small number that has a meaning on the device, such as 1 on CUDA.
    ///
    /// # Safety
    ///
    /// The handle is a stream of the device that it is used with, until every function that receives it has returned.
    #[must_use]
    pub const unsafe fn from_handle(handle: usize) -> Self {
        Self::with_handle(handle)
    }

    const fn with_handle(handle: usize) -> Self {
        Self { kind: HANDLE, handle: ptr::without_provenance_mut(handle) }
    }

    const fn without_handle(kind: u32) -> Self {
        Self { kind, handle: ptr::null_mut() }
    }

    /// Creates a stream of a device of this type from the pointer of its runtime, such as a `cudaStream_t`.
    ///
    /// A null pointer is the default stream on CUDA and ROCm, and [`NONE`](Self::NONE) on other devices.
    ///
    /// # Safety
    ///
    /// As for [`from_handle`](Self::from_handle), unless the pointer is null.
    #[must_use]
    pub unsafe fn from_ptr(device: DeviceType, stream: *mut c_void) -> Self {
        if stream.is_null() { Self::NONE.on(device) } else { Self { kind: HANDLE, handle: stream } }
    }

    /// Returns the handle, or `None` for [`NONE`](Self::NONE) and [`NO_SYNC`](Self::NO_SYNC).
    #[must_use]
    pub fn handle(self) -> Option<usize> {
        (self.kind == HANDLE).then(|| self.handle.addr())
    }

    /// Returns the handle as the pointer of the runtime, or null if there is no handle.
    #[must_use]
    pub const fn as_ptr(self) -> *mut c_void {
        match self.kind {
            HANDLE => self.handle,
            _ => ptr::null_mut(),
        }
    }

    /// Checks that the device can have such a stream.
    ///
    /// - The CPU has no streams: only [`NONE`](Self::NONE) and [`NO_SYNC`](Self::NO_SYNC) are accepted.
    /// - CUDA has the legacy default stream 1, the per-thread default stream 2, and handles. 0 is ambiguous, and refused.
    ///   The same applies to pinned and managed memory of CUDA.
    /// - ROCm has the default stream 0 and handles, but neither 1 nor 2.
    /// - On other devices 0, 1 and 2 are refused, and producers check handles themselves.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidStream`], or [`Error::UnknownStreamKind`] if the kind is not a known one.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Device, Error, negotiate::Stream};
    ///
    /// assert_eq!(Stream::CUDA_PER_THREAD_DEFAULT.check(Device::cuda(0)), Ok(()));
    /// let refused = Stream::CUDA_PER_THREAD_DEFAULT.check(Device::rocm(0));
    /// assert_eq!(refused, Err(Error::InvalidStream { device: Device::rocm(0), stream: 2 }));
    /// ```
    pub fn check(self, device: Device) -> Result<(), Error> {
        let stream = self.handle.addr();
        let exists = match (self.kind, device.device_type) {
            (NONE | NO_SYNC, _) => true,
            (HANDLE, DeviceType::CPU) => false,
            (HANDLE, device) if is_cuda(device) => ![0, MINUS_ONE].contains(&stream),
            (HANDLE, device) if is_rocm(device) => ![1, 2, MINUS_ONE].contains(&stream),
            (HANDLE, _) => ![0, 1, 2].contains(&stream),
            (code, _) => return Err(Error::UnknownStreamKind { code }),
        };
        if exists { Ok(()) } else { Err(Error::InvalidStream { device, stream }) }
    }

    /// Returns `true` if the producer need not synchronize.
    #[must_use]
    pub const fn is_no_sync(self) -> bool {
        self.kind == NO_SYNC
    }

    /// Returns this stream, with [`NONE`](Self::NONE) replaced by the default stream of such a device.
    ///
    /// Only CUDA and ROCm have a default stream with a handle; for other devices, `NONE` stays as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DeviceType;
    /// use dlpack::negotiate::Stream;
    ///
    /// assert_eq!(Stream::NONE.on(DeviceType::CUDA), Stream::CUDA_LEGACY_DEFAULT);
    /// assert_eq!(Stream::NONE.on(DeviceType::CPU), Stream::NONE);
    /// assert_eq!(Stream::NO_SYNC.on(DeviceType::CUDA), Stream::NO_SYNC);
    /// ```
    #[must_use]
    pub const fn on(self, device: DeviceType) -> Self {
        match self.kind {
            NONE if is_cuda(device) => Self::CUDA_LEGACY_DEFAULT,
            NONE if is_rocm(device) => Self::ROCM_DEFAULT,
            HANDLE => self,
            NO_SYNC => Self::NO_SYNC,
            _ => Self::NONE,
        }
    }
}

const fn is_cuda(device: DeviceType) -> bool {
    matches!(device, DeviceType::CUDA | DeviceType::CUDA_HOST | DeviceType::CUDA_MANAGED)
}

const fn is_rocm(device: DeviceType) -> bool {
    matches!(device, DeviceType::ROCM | DeviceType::ROCM_HOST)
}

impl Default for Stream {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            NONE => f.write_str("Stream(none)"),
            NO_SYNC => f.write_str("Stream(no sync)"),
            HANDLE => write!(f, "Stream({:#x})", self.handle.addr()),
            code => write!(f, "Stream(kind {code})"),
        }
    }
}
