//! The rules by which a producer answers a request.

use core::borrow::Borrow;

use super::copy_policy::CopyPolicy;
use super::producer::{Producer, into_legacy};
use super::request::Request;
use super::stream::Stream;
use crate::error::Error;
use crate::managed::{AnyManagedTensor, Descriptor};
use crate::vocabulary::{Device, Flags};

/// Answers a request by the rules of Python's `__dlpack__`.
///
/// - A consumer that reads versions gets a versioned tensor, in the producer's version whatever it asked for; any other
///   gets a legacy one.
/// - If the consumer asked for the producer's own device, or for none, the memory itself is exported, unless a copy was
///   asked for. For any other device it is copied.
/// - The legacy ABI cannot express read-only memory and padded elements; for a legacy consumer they are copied.
/// - If a copy is needed but forbidden, the request is refused.
/// - A copy has the flag `IS_COPIED` if the ABI has flags.
/// - Before the memory itself is exported, the producer [synchronizes](Producer::synchronize) with the consumer's stream.
///
/// Each answer passes [`Request::check`]. On an error, the tensor that the producer may have made has been deleted.
///
/// # Errors
///
/// - [`Error::UnknownCopyPolicy`], [`Error::UnknownStreamKind`] or [`Error::InvalidStream`] if the request is invalid.
/// - [`Error::CopyNeeded`], [`Error::ReadOnlyNotExpressible`] or [`Error::PaddedNotExpressible`] if a copy is needed but
///   forbidden or not supported.
/// - [`Error::DeviceMismatch`], [`Error::NotExclusive`] or [`Error::Copied`] if the producer breaks the contract of
///   [`Producer`].
/// - Any error of the producer, such as [`Error::CopyUnsupported`].
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use dlpack::negotiate::{CopyPolicy, Request, respond};
/// use dlpack::{AnyManagedTensor, Error, Exporter};
///
/// let numbers = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
///
/// // Legacy consumers cannot be told not to write, so they get a copy or an error.
/// let tensor = respond(&numbers, &Request::legacy())?;
/// assert!(matches!(tensor, AnyManagedTensor::Legacy(_)) && tensor.data() != numbers.data());
/// let refused = respond(&numbers, &Request::legacy().copy(CopyPolicy::NEVER));
/// assert_eq!(refused.unwrap_err(), Error::ReadOnlyNotExpressible);
/// # Ok::<(), Error>(())
/// ```
pub fn respond<P: Producer + ?Sized>(
    producer: &P,
    request: &Request,
) -> Result<AnyManagedTensor, P::Error> {
    let plan = Plan::new(request, producer.device())?;
    if plan.must_copy {
        return plan.copy(producer);
    }
    match plan.export(producer) {
        Err(error) if request.copy == CopyPolicy::IF_NEEDED && needs_copy(error.borrow()) => {
            // If no copy can be made either, the first error says what the consumer could change.
            plan.copy(producer).map_err(|copying| match copying.borrow() {
                Error::CopyUnsupported { .. } => error,
                _ => copying,
            })
        }
        answer => answer,
    }
}

/// Returns `true` if the legacy ABI cannot express the tensor.
const fn needs_copy(error: &Error) -> bool {
    matches!(error, Error::ReadOnlyNotExpressible | Error::PaddedNotExpressible)
}

/// What a request means for a producer on a device. It is decided before the producer is asked for a tensor.
struct Plan<'a> {
    request: &'a Request,
    must_copy: bool,
    /// The device that the tensor must be on.
    device: Device,
    /// The stream of the consumer: for [`Stream::NONE`], the default stream of the device.
    stream: Stream,
}

impl<'a> Plan<'a> {
    /// Checks a request to a producer whose memory is on `own`.
    fn new(request: &'a Request, own: Device) -> Result<Self, Error> {
        request.copy.check()?;
        let own = own.canonical();
        let device = request.wanted_device().map_or(own, Device::canonical);
        request.stream.check(device)?;
        if device != own && request.copy == CopyPolicy::NEVER {
            return Err(Error::CopyNeeded { expected: device, found: own });
        }
        let must_copy = device != own || request.copy == CopyPolicy::ALWAYS;
        Ok(Self { request, must_copy, device, stream: request.stream.on(device.device_type) })
    }

    #[inline]
    fn export<P: Producer + ?Sized>(&self, producer: &P) -> Result<AnyManagedTensor, P::Error> {
        let tensor: AnyManagedTensor = if self.request.is_legacy() {
            producer.export_legacy()?.into()
        } else {
            producer.export()?.into()
        };
        self.check(&tensor)?;
        if !self.stream.is_no_sync() {
            producer.synchronize(self.stream)?;
        }
        Ok(tensor)
    }

    fn copy<P: Producer + ?Sized>(&self, producer: &P) -> Result<AnyManagedTensor, P::Error> {
        let tensor = producer.copy_to(self.device, self.stream)?;
        if !tensor.flags().contains(Flags::IS_COPIED) {
            return Err(Error::NotExclusive.into());
        }
        let tensor: AnyManagedTensor =
            if self.request.is_legacy() { into_legacy(tensor)?.into() } else { tensor.into() };
        self.check(&tensor)?;
        Ok(tensor)
    }

    /// Checks that the producer's tensor is on the planned device and answers the request.
    fn check(&self, tensor: &Descriptor) -> Result<(), Error> {
        let (expected, found) = (self.device, tensor.device());
        if found.canonical() != expected {
            return Err(Error::DeviceMismatch { expected, found });
        }
        self.request.check(tensor)
    }
}
