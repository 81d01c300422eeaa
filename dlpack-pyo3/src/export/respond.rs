//! The answer of an object to `__dlpack__`.

use core::cell::Cell;

use dlpack::negotiate::{self, CopyPolicy, Producer, Request, Stream};
use dlpack::{
    Access, AnyManagedTensor, Device, DeviceType, Error, Flags, ManagedTensor,
    ManagedTensorVersioned, Parcel, Tensor,
};
use pyo3::{Bound, PyErr, PyResult};

use super::source::Export;
use crate::capsule;
use crate::import::{attached, restore};
use crate::raw::{Owned, Raised, raise_error};

/// Answers a request with a new capsule.
#[inline]
pub(crate) fn dlpack<'py, T: Export>(
    slf: &Bound<'py, T>,
    request: &Request,
) -> Result<Owned<'py>, Raised> {
    if is_plain(request) && T::device(slf).device_type == DeviceType::CPU {
        plain(slf, request)
    } else {
        ruled(slf, request, None)
    }
}

/// What most consumers ask for: main memory as it is, with no stream that would have to exist.
#[inline]
fn is_plain(request: &Request) -> bool {
    request.copy != CopyPolicy::ALWAYS
        && request.stream.handle().is_none()
        && matches!(request.device.device_type.code(), 0 | 1)
}

/// The answer to a plain request of an object in main memory, to which all rules come down, but for unusual tensors.
#[inline]
fn plain<'py, T: Export>(slf: &Bound<'py, T>, request: &Request) -> Result<Owned<'py>, Raised> {
    let py = slf.py();
    let tensor = T::tensor(slf).map_err(|exception| restore(py, exception))?;
    let is_usual = tensor.device().device_type == DeviceType::CPU
        && !(request.is_legacy() && needs_flags(tensor.flags()));
    if !is_usual {
        return ruled(slf, request, Some(tensor));
    }
    if !request.stream.is_no_sync() {
        if let Err(exception) = T::synchronize(slf, Stream::NONE) {
            // Before the exception is set, which its deleter had better not find.
            drop(tensor);
            return Err(restore(py, exception));
        }
    }
    let py = attached(py);
    if request.is_legacy() {
        let raw = tensor.into_raw_legacy().map_err(|error| raise_error(py, error))?;
        // SAFETY: just passed on.
        unsafe { capsule::legacy_raw(py, raw) }
    } else {
        capsule::versioned(py, tensor)
    }
}

/// Whether the legacy ABI cannot say what a tensor is.
#[inline]
fn needs_flags(flags: Flags) -> bool {
    flags.is_read_only() || flags.is_padded()
}

/// The answer to any request. `tensor` is the object's own, if it was made already.
#[cold]
fn ruled<'py, T: Export>(
    slf: &Bound<'py, T>,
    request: &Request,
    tensor: Option<Parcel>,
) -> Result<Owned<'py>, Raised> {
    let py = attached(slf.py());
    let answer = respond(slf, request, tensor).map_err(|failure| match failure {
        Failure::Exception(exception) => restore(slf.py(), exception),
        Failure::Error(error) => raise_error(py, error),
    })?;
    match answer {
        AnyManagedTensor::Versioned(tensor) => capsule::versioned(py, tensor.into()),
        AnyManagedTensor::Legacy(tensor) => capsule::legacy(py, tensor),
    }
}

/// Why there is no answer.
enum Failure {
    /// The exception of one of the object's own methods.
    Exception(PyErr),
    Error(Error),
}

/// Answers a request by the rules of [`negotiate::respond`].
fn respond<T: Export>(
    slf: &Bound<'_, T>,
    request: &Request,
    tensor: Option<Parcel>,
) -> Result<AnyManagedTensor, Failure> {
    let asked = Asked { slf, tensor: Cell::new(tensor), failure: Cell::new(None) };
    negotiate::respond(&asked, request)
        .map_err(|error| asked.failure.take().unwrap_or(Failure::Error(error)))
}

/// An object as a producer, for one request.
struct Asked<'a, 'py, T> {
    slf: &'a Bound<'py, T>,
    /// The first to be given out, if there is one already.
    tensor: Cell<Option<Parcel>>,
    /// What ends the request, where an [`Error`] cannot say it.
    failure: Cell<Option<Failure>>,
}

/// What the rules are told of a failure that they are to leave alone.
const FAILED: Error = Error::Refused { status: negotiate::Status::FAILED.code() };

impl<T: Export> Asked<'_, '_, T> {
    #[inline]
    fn keep<R>(&self, result: PyResult<R>) -> Result<R, Error> {
        result.map_err(|exception| self.fail(Failure::Exception(exception)))
    }

    #[cold]
    fn fail(&self, failure: Failure) -> Error {
        self.failure.set(Some(failure));
        FAILED
    }
}

impl<T: Export> Producer for Asked<'_, '_, T> {
    type Error = Error;

    #[inline]
    fn device(&self) -> Device {
        T::device(self.slf)
    }

    #[inline]
    fn alias(&self) -> Result<ManagedTensorVersioned, Error> {
        let tensor = match self.tensor.take() {
            Some(tensor) => tensor,
            None => self.keep(T::tensor(self.slf))?,
        };
        tensor.into_tensor()
    }

    fn alias_legacy(&self) -> Result<ManagedTensor, Error> {
        let mut tensor = self.alias()?;
        if tensor.access() == Access::ReadOnly {
            let policy = T::read_only_as_legacy(self.slf);
            if policy.is_refuse() {
                // Not as an answer that has the rules ask for a copy.
                return Err(self.fail(Failure::Error(Error::ReadOnlyNotExpressible)));
            }
            if policy.is_alias() {
                // SAFETY: nobody writes the memory through it, or may, as the policy promises.
                tensor = unsafe { tensor.assume_writable() };
            }
        }
        Ok(tensor.into_legacy()?)
    }

    fn copy_to(&self, device: Device, stream: Stream) -> Result<ManagedTensorVersioned, Error> {
        self.keep(T::copy_to(self.slf, device, stream))
    }

    fn synchronize(&self, stream: Stream) -> Result<(), Error> {
        self.keep(T::synchronize(self.slf, stream))
    }
}
