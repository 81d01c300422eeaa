//! Conversions between a library's objects and tensors.

use core::ffi::{c_int, c_void};
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use super::ExchangeApi;
use crate::error::{Error, RejectedError};
use crate::managed::{BorrowedTensor, ManagedTensorVersioned, OpaqueTensor};
use crate::negotiate::Stream;
use crate::sys;
use crate::vocabulary::{DataType, DataTypeCode, Device, DeviceType};

const TENSOR_FROM_OBJECT: &str = "managed_tensor_from_py_object_no_sync";
const OBJECT_FROM_TENSOR: &str = "managed_tensor_to_py_object_no_sync";
const LEND: &str = "dltensor_from_py_object_no_sync";
const CURRENT_STREAM: &str = "current_work_stream";

/// # Objects
///
/// These methods call into the library's language. If one fails with [`Error::CallFailed`], the library has set an error
/// there, such as a Python exception, which the caller must handle or clear.
impl ExchangeApi {
    /// Exports an object as a tensor.
    ///
    /// The object and the tensor share the memory. PyTorch skips the checks of `__dlpack__` here: tensors that are conjugated
    /// or require a gradient are exported as they lie in memory.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFunction`], [`Error::NullObject`], [`Error::CallFailed`] if the library refuses, and any error of
    /// [`ManagedTensorVersioned::from_raw`].
    ///
    /// # Safety
    ///
    /// - `object` is null, or an object of exactly the type that the table was found on.
    /// - Functions of the library's language may be called on this thread; for Python, a thread state is attached.
    /// - If both a device and the host can access the memory, as with pinned and managed memory, work that is queued on
    ///   the library's stream completes before elements are accessed. This includes the elements of a copy, to which
    ///   [`try_exclusive`](ManagedTensorVersioned::try_exclusive) gives safe access.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::exchange::ExchangeApi;
    ///
    /// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
    /// // SAFETY: clauses E1 to E4 hold for the library in the documentation of `Library`, here as a module `boxes`.
    /// let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
    /// let tensor = library.allocate(dlpack::DataType::F32, &[3], dlpack::Device::CPU)?.fill(2.0_f32)?;
    /// // SAFETY: this library can be called on any thread.
    /// let object = unsafe { library.object_from_tensor(tensor.into_inner().into_opaque()?) }?;
    /// // SAFETY: an object of the library, which can be called on any thread.
    /// let tensor = unsafe { library.tensor_from_object(object.as_ptr()) }?;
    /// assert_eq!(tensor.shape(), [3]);
    /// // SAFETY: the object is not used again.
    /// unsafe { boxes::release(object) };
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn tensor_from_object(
        &self,
        object: *mut c_void,
    ) -> Result<ManagedTensorVersioned, Error> {
        let name = TENSOR_FROM_OBJECT;
        let export = self.functions.tensor_from_object.ok_or(Error::MissingFunction { name })?;
        if object.is_null() {
            return Err(Error::NullObject);
        }
        let mut tensor = ptr::null_mut();
        // SAFETY: clause E2: the function may be called with such an object on this thread.
        let code = unsafe { export(object, &raw mut tensor) };
        succeeded(name, code)?;
        // SAFETY: clause E4: clauses S1 to S6 hold.
        unsafe { ManagedTensorVersioned::from_raw(tensor) }
    }

    /// Creates an object of the library that owns the tensor.
    ///
    /// # Errors
    ///
    /// - [`Error::MissingFunction`] with the tensor, since the library was not called.
    /// - [`Error::CallFailed`] if the library refuses, and [`Error::NullObject`] if it reports success without an object.
    ///   The tensor is leaked: the standard does not say whether the library has called its deleter, and a second call
    ///   would be worse than none.
    ///
    /// # Safety
    ///
    /// - Functions of the library's language may be called on this thread; for Python, a thread state is attached.
    /// - If the tensor is read-only, nobody writes through the object; libraries such as PyTorch ignore the flag.
    ///
    /// The caller owns the object, and releases it as the library's language requires.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, exchange::ExchangeApi};
    ///
    /// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
    /// // SAFETY: clauses E1 to E4 hold for the library in the documentation of `Library`, here as a module `boxes`.
    /// let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
    /// let tensor = Exporter::new(vec![1.0_f32, 2.0, 3.0]).build()?.into_inner();
    /// let data = tensor.data();
    /// // SAFETY: the library can be called on any thread, and the tensor may be written.
    /// let object = unsafe { library.object_from_tensor(tensor.into_opaque()?) }?;
    /// // SAFETY: an object of the library, which can be called on any thread.
    /// assert_eq!(unsafe { library.tensor_from_object(object.as_ptr()) }?.data(), data);
    /// // SAFETY: the object is not used again.
    /// unsafe { boxes::release(object) };
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn object_from_tensor(
        &self,
        tensor: OpaqueTensor,
    ) -> Result<NonNull<c_void>, RejectedError<Option<OpaqueTensor>>> {
        let name = OBJECT_FROM_TENSOR;
        let Some(import) = self.functions.object_from_tensor else {
            return Err(RejectedError::new(Some(tensor), Error::MissingFunction { name }));
        };
        let mut object = ptr::null_mut();
        // SAFETY: clause E2: the function may be called on this thread with a struct of the table's major version. From
        // here on the tensor belongs to the library, or is leaked.
        let code = unsafe { import(tensor.into_raw(), &raw mut object) };
        succeeded(name, code)
            .and_then(|()| NonNull::new(object).ok_or(Error::NullObject))
            .map_err(|error| RejectedError::new(None, error))
    }

