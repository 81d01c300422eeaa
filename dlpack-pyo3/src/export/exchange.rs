//! The table of C functions by which libraries exchange the objects of a class, without any call in Python.

use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem;
use core::panic::AssertUnwindSafe;
use core::ptr::NonNull;
use std::panic::catch_unwind;

use alloc::sync::Arc;
use dlpack::exchange::{ExchangeTable, Lend, Library, Offer, Report, allocate_in};
use dlpack::negotiate::Stream;
use dlpack::{DataType, Device, DeviceType, Error, Heap, ManagedTensorVersioned, Parcel, sys};
use pyo3::exceptions::PyTypeError;
use pyo3::types::{PyAny, PyAnyMethods, PyTypeMethods};
use pyo3::{Borrowed, Bound, Py, PyErr, PyResult, Python};

use super::guard::entered;
use super::source::Export;
use super::tensor::Tensor;
use crate::import::to_py_err;
use crate::raw::{Attached, ffi};

/// The class attribute `__dlpack_c_exchange_api__`.
#[doc(hidden)]
pub fn exchange_api<T: Export>(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let table = if T::LEND.is_some() { Tables::<T>::LENDING } else { Tables::<T>::OWNED };
    let name = c"dlpack_exchange_api".as_ptr();
    let table = table.as_raw().cast_mut().cast::<c_void>();
    // SAFETY: the thread is attached; the table, which nobody writes, and its name live as long as the program.
    let capsule = unsafe { ffi::PyCapsule_New(table, name, None) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, capsule) }.map(Bound::unbind)
}

/// The tables that a class can have.
struct Tables<T>(PhantomData<T>);

impl<T: Export> Tables<T> {
    const OWNED: &'static ExchangeTable<Class<T>> = &ExchangeTable::new();
    const LENDING: &'static ExchangeTable<Class<T>> = &ExchangeTable::new().lending();
}

/// The objects of a class as a library.
struct Class<T>(PhantomData<T>);

/// What is wrong: an exception, or what becomes one.
struct Failure(PyErr);

impl From<Error> for Failure {
    #[cold]
    fn from(error: Error) -> Self {
        Self(to_py_err(error))
    }
}

impl<T: Export> Library for Class<T> {
    type Error = Failure;

    #[inline]
    fn contain<R>(call: impl FnOnce() -> R) -> Option<R> {
        // What a panic has left half done is the class's, whose methods panic just so when PyO3 calls them.
        catch_unwind(AssertUnwindSafe(call)).ok()
    }

    #[cold]
    fn set_error(Failure(exception): Failure) {
        // SAFETY: consumers call all functions but `allocate` on attached threads, and that one does not come here.
        exception.restore(unsafe { Python::assume_attached() });
    }

    /// In main memory, whatever the class has its own in: a consumer that wants a result there asks for that.
    fn allocate(
        dtype: DataType,
        shape: &[usize],
        device: Device,
    ) -> Result<ManagedTensorVersioned, Report> {
        if device.canonical() != Device::CPU {
            let error = Error::DeviceMismatch { expected: Device::CPU, found: device };
            return Err(Report::new("BufferError", &error.to_string()));
        }
        Ok(allocate_in(Heap, dtype, shape, device)?.into_inner())
    }

    #[inline]
    unsafe fn tensor_from_object(object: NonNull<c_void>) -> Result<Parcel, Failure> {
        // SAFETY: the caller's promise.
        entered::<T, _>(unsafe { Attached::assume() }, |py| {
            // SAFETY: the caller's promise.
            let object = unsafe { instance::<T>(py, object) }?;
            let device = T::device(&object);
            let parcel = T::tensor(&object).map_err(Failure)?;
            if device.device_type != DeviceType::CPU {
                follow(&object, device).map_err(Failure)?;
            }
            Ok(parcel)
        })
    }

