//! The C functions of a library's table. They check their arguments and report failures as C expects it.
//!
//! None of them unwinds: the library's own code runs within [`Library::catch_unwind`], and a panic that leaves that aborts
//! the process, as in any C function.
//!
//! # Safety
//!
//! The contract of the standard for their callers:
//!
//! - **C1** `out` is null or can be written.
//! - **C2** `object` is null or as for [`Library::tensor_from_object`], and functions of the library's language may be called
//!   on this thread.
//! - **C3** `prototype` is as for [`Prototype::read`]. `set_error` is null, or can be called with `context` and two strings
//!   and does not unwind.
//! - **C4** `tensor` is as for [`Offer::from_raw`] during the call.

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
/// Clauses **C1** and **C3**.
pub(super) unsafe extern "C" fn allocate<L: Library>(
    prototype: *mut sys::DLTensor,
    out: *mut *mut sys::DLManagedTensorVersioned,
    context: *mut c_void,
    set_error: Option<SetError>,
) -> c_int {
    let allocate = || {
        // SAFETY: clause C3.
        let prototype = unsafe { Prototype::read(prototype) }?;
        let tensor = L::allocate(prototype.dtype, prototype.shape(), prototype.device)?;
        Ok::<_, Report>(tensor.into_opaque()?.into_raw())
    };
    // SAFETY: clause C1.
    let result = unsafe { run::<L, _, _>(out, Some(ptr::null_mut()), allocate) };
    let Err(failure) = result else { return SUCCESS };
    if let Some(set_error) = set_error {
        let report = failure.unwrap_or_else(Report::from);
        let (kind, message) = report.as_c_strs();
        // SAFETY: clause C3.
        unsafe { set_error(context, kind.as_ptr(), message.as_ptr()) };
    }
    FAILURE
}

/// `managed_tensor_from_py_object_no_sync`
///
/// # Safety
///
/// Clauses **C1** and **C2**.
pub(super) unsafe extern "C" fn tensor_from_object<L: Library>(
    object: *mut c_void,
    out: *mut *mut sys::DLManagedTensorVersioned,
) -> c_int {
    let export = || {
        let object = NonNull::new(object).ok_or(Error::NullObject)?;
        // SAFETY: clause C2.
        let tensor = unsafe { L::tensor_from_object(object) }?;
        Ok(tensor.into_raw())
    };
    // SAFETY: clause C1.
    finish::<L>(unsafe { run::<L, _, _>(out, Some(ptr::null_mut()), export) })
}

/// `managed_tensor_to_py_object_no_sync`
///
/// # Safety
///
/// Clauses **C1** and **C4**, and functions of the library's language may be called on this thread.
pub(super) unsafe extern "C" fn object_from_tensor<L: Library>(
    tensor: *mut sys::DLManagedTensorVersioned,
    out: *mut *mut c_void,
) -> c_int {
    let import = || {
        // SAFETY: clause C4, and the library's language may be called.
        let object = unsafe { L::object_from_tensor(Offer::from_raw(tensor)?) }?;
        Ok(object.as_ptr())
    };
    // SAFETY: clause C1.
    finish::<L>(unsafe { run::<L, _, _>(out, Some(ptr::null_mut()), import) })
}

/// `dltensor_from_py_object_no_sync`
///
/// # Safety
///
/// Clauses **C1** and **C2**.
pub(super) unsafe extern "C" fn lend<L: Library>(
    object: *mut c_void,
    out: *mut sys::DLTensor,
) -> c_int {
    let lend = || {
        let object = NonNull::new(object).ok_or(Error::NullObject)?;
        // SAFETY: clause C2.
        unsafe { L::lend(object) }
    };
    // SAFETY: clause C1.
    finish::<L>(unsafe { run::<L, _, _>(out, None, lend) })
}

/// `current_work_stream`
///
/// # Safety
///
/// Clause **C1**.
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
    // SAFETY: clause C1.
    finish::<L>(unsafe { run::<L, _, _>(out, Some(ptr::null_mut()), ask) })
}

/// The error of the library, or one of ours, which the library's code has yet to convert.
type Failure<E> = Result<E, Error>;

/// Runs a call and writes its result, after writing `empty`, which is there on an error.
///
/// # Safety
///
/// Clause **C1**.
unsafe fn run<L: Library, T, E>(
    out: *mut T,
    empty: Option<T>,
    call: impl FnOnce() -> Result<T, E>,
) -> Result<(), Failure<E>> {
    if out.is_null() {
        return Err(Err(Error::NullOutput));
    }
    if let Some(empty) = empty {
        // SAFETY: clause C1, and `out` is not null.
        unsafe { out.write(empty) };
    }
    let result = L::catch_unwind(call).ok_or(Err(Error::Panicked))?.map_err(Ok)?;
    // SAFETY: clause C1, and `out` is not null.
    unsafe { out.write(result) };
    Ok(())
}

/// Returns the code of a result, and sets the error of the library's language.
fn finish<L: Library>(result: Result<(), Failure<L::Error>>) -> c_int {
    let Err(failure) = result else { return SUCCESS };
    // The conversion is the library's code, too. If it panics, there is no error to set, but the call has still failed.
    let _ = L::catch_unwind(|| L::set_error(failure.unwrap_or_else(L::Error::from)));
    FAILURE
}
