//! The answer of an object to `__dlpack__`.

use core::cell::Cell;

use dlpack::negotiate::{CopyPolicy, Producer, Request, Status, Stream};
use dlpack::{
    Access, AnyManagedTensor, Device, DeviceType, Error, Flags, Managed, ManagedTensor,
    ManagedTensorVersioned, OpaqueTensor,
};
use pyo3::Bound;

use super::class::{Export, check_device, synchronize};
use super::failure::Failure;
use crate::capsule::{self, InCapsule};
use crate::import::{attached, restore};
use crate::raw::{Attached, Owned, Raised, raise_error};

/// Answers a request with a new capsule.
#[inline]
pub(crate) fn dlpack<'py, T: Export>(
    slf: &Bound<'py, T>,
    request: &Request,
) -> Result<Owned<'py>, Raised> {
    if is_plain(request) && T::device(slf).device_type == DeviceType::CPU {
        answer_plain(slf, request)
    } else {
        answer_any(slf, request, None)
    }
}

/// Returns `true` for what most consumers ask for: main memory as it is, with no stream that would have to exist.
#[inline]
fn is_plain(request: &Request) -> bool {
    request.copy != CopyPolicy::ALWAYS
        && request.stream.handle().is_none()
        && matches!(request.device.device_type.code(), 0 | 1)
}

/// Fast path: the answer to a plain request of an object in main memory.
#[inline]
fn answer_plain<'py, T: Export>(
    slf: &Bound<'py, T>,
    request: &Request,
) -> Result<Owned<'py>, Raised> {
    let py = slf.py();
    let tensor = T::tensor(slf).map_err(|exception| restore(py, exception))?;
    let is_plain = tensor.device().device_type == DeviceType::CPU
        && !(request.is_legacy() && needs_flags(tensor.flags()))
        && !is_unwanted_copy(request, tensor.flags());
    if !is_plain {
        return answer_any(slf, request, Some(tensor));
    }
    let py = attached(py);
    if request.is_legacy() {
        let tensor = tensor.into_legacy().map_err(|rejected| raise_error(py, rejected.into()))?;
        capsule::make(py, tensor)
    } else {
        capsule::make(py, tensor)
    }
}

/// Returns `true` if the legacy ABI cannot describe such a tensor.
#[inline]
fn needs_flags(flags: Flags) -> bool {
    flags.is_read_only() || flags.is_padded()
}

/// Returns `true` if the class made a copy for a consumer that wants none.
#[inline]
fn is_unwanted_copy(request: &Request, flags: Flags) -> bool {
    request.copy == CopyPolicy::NEVER && flags.contains(Flags::IS_COPIED)
}

/// The answer to any request, by the rules of [`Producer::respond`]. `tensor` is the object's own, if it was made already.
#[cold]
fn answer_any<'py, T: Export>(
    slf: &Bound<'py, T>,
    request: &Request,
    tensor: Option<OpaqueTensor>,
) -> Result<Owned<'py>, Raised> {
    let py = attached(slf.py());
    let producer =
        Asked { slf, request, tensor: Cell::new(tensor), exported: Cell::new(Device::CPU) };
    let answer = producer.respond(request);
    // Before an exception is set, which the deleter of a tensor that nobody asked for must not see.
    drop(producer);
    match answer {
        Ok(AnyManagedTensor::Versioned(tensor)) => give(py, tensor),
        Ok(AnyManagedTensor::Legacy(tensor)) => give(py, tensor),
        // A capsule can have no other ABI, and a request does not ask for one.
        Ok(_) => Err(raise_error(py, Error::Refused { status: Status::FAILED.code() })),
        Err(failure) => Err(failure.raise(slf.py())),
    }
}

/// Puts a tensor into a capsule. If its struct belongs to another producer, that one is put under a header of ours.
fn give<A: InCapsule>(py: Attached<'_>, tensor: Managed<A>) -> Result<Owned<'_>, Raised> {
    // The rejected tensor is dropped before the exception is set, which its deleter must not see.
    let tensor = tensor.into_opaque().map_err(|rejected| raise_error(py, rejected.into()))?;
    capsule::make(py, tensor)
}

/// An object as a producer, for one request.
struct Asked<'a, 'py, T> {
    slf: &'a Bound<'py, T>,
    request: &'a Request,
    /// The tensor that is given out first, if it was made already.
    tensor: Cell<Option<OpaqueTensor>>,
    /// The device of the tensor that was given out last. The object may have moved its memory since.
    exported: Cell<Device>,
}

impl<T: Export> Producer for Asked<'_, '_, T> {
    type Error = Failure;

    #[inline]
    fn device(&self) -> Device {
        T::device(self.slf)
    }

    #[inline]
    fn export(&self) -> Result<ManagedTensorVersioned, Failure> {
        let tensor = match self.tensor.take() {
            Some(tensor) => tensor,
            None => T::tensor(self.slf)?,
        };
        check_device(self.slf, tensor.device())?;
        self.exported.set(tensor.device());
        // Before the legacy ABI loses the flag.
        if is_unwanted_copy(self.request, tensor.flags()) {
            return Err(Error::Copied.into());
        }
        // SAFETY: the class has just made the tensor, and `as_raw` lets nobody write its struct.
        Ok(unsafe { tensor.into_managed() }?)
    }

    fn export_legacy(&self) -> Result<ManagedTensor, Failure> {
        let mut tensor = self.export()?;
        if tensor.access() == Access::ReadOnly {
            let policy = T::read_only_as_legacy(self.slf);
            if policy.is_refuse() {
                // `respond` would try a copy otherwise.
                return Err(Failure::Final(Error::ReadOnlyNotExpressible));
            }
            if policy.is_share() {
                // SAFETY: the memory may be written, as the policy promises, or nobody writes it through this tensor: it goes to
                // Python, and comes back as a legacy tensor, of which nobody knows whether it may be written.
                tensor = unsafe { tensor.assume_writable() };
            }
        }
        Ok(tensor.into_legacy().map_err(Error::from)?)
    }

    fn copy_to(&self, device: Device, stream: Stream) -> Result<ManagedTensorVersioned, Failure> {
        Ok(T::copy_to(self.slf, device, stream)?)
    }

    fn synchronize(&self, stream: Stream) -> Result<(), Failure> {
        let device = self.exported.get();
        // No other route calls this for main memory, either.
        if device.device_type == DeviceType::CPU {
            return Ok(());
        }
        Ok(synchronize(self.slf, device, stream)?)
    }
}
