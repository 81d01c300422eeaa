//! DLPack tensors as arguments and results of Python extensions that are written in Rust with PyO3.
//!
//! DLPack is how Python's array libraries hand one another their arrays without a copy. With this crate an extension takes
//! part: its functions take arrays of NumPy, PyTorch, JAX and all other libraries that speak DLPack, and what it returns is
//! imported by all of them. The tensors themselves are those of the crate [`dlpack`], which knows no Python.
//!
//! # In: tensors as arguments
//!
//! [`PyTensor`] is an argument of a function. Its type says what is asked for, and whatever else comes is refused with an
//! exception that says what was expected and what was found.
//!
//! ```
//! use dlpack_pyo3::{OnHost, PyTensor, Rank};
//! use pyo3::prelude::*;
//!
//! /// The largest element of a float32 matrix.
//! #[pyfunction]
//! fn largest(py: Python<'_>, matrix: PyTensor<f32, (Rank<2>, OnHost)>) -> PyResult<f32> {
//!     Ok(matrix.cells(py)?.iter().fold(f32::NEG_INFINITY, f32::max))
//! }
//! ```
//!
//! # Out: tensors as results
//!
//! A function returns a [`Tensor`], which is made of whatever an [`Exporter`](dlpack::Exporter) takes. A class of your own
//! becomes a tensor with [`Export`](trait@Export) and [`export!`].
//!
//! ```
//! use dlpack_pyo3::dlpack::Exporter;
//! use dlpack_pyo3::{Tensor, to_py_err};
//! use pyo3::prelude::*;
//!
//! /// The first `count` square numbers, for `np.from_dlpack` and its like.
//! #[pyfunction]
//! fn squares(count: u64) -> PyResult<Tensor> {
//!     let squares: Vec<u64> = (0..count).map(|n| n * n).collect();
//!     Ok(Exporter::new(squares).build().map_err(to_py_err)?.into())
//! }
//!
//! # Python::attach(|py| {
//! assert_eq!(squares(3)?.shape(), [3]);
//! # let _ = py;
//! # Ok::<(), PyErr>(())
//! # })?;
//! # Ok::<(), PyErr>(())
//! ```
//!
//! # What to use
//!
//! | I have | I want | |
//! |---|---|---|
//! | an argument | a tensor of any kind | [`PyTensor`] |
//! | an argument | elements of one type, a rank, an order, a device | [`PyTensor<T, R>`](PyTensor), [`Requirement`] |
//! | an object | it on a device, as a copy, for a stream | [`Import`] |
//! | an object | its tensor for the length of a call, at the least cost | [`with_borrowed`] |
//! | a `PyTensor` | its elements, safely | [`to_vec`](PyTensor::to_vec), [`cells`](PyTensor::cells) |
//! | a `PyTensor` | slices and views | [`as_slice`](PyTensor::as_slice), [`view`](PyTensor::view), [`view_mut`](PyTensor::view_mut), which are `unsafe` |
//! | a `PyTensor` | to keep it or pass it on without Python | [`into_managed`](PyTensor::into_managed) |
//! | a new tensor | to return it | [`Tensor`] |
//! | a new tensor | to return it as an array of the caller's library | [`Tensor::into_framework_of`] |
//! | a class of my own | that libraries import it | [`Export`](trait@Export), [`export!`] |
//! | elements inside a Python object | to export them | [`Inside`] |
//! | memory that a Python object keeps alive | to export it | [`Kept`], with [`Adopted`](dlpack::Adopted) |
//! | the runtime of a device | to order streams | [`Runtime`], [`Export::synchronize`] |
//!
//! # How a tensor comes in
//!
//! All roads give the same answer; the quick ones are for objects of which that is known. A capsule is taken by its name.
//! An array of NumPy, and a buffer of what has no `__dlpack__`, is described where it is, and kept alive by a reference. An
//! object whose type has a C exchange table is asked through that, unless its `__dlpack__` would have refused, as for a
//! tensor of PyTorch that requires a gradient, or its memory is on a device and no [`Runtime`] is there to order streams.
//! Everything else is asked by `__dlpack__`, in the newest version, and once more without keywords that only newer producers
//! know; never without one that says what the caller wants.
//!
extern crate alloc;

mod capsule;
mod export;
mod import;
mod protocol;
mod raw;
mod roads;

pub use dlpack;
pub use export::{Export, Inside, Kept, Lend, ReadOnlyAsLegacy, Tensor, hand_over};
pub use import::{
    Any, Cells, Elements, Import, PyTensor, Runtime, stream_from, to_py_err, with_borrowed,
};
pub use import::{ColumnMajor, Dense, OnCuda, OnHost, Rank, Requirement, RowMajor, Writable};

/// What the code that [`export!`] makes calls. Not for others.
#[doc(hidden)]
pub mod __private {
    #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
    pub use crate::export::buffer::{get_buffer, release_buffer};
    pub use crate::export::exchange::exchange_api;
    pub use crate::export::method::{dlpack_device_method, dlpack_method};
}

/// The examples of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
