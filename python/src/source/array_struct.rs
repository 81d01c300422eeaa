//! `__array_struct__`: the array interface as a struct of C in a capsule.

use core::ffi::{c_char, c_int, c_void};

use dlpack_pyo3::dlpack::Device;
use dlpack_pyo3::dlpack::layout::Layout;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods};

use super::array_interface::owner;
use crate::errors::{DTypeError, LayoutError, NotATensorError};
use crate::memory::{Memory, in_elements};
use crate::tensor::Tensor;
use crate::typestr;

/// `PyArrayInterface`.
#[derive(Clone, Copy)]
#[repr(C)]
struct ArrayInterface {
    two: c_int,
    nd: c_int,
    typekind: c_char,
    itemsize: c_int,
    flags: c_int,
    shape: *const isize,
    strides: *const isize,
    data: *mut c_void,
    descr: *mut c_void,
}

const NOT_SWAPPED: c_int = 0x200;
const WRITEABLE: c_int = 0x400;

/// Takes the tensor of an object. Returns `None` if it has no such struct.
pub(super) fn take(object: &Bound<'_, PyAny>) -> PyResult<Option<Tensor>> {
    let Some(value) = object.getattr_opt("__array_struct__")? else { return Ok(None) };
    let Ok(capsule) = value.cast::<PyCapsule>() else { return Ok(None) };
    let raw = capsule.pointer_checked(None)?.cast::<ArrayInterface>();
    // SAFETY: by this protocol, a capsule without a name holds such a struct, which lives as long as the capsule. It is aligned.
    if !raw.is_aligned() || unsafe { (*raw.as_ptr()).two } != 2 {
        return Err(NotATensorError::new_err(
            "the capsule in __array_struct__ holds no such struct",
        ));
    }
    // SAFETY: as above, and the first field says so. It is read once, since others may write it.
    let raw = unsafe { raw.as_ptr().read() };
    let kind = char::from(raw.typekind.to_ne_bytes()[0]);
    let size = u32::try_from(raw.itemsize).unwrap_or(0);
    if raw.flags & NOT_SWAPPED == 0 && size > 1 {
        return Err(DTypeError::new_err("the elements are not in this machine's byte order"));
    }
    let dtype = typestr::of_kind(kind, size).ok_or_else(|| {
        DTypeError::new_err(format!(
            "elements of kind {kind:?} and {size} bytes have no dtype in DLPack"
        ))
    })?;
    let ndim = usize::try_from(raw.nd).unwrap_or(usize::MAX);
    if ndim > Layout::MAX_NDIM {
        let text = format!("expected at most {} axes, found {}", Layout::MAX_NDIM, raw.nd);
        return Err(LayoutError::new_err(text));
    }
    if ndim > 0 && raw.shape.is_null() {
        return Err(LayoutError::new_err("the struct has axes, and no shape"));
    }
    let number = |from: *const isize, axis: usize| {
        // SAFETY: both point to `nd` numbers, as the protocol says, and are not null.
        unsafe { from.add(axis).read_unaligned() as i64 }
    };
    let numbers = |from| (0..ndim).map(move |axis| number(from, axis));
    let shape: Vec<i64> = if ndim == 0 { Vec::new() } else { numbers(raw.shape).collect() };
    let strides = if ndim == 0 || raw.strides.is_null() {
        None
    } else {
        Some(in_elements(&numbers(raw.strides).collect::<Vec<_>>(), &shape, dtype)?)
    };
    let memory = Memory {
        address: raw.data.expose_provenance(),
        dtype,
        shape,
        strides,
        device: Device::CPU,
        is_read_only: raw.flags & WRITEABLE == 0,
    };
    // SAFETY: by this protocol the memory is as it is described for as long as the object and the capsule live.
    let tensor = unsafe { memory.into_tensor(owner(object, &value)?) }?;
    Ok(Some(Tensor::ready(tensor)))
}
