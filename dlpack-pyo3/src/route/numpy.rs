//! The route by the fields of a NumPy array, which are read as NumPy's headers read them.
//!
//! The first fields of an array, and those of a dtype up to its number, are part of NumPy's ABI: the functions in its
//! headers, such as `PyArray_DATA`, read them in place, and are compiled into every extension that uses NumPy. They have had
//! the same offsets since NumPy 1.7, in NumPy 2 too. As `import_array` does, this checks the version of the ABI first.
//! `__array_struct__` gives the same facts, at the price of an allocation and a capsule for each array.
//!
//! Only instances of `ndarray` itself take this route, since a derived class may override `__dlpack__`. Arrays that are not
//! plain, for example with another byte order, are asked by `__dlpack__`, so that NumPy itself judges them.

use core::ffi::{CStr, c_char, c_int, c_long, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use dlpack::{BorrowedTensor, DataType, DeviceType, sys};

use super::classes::{is_named, is_of, is_static};
use super::memory::Memory;
use crate::raw::{Attached, Object, Owned, Raised, call_no_args, ffi, integer, loaded, names};

/// The first fields of an array.
#[repr(C)]
struct Array {
    head: ffi::PyObject,
    fields: Fields,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Fields {
    data: *mut c_void,
    ndim: c_int,
    shape: *mut isize,
    strides: *mut isize,
    base: *mut ffi::PyObject,
    dtype: *mut Descr,
    flags: c_int,
}

/// The first fields of a dtype.
#[repr(C)]
struct Descr {
    head: ffi::PyObject,
    kind: DescrFields,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct DescrFields {
    class: *mut ffi::PyTypeObject,
    kind: c_char,
    letter: c_char,
    byte_order: c_char,
    was_flags: c_char,
    number: c_int,
}

/// `NPY_ARRAY_WRITEABLE`.
const WRITEABLE: c_int = 0x0400;
/// The byte order of numbers that are not in this machine's.
const SWAPPED: u8 = if cfg!(target_endian = "little") { b'>' } else { b'<' };

/// The dtypes by the numbers `NPY_BOOL` and so on.
const DTYPES: [Option<DataType>; 24] = {
    let mut dtypes = [None; 24];
    dtypes[0] = Some(DataType::BOOL);
    dtypes[1] = Some(DataType::I8);
    dtypes[2] = Some(DataType::U8);
    dtypes[3] = Some(DataType::I16);
    dtypes[4] = Some(DataType::U16);
    dtypes[5] = Some(DataType::I32);
    dtypes[6] = Some(DataType::U32);
    let long = if size_of::<c_long>() == 8 { 9 } else { 5 };
    dtypes[9] = Some(DataType::I64);
    dtypes[10] = Some(DataType::U64);
    dtypes[7] = dtypes[long];
    dtypes[8] = dtypes[long + 1];
    dtypes[11] = Some(DataType::F32);
    dtypes[12] = Some(DataType::F64);
    dtypes[14] = Some(DataType::C64);
    dtypes[15] = Some(DataType::C128);
    dtypes[23] = Some(DataType::F16);
    dtypes
};

/// Describes an array. Returns `None` if NumPy is to be asked instead.
///
/// # Safety
///
/// [`is_ndarray`] has returned `true` for the object's class. For the lifetime `'b`, the array is kept alive and its memory
/// stays in place, which NumPy's own `__dlpack__` assumes of an array that is kept alive, too.
#[inline(always)]
pub(super) unsafe fn lend<'b>(array: Object<'_>) -> Option<BorrowedTensor<'b>> {
    let raw = array.as_ptr().cast::<Array>();
    // SAFETY: an array of the ABI that `is_ndarray` has checked, which has a dtype. With the global interpreter lock, nobody
    // writes the fields meanwhile.
    let (fields, dtype) = unsafe {
        let fields = (*raw).fields;
        (fields, (*fields.dtype).kind)
    };
    if dtype.byte_order.to_ne_bytes() == [SWAPPED] {
        return None;
    }
    let dtype = usize::try_from(dtype.number).ok().and_then(|number| *DTYPES.get(number)?)?;
    // SAFETY: the base of an array is null, or an object that the array keeps alive.
    if !fields.base.is_null() && !unsafe { is_in_main_memory(fields.base) } {
        return None;
    }
    let memory = Memory {
        data: fields.data,
        dtype,
        ndim: usize::try_from(fields.ndim).ok()?,
        shape: fields.shape,
        strides: fields.strides,
        is_read_only: fields.flags & WRITEABLE == 0,
    };
    // SAFETY: an array has `ndim` sizes and strides; its memory stays in place, as the caller promises.
    unsafe { memory.tensor() }.ok()
}

/// Returns `true` if the memory of an array with this base is plain main memory.
///
/// If the base, or the base of the base, is a capsule, NumPy has imported the array as a tensor. Its memory may be any that
/// the host can access, and the device is found in the capsule, as NumPy itself finds it.
///
/// # Safety
///
/// `base` is a live object, and the thread is attached.
unsafe fn is_in_main_memory(mut base: *mut ffi::PyObject) -> bool {
    let ndarray = NDARRAY.load(Ordering::Acquire);
    // SAFETY: `base` is a live object on an attached thread, at first by the caller's promise, and then since an array keeps
    // its base alive. An instance of `ndarray`, or of a class derived from it, starts with the fields of an array.
    unsafe {
        loop {
            let class = ffi::Py_TYPE(base);
            if class != ndarray && ffi::PyType_IsSubtype(class, ndarray) == 0 {
                return ffi::PyCapsule_CheckExact(base) == 0 || is_of_the_cpu(base);
            }
            base = (*base.cast::<Array>()).fields.base;
            if base.is_null() {
                return true;
            }
        }
    }
}

/// The names of NumPy's capsules for tensors that it has imported.
const LEGACY: &CStr = c"numpy_dltensor";
const VERSIONED: &CStr = c"numpy_dltensor_versioned";

/// Returns `true` if this is NumPy's capsule of a tensor on the CPU. NumPy is asked about any other.
///
/// # Safety
///
/// `base` is a live capsule, which is the base of an array, and the thread is attached.
#[cold]
unsafe fn is_of_the_cpu(base: *mut ffi::PyObject) -> bool {
    // SAFETY: a live object on an attached thread. NumPy keeps the tensor for as long as the capsule of such a name lives.
    let device = unsafe {
        if ffi::PyCapsule_IsValid(base, VERSIONED.as_ptr()) != 0 {
            let tensor = ffi::PyCapsule_GetPointer(base, VERSIONED.as_ptr());
            (*tensor.cast::<sys::DLManagedTensorVersioned>()).dl_tensor.device
        } else if ffi::PyCapsule_IsValid(base, LEGACY.as_ptr()) != 0 {
            let tensor = ffi::PyCapsule_GetPointer(base, LEGACY.as_ptr());
            (*tensor.cast::<sys::DLManagedTensor>()).dl_tensor.device
        } else {
            return false;
        }
    };
    device.device_type == DeviceType::CPU.into() && device.device_id == 0
}

/// The class `ndarray`, once [`is_ndarray`] has seen it.
static NDARRAY: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(ptr::null_mut());

/// Returns `true` if the class is `ndarray`, of a NumPy with an ABI that is known here.
///
/// The class is recognised by what only code in C can make: a static class of this name. Anybody can put another object in
/// the place of NumPy's module, and so the module is believed no more than a number. A wrong one could only be about a NumPy
/// of the future.
///
/// # Errors
///
/// What interrupts the program; that there is no NumPy is not an error.
pub(super) fn is_ndarray(class: Object<'_>) -> Result<bool, Raised> {
    // Without the global lock, another thread may change the array's shape while this one reads it.
    if cfg!(Py_GIL_DISABLED) || !is_static(class) {
        return Ok(false);
    }
    if !is_named(class, "ndarray")? || !is_of(class, "numpy")? {
        return Ok(false);
    }
    let is_known = match abi_version(class.attached()) {
        Ok(version) => matches!(version, Some(ABI_1 | ABI_2)),
        Err(raised) => raised.forget().map(|()| false)?,
    };
    if is_known {
        NDARRAY.store(class.as_ptr().cast(), Ordering::Release);
    }
    Ok(is_known)
}

/// `NPY_ABI_VERSION` of NumPy 1 and 2.
const ABI_1: i64 = 0x0100_0009;
const ABI_2: i64 = 0x0200_0000;

/// Returns the version of the ABI, if NumPy has been imported.
fn abi_version(py: Attached<'_>) -> Result<Option<i64>, Raised> {
    for name in [&names::MULTIARRAY, &names::MULTIARRAY_1] {
        let Some(module) = loaded(py, name)? else { continue };
        let Some(function) = module.optional_attr(&names::ABI_VERSION)? else { continue };
        // SAFETY: a live object on an attached thread; the result is a new reference, or null with an exception set.
        let version = unsafe { Owned::or_raised(call_no_args(function.as_ptr())) }?;
        return integer(version.borrow()).map(Some);
    }
    Ok(None)
}
