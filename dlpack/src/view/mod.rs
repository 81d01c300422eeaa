//! Typed views of memory: what one can do with elements once it is known that they are there.

mod copy;
mod debug;
mod exclusive;
mod fold;
mod from_rust;
mod item;
mod iter;
mod packed;
mod reshape;
mod rows;
mod shared;
mod strided;

use core::ops::{Bound, RangeBounds};

pub use exclusive::TensorViewMut;
pub use item::{Item, ReadCell, Unaligned};
pub use iter::{Iter, IterMut};
pub use packed::{PackedIter, PackedView};
pub use shared::TensorView;

#[cfg(feature = "alloc")]
pub(crate) use copy::copy_strided;
pub(crate) use strided::Strided;

use crate::error::Error;

/// The start and the end of a range over an axis; whether they lie within it is not checked here.
fn bounds(
    range: impl RangeBounds<usize>,
    shape: &[usize],
    axis: usize,
) -> Result<(usize, usize), Error> {
    let Some(&size) = shape.get(axis) else {
        return Err(Error::AxisOutOfRange { axis, ndim: shape.len() });
    };
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => size,
    };
    Ok((start, end))
}

#[cold]
#[track_caller]
fn no_element(index: &[usize], shape: &[usize]) -> ! {
    panic!("no element {index:?} in a tensor of shape {shape:?}")
}
