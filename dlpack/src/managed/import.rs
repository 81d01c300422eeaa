//! The gate: what is checked of a foreign tensor, and in which order.
//!
//! Each step bounds what the next may touch. The number of axes comes before the arrays that have so many entries;
//! each number in them is copied before it is used; [`layout`](crate::layout) judges the numbers before an address is
//! derived from them. This is the only place that reads a foreign shape or foreign strides: clause S4 grants them for
//! the import call and no longer.
//!
//! There are two ways through. The fast path, for non-empty tensors of one lane of whole bytes, is inlined into the caller,
//! so that nothing is moved and what the caller does not ask for is left out. The slow path takes all tensors and
//! reports the errors.

use core::mem::MaybeUninit;

use super::abi::Header;
use super::descriptor::{Descriptor, Fields};
use crate::dims::{CAPACITY, Dims, INLINE, Rank, Room};
use crate::error::Error;
use crate::layout::{FastLayout, Layout};
use crate::sys;
use crate::vocabulary::{DataType, Device};

/// Copies and checks the metadata of a tensor. Null strides mean row-major, unless `strict` is set and the version forbids
/// them. The header is asked for where it is needed, so that it needs no registers before.
///
/// # Safety
///
/// `tensor` is aligned and its fields can be read, the header is true, and clauses S4, S5 and S6 of the import contract
/// hold.
#[inline(always)]
pub(super) unsafe fn describe(
    tensor: *const sys::DLTensor,
    header: impl Fn() -> Header,
    strict: bool,
) -> Result<Descriptor, Error> {
    let [mut sizes, mut steps] = [[MaybeUninit::uninit(); INLINE]; 2];
    let strict = strict && header().version.requires_strides();
    // SAFETY: the fields can be read. These are copies, since others may write them later. The dtype is read in one word,
    // since that is how it is compared.
    let (sys::DLTensor { ndim, shape, strides, .. }, dtype) = unsafe {
        let dtype = (&raw const (*tensor).dtype).cast::<u32>().read_unaligned();
        (tensor.read(), DataType::from_word(dtype))
    };
    // SAFETY: clause S4.
    let (rank, layout) = match unsafe {
        fast(ndim, shape, strides, dtype, (&mut sizes, &mut steps), strict)
    } {
        Some(checked) => checked,
        None => {
            let padded = header().flags.is_padded();
            // SAFETY: clause S4.
            unsafe { slow(ndim, shape, strides, dtype, padded, (&mut sizes, &mut steps), strict) }?
        }
    };
    // SAFETY: the fields can be read. They are read here, so that they need no registers above.
    let sys::DLTensor { data, byte_offset, device, .. } = unsafe { tensor.read() };
    let fields = Fields { data, byte_offset, device: Device::from(device), dtype };
    // SAFETY: both paths wrote the rooms for this rank, and checked the layout. Clauses S5 and S6 are the remaining
    // invariants of a descriptor.
    Ok(unsafe { Descriptor::new(fields, header(), Dims::from_parts(sizes, steps, rank), layout) })
}

/// Copies and checks shape and strides in one pass, and returns `None` for the slow path: for more than [`INLINE`] axes,
/// without elements, for elements other than one lane of whole bytes, and for errors. Leaves the rooms written for the rank.
///
/// # Safety
///
/// Clause S4 of the import contract.
#[inline(always)]
unsafe fn fast(
    ndim: i32,
    shape: *const i64,
    strides: *const i64,
    dtype: DataType,
    (sizes, steps): (&mut Room<i64>, &mut Room<i64>),
    strict: bool,
) -> Option<(Rank<i64>, Layout)> {
    // A negative number becomes too large.
    let ndim = usize::try_from(u32::from_ne_bytes(ndim.to_ne_bytes())).ok()?;
    if shape.is_null() || (strides.is_null() && strict) {
        return None;
    }
    let (sizes, steps) = (sizes.get_mut(..ndim)?, steps.get_mut(..ndim)?);
    let mut survey = FastLayout::new(dtype)?;
    let mut axes = sizes.iter_mut().zip(steps.iter_mut()).enumerate().rev();
    let mut survey = loop {
        let Some((axis, (size, step))) = axes.next() else {
            return Some((Rank::of(ndim), survey.layout()?));
        };
        // SAFETY: clause S4; the pointer is not null, and the axis is one of `ndim`.
        let size = size.write(unsafe { read(shape, axis) });
        // SAFETY: clause S4. Without strides, the row-major one.
        let stride = step.write(unsafe { read_or(strides, axis, survey.numel()) });
        if !survey.add(*size, *stride)? {
            break survey.strided(*size, *stride)?;
        }
    };
    for (axis, (size, step)) in axes {
        // SAFETY: clause S4; the pointer is not null, and the axis is one of `ndim`.
        let size = size.write(unsafe { read(shape, axis) });
        // SAFETY: clause S4, and there are strides, since one was not row-major.
        let stride = step.write(unsafe { read(strides, axis) });
        survey.add(*size, *stride)?;
    }
    Some((Rank::of(ndim), survey.layout()?))
}

/// Copies and checks shape and strides of any tensor.
///
/// # Safety
///
/// Clause S4 of the import contract.
#[cold]
#[inline(never)]
unsafe fn slow(
    ndim: i32,
    shape: *const i64,
    strides: *const i64,
    dtype: DataType,
    padded: bool,
    (sizes, steps): (&mut Room<i64>, &mut Room<i64>),
    strict: bool,
) -> Result<(Rank<i64>, Layout), Error> {
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
    let (to_shape, to_strides) = dims.both_mut();
    for (axis, size) in to_shape.iter_mut().enumerate() {
        // SAFETY: clause S4; the pointer is not null if there is an axis.
        *size = unsafe { read(shape, axis) };
    }
    if strides.is_null() {
        Layout::write_row_major_strides(to_shape, to_strides);
    } else {
        for (axis, stride) in to_strides.iter_mut().enumerate() {
            // SAFETY: clause S4; the pointer is not null.
            *stride = unsafe { read(strides, axis) };
        }
    }
    let layout = Layout::new(to_shape, to_strides, dtype, padded)?;
    let rank;
    (*sizes, *steps, rank) = dims.into_parts();
    Ok((rank, layout))
}

/// Reads one number of an array, which need not be aligned.
///
/// # Safety
///
/// The array has more than `axis` numbers that can be read.
#[inline(always)]
unsafe fn read(from: *const i64, axis: usize) -> i64 {
    // SAFETY: the number is in the array.
    unsafe { from.add(axis).read_unaligned() }
}

/// The same, or `otherwise` if there is no array.
///
/// # Safety
///
/// As for [`read`], unless `from` is null.
#[inline(always)]
unsafe fn read_or(from: *const i64, axis: usize, otherwise: i64) -> i64 {
    if from.is_null() {
        return otherwise;
    }
    // SAFETY: the array is there, with a number for this axis.
    unsafe { read(from, axis) }
}
