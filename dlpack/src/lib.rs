//! DLPack for Rust: owned, checked and typed tensors across the C ABI that array libraries share.
//!
//! DLPack is a C header by which libraries such as NumPy, PyTorch, JAX and TVM exchange tensors without a copy: they pass a
//! pointer to a struct with an address, a shape, strides, a dtype, a device, and a *deleter*, the function that the consumer
//! calls when it is done. This crate turns such a pointer into an owned Rust value, and Rust memory into such a pointer.
//! The [guide] has a page for each common task, with a program.
//!
//! # Import: from a pointer to a slice
//!
//! One `unsafe` call takes ownership of the tensor and checks every field. A second one promises what cannot be checked: that
//! the elements are initialised and that nobody writes them. From there on, everything is safe.
//!
//! ```
//! use dlpack::{Error, Exporter, ManagedTensorVersioned, sys};
//!
//! /// The mean of a `float32` tensor of any shape.
//! ///
//! /// # Safety
//! ///
//! /// Ownership passes to this call, the tensor keeps to the standard, its
//! /// elements are initialised, and nobody writes them.
//! unsafe fn mean(raw: *mut sys::DLManagedTensorVersioned) -> Result<f32, Error> {
//!     // SAFETY: ownership passes to this call, and the tensor keeps to the standard.
//!     let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
//!     // SAFETY: the elements are initialised, and nobody writes them.
//!     let tensor = unsafe { tensor.assume_frozen() };
//!     let elements: &[f32] = tensor.as_slice()?;
//!     Ok(elements.iter().sum::<f32>() / elements.len() as f32)
//! } // The deleter runs here, and on every error.
//!
//! let raw = Exporter::new([1.0_f32, 2.0, 3.0, 6.0]).shape(&[2, 2]).into_raw()?;
//! // SAFETY: a tensor of 1, 2, 3 and 6, which nobody else knows.
//! assert_eq!(unsafe { mean(raw) }?, 3.0);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Export: Rust memory for other libraries
//!
//! An [`Exporter`] takes the owner of the memory, checks the layout against the memory that the owner has, and returns a
//! tensor. [`into_raw`](Managed::into_raw) returns the pointer for C. The owner is dropped when the consumer calls the
//! deleter.
//!
//! ```
//! use dlpack::{Error, Exporter, ManagedTensorVersioned};
//!
//! let data = vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0];
//! let start = data.as_ptr();
//! let raw = Exporter::new(data).shape(&[2, 3]).build()?.into_raw();
//!
//! // Another library has used the tensor and returns it. The owner is the same vector, not a copy.
//! // SAFETY: ownership of the tensor from above passes to this call.
//! let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
//! let data = tensor.downcast::<Vec<f32>>().expect("a tensor of this crate, with that owner");
//! assert_eq!(data.as_ptr(), start);
//! # Ok::<(), Error>(())
//! ```
//!
//! # What to use
//!
//! | I have | I want | |
//! |---|---|---|
//! | a `DLManagedTensorVersioned*` | to own it | [`ManagedTensorVersioned::from_raw`](Managed::from_raw) |
//! | a `DLManagedTensor*` | to own it | [`ManagedTensor::from_raw`](Managed::from_raw) |
//! | either of them | one type for both | [`AnyManagedTensor`] |
//! | a `DLTensor*` in a callback | to use it during the call | [`BorrowedTensor::with_raw`] |
//! | any of these | shape, strides, dtype, device | [`Descriptor`], to which all of them dereference |
//! | any of these | a slice of the elements | [`as_slice`](Frozen::as_slice) or [`as_mut_slice`](Exclusive::as_mut_slice), after one of the two promises below |
//! | any of these | safe reads | [`assume_frozen`](Managed::assume_frozen), which makes a [`Frozen`] tensor |
//! | any of these | safe reads and writes | [`assume_exclusive`](Managed::assume_exclusive), which makes an [`Exclusive`] one |
//! | a legacy tensor or a `DLTensor*` | to write it unsafely, or to convert it | [`assume_writable`](Managed::assume_writable), since their structs do not say whether it may be written |
//! | a tensor with the flag `IS_COPIED` | safe writes without a promise | [`Managed::try_exclusive`] |
//! | memory that is not aligned, or that this thread writes by other means | to read it | [`Descriptor::view_as`] |
//! | a tensor | a slice that owns it, for a container | [`Exclusive::into_slice`], [`Frozen::into_slice`], [`Frozen::into_bytes`] |
//! | a tensor | its address, for a kernel of the device | [`Descriptor::start`] |
//! | 4-bit and 6-bit elements | their values | [`Descriptor::packed_view`], which makes a [`PackedView`] |
//! | a view or a slice | crops, steps, flips, new shapes | [`TensorView`], [`TensorViewMut`] |
//! | a slice with a pitch or other strides | a view of it | [`TensorView::from_slice_strided`] |
//! | a pointer with a shape and strides | a checked view | [`TensorView::from_raw_parts`] |
//! | dtypes that Rust has no type for | small floats, narrow integers, booleans | [`types`] |
//! | a `Vec`, a boxed slice, an array | a tensor for others | [`Exporter::new`] |
//! | an `Arc<[T]>` or a `static` | a tensor for others, read-only | [`Exporter::shared`] |
//! | nothing yet | memory that is aligned for any consumer | [`ManagedTensorVersioned::allocate_in`](Managed::allocate_in), then `fill` and [`Exclusive::into_slice`] |
//! | memory that may be aligned too little | an aligned copy | [`Descriptor::is_aligned_to`], [`Frozen::to_copy`], [`TensorView::to_tensor`] |
//! | any type that can lend its slice | a tensor for others | [`Exporter::of_mut`], [`Exporter::of`] |
//! | an array of `ndarray`, `nalgebra`, `faer` or `bytes` | a tensor, or a view of one | the module `integrations`, with the [feature](#features) of that name |
//! | a block of a foreign allocator, device memory, a handle | a tensor for others | [`Exporter::from_raw_parts`] |
//! | an allocator of my own, or no heap | to allocate headers there | [`Exporter::header_in`] and the module [`allocator`] |
//! | a view | to call a C function that takes a `DLTensor*` | [`TensorView::with_dl_tensor`] |
//! | a tensor | to call such a function | [`Descriptor::as_dl_tensor`] |
//! | a tensor in an `Arc` | several consumers for it | [`Managed::share`], or [`Frozen::share`] for reading; an [`Exclusive`] one becomes one of these by `into_inner` or `freeze` |
//! | a part of a tensor | a consumer that reads it | [`Frozen::share_view`] |
//! | a part of an [`Exclusive`] tensor | a consumer that writes it | a window that owns the tensor, as on the page [`blocks`](guide::blocks) |
//! | a tensor that was imported | to pass it on | [`Managed::into_opaque`] |
//! | an owner of memory | a tensor for C at the lowest cost | [`Exporter::into_opaque`], [`Exporter::into_raw`] |
//! | a storage type with a description of its own | to keep the memory alive | [`OpaqueTensor`] |
//! | a legacy tensor | it in the current ABI | [`ManagedTensor::into_versioned`](Managed::into_versioned) |
//! | a versioned tensor | it in the legacy ABI | [`ManagedTensorVersioned::into_legacy`](Managed::into_legacy) |
//! | a tensor that I exported | its owner back | [`Managed::downcast`] |
//! | an owner | it back when its consumer is done | the module [`loan`] |
//! | consumers that request an ABI, a device, a copy | to answer them | the module [`negotiate`] |
//! | another library's `DLPackExchangeAPI*` | to call its functions | [`exchange::ExchangeApi`] |
//! | a library of my own | such a table for others | [`exchange::Library`], [`exchange::ExchangeTable`] |
//! | shapes and strides as numbers | to check them | the module [`layout`] |
//! | none of these | the C structs | [`sys`] |
//!
//! # Safety
//!
//! Safe functions have no undefined behaviour, whatever the fields of a foreign struct say, as long as each `unsafe` call
//! keeps to its `# Safety` section. The contract of import is stated once, at [`Managed::from_raw`]. It asks neither that
//! elements are initialised nor that nobody writes them, since DLPack grants neither; the second `unsafe` call of an import
//! promises that. Foreign shape and strides are read once, in the import call. The memory of devices that the host cannot
//! access is never dereferenced. No field of a foreign struct causes a panic.
//!
//! The repository's `SAFETY.md` lists each promise with the code that keeps it and the tests that show it.
//!
//! # Features
//!
//! - `alloc` (default): headers on the heap, conversions, copies into new tensors, and up to 64 dimensions. Without it,
//!   nothing allocates, an export needs an allocator for its header, and tensors in Rust have at most 8 dimensions.
//! - `half`: `half::f16` and `half::bf16` are [`Element`]s.
//! - `ndarray`, `nalgebra`, `faer`, `bytes`: the arrays, matrices and buffers of these crates, to and from tensors; see the
//!   module `integrations`.
//! - `num-complex`: `num_complex::Complex<T>` is an [`Element`] for `f32` and `f64`, with `half` also for `f16`.
//!
//! The crate is `no_std` with every feature. On processors without compare-and-swap, such as a Cortex-M0, everything that
//! needs it is left out: sharing, owners in an `Arc`, pools and loans. Use [`Slot::single`](allocator::Slot::single) for a
//! [`Slot`](allocator::Slot) there.
#![no_std]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(feature = "alloc"),
    allow(rustdoc::broken_intra_doc_links, reason = "this page also names what needs `alloc`")
)]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(feature = "bytes")]
pub use bytes;
pub use dlpack_sys as sys;
#[cfg(feature = "faer")]
pub use faer;
#[cfg(feature = "half")]
pub use half;
#[cfg(feature = "nalgebra")]
pub use nalgebra;
#[cfg(feature = "ndarray")]
pub use ndarray;
#[cfg(feature = "num-complex")]
pub use num_complex;

