//! The table of a producer's functions, for C.

use core::ffi::c_void;

use super::answer::Answer;
use super::request::Request;
use crate::vocabulary::{Device, Version};

/// The functions of a producer, for C to call; a [`RawProducer`](super::RawProducer) is a table with its context.
///
/// `version` and `release` are at the same place in every version of this struct. A new minor version adds functions at
/// the end. Every function may be null.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ProducerTable {
    /// The version of this struct. If its major version is not 1, only `release` may be called.
    pub version: Version,
    /// Releases the context. It is called once, and no function is called after it.
    pub release: Option<unsafe extern "C" fn(ctx: *mut c_void)>,
    /// Returns the device of the memory.
    pub device: Option<unsafe extern "C" fn(ctx: *mut c_void) -> Device>,
    /// Answers a request by writing to `answer`.
    pub respond: Option<
        unsafe extern "C" fn(ctx: *mut c_void, request: *const Request, answer: *mut Answer),
    >,
}

impl ProducerTable {
    /// The version of this declaration: 1.0.
    pub const VERSION: Version = Version::new(1, 0);
}
