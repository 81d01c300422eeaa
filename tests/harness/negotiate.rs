//! `tests/c/negotiate.h`, by hand: the C producer and the C consumer that negotiate without Python.

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use dlpack_sys::{DLDevice, DLPackVersion};

use crate::{Record, ffi};

/// `dlpack_stream`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "negotiate.h says what each field is")]
pub struct Stream {
    pub kind: u32,
    pub handle: usize,
}

/// `dlpack_request`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "negotiate.h says what each field is")]
pub struct Request {
    pub max_version: DLPackVersion,
    pub device: DLDevice,
    pub copy: u32,
    pub stream: Stream,
}

/// `dlpack_answer`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "negotiate.h says what each field is")]
pub struct Answer {
    pub status: i32,
    pub abi: u32,
    pub tensor: *mut c_void,
}

/// `dlpack_producer`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "negotiate.h says what each field is")]
pub struct Producer {
    pub table: *const c_void,
    pub ctx: *mut c_void,
}

/// `ct_behaviour`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "negotiate.h says what each does")]
pub enum Behaviour {
    Honest = 0,
    Silent = 1,
    OkWithoutTensor = 2,
    UnknownAbi = 3,
    AlwaysVersioned = 4,
    AlwaysLegacy = 5,
    WrongDevice = 6,
    Managed = 7,
    Major2 = 8,
    CopyUnmarked = 9,
    CopyAlways = 10,
    RefusesWithTensor = 11,
    OwnStatus = 12,
    NegativeSize = 13,
    OutOfMemory = 14,
}

#[repr(C)]
struct RawProducer {
    opaque: [u8; 0],
}

unsafe extern "C" {
    fn ct_producer_new(behaviour: u32) -> *mut RawProducer;
    fn ct_producer_raw(producer: *mut RawProducer) -> Producer;
    fn ct_producer_released(producer: *const RawProducer) -> u32;
    fn ct_producer_asked(producer: *const RawProducer) -> u32;
    fn ct_producer_last_request(producer: *const RawProducer) -> Request;
    fn ct_producer_memory(producer: *const RawProducer) -> *const i32;
    fn ct_producer_take_record(producer: *mut RawProducer) -> *mut ffi::Record;
    fn ct_producer_free(producer: *mut RawProducer);

    fn ct_request_checksum(p: Producer, request: *const Request, checksum: *mut u64) -> i32;
    fn ct_request(producer: Producer, request: *const Request, answer: *mut Answer);
    fn ct_request_device(producer: Producer) -> DLDevice;
    fn ct_release_producer(producer: Producer);
    fn ct_negotiate_layouts(layouts: *mut ffi::Layout, capacity: usize) -> usize;
}

/// The C producer of six int32, 1 to 6, in 2 x 3. Must outlive what it gives out.
#[derive(Debug)]
pub struct CProducer {
    raw: NonNull<RawProducer>,
}

impl CProducer {
    /// One that behaves like this.
    pub fn new(behaviour: Behaviour) -> Self {
        // SAFETY: a number of the enum.
        let raw = unsafe { ct_producer_new(behaviour as u32) };
        Self { raw: NonNull::new(raw).expect("memory") }
    }

    /// What C passes on.
    pub fn raw(&self) -> Producer {
        // SAFETY: `raw` is ours until drop.
        unsafe { ct_producer_raw(self.raw.as_ptr()) }
    }

    /// How often it was released.
    pub fn released(&self) -> u32 {
        // SAFETY: `raw` is ours until drop.
        unsafe { ct_producer_released(self.raw.as_ptr()) }
    }

    /// How often it was asked for a tensor.
    pub fn asked(&self) -> u32 {
        // SAFETY: `raw` is ours until drop.
        unsafe { ct_producer_asked(self.raw.as_ptr()) }
    }

    /// What it was asked last.
    pub fn last_request(&self) -> Request {
        // SAFETY: `raw` is ours until drop.
        unsafe { ct_producer_last_request(self.raw.as_ptr()) }
    }

    /// Where its numbers are.
    pub fn memory(&self) -> *mut c_void {
        // SAFETY: `raw` is ours until drop.
        unsafe { ct_producer_memory(self.raw.as_ptr()) }.cast_mut().cast()
    }

    /// What became of the last tensor that it made, unless that was asked before.
    pub fn take_record(&self) -> Option<Record> {
        // SAFETY: `raw` is ours until drop.
        let record = unsafe { ct_producer_take_record(self.raw.as_ptr()) };
        // SAFETY: C has handed it over.
        (!record.is_null()).then(|| unsafe { Record::from_raw(record) })
    }
}

impl Drop for CProducer {
    fn drop(&mut self) {
        // SAFETY: `raw` is ours, and this is the last use.
        unsafe { ct_producer_free(self.raw.as_ptr()) }
    }
}

/// What the C consumer says: the checksum of the tensor, which it has deleted, or the status; -1 for an answer that
/// breaks the rules.
///
/// # Safety
///
/// The producer is alive and keeps to the rules.
pub unsafe fn checksum(producer: Producer, request: &Request) -> Result<u64, i32> {
    let mut checksum = 0;
    // SAFETY: the caller's promise.
    match unsafe { ct_request_checksum(producer, request, &mut checksum) } {
        0 => Ok(checksum),
        status => Err(status),
    }
}

/// What the producer answers in C, into an answer full of rubbish.
///
/// # Safety
///
/// The producer is alive. `None` asks with a null pointer.
pub unsafe fn ask(producer: Producer, request: Option<&Request>) -> Answer {
    let mut answer = Answer { status: 0xDD, abi: 0xDD, tensor: ptr::dangling_mut() };
    // SAFETY: the caller's promise.
    unsafe { ct_request(producer, request.map_or(ptr::null(), ptr::from_ref), &mut answer) };
    answer
}

/// Asks with nowhere to put the answer.
///
/// # Safety
///
/// The producer is alive, and knows what to do then.
pub unsafe fn ask_for_nothing(producer: Producer, request: &Request) {
    // SAFETY: the caller's promise.
    unsafe { ct_request(producer, request, ptr::null_mut()) }
}

/// Where the producer says its memory is.
///
/// # Safety
///
/// The producer is alive.
pub unsafe fn device(producer: Producer) -> DLDevice {
    // SAFETY: the caller's promise.
    unsafe { ct_request_device(producer) }
}

/// Gives the producer up, if it wants to know.
///
/// # Safety
///
/// The producer is alive, and nobody uses it again.
pub unsafe fn release(producer: Producer) {
    // SAFETY: the caller's promise.
    unsafe { ct_release_producer(producer) }
}

/// The structs of `negotiate.h`, in their order, each followed by its fields.
pub fn layouts() -> Vec<ffi::Layout> {
    // SAFETY: there is room for none.
    let count = unsafe { ct_negotiate_layouts(ptr::null_mut(), 0) };
    let mut layouts = vec![ffi::Layout::default(); count];
    // SAFETY: there is room for all.
    unsafe { ct_negotiate_layouts(layouts.as_mut_ptr(), count) };
    layouts
}
