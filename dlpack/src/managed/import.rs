//! The gate: what is checked of a foreign tensor, and in which order.
//!
//! Each step bounds what the next may touch. The number of dimensions comes before the arrays that have so
//! many entries; each number in them is copied before it is used; numbers are judged by
//! [`layout`](crate::layout) before anything is derived from them.
//!
//! There are two ways through: a short one for what nearly all tensors are, which is compiled into the caller, so that
//! nothing is moved and what the caller does not ask for is left out; and one for all tensors, which also names errors.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::abi::{Abi, Handle};
use super::descriptor::{Access, Descriptor};
use crate::dims::{CAPACITY, Dims, INLINE, Rank, Room};
use crate::error::Error;
use crate::layout::{self, FastLayout, Layout};
use crate::sys;
use crate::vocabulary::{DataType, Device, Flags, Version};

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
#[inline(always)]
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

/// What the header says, before anything of the tensor is looked at.
pub(super) struct Header {
    pub(super) version: Option<Version>,
    pub(super) flags: Flags,
    pub(super) access: Access,
}

/// Copies and checks what a tensor says of itself.
///
/// # Safety
///
/// `tensor` is aligned and its fields can be read; clause S4 of the import contract.
#[inline(always)]
pub(super) unsafe fn describe(
    tensor: *const sys::DLTensor,
    header: Header,
    mode: ImportMode,
) -> Result<Descriptor, Error> {
    let Header { version, flags, access } = header;
    let mut room: Room<i64> = [MaybeUninit::uninit(); 2 * INLINE];
    let strict = mode == ImportMode::Strict && version.is_some_and(|v| v.requires_strides());
    // SAFETY: the caller's promise.
    let Shaped { dtype, rank, layout } = match unsafe { ordinary(tensor, &mut room, strict) } {
        Some(shaped) => shaped,
        // SAFETY: the caller's promise.
        None => unsafe { unusual(tensor, &mut room, flags.is_padded(), strict) }?,
    };
    // SAFETY: the caller's promise. A copy of plain fields: no reference to memory that others may write.
    let sys::DLTensor { data, byte_offset, device, .. } = unsafe { tensor.read() };
    Ok(Descriptor {
        data,
        byte_offset,
        device: Device::from(device),
        dtype,
        flags,
        version,
        access,
        host: false,
        // SAFETY: the room was written for this rank.
        dims: unsafe { Dims::from_parts(room, rank) },
        layout,
    })
}

/// Describes a tensor of our own in the current ABI.
///
/// # Safety
///
/// As for [`describe`].
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
#[inline]
pub(crate) unsafe fn describe_own(
    tensor: *const sys::DLTensor,
    flags: Flags,
) -> Result<Descriptor, Error> {
    let access = if flags.is_read_only() { Access::ReadOnly } else { Access::Writable };
    let header = Header { version: Some(Version::CURRENT), flags, access };
    // SAFETY: the caller's promise.
    unsafe { describe(tensor, header, ImportMode::Lenient) }
}

/// What is known of a tensor once its shape and strides are copied and checked, up to those that are in a room.
struct Shaped {
    dtype: DataType,
    rank: Rank<i64>,
    layout: Layout,
}

