//! Conversions between tensors and the arrays and buffers of other crates.
//!
//! Each crate has a feature of its name. Views are converted with `try_from`, and arrays that own their elements with
//! [`IntoTensor`]; [`downcast`](crate::ManagedTensorVersioned::downcast) returns the array that a tensor was made of. None of
//! these copies elements. To copy, use the view: for instance `ArrayView::try_from(view)?.to_owned()`, or
//! [`to_vec`](crate::TensorView::to_vec).
//!
//! | Feature | Views, in both directions | Owners of tensors | `no_std` |
//! |---|---|---|---|
//! | `ndarray` | `ArrayView` and `ArrayViewMut`, of any number of axes and any strides | `Array`, `ArcArray` (read-only) | with `alloc` |
//! | `nalgebra` | `MatrixView` and `MatrixViewMut`, of any dimensions and strides that are not negative or 0 | `OMatrix`: `DMatrix`, `DVector`, `SMatrix` and the like | yes |
//! | `faer` | `MatRef` and `MatMut`, of any strides | `Mat` | with `alloc` |
//! | `bytes` | none; a [`Frozen`](crate::Frozen) tensor becomes `Bytes` | `Bytes` (read-only), `BytesMut` | with `alloc` |
//!
//! Elements are of any type that implements [`Element`](crate::Element), complex numbers and 16-bit floats under their own
//! features. The items of elements that are arrays, such as those of an `Array2<[u8; 3]>`, are the last axis of its tensor.
//!
//! # Rows and columns
//!
//! Matrices of `nalgebra` and `faer` are column-major, and most tensors are row-major. Since a tensor has strides, either can
//! be converted to the other without a copy, in one of two ways:
//!
//! - *kept*: a tensor of shape `[r, c]` is a matrix of `r` rows and `c` columns, and element `[i, j]` is element `(i, j)`. The
//!   memory order shows in the strides.
//! - *reversed*: a tensor of shape `[r, c]` is a matrix of `c` rows and `r` columns, and element `[i, j]` is element `(j, i)`. A
//!   row-major tensor becomes a column-major matrix, as it does in languages whose arrays are column-major.
//!
//! A view is kept as it is, and reversed by [`transpose`](crate::TensorView::transpose). A matrix is kept by
//! [`into_tensor`](IntoTensor::into_tensor), and reversed by
//! [`into_tensor_reversed`](IntoTensor::into_tensor_reversed).
//!
//! # Examples
//!
//! ```
//! # #[cfg(all(feature = "faer", feature = "nalgebra"))] {
//! use dlpack::integrations::IntoTensor;
//! use faer::MatRef;
//! use nalgebra::DMatrix;
//!
//! // A matrix of one crate as a matrix of the other, through a row-major tensor.
//! let matrix = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
//! let tensor = matrix.into_tensor_reversed()?;
//! assert!(tensor.is_contiguous());
//! let matrix = MatRef::try_from(tensor.view::<f64>()?.transpose())?;
//! assert_eq!((matrix.nrows(), matrix.ncols(), matrix[(1, 0)]), (2, 3, 4.0));
//! # }
//! # Ok::<(), dlpack::Error>(())
//! ```
//!
//! # Versions
//!
//! The requirement of a crate spans all versions with the same interface, and cargo takes the newest one that the compiler
//! supports. Each is re-exported, such as `dlpack::ndarray`, so that code can name the types of that version. If other code in the program uses another version, select that, for instance with
//! `cargo update nalgebra --precise 0.33.3`.
//!
//! The iterators of `nalgebra` (0.33 to 0.35) compute an address past the end of the memory if rows of a view lie apart and its
//! last element is the last one in memory, which is undefined behaviour of theirs. Indices avoid it.

#[cfg(any(feature = "faer", feature = "ndarray"))]
mod adopt;
#[cfg(feature = "bytes")]
mod bytes;
#[cfg(feature = "faer")]
mod faer;
#[cfg(feature = "alloc")]
mod into_tensor;
#[cfg(feature = "nalgebra")]
mod nalgebra;
#[cfg(feature = "ndarray")]
mod ndarray;

#[cfg(feature = "alloc")]
pub use into_tensor::IntoTensor;
