//! The answer of an object to `__dlpack__`.

use core::cell::Cell;

use dlpack::negotiate::{self, CopyPolicy, Producer, Request, Stream};
use dlpack::{
    Access, AnyManagedTensor, Device, DeviceType, Error, ManagedTensor, ManagedTensorVersioned,
    Tensor,
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
        plain(slf, request.stream)
    } else {
        ruled(slf, request)
    }
}

/// What most consumers ask for: the memory as it is, in our version, with no stream that would have to exist.
#[inline]
fn is_plain(request: &Request) -> bool {
    request.max_version.major != 0
        && request.device.device_type.code() == 0
        && request.copy == CopyPolicy::IF_NEEDED
        && request.stream.handle().is_none()
}

/// The answer to a plain request, to which all rules come down.
#[inline]
fn plain<'py, T: Export>(slf: &Bound<'py, T>, stream: Stream) -> Result<Owned<'py>, Raised> {
    let py = slf.py();
    let parcel = T::parcel(slf).map_err(|exception| restore(py, exception))?;
    if !stream.is_no_sync() {
        T::synchronize(slf, Stream::NONE).map_err(|exception| restore(py, exception))?;
    }
    capsule::versioned(attached(py), parcel)
}

/// The answer to any request.
fn ruled<'py, T: Export>(slf: &Bound<'py, T>, request: &Request) -> Result<Owned<'py>, Raised> {
    let py = attached(slf.py());
    let answer = respond(slf, request).map_err(|failure| match failure {
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
fn respond<T: Export>(slf: &Bound<'_, T>, request: &Request) -> Result<AnyManagedTensor, Failure> {
    let asked = Asked { slf, failure: Cell::new(None) };
    negotiate::respond(&asked, request)
        .map_err(|error| asked.failure.take().unwrap_or(Failure::Error(error)))
}

/// An object as a producer, for one request.
struct Asked<'a, 'py, T> {
    slf: &'a Bound<'py, T>,
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
    #[inline]
    fn device(&self) -> Device {
        T::device(self.slf)
    }

    #[inline]
    fn alias(&self) -> Result<ManagedTensorVersioned, Error> {
        self.keep(T::tensor(self.slf))
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