    /// A [`Tensor`], since the class itself need not have a way to be made of one.
    unsafe fn object_from_tensor(offer: Offer<'_>) -> Result<NonNull<c_void>, Failure> {
        // SAFETY: the caller's promise; the ready-made class needs no more.
        let py = unsafe { Python::assume_attached() };
        let tensor = Arc::new(offer.accept());
        match Bound::new(py, Tensor::from(Arc::clone(&tensor))) {
            // SAFETY: the address of an object.
            Ok(object) => Ok(unsafe { NonNull::new_unchecked(object.into_ptr().cast()) }),
            Err(exception) => {
                // As if it had not been accepted: the caller goes on owning it.
                mem::forget(Arc::into_inner(tensor));
                Err(Failure(exception))
            }
        }
    }

    fn current_stream(device: Device) -> Result<Stream, Failure> {
        // SAFETY: consumers call this on attached threads.
        let thread = unsafe { Attached::assume() };
        entered::<T, _>(thread, |py| T::current_stream(py, device)).map_err(Failure)
    }
}

impl<T: Export> Lend for Class<T> {
    #[inline]
    unsafe fn lend(object: NonNull<c_void>) -> Result<sys::DLTensor, Failure> {
        // SAFETY: the caller's promise.
        entered::<T, _>(unsafe { Attached::assume() }, |py| {
            // SAFETY: the caller's promise.
            let object = unsafe { instance::<T>(py, object) }?;
            let lend = T::LEND.ok_or(Error::NullObject)?;
            let tensor = lend(&object);
            let device = tensor.device();
            if device.device_type != DeviceType::CPU {
                follow(&object, device).map_err(Failure)?;
            }
            tensor.as_dl_tensor().map_err(Failure::from)
        })
    }
}

/// Has the stream that consumers are told follow the work on the object's elements.
#[cold]
fn follow<T: Export>(object: &Bound<'_, T>, device: Device) -> PyResult<()> {
    let stream = T::current_stream(object.py(), device)?;
    // SAFETY: somebody has named that stream already, as one of this device. Where it is none, the default stream is meant.
    let stream = unsafe { Stream::from_ptr(device.device_type, stream.as_ptr()) };
    T::synchronize(object, stream)
}

/// The object, if it is one of the class or of a class derived from it.
///
/// # Safety
///
/// An object that is alive for as long as the result.
#[inline]
unsafe fn instance<'a, 'py, T: Export>(
    py: Python<'py>,
    object: NonNull<c_void>,
) -> Result<Borrowed<'a, 'py, T>, Failure> {
    // SAFETY: the caller's promise.
    let object = unsafe { Borrowed::from_ptr(py, object.as_ptr().cast()) };
    if T::is_type_of(&object) {
        // SAFETY: just checked.
        Ok(unsafe { object.cast_unchecked() })
    } else {
        Err(no_instance::<T>(&object))
    }
}

#[cold]
fn no_instance<T: Export>(object: &Bound<'_, PyAny>) -> Failure {
    let found = object.get_type().name();
    let found = found.map_or_else(|_| "another class".into(), |name| name.to_string());
    Failure(PyTypeError::new_err(format!("expected an object of {}, found {found}", T::NAME)))
}

/// The tensor as C has it, with the shape and strides of its description, which stay where the tensor is.
#[inline]
fn lent(tensor: &ManagedTensorVersioned) -> Result<sys::DLTensor, Error> {
    if tensor.access() != Access::Writable || tensor.flags().is_padded() {
        // The struct cannot say so.
        return Err(Error::ReadOnly);
    }
    let ndim = tensor.ndim();
    Ok(sys::DLTensor {
        data: if tensor.is_empty() { ptr::null_mut() } else { tensor.data() },
        device: tensor.device().canonical().into(),
        ndim: i32::try_from(ndim).map_err(|_| Error::TooManyAxes { ndim, max: 64 })?,
        dtype: tensor.dtype().into(),
        shape: tensor.shape().as_ptr().cast_mut(),
        strides: tensor.strides().as_ptr().cast_mut(),
        byte_offset: tensor.byte_offset(),
    })
}
