//! What an array library does for others.

use core::ffi::c_void;
use core::ptr::NonNull;

use super::offer::Offer;
use super::report::Report;
use crate::error::Error;
use crate::managed::{ManagedTensorVersioned, OpaqueTensor};
use crate::negotiate::Stream;
use crate::sys;
use crate::vocabulary::{DataType, Device};

/// An array library whose functions others call through an [`ExchangeTable`](super::ExchangeTable).
///
/// The functions get checked arguments and answer with results; the table turns those into what C expects. An
/// implementer keeps three rules that no type can:
///
/// - Tensors hold clauses S1 to S6 of [`ManagedTensorVersioned::from_raw`], and those from [`allocate`](Self::allocate)
///   are of memory that nobody else reaches.
/// - [`allocate`](Self::allocate) can be called from any thread at any time, without a lock of the language.
/// - No function waits for a device; consumers ask for the [stream](Self::current_stream).
///
/// # Panics
///
/// A panic cannot leave a C function. Without a [`catch_unwind`](Self::catch_unwind) of its own a library whose functions panic
/// aborts the process.
///
/// # Examples
///
/// A library whose objects are boxed tensors, and that also [lends](Self::lend) them:
///
/// ```
#[doc = include_str!("../../doc/boxes.rs")]
///
/// use dlpack::exchange::ExchangeApi;
///
/// // SAFETY: the table of the library above, which keeps to the standard.
/// let boxes = unsafe { ExchangeApi::from_raw(TABLE.as_raw()) }?;
/// let tensor = boxes.allocate(DataType::F32, &[2, 3], Device::CPU)?.fill(1.0_f32)?;
/// // SAFETY: this library's functions can be called anywhere.
/// let object = unsafe { boxes.object_from_tensor(tensor.into_inner().into_parcel()?) }?;
/// // SAFETY: an object of the library, and the same.
/// assert_eq!(unsafe { boxes.tensor_from_object(object.as_ptr()) }?.shape(), [2, 3]);
/// // SAFETY: an object of the library, which is not used again.
/// unsafe { release(object) };
/// # Ok::<(), Error>(())
/// ```
pub trait Library: 'static {
    /// The errors of the library's language, such as exceptions. Must also say what is wrong with an argument.
    type Error: From<Error>;

    /// Runs a call, and keeps a panic in it from going on; `None` means that there was one.
    ///
    /// The default contains nothing, so that a panic ends the process: this crate has no `std`, and without it nothing
    /// catches one. With `std` this is `std::panic::catch_unwind(AssertUnwindSafe(call)).ok()`.
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

    /// Sets the error of the library's language that explains why a function fails.
    ///
    /// Called exactly once for each failure, but never for those of [`allocate`](Self::allocate), which need not hold
    /// the language's lock.
    ///
    /// # Examples
    ///
    /// The example at [`Library`] keeps the last error of each thread.
    fn set_error(error: Self::Error);

    /// Makes a new tensor, of this dtype, shape and device.
    ///
    /// The shape has been checked for such elements: its [size](crate::layout::Layout::nbytes) fits in `isize`. What
    /// lies in the new memory is the library's choice. [`allocate_in`](super::allocate_in) does this with any
    /// allocator of host memory.
    ///
    /// # Errors
    ///
    /// What the consumer is told through its `SetError`.
    ///
    /// # Examples
    ///
    /// See [`Library`].
    fn allocate(
        dtype: DataType,
        shape: &[usize],
        device: Device,
    ) -> Result<ManagedTensorVersioned, Report>;

    /// Exports one of the library's objects, as a [`OpaqueTensor`].
    ///
    /// # Errors
    ///
    /// What [`set_error`](Self::set_error) is to be given.
    ///
    /// # Safety
    ///
    /// `object` is a live object of the type that the table is found on, and functions of the library's language may be
    /// called on this thread.
    ///
    /// # Examples
    ///
    /// See [`Library`].
    unsafe fn tensor_from_object(object: NonNull<c_void>) -> Result<OpaqueTensor, Self::Error>;

    /// Makes one of the library's objects, which owns the tensor that is offered.
    ///
    /// Returns an object that its caller owns. On an error the tensor is still the caller's, unless it was
    /// [accepted](Offer::accept), which therefore comes last. An offer may be [read-only](crate::Access::ReadOnly): refuse
    /// it if your objects can be written.
    ///
    /// # Errors
    ///
    /// What [`set_error`](Self::set_error) is to be given.
    ///
    /// # Safety
    ///
    /// Functions of the library's language may be called on this thread.
    ///
    /// # Examples
    ///
    /// See [`Library`].
    unsafe fn object_from_tensor(offer: Offer<'_>) -> Result<NonNull<c_void>, Self::Error>;

    /// Returns the stream on which the library queues its work for a device.
    ///
    /// Consumers get its [pointer](Stream::as_ptr). Not called for CPUs. By default, [`Stream::NONE`].
    ///
    /// # Errors
    ///
    /// What [`set_error`](Self::set_error) is to be given.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Device, DeviceType, Error, negotiate::Stream};
    ///
    /// fn current_stream(device: Device) -> Result<Stream, Error> {
    ///     match device.device_type {
    ///         DeviceType::CUDA => Ok(Stream::CUDA_PER_THREAD_DEFAULT),
    ///         _ => Err(Error::DeviceMismatch { expected: Device::cuda(0), found: device }),
    ///     }
    /// }
    /// assert!(current_stream(Device::cuda(1)).is_ok());
    /// ```
    fn current_stream(device: Device) -> Result<Stream, Self::Error> {
        let _ = device;
        Ok(Stream::NONE)
    }

    /// Whether the table has the function that [`lend`](Self::lend) answers, the one that it may lack.
    const LENDS: bool = false;

    /// Describes the tensor of an object, which stays the object's.
    ///
    /// Data, shape and strides are valid until control returns to the library or to its language; the consumer does not
    /// write shape and strides. [`as_dl_tensor`](crate::Descriptor::as_dl_tensor) makes such a struct of a tensor. It has
    /// no flags: objects whose memory must not be written and those with padded elements are refused, as that function
    /// does.
    ///
    /// # Errors
    ///
    /// Whatever [`set_error`](Self::set_error) is to be given.
    ///
    /// # Safety
    ///
    /// As for [`tensor_from_object`](Self::tensor_from_object).
    unsafe fn lend(object: NonNull<c_void>) -> Result<sys::DLTensor, Self::Error> {
        let _ = object;
        Err(Error::MissingFunction { name: "dltensor_from_py_object_no_sync" }.into())
    }
}
