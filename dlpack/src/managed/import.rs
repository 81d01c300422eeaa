//! The gate: what is checked of a foreign tensor, and in which order.
//!
//! Each step bounds what the next may touch. The number of dimensions comes before the arrays that have so
//! many entries; the arrays are copied before any number in them is used; numbers are judged by
//! [`layout`](crate::layout) before anything is derived from them.

use core::ptr::NonNull;

use super::abi::{Abi, Handle};
use super::descriptor::Descriptor;
use crate::dims::{CAPACITY, Dims};
use crate::error::Error;
use crate::layout::{self, Layout};
use crate::sys;
use crate::vocabulary::{DataType, Device};

/// How closely a tensor must follow the standard to be taken in.
///
/// # Examples
///
/// ```
/// assert_eq!(dlpack::ImportMode::default(), dlpack::ImportMode::Lenient);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ImportMode {
    /// Null strides mean row-major, in any version. Producers in use write them.
    #[default]
    Lenient,
    /// Null strides are refused where the version forbids them: since 1.2, for tensors that have axes.
    Strict,
}

/// Takes over a struct, unless there is none.
///
/// # Safety
///
/// Clauses S1 and S3 of the import contract.
#[inline]
pub(super) unsafe fn take<A: Abi>(raw: *mut A) -> Result<Handle<A>, Error> {
    let raw = NonNull::new(raw).ok_or(Error::NullTensor)?;
    // SAFETY: the caller's promise. From here every way out calls the deleter.
    let handle = unsafe { Handle::new(raw) };
    if raw.is_aligned() {
        Ok(handle)
    } else {
        Err(Error::MisalignedHeader { required: align_of::<A>() })
    }
}

/// Copies and checks what a tensor says of itself, into a descriptor that has the header's part.
///
/// # Safety
///
/// `tensor` is aligned and its fields can be read; clause S4 of the import contract.
#[inline]
pub(super) unsafe fn describe(
    into: &mut Descriptor,
    tensor: *const sys::DLTensor,
    mode: ImportMode,
) -> Result<(), Error> {
    // SAFETY: the caller's promise. A copy of plain fields: no reference to memory that others may write.
    let tensor = unsafe { tensor.read() };
    let strict = mode == ImportMode::Strict && into.version.is_some_and(|v| v.requires_strides());
    // SAFETY: clause S4.
    unsafe { snapshot(&mut into.dims, tensor.ndim, tensor.shape, tensor.strides, strict) }?;
    into.data = tensor.data;
    into.byte_offset = tensor.byte_offset;
    into.device = Device::from(tensor.device);
    into.dtype = DataType::from(tensor.dtype);
    let (shape, strides) = (into.dims.shape(), into.dims.strides());
    into.layout = Layout::new(shape, strides, into.dtype, into.flags.is_padded())?;
    Ok(())
}

/// Copies shape and strides.
///
/// # Safety
///
/// Clause S4 of the import contract.
#[inline]
unsafe fn snapshot(
    dims: &mut Dims<i64>,
    ndim: i32,
    shape: *const i64,
    strides: *const i64,
    strict: bool,
) -> Result<(), Error> {
    let count = usize::try_from(ndim).map_err(|_| Error::NegativeNdim { ndim })?;
    if count > CAPACITY {
        return Err(Error::TooManyDims { ndim: count, max: CAPACITY });
    }
    if shape.is_null() && count > 0 {
        return Err(Error::NullShape { ndim: count });
    }
    if strides.is_null() && count > 0 && strict {
        return Err(Error::NullStrides { ndim: count });
    }
    dims.resize(count)?;
    let (sizes, steps) = dims.both_mut();
    // SAFETY: clause S4; the pointer is not null if there is an axis.
    unsafe { read(shape, sizes) };
    if strides.is_null() {
        layout::numel(sizes)?;
        layout::write_row_major_strides(sizes, steps);
    } else {
        // SAFETY: clause S4; the pointer is not null.
        unsafe { read(strides, steps) };
    }
    Ok(())
}

/// # Safety
///
/// `from` can be read for as many numbers as `to` has, aligned or not; it may be null if `to` is empty.
#[inline]
unsafe fn read(from: *const i64, to: &mut [i64]) {
    for (axis, number) in to.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        let from = unsafe { from.add(axis) };
        // SAFETY: the caller's promise.
        *number = unsafe { from.read_unaligned() };
    }
}
