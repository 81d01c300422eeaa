//! DLPack tensors as arguments and results of Python extensions that are written in Rust with PyO3.
//!
//! DLPack is the protocol by which Python's array libraries exchange arrays without a copy. With this crate, an extension can
//! use it: its functions accept arrays of NumPy, PyTorch, JAX and all other libraries that support DLPack, and all of these
//! libraries can import its results. The tensors themselves are those of the crate [`dlpack`], which does not depend on
//! Python.
//!
//! # In: tensors as arguments
//!
//! Use [`PyTensor`] as the type of an argument. Its parameters say what is required. Any other object is refused with an
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
//! Return a [`Tensor`], which is made of anything that an [`Exporter`](dlpack::Exporter) accepts. To export objects of a class
//! of your own, implement [`Export`](trait@Export) and call [`export!`].
//!
//! ```
//! use dlpack_pyo3::Tensor;
//! use pyo3::prelude::*;
//!
//! /// The squares of numbers, for `np.from_dlpack` and the like.
//! #[pyfunction]
//! fn squares(numbers: Vec<u32>) -> PyResult<Tensor> {
//!     let squares: Vec<u64> = numbers.into_iter().map(|n| u64::from(n).pow(2)).collect();
//!     let shape = [squares.len()];
//!     Tensor::from_vec(squares, &shape)
//! }
//!
//! # Python::attach(|py| {
//! assert_eq!(squares(vec![0, 1, 2])?.shape(), [3]);
//! # let _ = py;
//! # Ok::<(), PyErr>(())
//! # })?;
//! # Ok::<(), PyErr>(())
//! ```
//!
//! # Dependencies
//!
//! An extension depends on this crate and on `pyo3`, whose macros need it by name. Everything else is [`dlpack_pyo3::dlpack`](dlpack):
//!
//! ```
//! use dlpack_pyo3::dlpack::Device;
//! use dlpack_pyo3::dlpack::negotiate::CopyPolicy;
//! use dlpack_pyo3::Import;
//!
//! let import = Import::new().device(Device::CPU).copy(CopyPolicy::ALWAYS);
//! ```
//!
//! # What to use
//!
//! | I have | I want | |
//! |---|---|---|
//! | an argument | a tensor of any kind | [`PyTensor`] |
//! | an argument | elements of one type, a rank, an order, a device | [`PyTensor<T, R>`](PyTensor), [`Requirement`] |
//! | an object | it on a device, as a copy, for a stream | [`Import`] |
//! | an object | its tensor for the length of a call, at the lowest cost | [`with_borrowed`] |
//! | a `PyTensor` | its elements, safely | [`to_vec`](PyTensor::to_vec), [`cells`](PyTensor::cells) |
//! | a `PyTensor` | slices and views | [`as_slice`](PyTensor::as_slice), [`view`](PyTensor::view), [`view_mut`](PyTensor::view_mut), which are `unsafe` |
//! | a `PyTensor` | its shape, to index with | [`sizes`](PyTensor::sizes) |
//! | a `PyTensor` | to return it, as an object of all libraries | [`into_tensor`](PyTensor::into_tensor) |
//! | a `PyTensor` | to keep it, or to pass it on without Python | [`into_managed`](PyTensor::into_managed) |
//! | a vector, or any new tensor | to return it | [`Tensor::from_vec`], [`Tensor`] |
//! | a new tensor | to return it as an array of the caller's library | [`Tensor::into_framework_of`], [`to_framework_of`] |
//! | a class of my own | libraries to import its objects | [`Export`](trait@Export), [`export!`] |
//! | elements inside a Python object | to export them | [`PyOwner`], with [`Exporter::of`](dlpack::Exporter::of) |
//! | memory that a Python object keeps alive | to export it | [`PyOwner`], with [`Exporter::from_raw_parts`](dlpack::Exporter::from_raw_parts) |
//! | the runtime of a device | to synchronize streams | [`Runtime`], [`Export::synchronize`] |
//!
//! # How a tensor is imported
//!
//! There are five *routes* from an object to its tensor. All of them give the same tensor, and the fastest that is known to do
//! so is taken:
//!
//! - a capsule is imported by its name;
//! - an array of NumPy is described from its fields, and kept alive by a reference;
//! - so is a buffer, of an object without `__dlpack__` and of an array of JAX in main memory;
//! - an object whose class has a C exchange table is imported by that, unless its `__dlpack__` would refuse, as for a PyTorch
//!   tensor that requires a gradient, or its memory is on a device and no [`Runtime`] can order streams;
//! - every other object is asked by `__dlpack__`, in the newest version. If it refuses with a `TypeError`, and no class derived
//!   from that, it is asked again with the keywords that older producers know; but never without one that says what the
//!   caller wants, unless that can be had all the same, such as a copy of main memory.
//!
//! What a class has decides, as it does for the special methods of Python itself: a `__dlpack__` that a program gives to a
//! single object of a class with a table is not called. A class that is changed is looked at again, unless the extension is
//! built with `abi3`.
//!
//! # Features
//!
//! - `abi3`: one build for every CPython from 3.10 on.
//! - `half`, `ndarray` and `num-complex`: those of [`dlpack`], for elements such as `half::bf16`, and arrays of `ndarray`.
//!
//! # How a tensor ends
//!
//! Each tensor is deleted exactly once, whether its capsule is consumed, dropped or found to be invalid. An exception that is
//! pending meanwhile stays pending.
//!
//! - *Exceptions*: Python drops objects also while an exception is set, and a deleter that runs code of Python would see it and
//!   lose it, at which the interpreter crashes. Capsules, buffers, each [`Tensor`] and each [`PyTensor`] take care of that (with
//!   `abi3`, the first two), and so does a tensor of another library that became one of `dlpack` by a `PyTensor`.
//! - *Threads*: [`PyTensor`] and [`Tensor`] may be dropped on any thread. Memory of Rust is freed without Python, on attached
//!   threads and others. Memory that a Python object keeps alive, as in a [`PyOwner`] or a `PyTensor` of a NumPy array, needs
//!   an attached thread; another thread attaches, and so waits for those that are attached. Do not drop such a tensor while
//!   you hold a lock that an attached thread may wait for: release the lock first, or [detach](pyo3::Python::detach) where you
//!   wait for it.
//! - *The end of the interpreter*: while it finalises, and after it is gone, memory of Rust is freed as before, also in
//!   handlers of C's `atexit`. References to Python objects are leaked if no thread is attached to give them back, or if that
//!   cannot be known, as with the feature `abi3`. So are tensors that were imported from other libraries, whose deleters may need the
//!   interpreter. A thread that is waiting to attach in that moment waits until the process ends. So does a daemon thread in a
//!   `__dlpack__` that is written in Python; CPython before 3.14 would end it in a way that aborts a Rust program.
//! - *Cycles*: Python's garbage collector does not look into tensors. If an object that a tensor keeps alive holds that tensor
//!   itself, both live until one of them drops the other. So do a script's global variables if one of them is a tensor that
//!   keeps alive an instance of a class of that script.
//! - *`__traverse__`*: PyO3 lets a class drop what it holds there, although no object may end in the midst of a collection. A
//!   reference to a Python object that would be the last one leaks; with `abi3`, and in free-threaded Python, any does. Do not drop a
//!   tensor of another library there.
//! - *Fork*: a child process has copies of all tensors in main memory. It can use and drop them without an effect on its
//!   parent. For memory of devices, see the documentation of the producer's runtime. With CPython 3.11 and 3.12, a child that was forked on
//!   another thread than the main one has no thread state once that thread has ended, and nothing can attach any more: drop what
//!   a Python object keeps alive before, or end with `os._exit`.
//! - *Other interpreters*: as with any extension that uses PyO3, there is one. CPython from 3.12 on refuses to import an
//!   extension in an interpreter with a lock of its own. Interpreters that share the lock import it and share all of its
//!   classes; with CPython before 3.12, a thread of such an interpreter may wait for ever when it drops a tensor that a
//!   Python object keeps alive, and when it asks an object of an exported class, unless that is a [`Tensor`] that does
//!   not refuse. No thread of an interpreter with a lock of its own may drop such a tensor, as a library in C could: it
//!   would change the object without the lock of the object's interpreter.
//! - *Pickle and copy*: a [`Tensor`] refuses both with a `TypeError`, since another process could not use its memory.
//! - *Free-threaded Python*: a capsule is consumed in a critical section, so that of several threads that consume it with this
//!   crate, one gets the tensor. A library that uses no such section, such as NumPy, is not kept out: give each consumer a
//!   capsule of its own, as a call of `__dlpack__` does. What is cached for names and classes is written once and read without
//!   locks.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

extern crate alloc;

mod capsule;
mod export;
mod import;
mod protocol;
mod raw;
mod route;

pub use dlpack;
pub use export::{Export, PyOwner, ReadOnlyAsLegacy, Tensor, to_framework_of};
pub use import::{
    Any, Cells, Elements, Import, PyTensor, Runtime, stream_from, to_py_err, with_borrowed,
};
pub use import::{ColumnMajor, Dense, OnCuda, OnHost, Rank, Requirement, RowMajor, Writable};

/// Functions that the code of [`export!`] calls, and two that the Python package `dlpack` calls. Not public API.
#[doc(hidden)]
pub mod __private {
    pub use crate::__export_buffer as export_buffer;
    pub use crate::export::array::array;
    #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
    pub use crate::export::buffer::get_buffer;
    pub use crate::export::exchange::exchange_api;
    pub use crate::export::methods::{dlpack_device_method, dlpack_method};
    pub use crate::raw::{end_other, guarded};
}

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
