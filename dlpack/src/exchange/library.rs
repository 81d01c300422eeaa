//! The trait of libraries in Rust.

use core::ffi::c_void;
use core::ptr::NonNull;

use super::offer::Offer;
use super::report::Report;
use crate::error::Error;
use crate::managed::{ManagedTensorVersioned, OpaqueTensor};
use crate::negotiate::Stream;
use crate::sys;
use crate::vocabulary::{DataType, Device};

/// An array library whose functions others call through its [`ExchangeTable`](super::ExchangeTable).
///
/// The functions receive checked arguments and return results, which the table converts for C. They can rely on the rules of
/// the standard for consumers. No function waits for a device; consumers ask for the [stream](Self::current_stream).
///
/// # Safety
///
/// Consumers rely on these clauses, which no type can express:
///
/// - Nobody else accesses the memory of a tensor from [`allocate`](Self::allocate), which can be called from any thread at any
///   time, without a lock of the language.
/// - After [`object_from_tensor`](Self::object_from_tensor) has [accepted](Offer::accept) the offer, it neither fails nor drops
///   the tensor, not even by a panic: on a failure the caller still owns the tensor.
/// - Data, shape and strides of what [`lend`](Self::lend) returns stay valid and in place as that function says.
/// - [`catch_unwind`](Self::catch_unwind) returns what the call has returned: `None` only if it has panicked, or was not made.
///
/// # Panics
///
/// A panic cannot leave a C function. Unless the library implements [`catch_unwind`](Self::catch_unwind), a panic in it aborts
/// the process.
///
/// # Examples
///
/// A library whose objects are boxed tensors, which it also [lends](Self::lend):
///
/// ```
#[doc = include_str!("../../doc/boxes.rs")]
///
/// use dlpack::exchange::ExchangeApi;
///
/// // SAFETY: the table of the library above, for which clauses E1 to E4 hold.
/// let boxes = unsafe { ExchangeApi::from_raw(TABLE.as_raw()) }?;
/// let tensor = boxes.allocate(DataType::F32, &[2, 3], Device::CPU)?.fill(1.0_f32)?;
/// // SAFETY: this library can be called on any thread, and the tensor is writable.
/// let object = unsafe { boxes.object_from_tensor(tensor.into_inner().into_opaque()?) }?;
/// // SAFETY: an object of the library, which can be called on any thread.
/// assert_eq!(unsafe { boxes.tensor_from_object(object.as_ptr()) }?.shape(), [2, 3]);
/// // SAFETY: an object of the library, which is not used again.
/// unsafe { release(object) };
/// # Ok::<(), Error>(())
/// ```
pub unsafe trait Library: 'static {
    /// The error of the library's language, such as an exception. It must be constructible from [`Error`], which reports
    /// invalid arguments.
    type Error: From<Error>;

    /// Runs a call and returns its result, or `None` if it panicked.
    ///
    /// By default a panic is not caught and aborts the process, since this crate is `no_std`. With `std`, implement this as
    /// shown below.
    ///
    /// # Examples
    ///
    /// ```
    /// fn catch_unwind<R>(call: impl FnOnce() -> R) -> Option<R> {
    ///     std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).ok()
    /// }
    ///
    /// assert_eq!(catch_unwind(|| 1), Some(1));
    /// assert_eq!(catch_unwind(|| -> i32 { panic!("caught") }), None);
    /// ```
    fn catch_unwind<R>(call: impl FnOnce() -> R) -> Option<R> {
        Some(call())
    }

    /// Sets the current error of the library's language.
    ///
    /// This is called exactly once for each function that fails, except for [`allocate`](Self::allocate), whose callers need
    /// not hold the language's lock.
    fn set_error(error: Self::Error);

    /// Allocates a tensor of this dtype, shape and device, with any contents.
    ///
    /// The [size](crate::layout::Layout::nbytes) of the tensor has been checked to fit in `isize`.
    /// [`allocate_in`](ManagedTensorVersioned::allocate_in) implements this with any allocator of host memory.
    ///
    /// # Errors
    ///
    /// A report for the `SetError` of the consumer.
    fn allocate(
        dtype: DataType,
        shape: &[usize],
        device: Device,
    ) -> Result<ManagedTensorVersioned, Report>;

    /// Exports one of the library's objects as a tensor.
    ///
    /// # Errors
    ///
    /// The error to [set](Self::set_error).
    ///
    /// # Safety
    ///
    /// `object` is a live object of the type that the table belongs to, and functions of the library's language may be
    /// called on this thread.
    unsafe fn tensor_from_object(object: NonNull<c_void>) -> Result<OpaqueTensor, Self::Error>;

    /// Creates one of the library's objects, which owns the offered tensor.
    ///
    /// The caller owns the returned object. On an error or a panic it still owns the tensor, so [accept](Offer::accept) the
    /// offer last. What can panic after that must not drop the tensor: keep it in a
    /// [`ManuallyDrop`](core::mem::ManuallyDrop) until there is an object.
    /// An offer may be [read-only](crate::Access::ReadOnly): refuse it if your objects are writable.
    ///
    /// # Errors
    ///
    /// The error to [set](Self::set_error).
    ///
    /// # Safety
    ///
    /// Functions of the library's language may be called on this thread.
    unsafe fn object_from_tensor(offer: Offer<'_>) -> Result<NonNull<c_void>, Self::Error>;

    /// Returns the stream on which the library queues its work for a device; by default, [`Stream::NONE`].
    ///
    /// Consumers receive its [pointer](Stream::as_ptr). This is not called for CPUs.
    ///
    /// # Errors
    ///
    /// The error to [set](Self::set_error).
    fn current_stream(device: Device) -> Result<Stream, Self::Error> {
        let _ = device;
        Ok(Stream::NONE)
    }

    /// `true` if the table has the optional function that [`lend`](Self::lend) implements.
    const LENDS: bool = false;

    /// Lends the tensor of an object, which keeps its ownership.
    ///
    /// Data, shape and strides must stay valid until control returns to the library or to its language. The consumer does
    /// not write shape and strides. A `DLTensor` has no flags, so objects that are read-only or have padded elements must be
    /// refused. [`as_dl_tensor`](crate::Descriptor::as_dl_tensor) returns such a struct and refuses those tensors. It does not
    /// refuse a [`Frozen`](crate::Frozen) tensor in memory that may be written: do not lend what Rust reads as frozen meanwhile.
    ///
    /// # Errors
    ///
    /// The error to [set](Self::set_error).
    ///
    /// # Safety
    ///
    /// As for [`tensor_from_object`](Self::tensor_from_object).
    unsafe fn lend(object: NonNull<c_void>) -> Result<sys::DLTensor, Self::Error> {
        let _ = object;
        Err(Error::MissingFunction { name: "dltensor_from_py_object_no_sync" }.into())
    }
}
