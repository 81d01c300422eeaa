//! Negotiation between a consumer and a producer about ABI, device, copy and stream, without Python.
//!
//! This is what Python's `__dlpack__(stream, max_version, dl_device, copy)` negotiates, for Rust and C. A [`Producer`]
//! exports its memory, and [`respond`](Producer::respond) answers a [`Request`] to it by the rules of the Python protocol. To pass a producer
//! to C, create a [`RawProducer`]; to use one from C, create a [`ForeignProducer`].
//!
//! ```
//! use std::sync::Arc;
//! use dlpack::negotiate::{CopyPolicy, Producer, Request};
//! use dlpack::{Device, Error, Exporter};
//!
//! let numbers = Arc::new(Exporter::new(vec![1.0_f32; 6]).shape(&[2, 3]).build()?.freeze());
//!
//! let tensor = numbers.respond(&Request::new().device(Device::CPU))?;
//! assert_eq!(tensor.data(), numbers.data());
//!
//! let copy = numbers.respond(&Request::new().copy(CopyPolicy::ALWAYS))?;
//! assert_ne!(copy.data(), numbers.data());
//! # Ok::<(), Error>(())
//! ```
//!
//! # In place of Python
//!
//! | `__dlpack__` | Here |
//! |---|---|
//! | `max_version=None` | [`Request::legacy`], or any version with major 0 |
//! | `max_version=(1, 0)` | [`Request::max_version`] |
//! | `dl_device=None` | a device of type 0, as [`Request::new`] has it |
//! | `copy=None`, `True`, `False` | [`CopyPolicy::IF_NEEDED`], [`ALWAYS`](CopyPolicy::ALWAYS), [`NEVER`](CopyPolicy::NEVER) |
//! | `stream=None`, `-1`, `n` | [`Stream::NONE`], [`NO_SYNC`](Stream::NO_SYNC), [`from_handle(n)`](Stream::from_handle) |
//! | a capsule `dltensor` or `dltensor_versioned` | [`AnyManagedTensor`](crate::AnyManagedTensor), in C an [`Answer`] |
//! | `BufferError`, `ValueError`, `MemoryError` | an [`Error`](crate::Error), in C a [`Status`] |
//! | `__dlpack_device__()` | [`Producer::device`] |
//!
//! # In C
//!
//! All structs are plain data. Any number in them is allowed; an unknown one is answered with an error.
//!
//! ```c
//! #include <dlpack/dlpack.h>
//!
//! enum { DLPACK_COPY_IF_NEEDED = 0, DLPACK_COPY_ALWAYS = 1, DLPACK_COPY_NEVER = 2 };
//! enum { DLPACK_STREAM_NONE = 0, DLPACK_STREAM_NO_SYNC = 1, DLPACK_STREAM_HANDLE = 2 };
//! enum { DLPACK_OK = 0, DLPACK_REFUSED = 1, DLPACK_INVALID = 2, DLPACK_NO_MEMORY = 3, DLPACK_FAILED = 4 };
//! enum { DLPACK_LEGACY = 1, DLPACK_VERSIONED = 2 };
//!
//! typedef struct dlpack_stream {
//!   uint32_t kind;
//!   void* handle; /* for DLPACK_STREAM_HANDLE */
//! } dlpack_stream;
//!
//! typedef struct dlpack_request {
//!   DLPackVersion max_version; /* major 0: the consumer reads DLManagedTensor only */
//!   DLDevice device;           /* device_type 0: any device */
//!   uint32_t copy;
//!   dlpack_stream stream;
//! } dlpack_request;
//!
//! typedef struct dlpack_answer {
//!   int32_t status;
//!   uint32_t abi; /* of the tensor */
//!   void* tensor; /* if the status is DLPACK_OK, the caller must delete it */
//! } dlpack_answer;
//!
//! typedef struct dlpack_producer_table {
//!   DLPackVersion version; /* 1.0; if the major is not 1, only `release` may be called */
//!   void (*release)(void* ctx);
//!   DLDevice (*device)(void* ctx);
//!   void (*respond)(void* ctx, const dlpack_request* request, dlpack_answer* answer);
//! } dlpack_producer_table;
//!
//! typedef struct dlpack_producer {
//!   const dlpack_producer_table* table;
//!   void* ctx;
//! } dlpack_producer;
//! ```

mod answer;
mod copy_policy;
mod foreign_producer;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
mod pack_sub_byte;
mod producer;
mod producer_table;
mod raw_producer;
mod request;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
mod shared_tensors;
mod stream;

pub use answer::{Answer, Status};
pub use copy_policy::CopyPolicy;
pub use foreign_producer::ForeignProducer;
pub use producer::Producer;
pub use producer_table::ProducerTable;
pub use raw_producer::RawProducer;
pub use request::Request;
pub use stream::Stream;
