//! Copies between tensors of any strides, against copies of one element after another.

#[cfg(feature = "alloc")]
mod any_dtype;
#[cfg(feature = "alloc")]
mod broadcast;
mod number;
mod side;
mod transposed;
