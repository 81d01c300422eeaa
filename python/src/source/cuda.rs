//! `__cuda_array_interface__`, versions 2 and 3, and the few calls of CUDA's driver that it needs.
//!
//! The driver is not linked: whoever has memory of CUDA has loaded it.

use core::ffi::{CStr, c_int, c_uint, c_void};
use core::mem::transmute;
use core::ptr::{self, NonNull};

use dlpack_pyo3::dlpack::negotiate::Stream;
use dlpack_pyo3::dlpack::{Device, DeviceType, Error};
use dlpack_pyo3::stream_from;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::array_interface::{Fields, owner};
use super::expect;
use crate::errors::{DeviceError, LayoutError};
use crate::tensor::{Origin, Tensor};

/// Takes the tensor of an object. Returns `None` if it has no such interface.
///
/// The device is the one that the driver names for the address; if it does not know it, `asked` or else the first.
pub(super) fn take(object: &Bound<'_, PyAny>, asked: Option<Device>) -> PyResult<Option<Tensor>> {
    let Some(value) = object.getattr_opt("__cuda_array_interface__")? else { return Ok(None) };
    let Ok(interface) = value.cast::<PyDict>() else { return Ok(None) };
    let fields = Fields::of(interface)?;
    let data = interface.get_item("data")?;
    let data =
        data.ok_or_else(|| LayoutError::new_err("the CUDA array interface has no \"data\""))?;
    let (address, is_read_only) = expect::<(usize, bool)>(data, "data")?;
    let asked = asked.filter(|device| device.device_type == DeviceType::CUDA);
    let named = (!fields.shape.contains(&0)).then(|| device_of(address)).flatten();
    let device = match (named, asked) {
        (Some(named), Some(asked)) if named != asked => {
            let text = format!("expected memory on {asked}, found an address on {named}");
            return Err(DeviceError::new_err(text));
        }
        (named, asked) => named.or(asked).unwrap_or(Device::cuda(0)),
    };
    let origin = match interface.get_item("stream")?.filter(|stream| !stream.is_none()) {
        Some(stream) => Origin::on(object.py(), device, stream_from(&stream, device)?)?,
        None => Origin::Ready,
    };
    let memory = fields.at(address, device, is_read_only);
    // SAFETY: by this protocol the memory is as it is described for as long as the object lives.
    let tensor = unsafe { memory.into_tensor(owner(object, &value)?) }?;
    Ok(Some(Tensor::new(tensor, origin)))
}

/// Returns `true` if another thread may have another stream of this name: each thread has a per-thread stream of CUDA, and each
/// device a default stream. Memory that is of no device in particular is ready on that of the device which this thread uses.
pub(crate) fn is_of_this_thread(device: Device, stream: Stream) -> bool {
    stream == Stream::CUDA_PER_THREAD_DEFAULT
        || (is_anywhere(device) && stream == Stream::CUDA_LEGACY_DEFAULT)
}

/// Pinned and managed memory is of no device in particular.
fn is_anywhere(device: Device) -> bool {
    matches!(device.device_type, DeviceType::CUDA_HOST | DeviceType::CUDA_MANAGED)
}

/// Waits until the work on a stream of CUDA is done, which [is](is_of_this_thread) this thread's own.
///
/// # Errors
///
/// As for [`wait`].
pub(crate) fn wait_for_own(device: Device, stream: Stream) -> Result<(), Error> {
    /// `CUDA_ERROR_INVALID_CONTEXT`: the thread has not used CUDA yet, and is in no context.
    const NO_CONTEXT: c_int = 201;

    match is_anywhere(device).then(|| synchronize(stream)).flatten() {
        Some(0) => Ok(()),
        Some(NO_CONTEXT) | None => wait(device, stream),
        Some(_) => Err(Error::StreamUnsupported { device }),
    }
}

/// Waits until the work on a stream of CUDA is done.
///
/// # Errors
///
/// [`Error::StreamUnsupported`] if the driver is not loaded or refuses, and for other devices.
pub(crate) fn wait(device: Device, stream: Stream) -> Result<(), Error> {
    let refused = Error::StreamUnsupported { device };
    if device.device_type != DeviceType::CUDA && !is_anywhere(device) {
        return Err(refused);
    }
    // Each device has its default streams, and the driver takes those of the context that the thread is in.
    let is_default = stream.handle().is_none_or(|handle| handle <= 2);
    if is_default && is_anywhere(device) {
        return wait_everywhere(stream).ok_or(refused);
    }
    let _current = is_default.then(|| Current::enter(device).ok_or(refused)).transpose()?;
    wait_here(device, stream)
}

/// Waits for a default stream of each device that is in use, since any of them may write memory that is of no device in particular.
/// Returns `None` if the driver is not loaded or refuses.
fn wait_everywhere(stream: Stream) -> Option<()> {
    type Get = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
    type GetState = unsafe extern "C" fn(c_int, *mut c_uint, *mut c_int) -> c_int;
    let (get, get_state) = (driver(c"cuDeviceGet")?, driver(c"cuDevicePrimaryCtxGetState")?);
    for ordinal in 0.. {
        let (mut number, mut flags, mut is_active) = (0, 0, 0);
        // SAFETY: the driver's functions of these names have these types, and write a device, and two integers.
        let is_known = unsafe {
            let get = transmute::<NonNull<c_void>, Get>(get);
            let get_state = transmute::<NonNull<c_void>, GetState>(get_state);
            if get(&raw mut number, ordinal) != 0 {
                // There are no more.
                return (ordinal > 0).then_some(());
            }
            get_state(number, &raw mut flags, &raw mut is_active) == 0
        };
        if !is_known {
            return None;
        }
        if is_active != 0 {
            let device = Device::cuda(ordinal);
            let _current = Current::enter(device)?;
            wait_here(device, stream).ok()?;
        }
    }
    None
}

