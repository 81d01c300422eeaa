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
//! # How a tensor ends
//!
//! Each tensor ends exactly once, whether its capsule is consumed, dropped or found to make no sense, and an exception that is
//! on its way meanwhile stays on its way.
//!
//! - *Threads*: [`PyTensor`] and [`Tensor`] may be dropped on any thread. Memory of Rust ends without Python,
//!   attached or not. What a Python object keeps alive, as in [`Kept`] and in a `PyTensor` of an array of NumPy,
//!   needs an attached thread; another one attaches, and so waits for those that are attached. Drop no such tensor
//!   while you hold a lock that an attached thread may wait for, or release the lock first, or
//!   [detach](pyo3::Python::detach) where you wait for it.
//! - *The end of the interpreter*: while it finalises, and after it is gone, memory of Rust ends as before, also in
//!   handlers of C's `atexit`. References to Python objects are leaked where no thread is attached to give them
//!   back, or that cannot be known, as with the feature `abi3`. A thread that already waits to attach in that moment
//!   waits until the process ends. So does a daemon thread in a `__dlpack__` that is written in Python; CPython before
//!   3.14 would end it in a way that Rust answers with an abort.
//! - *Cycles*: Python's garbage collector does not look into tensors. An object that a tensor keeps alive and that
//!   holds that tensor itself lives until one lets go of the other; so do a script's global variables if a tensor
//!   in one of them keeps alive an instance of a class of that script.
//! - *Fork*: a child has copies of all tensors in main memory, uses them, and ends them without its parent's
//!   noticing. What the producer's runtime says of forks holds for memory of devices.
//! - *Other interpreters*: as for all extensions with PyO3, there is one. CPython from 3.12 on refuses to import an
//!   extension in an interpreter with a lock of its own. Interpreters that share the lock import it and share all
//!   of its classes; with CPython before 3.12, a thread of theirs may wait for ever when it drops a tensor that a
//!   Python object keeps alive.
//! - *Pickle and copy*: a [`Tensor`] refuses both with a `TypeError`, since another process could not use its
//!   memory.
//! - *Free-threaded Python*: a capsule is taken in a critical section, so that of several threads that take it with
//!   this crate one gets the tensor. Libraries that take capsules without one, such as NumPy, are not kept out:
//!   give each consumer a capsule of its own, as a call of `__dlpack__` does. All that is remembered of names and
//!   types is written once, and read without locks.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

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
    pub use crate::__export_buffer as export_buffer;
    #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
    pub use crate::export::buffer::{get_buffer, release_buffer};
    pub use crate::export::exchange::exchange_api;
    pub use crate::export::method::{dlpack_device_method, dlpack_method};
}

/// The examples of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
