//! The exchange API of DLPack 1.3: a table of C functions by which libraries exchange tensors.
//!
//! A library with a `DLPackExchangeAPI` offers five functions: one makes new tensors, two turn objects of its language
//! into tensors and back, one lends an object's tensor without an owner, and one tells on which stream the library works.
//! They are faster than calling methods of the objects, and wait for no device.
//!
//! - To call another library's functions, take its table with [`ExchangeApi::from_raw`].
//! - To offer functions, implement [`Library`], and make a `static` [`ExchangeTable`].
//!
//! The standard calls the objects `PyObject*`. Nothing here knows Python: they are addresses, and whatever their language
//! asks of callers, such as a lock, is a promise of the `unsafe` functions.
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
//! /// An object of the library, whose elements stay as they are, and the language's lock is held.
//! unsafe fn largest(library: &ExchangeApi, object: *mut c_void) -> Result<f32, Error> {
//!     // SAFETY: the caller's promise.
//!     let tensor = unsafe { library.tensor_from_object(object) }?;
//!     // SAFETY: the caller's promise.
//!     let elements = unsafe { tensor.view::<f32>() }?;
//!     Ok(elements.iter().copied().fold(f32::NEG_INFINITY, f32::max))
//! }
//! # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
//! # // SAFETY: the example library of `Library`.
//! # let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
//! # let tensor = dlpack::Exporter::new(vec![1.0_f32, 3.0, 2.0]).build()?.into_inner();
//! # // SAFETY: this library can be called anywhere.
//! # let object = unsafe { library.object_from_tensor(tensor.into_parcel()?) }?;
//!
//! // SAFETY: an object of the library with the elements 1, 3 and 2, and it has no lock.
//! assert_eq!(unsafe { largest(&library, object.as_ptr()) }?, 3.0);
//! # // SAFETY: the object is not used again.
//! # unsafe { boxes::release(object) };
//! # Ok::<(), Error>(())
//! ```

mod allocate;
mod api;
mod chain;
mod entries;
mod library;
mod memory;
mod objects;
mod offer;
mod prototype;
mod report;
mod table;
mod text;

pub use api::ExchangeApi;
pub use library::Library;
pub use memory::allocate_in;
pub use offer::Offer;
pub use report::{AllocateError, Report};
pub use table::ExchangeTable;