/// As [`wait`], in the context that the thread is in.
fn wait_here(device: Device, stream: Stream) -> Result<(), Error> {
    let refused = Error::StreamUnsupported { device };
    if synchronize(stream) == Some(0) { Ok(()) } else { Err(refused) }
}

/// Returns the driver's answer to a wait for the stream in the context that the thread is in, if the driver is loaded.
fn synchronize(stream: Stream) -> Option<c_int> {
    type StreamSynchronize = unsafe extern "C" fn(*mut c_void) -> c_int;
    let function = driver(c"cuStreamSynchronize")?;
    // SAFETY: the driver's function of this name has this type. The stream exists, as whoever named it says.
    Some(unsafe { transmute::<NonNull<c_void>, StreamSynchronize>(function)(stream.as_ptr()) })
}

type PopCurrent = unsafe extern "C" fn(*mut *mut c_void) -> c_int;
type Release = unsafe extern "C" fn(c_int) -> c_int;

/// The primary context of a device, in which the thread is until this is dropped.
struct Current {
    device: c_int,
    pop: PopCurrent,
    release: Release,
}

impl Current {
    /// Returns `None` if the driver refuses.
    fn enter(device: Device) -> Option<Self> {
        type Get = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
        type Retain = unsafe extern "C" fn(*mut *mut c_void, c_int) -> c_int;
        type Push = unsafe extern "C" fn(*mut c_void) -> c_int;
        let (get, retain) = (driver(c"cuDeviceGet")?, driver(c"cuDevicePrimaryCtxRetain")?);
        let (push, pop) = (driver(c"cuCtxPushCurrent_v2")?, driver(c"cuCtxPopCurrent_v2")?);
        let release = driver(c"cuDevicePrimaryCtxRelease_v2")?;
        let (mut number, mut context) = (0, ptr::null_mut());
        // SAFETY: the driver's functions of these names have these types, and write one device and one context. What is retained is
        // released once.
        unsafe {
            let (get, retain) = (
                transmute::<NonNull<c_void>, Get>(get),
                transmute::<NonNull<c_void>, Retain>(retain),
            );
            let push = transmute::<NonNull<c_void>, Push>(push);
            let pop = transmute::<NonNull<c_void>, PopCurrent>(pop);
            let release = transmute::<NonNull<c_void>, Release>(release);
            if get(&raw mut number, device.device_id) != 0 || retain(&raw mut context, number) != 0
            {
                return None;
            }
            if push(context) != 0 {
                release(number);
                return None;
            }
            Some(Self { device: number, pop, release })
        }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        let mut context = ptr::null_mut();
        // SAFETY: the functions of the driver, for what `enter` has retained and pushed.
        unsafe {
            (self.pop)(&raw mut context);
            (self.release)(self.device);
        }
    }
}

/// Returns the device of an address, if the driver is loaded and knows it.
fn device_of(address: usize) -> Option<Device> {
    type PointerGetAttribute = unsafe extern "C" fn(*mut c_void, c_uint, u64) -> c_int;
    /// `CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL`.
    const DEVICE_ORDINAL: c_uint = 9;
    let function = driver(c"cuPointerGetAttribute")?;
    let mut ordinal: c_int = -1;
    // SAFETY: the driver's function of this name has this type, and writes one integer for this attribute. It follows no address.
    let status = unsafe {
        let function = transmute::<NonNull<c_void>, PointerGetAttribute>(function);
        function((&raw mut ordinal).cast(), DEVICE_ORDINAL, address as u64)
    };
    (status == 0 && ordinal >= 0).then(|| Device::cuda(ordinal))
}

/// Returns a function of the driver, if it is loaded.
#[cfg(target_os = "linux")]
fn driver(name: &CStr) -> Option<NonNull<c_void>> {
    use core::ffi::c_char;

    const RTLD_LAZY: c_int = 1;
    const RTLD_NOLOAD: c_int = 4;

    unsafe extern "C" {
        fn dlopen(name: *const c_char, flags: c_int) -> *mut c_void;
        fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    // SAFETY: names that end in NUL. A library that is not loaded is not loaded by this; one that is stays so, since its handle is
    // not closed.
    unsafe {
        let library = NonNull::new(dlopen(c"libcuda.so.1".as_ptr(), RTLD_LAZY | RTLD_NOLOAD))?;
        NonNull::new(dlsym(library.as_ptr(), name.as_ptr()))
    }
}

#[cfg(windows)]
fn driver(name: &CStr) -> Option<NonNull<c_void>> {
    use core::ffi::c_char;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetModuleHandleA(name: *const c_char) -> *mut c_void;
        fn GetProcAddress(library: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    // SAFETY: names that end in NUL. A library that is not loaded is not loaded by this.
    unsafe {
        let library = NonNull::new(GetModuleHandleA(c"nvcuda.dll".as_ptr()))?;
        NonNull::new(GetProcAddress(library.as_ptr(), name.as_ptr()))
    }
}

#[cfg(not(any(target_os = "linux", windows)))]
const fn driver(_: &CStr) -> Option<NonNull<c_void>> {
    None
}
