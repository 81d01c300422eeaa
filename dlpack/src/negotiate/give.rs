//! A producer in Rust, given to C.

use core::borrow::Borrow;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr;
#[cfg(feature = "alloc")]
use {
    crate::error::{Error, Rejected},
    alloc::{alloc::alloc, boxed::Box},
    core::alloc::Layout,
    core::ptr::NonNull,
};

use super::answer::{Answer, Status};
use super::producer::Producer;
use super::request::Request;
use super::respond::respond;
use super::table::{ProducerTable, RawProducer};
use crate::vocabulary::Device;

impl RawProducer {
    /// Gives a producer to C, which calls [`release`](ProducerTable::release) when it is done.
    ///
    /// One allocation. `Send` and `Sync`, because C calls from any thread. A panic in the producer aborts the process,
    /// since it cannot cross C.
    ///
    /// # Errors
    ///
    /// Hands the producer back with [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use dlpack::{Exporter, negotiate::RawProducer};
    ///
    /// let numbers = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
    /// let raw = RawProducer::new(Arc::clone(&numbers))?;
    /// // SAFETY: the table of a producer in Rust has all functions.
    /// let release = unsafe { (*raw.table).release }.expect("a function");
    /// // SAFETY: called once.
    /// unsafe { release(raw.ctx) };
    /// assert_eq!(Arc::strong_count(&numbers), 1);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn new<P: Producer + Send + Sync + 'static>(producer: P) -> Result<Self, Rejected<P>> {
        let ctx = place(producer)?.as_ptr().cast();
        Ok(Self { table: &Tables::<P>::OWNED, ctx })
    }

    /// Lends a producer to C until `f` returns. Nothing is allocated, and nothing is released.
    ///
    /// C may keep the tensors that it gets, but not the producer. A panic in the producer aborts the process, since it
    /// cannot cross C.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use dlpack::negotiate::{ForeignProducer, RawProducer, Request};
    /// use dlpack::{Error, Exporter};
    ///
    /// let numbers = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
    /// let tensor = RawProducer::lend(&numbers, |raw| {
    ///     // SAFETY: the producer is one of Rust, and does not leave the closure.
    ///     unsafe { ForeignProducer::from_raw(raw) }?.request(&Request::new())
    /// })?;
    /// assert_eq!(tensor.data(), numbers.data());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn lend<P: Producer + Sync, R>(producer: &P, f: impl FnOnce(Self) -> R) -> R {
        f(Self { table: &Tables::<P>::LENT, ctx: ptr::from_ref(producer).cast_mut().cast() })
    }
}

/// The tables for producers of one type.
struct Tables<P>(PhantomData<P>);

impl<P: Producer> Tables<P> {
    const LENT: ProducerTable = ProducerTable {
        version: ProducerTable::VERSION,
        release: None,
        device: Some(device_of::<P>),
        respond: Some(respond_to::<P>),
    };
    #[cfg(feature = "alloc")]
    const OWNED: ProducerTable = ProducerTable { release: Some(release::<P>), ..Self::LENT };
}

/// # Safety
///
/// `ctx` points to a live producer of this type.
unsafe extern "C" fn device_of<P: Producer>(ctx: *mut c_void) -> Device {
    // SAFETY: the caller's promise.
    let producer = unsafe { &*ctx.cast::<P>() };
    producer.device()
}

/// # Safety
///
/// `ctx` points to a live producer of this type, `request` is null or can be read, and `answer` is null or can be
/// written.
unsafe extern "C" fn respond_to<P: Producer>(
    ctx: *mut c_void,
    request: *const Request,
    answer: *mut Answer,
) {
    if answer.is_null() {
        return;
    }
    let given = if request.is_null() {
        Answer { status: Status::INVALID, ..Answer::NONE }
    } else {
        // SAFETY: the caller's promise. Read without alignment, as all of C's.
        let request = unsafe { request.read_unaligned() };
        // SAFETY: the caller's promise.
        let producer = unsafe { &*ctx.cast::<P>() };
        Answer::new(respond(producer, &request).map_err(|error| *error.borrow()))
    };
    // SAFETY: the caller's promise.
    unsafe { answer.write_unaligned(given) }
}

/// # Safety
///
/// `ctx` is from [`place`], for a producer of this type, and nobody uses it again.
#[cfg(feature = "alloc")]
unsafe extern "C" fn release<P>(ctx: *mut c_void) {
    // SAFETY: the caller's promise; the memory is what a box of it has.
    drop(unsafe { Box::from_raw(ctx.cast::<P>()) });
}

/// Moves a value to where a box would have it, but survives having no memory.
#[cfg(feature = "alloc")]
fn place<P>(value: P) -> Result<NonNull<P>, Rejected<P>> {
    let layout = Layout::new::<P>();
    let room = if layout.size() == 0 {
        NonNull::dangling()
    } else {
        // SAFETY: the size is not zero.
        let room = unsafe { alloc(layout) };
        let Some(room) = NonNull::new(room.cast::<P>()) else {
            return Err(Rejected::new(value, Error::AllocationFailed));
        };
        room
    };
    // SAFETY: room for one value, of which there is none yet.
    unsafe { room.write(value) };
    Ok(room)
}
