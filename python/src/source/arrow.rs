//! `__arrow_c_array__`: an array of Arrow in two capsules.

use core::ffi::{CStr, c_char, c_void};
use core::mem::transmute;
use core::ptr::{self, NonNull};
use core::slice;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};

use dlpack_pyo3::PyOwner;
use dlpack_pyo3::dlpack::{DataType, Device};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods};

use crate::errors::{DTypeError, LayoutError, NotATensorError, brief, undisturbed};
use crate::memory::Memory;
use crate::tensor::Tensor;

/// `struct ArrowSchema`, of which only these fields are read.
#[repr(C)]
struct ArrowSchema {
    format: *const c_char,
    name: *const c_char,
    metadata: *const c_char,
    flags: i64,
    n_children: i64,
    children: *mut c_void,
    dictionary: *mut c_void,
    release: *mut c_void,
    private_data: *mut c_void,
}

/// `struct ArrowArray`.
#[derive(Clone, Copy)]
#[repr(C)]
struct ArrowArray {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *const *const c_void,
    children: *mut c_void,
    dictionary: *mut c_void,
    release: Option<unsafe extern "C" fn(*mut Self)>,
    private_data: *mut c_void,
}

/// An array that was moved out of its capsule, which releases it when Python drops this object.
///
/// As long as the array is in the capsule, whoever else has the capsule can take it.
#[pyclass(frozen, module = "dlpack._core")]
struct Moved {
    /// Nobody else has a copy whose `release` is set.
    array: Mutex<ArrowArray>,
}

// SAFETY: by this protocol, an array may be released on any thread. Nothing else is done with this one, and that once.
unsafe impl Send for ArrowArray {}

impl Moved {
    /// Moves an array out of the struct in a capsule.
    ///
    /// # Safety
    ///
    /// The pointer is to a live struct of Arrow, as the protocol says, of which others take no more than `release`, and that here.
    unsafe fn take(raw: NonNull<ArrowArray>) -> Self {
        // SAFETY: the caller says that it can be read and written. Whoever comes later, also on another thread at the same time,
        // finds that it was released, as with the global interpreter lock. A function, or none, is a pointer.
        let array = unsafe {
            let place = (&raw mut (*raw.as_ptr()).release).cast::<*mut c_void>();
            let release = AtomicPtr::from_ptr(place).swap(ptr::null_mut(), Ordering::AcqRel);
            let raw = raw.as_ptr();
            ArrowArray {
                length: (*raw).length,
                null_count: (*raw).null_count,
                offset: (*raw).offset,
                n_buffers: (*raw).n_buffers,
                n_children: (*raw).n_children,
                buffers: (*raw).buffers,
                children: (*raw).children,
                dictionary: (*raw).dictionary,
                release: transmute::<*mut c_void, Option<unsafe extern "C" fn(*mut ArrowArray)>>(
                    release,
                ),
                private_data: (*raw).private_data,
            }
        };
        Self { array: Mutex::new(array) }
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        let array = self.array.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(release) = array.release {
            // SAFETY: the array was moved here before it was released, and nobody else has it.
            Python::attach(|py| undisturbed(py, || unsafe { release(array) }));
        }
    }
}

