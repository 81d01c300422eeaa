//! The table of C functions by which libraries exchange the objects of a class without calling Python.

use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use alloc::sync::Arc;
use dlpack::allocator::Global;
use dlpack::exchange::{ExchangeTable, Library, Offer, Report};
use dlpack::negotiate::Stream;
use dlpack::{DataType, Device, DeviceType, Error, ManagedTensorVersioned, OpaqueTensor, sys};
use pyo3::types::PyAny;
use pyo3::{Borrowed, Bound, Py, PyClass, PyErr, PyResult, Python};

use super::class::{self, Export, check_device};
use super::failure::Failure;
use super::tensor::Tensor;
use super::trampoline::{catch, discard, with_pyo3};
use crate::import::{attached, object, to_err};
use crate::raw::{Attached, Class, ffi, raise};
use crate::route::{OWN_TABLE, forget, versioned_in_turn};

/// Makes the class attribute `__dlpack_c_exchange_api__`.
#[doc(hidden)]
pub fn exchange_api<T: Export>(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let name = c"dlpack_exchange_api".as_ptr();
    let table = Objects::<T>::TABLE.as_raw().cast_mut().cast::<c_void>();
    let context = (&raw const OWN_TABLE).cast_mut().cast::<c_void>();
    // SAFETY: the thread is attached. The table, which nobody writes, and the name live for ever. The result is a new
    // reference, or null with an exception set. Nobody follows the context.
    unsafe {
        let capsule = Bound::from_owned_ptr_or_err(py, ffi::PyCapsule_New(table, name, None))?;
        if ffi::PyCapsule_SetContext(capsule.as_ptr(), context) != 0 {
            return Err(PyErr::fetch(py));
        }
        Ok(capsule.unbind())
    }
}

/// The objects of a class as a library.
struct Objects<T>(PhantomData<T>);

impl<T: Export> Objects<T> {
    const TABLE: &'static ExchangeTable<Self> = &ExchangeTable::new();
}

// SAFETY: `allocate` keeps no pointer to its tensor; what is accepted is kept until there is an object; and a class lends a
// tensor that it borrows from its object.
unsafe impl<T: Export> Library for Objects<T> {
    type Error = Failure;

    const LENDS: bool = T::LENDS;

    #[inline]
    fn catch_unwind<R>(call: impl FnOnce() -> R) -> Option<R> {
        catch(call).map_err(discard).ok()
    }

    #[cold]
    fn set_error(failure: Failure) {
        // SAFETY: consumers call all functions but `allocate` on attached threads, and that one does not come here.
        let _ = failure.raise(unsafe { Python::assume_attached() });
    }

    /// Allocates main memory, whatever memory the class itself has.
    fn allocate(
        dtype: DataType,
        shape: &[usize],
        device: Device,
    ) -> Result<ManagedTensorVersioned, Report> {
        if device.canonical() != Device::CPU {
            let error = Error::DeviceMismatch { expected: Device::CPU, found: device };
            return Err(Report::new("BufferError", &error.to_string()));
        }
        Ok(ManagedTensorVersioned::allocate_in(Global, dtype, shape, device)?.into_inner())
    }

    #[inline]
    unsafe fn tensor_from_object(object: NonNull<c_void>) -> Result<OpaqueTensor, Failure> {
        // SAFETY: consumers call this on attached threads.
        with_pyo3::<T, _>(unsafe { Attached::assume() }, |py| {
            // SAFETY: the object is alive during the call, as the consumer promises.
            let object = unsafe { instance::<T>(py, object) }?;
            let tensor = T::tensor(&object)?;
            let device = tensor.device();
            if device.device_type != DeviceType::CPU {
                synchronize(&object, device)?;
            }
            Ok(tensor)
        })
    }

    /// Makes a [`Tensor`], since the class itself need not be able to hold any tensor.
    unsafe fn object_from_tensor(offer: Offer<'_>) -> Result<NonNull<c_void>, Failure> {
        // SAFETY: consumers call this on attached threads.
        let py = unsafe { Python::assume_attached() };
        let tensor = offer.accept();
        let raw = tensor.as_raw();
        // Until there is an object, the caller still owns the tensor, also if making one panics.
        let tensor = ManuallyDrop::new(Arc::new(versioned_in_turn(tensor)));
        // As in `Tensor::new`.
        let kept = tensor.shared().unwrap_or_else(|| Arc::clone(&tensor));
        let object = Bound::new(py, Tensor::from(kept));
        let tensor = ManuallyDrop::into_inner(tensor);
        match object {
            // SAFETY: the address of an object.
            Ok(object) => Ok(unsafe { NonNull::new_unchecked(object.into_ptr().cast()) }),
            Err(exception) => {
                // As if it had not been accepted.
                if let Some(tensor) = Arc::into_inner(tensor) {
                    // SAFETY: `versioned_in_turn` returned the tensor for the one with the struct `raw`. Only this function has had it:
                    // `into_inner` tells that no object shares it.
                    unsafe { forget(tensor, raw) };
                }
                Err(exception.into())
            }
        }
    }

    fn current_stream(device: Device) -> Result<Stream, Failure> {
        // SAFETY: consumers call this on attached threads.
        let thread = unsafe { Attached::assume() };
        with_pyo3::<T, _>(thread, |py| T::current_stream(py, device)).map_err(Failure::from)
    }

    #[inline]
    unsafe fn lend(object: NonNull<c_void>) -> Result<sys::DLTensor, Failure> {
        // SAFETY: consumers call this on attached threads.
        with_pyo3::<T, _>(unsafe { Attached::assume() }, |py| {
            // SAFETY: the object is alive during the call, as the consumer promises.
            let object = unsafe { instance::<T>(py, object) }?;
            let tensor = T::lend(&object)?;
            let device = tensor.device();
            if device.device_type != DeviceType::CPU {
                synchronize(&object, device)?;
            }
            Ok(tensor.as_dl_tensor()?)
        })
    }
}

/// Makes the stream that consumers are told wait for the work on the object's elements.
#[cold]
fn synchronize<T: Export>(object: &Bound<'_, T>, device: Device) -> PyResult<()> {
    check_device(object, device)?;
    let stream = T::current_stream(object.py(), device)?;
    class::synchronize(object, device, stream.on(device.device_type))
}

/// Returns the object, if it is an instance of the class or of one derived from it.
///
/// # Safety
///
/// The object is alive for as long as the result.
#[inline]
unsafe fn instance<'a, 'py, T: Export>(
    py: Python<'py>,
    object: NonNull<c_void>,
) -> Result<Borrowed<'a, 'py, T>, Failure> {
    // SAFETY: the object is alive, as the caller promises; its class is checked before the cast.
    unsafe {
        let object = Borrowed::from_ptr(py, object.as_ptr().cast());
        if T::is_type_of(&object) {
            Ok(object.cast_unchecked())
        } else {
            Err(not_an_instance::<T>(object))
        }
    }
}

#[cold]
fn not_an_instance<T: Export>(found: Borrowed<'_, '_, PyAny>) -> Failure {
    let (py, class, found) = (found.py(), <T as PyClass>::NAME, object(found).class_name());
    let raised = raise(
        attached(py),
        Class::Type,
        format_args!("expected an object of {class}, found {found}"),
    );
    to_err(py, raised).into()
}
