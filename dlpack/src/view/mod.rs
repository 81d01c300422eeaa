//! Iterators over views, and the types that views may have as elements.
//!
//! The views themselves are [`TensorView`], [`TensorViewMut`] and [`PackedView`].

mod construct;
mod copy;
mod debug;
mod fold;
mod iter;
pub(crate) mod packed_view;
mod reshape;
mod rows;
mod strided;
pub(crate) mod tensor_view;
pub(crate) mod tensor_view_mut;
mod view_element;

use core::ops::{Bound, RangeBounds};

pub use iter::{Iter, IterMut};
pub use packed_view::PackedIter;
pub use view_element::{ReadCell, Unaligned, ViewElement};

pub(crate) use packed_view::PackedView;
pub(crate) use strided::Strided;
pub(crate) use tensor_view::TensorView;
pub(crate) use tensor_view_mut::TensorViewMut;

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