/// Takes the tensor of an object. Returns `None` if it has no such method.
///
pub(super) fn take(object: &Bound<'_, PyAny>) -> PyResult<Option<Tensor>> {
    let Some(method) = object.getattr_opt("__arrow_c_array__")? else { return Ok(None) };
    let (schema, array) = method.call0()?.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
    let (schema, array) = (schema.cast_into::<PyCapsule>()?, array.cast_into::<PyCapsule>()?);
    let dtype = dtype_of(&schema)?;
    let raw: NonNull<ArrowArray> = aligned(&array, c"arrow_array")?;
    // SAFETY: by this protocol, a capsule of this name holds such a struct, which lives as long as the capsule.
    let moved = Bound::new(object.py(), unsafe { Moved::take(raw) })?;
    // A copy, of which nobody calls `release`.
    let raw = *moved.get().array.lock().unwrap_or_else(PoisonError::into_inner);
    if raw.release.is_none() {
        return Err(NotATensorError::new_err("the array of Arrow was consumed before"));
    }
    let (Ok(offset), Ok(length)) = (usize::try_from(raw.offset), usize::try_from(raw.length))
    else {
        return Err(LayoutError::new_err("the array of Arrow has a negative offset or length"));
    };
    if raw.n_buffers != 2 || raw.buffers.is_null() {
        return Err(LayoutError::new_err(
            "the array of Arrow does not have the two buffers of numbers",
        ));
    }
    // SAFETY: an array of numbers has two buffers, as it says itself: which elements are valid, and the elements.
    let (validity, data) =
        unsafe { (raw.buffers.read_unaligned(), raw.buffers.add(1).read_unaligned()) };
    let itemsize = dtype.itemsize().unwrap_or(1);
    let end = length.checked_add(offset);
    let end =
        end.filter(|end| end.checked_mul(itemsize).is_some_and(|end| isize::try_from(end).is_ok()));
    let end = end.ok_or_else(|| LayoutError::new_err("the array of Arrow has no end"))?;
    if data.is_null() && length > 0 {
        return Err(LayoutError::new_err("the memory is not there: its address is null"));
    }
    if has_nulls(&raw, validity.cast(), offset, end) {
        return Err(LayoutError::new_err("some elements are null, which DLPack cannot express"));
    }
    let memory = Memory {
        address: data.expose_provenance().wrapping_add(offset * itemsize),
        dtype,
        shape: vec![raw.length],
        strides: None,
        device: Device::CPU,
        // Arrays of Arrow do not change.
        is_read_only: true,
    };
    // SAFETY: by this protocol the buffers are as they are described until the array is released, which `Moved` does.
    let tensor = unsafe { memory.into_tensor(PyOwner::from(moved.into_any())) }?;
    Ok(Some(Tensor::ready(tensor)))
}

/// Returns the struct in a capsule of this name.
fn aligned<T>(capsule: &Bound<'_, PyCapsule>, name: &'static CStr) -> PyResult<NonNull<T>> {
    let raw: NonNull<T> = capsule.pointer_checked(Some(name))?.cast();
    let refuse = || NotATensorError::new_err("the struct of Arrow is not aligned");
    raw.is_aligned().then_some(raw).ok_or_else(refuse)
}

/// Looks at the elements from `offset` to `end`.
fn has_nulls(array: &ArrowArray, validity: *const u8, offset: usize, end: usize) -> bool {
    if array.null_count == 0 || validity.is_null() || offset == end {
        return false;
    }
    if array.null_count > 0 {
        return true;
    }
    // Nobody has counted yet.
    let (first, last) = (offset / 8, end.div_ceil(8));
    // SAFETY: the buffer has a bit for each element up to the last.
    let bytes = unsafe { slice::from_raw_parts(validity.add(first), last - first) };
    (offset..end).any(|i| bytes.get(i / 8 - first).is_none_or(|byte| byte & (1 << (i % 8)) == 0))
}

/// The number of bytes of a format that are looked at, of which those of numbers have one.
const MOST: usize = 512;

fn dtype_of(schema: &Bound<'_, PyCapsule>) -> PyResult<DataType> {
    let raw: NonNull<ArrowSchema> = aligned(schema, c"arrow_schema")?;
    // SAFETY: by this protocol, a capsule of this name holds such a struct, whose format ends in NUL, for as long as it lives.
    let (format, is_encoded) = unsafe {
        let raw = raw.as_ref();
        if raw.release.is_null() || raw.format.is_null() {
            return Err(NotATensorError::new_err("the schema of Arrow was consumed before"));
        }
        (CStr::from_ptr(raw.format).to_bytes(), !raw.dictionary.is_null())
    };
    if is_encoded {
        return Err(DTypeError::new_err("the elements are encoded by a dictionary"));
    }
    // It may be as long as there is memory.
    let format = String::from_utf8_lossy(format.get(..MOST).unwrap_or(format));
    Ok(match &*format {
        "c" => DataType::I8,
        "C" => DataType::U8,
        "s" => DataType::I16,
        "S" => DataType::U16,
        "i" => DataType::I32,
        "I" => DataType::U32,
        "l" => DataType::I64,
        "L" => DataType::U64,
        "e" => DataType::F16,
        "f" => DataType::F32,
        "g" => DataType::F64,
        "b" => {
            let text = "the elements are booleans of one bit, of which arrays of Arrow have eight in a byte";
            return Err(DTypeError::new_err(text));
        }
        other => {
            let text = format!("elements of Arrow's format {:?} are not numbers", brief(other));
            return Err(DTypeError::new_err(text));
        }
    })
}
