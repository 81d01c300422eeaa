//! The exchange API of DLPack 1.3: a table of C functions with which libraries exchange tensors.
//!
//! The table of a library, its `DLPackExchangeAPI`, has five functions: one allocates new tensors, two convert objects of the
//! library's language to tensors and back, one lends the tensor of an object without an owner, and one returns the stream
//! on which the library works. They are faster than methods of the objects, and do not wait for a device.
//!
//! - To call the functions of another library, import its table with [`ExchangeApi::from_raw`].
//! - To offer functions, implement [`Library`], and put an [`ExchangeTable`] in a `static`.
//!
//! The standard calls the objects `PyObject*`. This module does not depend on Python: objects are addresses, and what their
//! language requires of callers, such as holding a lock, is part of the contracts of the `unsafe` functions.
//!
//! # Examples
//!
//! The largest element of another library's object:
//!
//! ```
//! use core::ffi::c_void;
//! use dlpack::{Error, exchange::ExchangeApi};
//!
//! /// # Safety
//! ///
//! /// `object` is an object of the library, its elements do not change, and the language's lock is held.
//! unsafe fn largest(library: &ExchangeApi, object: *mut c_void) -> Result<f32, Error> {
//!     // SAFETY: an object of the library, and the lock is held.
//!     let tensor = unsafe { library.tensor_from_object(object) }?;
//!     // SAFETY: the elements do not change.
//!     let elements = unsafe { tensor.view::<f32>() }?;
//!     Ok(elements.iter().copied().fold(f32::NEG_INFINITY, f32::max))
//! }
//! # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
//! // SAFETY: clauses E1 to E4 hold for the library in the documentation of `Library`, here as a module `boxes`.
//! let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
//! let tensor = dlpack::Exporter::new(vec![1.0_f32, 3.0, 2.0]).build()?.into_inner();
//! // SAFETY: this library can be called on any thread.
//! let object = unsafe { library.object_from_tensor(tensor.into_opaque()?) }?;
//!
//! // SAFETY: an object of the library with the elements 1, 3 and 2; its language has no lock.
//! assert_eq!(unsafe { largest(&library, object.as_ptr()) }?, 3.0);
//! // SAFETY: the object is not used again.
//! unsafe { boxes::release(object) };
//! # Ok::<(), Error>(())
//! ```

mod allocate_in;
mod api;
mod bounded_str;
mod c_functions;
mod library;
mod offer;
mod prototype;
mod report;
mod table;

pub use api::ExchangeApi;
pub use library::Library;
pub use offer::Offer;
pub use report::Report;
pub use table::ExchangeTable;