/// Copies and checks shape and strides in one pass, if nothing about them is unusual: at most [`INLINE`] axes,
/// elements, and those of whole bytes. Leaves the room written for that rank.
///
/// # Safety
///
/// As for [`describe`].
#[inline(always)]
unsafe fn ordinary(
    tensor: *const sys::DLTensor,
    room: &mut Room<i64>,
    strict: bool,
) -> Option<Shaped> {
    // SAFETY: the caller's promise. A copy, as in `describe`.
    let sys::DLTensor { ndim, shape, strides, .. } = unsafe { tensor.read() };
    // SAFETY: the same. In one word, since that is how it is compared.
    let dtype = unsafe { &raw const (*tensor).dtype }.cast::<u32>();
    // SAFETY: the same: a dtype has four bytes.
    let dtype = DataType::from_word(unsafe { dtype.read_unaligned() });
    let ndim = usize::try_from(ndim).ok()?;
    if shape.is_null() || (strides.is_null() && strict) {
        return None;
    }
    let (sizes, steps) = room.split_at_mut(INLINE);
    let (sizes, steps) = (sizes.get_mut(..ndim)?, steps.get_mut(..ndim)?);
    let mut survey = FastLayout::new(dtype)?;
    let mut axes = sizes.iter_mut().zip(steps.iter_mut()).enumerate().rev();
    for (axis, (size, step)) in axes.by_ref() {
        // SAFETY: clause S4; the pointer is not null.
        let size = size.write(unsafe { read(shape, axis) });
        // SAFETY: clause S4. Without strides, the row-major one.
        let stride = step.write(unsafe { read_or(strides, axis, survey.numel()) });
        if !survey.add_row_major(*size, *stride)? {
            survey.add_first_strided(*size, *stride)?;
            break;
        }
    }
    for (axis, (size, step)) in axes {
        // SAFETY: the same.
        let size = size.write(unsafe { read(shape, axis) });
        // SAFETY: the same.
        let stride = step.write(unsafe { read_or(strides, axis, survey.numel()) });
        survey.add_strided(*size, *stride)?;
    }
    let layout = survey.layout()?;
    Some(Shaped { dtype, rank: Rank::of(ndim), layout })
}

/// The same for all tensors: with many axes, without elements, with such as are smaller than a byte, with an error.
///
/// # Safety
///
/// As for [`describe`].
#[cold]
#[inline(never)]
unsafe fn unusual(
    tensor: *const sys::DLTensor,
    room: &mut Room<i64>,
    padded: bool,
    strict: bool,
) -> Result<Shaped, Error> {
    // SAFETY: the caller's promise. A copy, as in `describe`.
    let sys::DLTensor { ndim, dtype, shape, strides, .. } = unsafe { tensor.read() };
    let dtype = DataType::from(dtype);
    // SAFETY: clause S4.
    let dims = unsafe { snapshot(ndim, shape, strides, strict) }?;
    let layout = Layout::new(dims.shape(), dims.strides(), dtype, padded)?;
    let rank;
    (*room, rank) = dims.into_parts();
    Ok(Shaped { dtype, rank, layout })
}

/// Copies shape and strides.
///
/// # Safety
///
/// Clause S4 of the import contract.
unsafe fn snapshot(
    ndim: i32,
    shape: *const i64,
    strides: *const i64,
    strict: bool,
) -> Result<Dims<i64>, Error> {
    let count = usize::try_from(ndim).map_err(|_| Error::NegativeNdim { ndim })?;
    if count > CAPACITY {
        return Err(Error::TooManyAxes { ndim: count, max: CAPACITY });
    }
    if shape.is_null() && count > 0 {
        return Err(Error::NullShape { ndim: count });
    }
    if strides.is_null() && count > 0 && strict {
        return Err(Error::NullStrides { ndim: count });
    }
    let mut dims = Dims::zeroed(count)?;
    let (sizes, steps) = dims.both_mut();
    for (axis, size) in sizes.iter_mut().enumerate() {
        // SAFETY: clause S4; the pointer is not null if there is an axis.
        *size = unsafe { read(shape, axis) };
    }
    if strides.is_null() {
        layout::write_row_major_strides(sizes, steps);
        return Ok(dims);
    }
    for (axis, step) in steps.iter_mut().enumerate() {
        // SAFETY: clause S4; the pointer is not null.
        *step = unsafe { read(strides, axis) };
    }
    Ok(dims)
}

/// Reads one number of an array, which need not be aligned.
///
/// # Safety
///
/// The number can be read.
#[inline(always)]
unsafe fn read(from: *const i64, axis: usize) -> i64 {
    // SAFETY: the caller's promise.
    let from = unsafe { from.add(axis) };
    // SAFETY: the caller's promise.
    unsafe { from.read_unaligned() }
}

/// The same of an array that need not be there.
///
/// # Safety
///
/// The number can be read, unless there is no array.
#[inline(always)]
unsafe fn read_or(from: *const i64, axis: usize, otherwise: i64) -> i64 {
    if from.is_null() {
        return otherwise;
    }
    // SAFETY: the caller's promise.
    unsafe { read(from, axis) }
}
