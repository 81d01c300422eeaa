//! A producer as C knows it: functions and a context.

use core::ffi::c_void;

use super::answer::Answer;
use super::request::Request;
use crate::vocabulary::{Device, Version};

/// The functions of a producer, for C to call; [`RawProducer`] is one together with its context.
///
/// `version` and `release` stay where they are in every version of this struct; a new minor version adds functions at
/// the end. Every function may be null.
///
/// # Examples
///
/// ```
/// use dlpack::negotiate::ProducerTable;
///
/// let table = ProducerTable { version: ProducerTable::VERSION, release: None, device: None, respond: None };
/// assert_eq!(table.version.to_string(), "1.0");
/// ```
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ProducerTable {
    /// The version of this struct. Of another major version only `release` may be called.
    pub version: Version,
    /// Gives the context up. Called once, after which no function is.
    pub release: Option<unsafe extern "C" fn(ctx: *mut c_void)>,
    /// Says where the memory is.
    pub device: Option<unsafe extern "C" fn(ctx: *mut c_void) -> Device>,
    /// Answers a request by writing to `answer`.
    pub respond: Option<
        unsafe extern "C" fn(ctx: *mut c_void, request: *const Request, answer: *mut Answer),
    >,
}

impl ProducerTable {
    /// The version of the struct that is declared here: 1.0.
    pub const VERSION: Version = Version::new(1, 0);
}

/// A producer as C passes it: a table of functions, and the context that they want.
///
/// Plain data, of which a copy is not one more producer: whoever got it with ownership calls
/// [`release`](ProducerTable::release) once. A Rust producer becomes one with [`new`](Self::new), or for the time of a
/// call with [`lend`](Self::lend); [`ForeignProducer`](super::ForeignProducer) is the way back.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use dlpack::Exporter;
/// use dlpack::negotiate::{ForeignProducer, RawProducer, Request};
///
/// let numbers = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
/// let raw = RawProducer::new(Arc::clone(&numbers))?;
/// // Some C code has it now, and hands it on.
/// // SAFETY: the producer is passed on, and is one of Rust.
/// let producer = unsafe { ForeignProducer::from_raw(raw) }?;
/// assert_eq!(producer.request(&Request::new())?.data(), numbers.data());
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawProducer {
    /// The functions.
    pub table: *const ProducerTable,
    /// What they get as their first argument.
    pub ctx: *mut c_void,
}