    /// Borrows the tensor of an object for the time of a call.
    ///
    /// This is faster than [`tensor_from_object`](Self::tensor_from_object), but a borrowed tensor has neither flags nor a
    /// version: it may be read-only, and sub-byte elements may be padded.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFunction`], since the standard makes this function optional, [`Error::NullObject`],
    /// [`Error::CallFailed`] if the library refuses, and any error of [`BorrowedTensor::from_raw`]. On an error, `f` is not
    /// called.
    ///
    /// # Safety
    ///
    /// - As for [`tensor_from_object`](Self::tensor_from_object).
    /// - Until `f` returns, nothing resizes, frees or moves the memory of the object: neither another thread nor a call into
    ///   the library's language, which may run any code.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{BorrowedTensor, Error, exchange::ExchangeApi};
    ///
    /// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
    /// // SAFETY: clauses E1 to E4 hold for the library in the documentation of `Library`, here as a module `boxes`.
    /// let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
    /// let tensor = library.allocate(dlpack::DataType::F32, &[3], dlpack::Device::CPU)?.fill(2.0_f32)?;
    /// // SAFETY: this library can be called on any thread.
    /// let object = unsafe { library.object_from_tensor(tensor.into_inner().into_opaque()?) }?;
    /// let sum = |tensor: BorrowedTensor<'_>| -> Result<f32, Error> {
    ///     // SAFETY: the elements are initialised, and do not change.
    ///     Ok(unsafe { tensor.view::<f32>() }?.iter().sum())
    /// };
    /// // SAFETY: an object of the library, which adding numbers does not call into.
    /// assert_eq!(unsafe { library.with_object(object.as_ptr(), sum) }??, 6.0);
    /// // SAFETY: the object is not used again.
    /// unsafe { boxes::release(object) };
    /// # Ok::<(), Error>(())
    /// ```
    pub unsafe fn with_object<R>(
        &self,
        object: *mut c_void,
        f: impl FnOnce(BorrowedTensor<'_>) -> R,
    ) -> Result<R, Error> {
        // If the library ends the thread, nothing here is dropped.
        let f = ManuallyDrop::new(f);
        // SAFETY: the object is as `borrow_object` requires, and its memory stays until `f` returns, where the lifetime ends.
        let tensor = unsafe { self.borrow_object(object) };
        // Called, or dropped on an error.
        let f = ManuallyDrop::into_inner(f);
        Ok(f(tensor?))
    }

    /// Borrows the tensor of an object for a lifetime that the caller chooses.
    ///
    /// Prefer [`with_object`](Self::with_object), which bounds the lifetime.
    ///
    /// # Errors
    ///
    /// As for [`with_object`](Self::with_object).
    ///
    /// # Safety
    ///
    /// As for [`with_object`](Self::with_object), until the end of `'a`.
    #[inline]
    pub unsafe fn borrow_object<'a>(
        &self,
        object: *mut c_void,
    ) -> Result<BorrowedTensor<'a>, Error> {
        let lend = self.functions.lend.ok_or(Error::MissingFunction { name: LEND })?;
        if object.is_null() {
            return Err(Error::NullObject);
        }
        let mut tensor = UNWRITTEN;
        // SAFETY: clause E2: the function may be called with such an object on this thread.
        let code = unsafe { lend(object, &raw mut tensor) };
        succeeded(LEND, code)?;
        // SAFETY: clause E4: the struct describes memory of the object, which does not move during `'a`.
        unsafe { BorrowedTensor::from_raw(&raw const tensor) }
    }

    /// Returns the stream on which the library queues its work for a device.
    ///
    /// For a CPU this is [`Stream::NONE`], without a call of the library. A null pointer is converted as
    /// [`Stream::from_ptr`] does. The result can be part of a [`Request`](crate::negotiate::Request).
    ///
    /// # Errors
    ///
    /// [`Error::MissingFunction`], and [`Error::CallFailed`] if the library refuses. Some libraries return the default
    /// stream for devices that they do not support.
    ///
    /// # Safety
    ///
    /// - Functions of the library's language may be called on this thread; for Python, a thread state is attached.
    /// - The library returns a stream of the device, as [`Stream::from_ptr`] requires.
    pub unsafe fn current_stream(&self, device: Device) -> Result<Stream, Error> {
        if device.device_type == DeviceType::CPU {
            return Ok(Stream::NONE);
        }
        let name = CURRENT_STREAM;
        let ask = self.functions.current_stream.ok_or(Error::MissingFunction { name })?;
        let sys::DLDevice { device_type, device_id } = device.into();
        let mut stream = ptr::null_mut();
        // SAFETY: clause E2: the function may be called on this thread.
        let code = unsafe { ask(device_type, device_id, &raw mut stream) };
        succeeded(name, code)?;
        // SAFETY: the library returns a stream of the device.
        Ok(unsafe { Stream::from_ptr(device.device_type, stream) })
    }
}

/// An invalid tensor, so that a function that reports success without writing its result is refused.
const UNWRITTEN: sys::DLTensor = sys::DLTensor {
    data: ptr::null_mut(),
    device: Device::CPU.to_sys(),
    ndim: 0,
    dtype: DataType::new(DataTypeCode::INT, 0, 0).to_sys(),
    shape: ptr::null_mut(),
    strides: ptr::null_mut(),
    byte_offset: 0,
};

#[inline]
fn succeeded(name: &'static str, code: c_int) -> Result<(), Error> {
    if code == 0 { Ok(()) } else { Err(Error::CallFailed { name, code }) }
}
