//! Tensors from a library's objects, and objects from tensors.

use core::ffi::{c_int, c_void};
use core::ptr::{self, NonNull};

use super::api::ExchangeApi;
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
/// All of these call into the library's language. Where one fails with [`Error::CallFailed`], the library has set an
/// error there, such as a Python exception, which the caller must handle or clear.
impl ExchangeApi {
    /// Exports an object as a tensor.
    ///
    /// As with all exports, the object goes on using the memory. PyTorch skips the checks of `__dlpack__` here: conjugated
    /// tensors, and tensors that require a gradient, come out as they lie in memory.
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
    /// - If a device and the host reach the memory, as they do pinned and managed memory, work that is queued on the
    ///   library's stream is done before elements are looked at. This includes elements of a copy, which
    ///   [`try_exclusive`](ManagedTensorVersioned::try_exclusive) gives safe access to.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::exchange::ExchangeApi;
    ///
    /// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
    /// # // SAFETY: the example library of `Library`.
    /// # let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
    /// # let tensor = library.allocate(dlpack::DataType::F32, &[3], dlpack::Device::CPU)?.fill(2.0_f32)?;
    /// # // SAFETY: this library can be called anywhere.
    /// # let object = unsafe { library.object_from_tensor(tensor.into_inner()) }?;
    /// // SAFETY: an object of the library, which can be called anywhere.
    /// let tensor = unsafe { library.tensor_from_object(object.as_ptr()) }?;
    /// assert_eq!(tensor.shape(), [3]);
    /// # // SAFETY: the object is not used again.
    /// # unsafe { boxes::release(object) };
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
        // SAFETY: clause E2 and the caller's promise.
        let code = unsafe { export(object, &raw mut tensor) };
        succeeded(name, code)?;
        // SAFETY: clause E4.
        unsafe { ManagedTensorVersioned::from_raw(tensor) }
    }

    /// Makes an object of the library of a tensor, which the object then owns.
    ///
    /// # Errors
    ///
    /// - [`Error::MissingFunction`], with the tensor: the library was not asked.
    /// - [`Error::CallFailed`] if the library refuses, [`Error::NullObject`] if it claims success without an object. The
    ///   tensor is gone then: whether the library has called its deleter the standard does not say, and calling it
    ///   twice is worse than not calling it.
    ///
    /// # Safety
    ///
    /// - Functions of the library's language may be called on this thread; for Python, a thread state is attached.
    /// - If the tensor is read-only, nobody writes through the object; libraries such as PyTorch do not pass the flag on.
    ///
    /// The caller owns the object, and gives it back as the library's language demands.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, exchange::ExchangeApi};
    ///
    /// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
    /// # // SAFETY: the example library of `Library`.
    /// # let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
    /// let tensor = Exporter::new(vec![1.0_f32, 2.0, 3.0]).build()?.into_inner();
    /// let data = tensor.data();
    /// // SAFETY: the library can be called anywhere, and the tensor may be written.
    /// let object = unsafe { library.object_from_tensor(tensor) }?;
    /// // SAFETY: an object of the library, and the same.
    /// assert_eq!(unsafe { library.tensor_from_object(object.as_ptr()) }?.data(), data);
    /// # // SAFETY: the object is not used again.
    /// # unsafe { boxes::release(object) };
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
        // The struct is of our major version, as the table is: a tensor of another one cannot be taken in.
        // SAFETY: clause E2 and the caller's promise. From here on the tensor is the library's, or nobody's.
        let code = unsafe { import(tensor.into_raw(), &raw mut object) };
        succeeded(name, code)
            .and_then(|()| NonNull::new(object).ok_or(Error::NullObject))
            .map_err(|error| RejectedError::new(None, error))
    }

    /// Passes the tensor in an object to a function, without an owner and without a deleter.
    ///
    /// Faster than [`tensor_from_object`](Self::tensor_from_object), and less can be known: a borrowed tensor has neither
    /// flags nor a version. It may be read-only, so treat it as such, and elements smaller than a byte may be padded.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFunction`], which the standard allows here, [`Error::NullObject`], [`Error::CallFailed`] if the
    /// library refuses, and any error of [`BorrowedTensor::from_raw`]. The function is not called then.
    ///
    /// # Safety
    ///
    /// - As for [`tensor_from_object`](Self::tensor_from_object).
    /// - Until `f` returns, nothing resizes, frees or moves the object's memory: no call into the library's language, which
    ///   may run any program, and no other thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{BorrowedTensor, Error, exchange::ExchangeApi};
    ///
    /// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
    /// # // SAFETY: the example library of `Library`.
    /// # let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
    /// # let tensor = library.allocate(dlpack::DataType::F32, &[3], dlpack::Device::CPU)?.fill(2.0_f32)?;
    /// # // SAFETY: this library can be called anywhere.
    /// # let object = unsafe { library.object_from_tensor(tensor.into_inner()) }?;
    /// let sum = |tensor: BorrowedTensor<'_>| -> Result<f32, Error> {
    ///     // SAFETY: the elements are initialised, and nobody writes them.
    ///     Ok(unsafe { tensor.view::<f32>() }?.iter().sum())
    /// };
    /// // SAFETY: an object of the library; adding numbers calls nobody.
    /// assert_eq!(unsafe { library.with_object(object.as_ptr(), sum) }??, 6.0);
    /// # // SAFETY: the object is not used again.
    /// # unsafe { boxes::release(object) };
    /// # Ok::<(), Error>(())
    /// ```
    pub unsafe fn with_object<R>(
        &self,
        object: *mut c_void,
        f: impl FnOnce(BorrowedTensor<'_>) -> R,
    ) -> Result<R, Error> {
        // SAFETY: the caller's promise.
        let tensor = unsafe { self.borrow_object(object) }?;
        Ok(f(tensor))
    }

    /// Borrows the tensor in an object, without an owner and without a deleter.
    ///
    /// As [`with_object`](Self::with_object), for callers who have to go on before they look at the tensor. Nothing bounds
    /// the lifetime, so name it.
    ///
    /// # Errors
    ///
    /// As for [`with_object`](Self::with_object).
    ///
    /// # Safety
    ///
    /// As for [`with_object`](Self::with_object), for as long as `'a` lasts.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{BorrowedTensor, Error, exchange::ExchangeApi};
    ///
    /// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
    /// # // SAFETY: the example library of `Library`.
    /// # let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
    /// # let tensor = library.allocate(dlpack::DataType::F32, &[3], dlpack::Device::CPU)?.fill(2.0_f32)?;
    /// # // SAFETY: this library can be called anywhere.
    /// # let object = unsafe { library.object_from_tensor(tensor.into_inner()) }?;
    /// {
    ///     // SAFETY: an object of the library, which nobody changes in this block.
    ///     let tensor: BorrowedTensor<'_> = unsafe { library.borrow_object(object.as_ptr()) }?;
    ///     assert_eq!(tensor.shape(), [3]);
    /// }
    /// # // SAFETY: the object is not used again.
    /// # unsafe { boxes::release(object) };
    /// # Ok::<(), Error>(())
    /// ```
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
        // SAFETY: clause E2 and the caller's promise.
        let code = unsafe { lend(object, &raw mut tensor) };
        succeeded(LEND, code)?;
        // SAFETY: clauses E2 and E4, and the caller's promise.
        unsafe { BorrowedTensor::from_raw(&raw const tensor) }
    }

    /// Returns the stream on which the library queues its work for a device.
    ///
    /// There is none on a CPU, about which the library is not asked. What a null pointer means depends on the device, see
    /// [`Stream::from_ptr`]; the result can be part of a [`Request`](crate::negotiate::Request).
    ///
    /// # Errors
    ///
    /// [`Error::MissingFunction`], and [`Error::CallFailed`] if the library refuses. Libraries are known to answer with
    /// the default stream for devices that they have never heard of.
    ///
    /// # Safety
    ///
    /// - Functions of the library's language may be called on this thread; for Python, a thread state is attached.
    /// - What the library answers is a stream of the device, as [`Stream::from_ptr`] asks.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Device, exchange::ExchangeApi, negotiate::Stream};
    ///
    /// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
    /// # // SAFETY: the example library of `Library`.
    /// # let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
    /// // SAFETY: the library can be called anywhere.
    /// let stream = unsafe { library.current_stream(Device::cuda(0)) }?;
    /// assert_eq!(stream, Stream::CUDA_LEGACY_DEFAULT);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn current_stream(&self, device: Device) -> Result<Stream, Error> {
        if device.device_type == DeviceType::CPU {
            return Ok(Stream::NONE);
        }
        let name = CURRENT_STREAM;
        let ask = self.functions.current_stream.ok_or(Error::MissingFunction { name })?;
        let sys::DLDevice { device_type, device_id } = device.into();
        let mut stream = ptr::null_mut();
        // SAFETY: clause E2 and the caller's promise.
        let code = unsafe { ask(device_type, device_id, &raw mut stream) };
        succeeded(name, code)?;
        // SAFETY: the caller's promise.
        Ok(unsafe { Stream::from_ptr(device.device_type, stream) })
    }
}

/// A tensor that is refused, in case that a function claims success and has written nothing.
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
