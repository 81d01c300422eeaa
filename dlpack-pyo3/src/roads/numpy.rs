//! NumPy's arrays, read as NumPy's headers read them.
//!
//! The first fields of an array and of a dtype, up to its number, are part of NumPy's ABI: the functions in its headers,
//! such as `PyArray_DATA`, read them where they are, and are compiled into every extension that uses NumPy. They have been
//! where they are since NumPy 1.7, and are the same in NumPy 2. The version of the ABI is looked at first, as `import_array`
//! does. `__array_struct__` says the same, at the price of a block on the heap and a capsule for each array.
//!
//! Only objects of the very class `ndarray` come this way: subclasses may say other things of themselves in `__dlpack__`.
//! Whatever is not plain, numbers in another byte order for one, goes there too, so that it is NumPy that judges it.

use core::ffi::{c_char, c_int, c_long, c_uint, c_void};

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use dlpack::{BorrowedTensor, DataType};

use super::memory::Memory;
use crate::raw::{Attached, Object, Raised, ffi, loaded, names};

/// The start of an array.
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

/// The start of a dtype.
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

/// `NPY_ARRAY_WRITEABLE`
const WRITEABLE: c_int = 0x0400;
/// What a dtype says of numbers that are not in this machine's byte order.
const SWAPPED: u8 = if cfg!(target_endian = "little") { b'>' } else { b'<' };

/// The dtypes by their numbers, `NPY_BOOL` and so on.
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

/// Describes an array, unless that is better left to NumPy.
///
/// # Safety
///
/// The object's class is `ndarray`, of a NumPy that [`is_ndarray`] has found. For the lifetime `'b` the array is kept alive,
/// and its memory is not given to others, as NumPy's own `__dlpack__` takes for granted of arrays that are kept alive.
#[inline(always)]
pub(super) unsafe fn lend<'b>(array: Object<'_>) -> Option<BorrowedTensor<'b>> {
    let raw = array.as_ptr().cast::<Array>();
    // SAFETY: the caller's promise.
    let fields = unsafe { &raw const (*raw).fields };
    // SAFETY: the caller's promise; nobody writes them on this thread meanwhile.
    let fields = unsafe { fields.read() };
    // SAFETY: an array has a dtype.
    let dtype = unsafe { &raw const (*fields.dtype).kind };
    // SAFETY: the same, and nobody writes it.
    let dtype = unsafe { dtype.read() };
    if dtype.byte_order.to_ne_bytes() == [SWAPPED] {
        return None;
    }
    let dtype = usize::try_from(dtype.number).ok().and_then(|number| *DTYPES.get(number)?)?;
    // SAFETY: an array's base is null, or an object that it keeps.
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
    // SAFETY: the arrays have as many numbers; the caller's promise for the memory.
    unsafe { memory.tensor() }.ok()
}

/// Whether the memory of this base, and so of an array on it, is plain main memory.
///
/// It may be any that the host can access if the base, or the base of its base, is a capsule: so it is in arrays that NumPy
/// has made of tensors, and whose device it remembers there.
///
/// # Safety
///
/// An object on an attached thread.
unsafe fn is_in_main_memory(mut base: *mut ffi::PyObject) -> bool {
    let ndarray = NDARRAY.load(Ordering::Acquire);
    loop {
        // SAFETY: an object.
        let class = unsafe { ffi::Py_TYPE(base) };
        // SAFETY: two classes.
        if class != ndarray && unsafe { ffi::PyType_IsSubtype(class, ndarray) } == 0 {
            // SAFETY: an object.
            return unsafe { ffi::PyCapsule_CheckExact(base) } == 0;
        }
        // SAFETY: an array.
        let next = unsafe { &raw const (*base.cast::<Array>()).fields.base };
        // SAFETY: the same.
        base = unsafe { next.read() };
        if base.is_null() {
            return true;
        }
    }
}

/// The class, once it has been seen.
static NDARRAY: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(ptr::null_mut());

/// Whether the class is NumPy's `ndarray`, and that NumPy has the ABI that is known here.
///
/// # Errors
///
/// Any but that there is no NumPy.
pub(super) fn is_ndarray(class: Object<'_>) -> Result<bool, Raised> {
    // Without the global lock, another thread may give the array a new shape while this one reads the old.
    if cfg!(Py_GIL_DISABLED) {
        return Ok(false);
    }
    let Some(table) = table(class.attached())? else { return Ok(false) };
    // SAFETY: the first function of NumPy's table.
    let version = unsafe { table.cast::<unsafe extern "C" fn() -> c_uint>().read() };
    // SAFETY: it can be called on any thread.
    if !matches!(unsafe { version() }, ABI_1 | ABI_2) {
        return Ok(false);
    }
    // SAFETY: the table has more entries than this.
    let ndarray = unsafe { table.add(NDARRAY_ENTRY) };
    // SAFETY: the same.
    let ndarray = unsafe { ndarray.read() }.cast::<ffi::PyTypeObject>();
    NDARRAY.store(ndarray, Ordering::Release);
    Ok(ndarray == class.as_ptr().cast())
}

/// `NPY_ABI_VERSION` of NumPy 1 and 2.
const ABI_1: c_uint = 0x0100_0009;
const ABI_2: c_uint = 0x0200_0000;
/// Where the table has `PyArray_Type`.
const NDARRAY_ENTRY: usize = 2;

/// NumPy's table of functions, if NumPy is loaded.
fn table(py: Attached<'_>) -> Result<Option<*const *mut c_void>, Raised> {
    for name in [&names::MULTIARRAY, &names::MULTIARRAY_1] {
        let Some(module) = loaded(py, name)? else { continue };
        let Some(capsule) = module.optional_attr(&names::ARRAY_API)? else { continue };
        // SAFETY: an object on an attached thread.
        if unsafe { ffi::PyCapsule_IsValid(capsule.as_ptr(), ptr::null()) } == 0 {
            continue;
        }
        // SAFETY: a capsule without a name. NumPy never frees the table.
        let table = unsafe { ffi::PyCapsule_GetPointer(capsule.as_ptr(), ptr::null()) };
        return Ok(Some(table.cast_const().cast()));
    }
    Ok(None)
}
