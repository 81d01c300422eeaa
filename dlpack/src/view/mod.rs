//! Iterators over views, and the types that views may have as elements.
//!
//! The views themselves are [`TensorView`], [`TensorViewMut`] and [`PackedView`].

mod common;

mod construct;

pub(crate) mod packed_view;
pub(crate) mod tensor_view;
pub(crate) mod tensor_view_mut;

mod copy;
mod debug;
mod fold;
mod iter;
mod reshape;
mod rows;
mod strided;
mod view_element;

pub use iter::{Iter, IterMut};
pub use view_element::{ReadCell, Unaligned, ViewElement};

#[cfg(feature = "alloc")]
pub(crate) use copy::write_row_major;
pub(crate) use packed_view::PackedView;
pub(crate) use strided::Strided;
pub(crate) use tensor_view::TensorView;
pub(crate) use tensor_view_mut::TensorViewMut;

#[cold]
#[track_caller]
fn no_element(index: &[usize], shape: &[usize]) -> ! {
    panic!("no element {index:?} in a tensor of shape {shape:?}")
}
