//! The queue of device work on which a consumer goes on.

use core::ffi::c_void;
use core::fmt;
use core::ptr;

use crate::error::Error;
use crate::vocabulary::{Device, DeviceType};

/// The queue of device work, such as a CUDA stream, on which a consumer will use the memory.
///
/// The producer sees to it that work enqueued there later finds the elements written. What a handle means, and which
/// ones there are, depends on the device; see [`check`](Self::check).
///
/// | Here | In Python | |
/// |---|---|---|
/// | [`NONE`](Self::NONE) | `None` | nothing said: the default stream, on devices that have one |
/// | [`NO_SYNC`](Self::NO_SYNC) | `-1` | the consumer sees to the order itself |
/// | [`from_handle(n)`](Self::from_handle) | `n` | this stream |
///
/// Producers pass handles on to the device's runtime, which trusts them. To name one is therefore `unsafe`, and all that
/// takes a stream is not.
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
    /// One of the constants below; any other number is an error when the request is answered.
    kind: u32,
    /// Looked at for the kind `HANDLE` only, and never followed.
    handle: *mut c_void,
}

// SAFETY: a number, and an address that nobody here follows.
unsafe impl Send for Stream {}
// SAFETY: the same; nothing changes behind a shared reference.
unsafe impl Sync for Stream {}

/// The kinds.
const NONE: u32 = 0;
const NO_SYNC: u32 = 1;
const HANDLE: u32 = 2;

/// How Python says [`Stream::NO_SYNC`], which is no handle on the devices that Python numbers.
const MINUS_ONE: usize = usize::MAX;

impl Stream {
    /// Nothing said: the default stream, on devices that have streams.
    pub const NONE: Self = Self::without_handle(NONE);
    /// The consumer sees to the order itself, and the producer does nothing.
    pub const NO_SYNC: Self = Self::without_handle(NO_SYNC);
    /// CUDA's legacy default stream.
    pub const CUDA_LEGACY_DEFAULT: Self = Self::with_handle(1);
    /// CUDA's default stream of the calling thread.
    pub const CUDA_PER_THREAD_DEFAULT: Self = Self::with_handle(2);
    /// ROCm's default stream.
    pub const ROCM_DEFAULT: Self = Self::with_handle(0);

    /// Names a stream by its handle, or by one of the small numbers that the device gives a meaning.
    ///
    /// # Safety
    ///
    /// On the device that it is used for, this is a stream, and remains one until everything that it is given to has
    /// returned.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::negotiate::Stream;
    ///
    /// // SAFETY: on CUDA, this number is the default stream.
    /// assert_eq!(unsafe { Stream::from_handle(1) }, Stream::CUDA_LEGACY_DEFAULT);
    /// ```
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

    /// Names the stream that a runtime gives as a pointer, such as a `cudaStream_t`, on this kind of device.
    ///
    /// Null is the default stream of CUDA and ROCm, and no stream elsewhere.
    ///
    /// # Safety
    ///
    /// As for [`from_handle`](Self::from_handle), unless the pointer is null.
    ///
    /// # Examples
    ///
    /// ```
    /// use core::ptr::null_mut;
    /// use dlpack::{DeviceType, negotiate::Stream};
    ///
    /// // SAFETY: null.
    /// let stream = unsafe { Stream::from_ptr(DeviceType::CUDA, null_mut()) };
    /// assert_eq!(stream, Stream::CUDA_LEGACY_DEFAULT);
    /// ```
    #[must_use]
    pub unsafe fn from_ptr(device: DeviceType, stream: *mut c_void) -> Self {
        if stream.is_null() { Self::NONE.on(device) } else { Self { kind: HANDLE, handle: stream } }
    }

    /// The handle, unless this is [`NONE`](Self::NONE) or [`NO_SYNC`](Self::NO_SYNC).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::negotiate::Stream;
    ///
    /// assert_eq!(Stream::CUDA_PER_THREAD_DEFAULT.handle(), Some(2));
    /// assert_eq!(Stream::NO_SYNC.handle(), None);
    /// ```
    #[must_use]
    pub fn handle(self) -> Option<usize> {
        (self.kind == HANDLE).then(|| self.handle.addr())
    }

    /// The handle as the pointer that the runtime knows; null without a handle.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DeviceType, negotiate::Stream};
    ///
    /// let mut queue = 0_u8;
    /// let pointer = (&raw mut queue).cast();
    /// // SAFETY: given to nobody.
    /// assert_eq!(unsafe { Stream::from_ptr(DeviceType::METAL, pointer) }.as_ptr(), pointer);
    /// ```
    #[must_use]
    pub const fn as_ptr(self) -> *mut c_void {
        match self.kind {
            HANDLE => self.handle,
            _ => ptr::null_mut(),
        }
    }

    /// Checks that this kind of device has such a stream.
    ///
    /// - The CPU has none: only [`NONE`](Self::NONE) and [`NO_SYNC`](Self::NO_SYNC), which some consumers send it.
    /// - CUDA has the legacy default stream 1, that of each thread 2, and handles. 0 could be either default, and is
    ///   refused. The same for pinned and managed memory of CUDA.
    /// - ROCm has the default stream 0 and handles, but neither 1 nor 2.
    /// - Of other devices nothing is known but that the numbers above mean nothing there: their producers judge handles
    ///   themselves.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidStream`], or [`Error::UnknownStreamKind`] for one that is no kind of stream.
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

    /// Whether the producer need not see to any order.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::negotiate::Stream;
    ///
    /// assert!(Stream::NO_SYNC.is_no_sync());
    /// assert!(!Stream::NONE.is_no_sync());
    /// ```
    #[must_use]
    pub const fn is_no_sync(self) -> bool {
        self.kind == NO_SYNC
    }

    /// Returns this stream, or the default stream of such a device in the place of [`NONE`](Self::NONE).
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