#[cfg(all(doctest, feature = "alloc"))]
mod compile_fail;
#[cfg(all(any(doc, doctest), feature = "alloc"))]
pub mod guide;

// The order of the rooms, in which the documentation has the methods of a type, too.
mod vocabulary;

mod error;

pub mod layout;

mod dims;

mod copy;

pub mod view;

mod managed;

mod export;

pub mod negotiate;

pub mod exchange;

#[cfg(any(feature = "bytes", feature = "faer", feature = "nalgebra", feature = "ndarray"))]
pub mod integrations;

pub use error::{Error, ErrorKind, RejectedError};
pub use export::{Exporter, OnDrop};
pub use managed::{
    Abi, Access, AnyManagedTensor, BorrowedTensor, Descriptor, Exclusive, ExclusiveUninit, Frozen,
    Managed, ManagedTensor, ManagedTensorVersioned, OpaqueTensor, TensorSlice,
};
pub use view::packed_view::PackedView;
pub use view::tensor_view::TensorView;
pub use view::tensor_view_mut::TensorViewMut;
pub use vocabulary::*;

/// Where the headers of exported tensors are allocated.
///
/// By default, that is the global heap. An [`Exporter`] uses another [`Allocator`](allocator::Allocator) with
/// [`header_in`](Exporter::header_in): one of your own, a [`Pool`](allocator::Pool) for a steady stream of exports, or a
/// [`Slot`](allocator::Slot) in a `static` for programs without a heap.
pub mod allocator {
    #[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
    pub use crate::export::Pool;
    pub use crate::export::{Allocator, Global, InPlace, Slot};
}

/// Owners that are returned when the consumer is done.
#[cfg(all(feature = "alloc", target_has_atomic = "8"))]
pub mod loan {
    pub use crate::export::{Claim, Loaned};
}
