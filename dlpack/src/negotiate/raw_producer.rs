//! Producers in Rust, passed to C.

use core::borrow::Borrow;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr;
#[cfg(feature = "alloc")]
use {
    crate::error::{Error, RejectedError},
    alloc::{alloc::alloc, boxed::Box},
    core::alloc::Layout,
    core::ptr::NonNull,
};

use super::answer::{Answer, Status};
use super::producer::Producer;
use super::producer_table::ProducerTable;
use super::request::Request;
use crate::vocabulary::Device;

/// A producer as a C struct: a table of functions and their context.
///
/// [`new`](Self::new) passes a producer in Rust to C, and [`lend`](Self::lend) does so for the time of a call.
/// [`ForeignProducer`](super::ForeignProducer) takes one back. This is plain data: copying the struct does not duplicate the
/// producer, whose owner calls [`release`](ProducerTable::release) once.
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
/// // C code takes it, and passes it on.
/// // SAFETY: a producer of this crate, which is passed on.
/// let producer = unsafe { ForeignProducer::from_raw(raw) }?;
/// assert_eq!(producer.request(&Request::new())?.data(), numbers.data());
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawProducer {
    /// The table of functions.
    pub table: *const ProducerTable,
    /// The first argument of each function.
    pub ctx: *mut c_void,
}

impl RawProducer {
    /// Passes a producer to C, which calls [`release`](ProducerTable::release) when it is done.
    ///
    /// This makes one allocation. The producer is `Send` and `Sync` because C may call it from any thread. A panic in it
    /// aborts the process.
    ///
    /// # Errors
    ///
    /// Returns the producer with [`Error::AllocationFailed`] if there is no memory.
    #[cfg(feature = "alloc")]
    pub fn new<P: Producer + Send + Sync + 'static>(producer: P) -> Result<Self, RejectedError<P>> {
        let ctx = try_box(producer)?.as_ptr().cast();
        Ok(Self { table: &Tables::<P>::OWNED, ctx })
    }

    /// Lends a producer to C until `f` returns, without an allocation.
    ///
    /// C may keep the tensors that it receives, but not the producer. A panic in the producer aborts the process.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::negotiate::{ForeignProducer, RawProducer, Request};
    /// use dlpack::{Error, Exporter};
    ///
    /// let numbers = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
    /// let tensor = RawProducer::lend(&numbers, |raw| {
    ///     // SAFETY: a producer of this crate, which does not leave the closure.
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
/// Clause P2: `ctx` points to a live producer of this type.
unsafe extern "C" fn device_of<P: Producer>(ctx: *mut c_void) -> Device {
    // SAFETY: clause P2: the producer is live, and C has only shared access to it.
    unsafe { &*ctx.cast::<P>() }.device()
}

/// # Safety
///
/// Clause P2: `ctx` points to a live producer of this type. `request` is null or can be read, and `answer` is null or can
/// be written; neither need be aligned.
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
        // SAFETY: the request is not null, so it can be read, and by clause P2 the producer is live.
        let (request, producer) = unsafe { (request.read_unaligned(), &*ctx.cast::<P>()) };
        Answer::new(producer.respond(&request).map_err(|error| *error.borrow()))
    };
    // SAFETY: the answer is not null, so it can be written.
    unsafe { answer.write_unaligned(given) }
}

/// # Safety
///
/// Clause P2: `ctx` is a pointer from [`try_box`] to a producer of this type, and is not used again.
#[cfg(feature = "alloc")]
unsafe extern "C" fn release<P>(ctx: *mut c_void) {
    // SAFETY: clause P2: this is the only call, and `try_box` allocates as a `Box` does.
    drop(unsafe { Box::from_raw(ctx.cast::<P>()) });
}

/// Moves a value to the heap as `Box::into_raw(Box::new(value))` does, but returns an error if there is no memory.
#[cfg(feature = "alloc")]
fn try_box<P>(value: P) -> Result<NonNull<P>, RejectedError<P>> {
    let layout = Layout::new::<P>();
    let block = if layout.size() == 0 {
        NonNull::dangling()
    } else {
        // SAFETY: the size is not zero.
        match NonNull::new(unsafe { alloc(layout) }) {
            Some(block) => block.cast(),
            None => return Err(RejectedError::new(value, Error::AllocationFailed)),
        }
    };
    // SAFETY: the block is of the layout of one value, and nobody else uses it.
    unsafe { block.write(value) };
    Ok(block)
}
