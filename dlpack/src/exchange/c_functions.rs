//! The C functions in a library's table: what comes in is checked, and what happens is told as C expects it.
//!
//! None of them unwinds: whatever the library's own code does happens within [`Library::catch_unwind`], and a panic that comes
//! out of that ends the process, as of any C function.

use core::ffi::{c_char, c_int, c_void};
use core::ptr::{self, NonNull};

use super::library::Library;
use super::offer::Offer;
use super::prototype::Prototype;
use super::report::Report;
use crate::error::Error;
use crate::sys;
use crate::vocabulary::{Device, DeviceType};

const SUCCESS: c_int = 0;
const FAILURE: c_int = -1;

type SetError = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char);

/// `managed_tensor_allocator`
///
/// # Safety
///
/// - `prototype` is as for [`Prototype::read`]; `out` is null or can be written.
/// - `set_error` is null or can be called with `context` and two strings. It does not unwind.
pub(super) unsafe extern "C" fn allocate<L: Library>(
    prototype: *mut sys::DLTensor,
    out: *mut *mut sys::DLManagedTensorVersioned,
    context: *mut c_void,
    set_error: Option<SetError>,
) -> c_int {
    let allocate = || {
        // SAFETY: the caller's promise.
        let prototype = unsafe { Prototype::read(prototype) }?;
        let tensor = L::allocate(prototype.dtype, prototype.shape(), prototype.device)?;
        Ok(tensor.into_opaque()?.into_raw())
    };
    // SAFETY: the caller's promise.
    let report = match unsafe { clear(out) } {
        Err(error) => error.into(),
        Ok(out) => match L::catch_unwind(allocate) {
            Some(Ok(tensor)) => {
                // SAFETY: the caller's promise.
                unsafe { out.write(tensor) };
                return SUCCESS;
            }
            Some(Err(report)) => report,
            None => Report::from(Error::Panicked),
        },
    };
    if let Some(set_error) = set_error {
        let (kind, message) = report.as_c_strs();
        // SAFETY: the caller's promise.
        unsafe { set_error(context, kind.as_ptr(), message.as_ptr()) };
    }
    FAILURE
}

/// `managed_tensor_from_py_object_no_sync`
///
/// # Safety
///
/// `object` is null or as for [`Library::tensor_from_object`]; `out` is null or can be written.
pub(super) unsafe extern "C" fn tensor_from_object<L: Library>(
    object: *mut c_void,
    out: *mut *mut sys::DLManagedTensorVersioned,
) -> c_int {
    let export = || {
        let object = NonNull::new(object).ok_or(Error::NullObject)?;
        // SAFETY: the caller's promise.
        let tensor = unsafe { L::tensor_from_object(object) }?;
        Ok(tensor.into_raw())
    };
    // SAFETY: the caller's promise.
    unsafe { answer::<L, _>(out, export) }
}

/// `managed_tensor_to_py_object_no_sync`
///
/// # Safety
///
/// `tensor` is as for [`Offer::from_raw`], for the length of the call; `out` is null or can be written; and as for
/// [`Library::object_from_tensor`].
pub(super) unsafe extern "C" fn object_from_tensor<L: Library>(
    tensor: *mut sys::DLManagedTensorVersioned,
    out: *mut *mut c_void,
) -> c_int {
    let import = || {
        // SAFETY: the caller's promise.
        let offer = unsafe { Offer::from_raw(tensor) }?;
        // SAFETY: the caller's promise.
        let object = unsafe { L::object_from_tensor(offer) }?;
        Ok(object.as_ptr())
    };
    // SAFETY: the caller's promise.
    unsafe { answer::<L, _>(out, import) }
}

/// `dltensor_from_py_object_no_sync`
///
/// # Safety
///
/// `object` is null or as for [`Library::tensor_from_object`]; `out` is null or can be written.
pub(super) unsafe extern "C" fn lend<L: Library>(
    object: *mut c_void,
    out: *mut sys::DLTensor,
) -> c_int {
    let lend = || {
        if out.is_null() {
            return Err(Error::NullOutput.into());
        }
        let object = NonNull::new(object).ok_or(Error::NullObject)?;
        // SAFETY: the caller's promise.
        unsafe { L::lend(object) }
    };
    match L::catch_unwind(lend) {
        Some(Ok(tensor)) => {
            // SAFETY: the caller's promise; not null, since there is a tensor.
            unsafe { out.write(tensor) };
            SUCCESS
        }
        Some(Err(error)) => fail::<L>(|| error),
        None => fail::<L>(|| Error::Panicked.into()),
    }
}

/// `current_work_stream`
///
/// # Safety
///
/// `out` is null or can be written.
pub(super) unsafe extern "C" fn current_stream<L: Library>(
    device_type: sys::DLDeviceType,
    device_id: i32,
    out: *mut *mut c_void,
) -> c_int {
    let ask = || {
        let device = Device::from(sys::DLDevice { device_type, device_id });
        if device.device_type == DeviceType::CPU {
            return Ok(ptr::null_mut());
        }
        Ok(L::current_stream(device)?.as_ptr())
    };
    // SAFETY: the caller's promise.
    unsafe { answer::<L, _>(out, ask) }
}

/// Makes the result null, so that nobody who reads it after a failure finds anything there.
///
/// # Safety
///
/// `out` is null or can be written.
unsafe fn clear<T>(out: *mut *mut T) -> Result<*mut *mut T, Error> {
    if out.is_null() {
        return Err(Error::NullOutput);
    }
    // SAFETY: the caller's promise.
    unsafe { out.write(ptr::null_mut()) };
    Ok(out)
}

/// Writes the result of a call, or sets its error.
///
/// # Safety
///
/// `out` is null or can be written.
unsafe fn answer<L: Library, T>(
    out: *mut *mut T,
    call: impl FnOnce() -> Result<*mut T, L::Error>,
) -> c_int {
    // SAFETY: the caller's promise.
    let out = match unsafe { clear(out) } {
        Ok(out) => out,
        Err(error) => return fail::<L>(|| error.into()),
    };
    match L::catch_unwind(call) {
        Some(Ok(result)) => {
            // SAFETY: the caller's promise.
            unsafe { out.write(result) };
            SUCCESS
        }
        Some(Err(error)) => fail::<L>(|| error),
        None => fail::<L>(|| Error::Panicked.into()),
    }
}

/// Sets the error of the library's language. To make it is the library's code, too.
fn fail<L: Library>(error: impl FnOnce() -> L::Error) -> c_int {
    // If this panics as well, there is no error to tell, but still a failure.
    let _ = L::catch_unwind(|| L::set_error(error()));
    FAILURE
}
