//! The trait of producers in Rust, and the rules by which they answer a request.

use core::borrow::Borrow;

use super::copy_policy::CopyPolicy;
use super::request::Request;
use super::stream::Stream;
use crate::error::Error;
use crate::managed::{AnyManagedTensor, Descriptor, ManagedTensor, ManagedTensorVersioned};
use crate::vocabulary::{Device, Flags};

/// A source of tensors that answers requests in [`respond`](Self::respond).
///
/// Only [`export`](Self::export) is required. A producer in main memory that can copy also implements
/// [`copy_to`](Self::copy_to), and one on a device implements all methods but [`export_legacy`](Self::export_legacy).
///
/// The trait is implemented for `Arc<Frozen<_>>`, which copies to main memory, and for `Arc<ManagedTensorVersioned>`, which
/// does not copy.
///
/// # Examples
///
/// A shared table:
///
/// ```
/// use std::sync::Arc;
/// use dlpack::negotiate::{CopyPolicy, Producer, Request, Stream};
/// use dlpack::{Device, Error, Exporter, ManagedTensorVersioned};
///
/// struct Table(Arc<[f32]>);
///
/// impl Producer for Table {
///     type Error = Error;
///
///     fn export(&self) -> Result<ManagedTensorVersioned, Error> {
///         Ok(Exporter::shared(Arc::clone(&self.0)).build()?.into_inner())
///     }
///
///     fn copy_to(&self, device: Device, _: Stream) -> Result<ManagedTensorVersioned, Error> {
///         match device {
///             Device::CPU => Ok(Exporter::new(self.0.to_vec()).copied().build()?.into_inner()),
///             _ => Err(Error::CopyUnsupported { device }),
///         }
///     }
/// }
///
/// let table = Table(Arc::from([1.0, 2.0, 3.0]));
/// assert_eq!(table.respond(&Request::new())?.data(), table.0.as_ptr().cast_mut().cast());
/// let copy = table.respond(&Request::new().copy(CopyPolicy::ALWAYS))?;
/// assert_ne!(copy.data(), table.0.as_ptr().cast_mut().cast());
/// # Ok::<(), Error>(())
/// ```
pub trait Producer {
    /// The error of this producer: [`Error`], or a type of its own, such as an exception.
    ///
    /// It must be constructible from [`Error`], which reports invalid requests. It must also borrow as the [`Error`] that
    /// is closest to it, which decides whether a copy is tried, and which [`Status`](super::Status) C receives.
    type Error: From<Error> + Borrow<Error>;

    /// Returns the device of the memory; by default, the CPU.
    fn device(&self) -> Device {
        Device::CPU
    }

    /// Exports the memory without a copy.
    ///
    /// Each call returns a new tensor on the producer's [`device`](Self::device), which keeps the memory alive. It must be
    /// read-only if consumers must not write.
    ///
    /// # Errors
    ///
    /// Any error of the producer, such as [`Error::AllocationFailed`].
    fn export(&self) -> Result<ManagedTensorVersioned, Self::Error>;

    /// Exports the memory in the legacy ABI without a copy; by default, converts the tensor of [`export`](Self::export).
    ///
    /// # Errors
    ///
    /// As for [`export`](Self::export). [`Error::ReadOnlyNotExpressible`] and [`Error::PaddedNotExpressible`] mean that a
    /// copy is needed. Without the feature `alloc` the default returns [`Error::AllocationFailed`].
    fn export_legacy(&self) -> Result<ManagedTensor, Self::Error> {
        Ok(into_legacy(self.export()?)?)
    }

    /// Copies the elements into new memory on a device, its own or another; by default, refuses.
    ///
    /// The tensor must have the flag `IS_COPIED`, be writable, and have its sub-byte elements packed, so that either ABI
    /// can express it. On a device with streams, work that is enqueued on `stream` after this call must find the copy
    /// complete. In memory that the [host can access](Device::is_host_accessible), including pinned memory, the copy must be
    /// complete when this returns, even for [`Stream::NO_SYNC`], since consumers in Rust may
    /// [write it at once](ManagedTensorVersioned::try_exclusive).
    ///
    /// # Errors
    ///
    /// [`Error::CopyUnsupported`] if the producer cannot copy to this device, and any other error of the producer.
    fn copy_to(
        &self,
        device: Device,
        stream: Stream,
    ) -> Result<ManagedTensorVersioned, Self::Error> {
        let _ = stream;
        Err(Error::CopyUnsupported { device }.into())
    }

    /// Makes later work on `stream` wait until the elements have been written; by default, does nothing for memory that
    /// the host can access.
    ///
    /// [`respond`](Self::respond) calls this after [`export`](Self::export), unless the consumer asked for
    /// [`Stream::NO_SYNC`]. It passes a stream that [`Stream::check`] accepts, and the default stream of CUDA or ROCm for
    /// [`Stream::NONE`]. Other callers may pass a default stream of another device, so [check](Stream::check) the stream
    /// before its handle goes to a runtime, here and in [`copy_to`](Self::copy_to).
    ///
    /// # Errors
    ///
    /// By default, [`Error::StreamUnsupported`] for memory that the host cannot access.
    fn synchronize(&self, stream: Stream) -> Result<(), Self::Error> {
        let (_, device) = (stream, self.device());
        if device.is_host_accessible() {
            Ok(())
        } else {
            Err(Error::StreamUnsupported { device }.into())
        }
    }

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
    /// use dlpack::negotiate::{CopyPolicy, Producer, Request};
    /// use dlpack::{AnyManagedTensor, Error, Exporter};
    ///
    /// let numbers = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
    ///
    /// // Legacy consumers cannot be told not to write, so they get a copy or an error.
    /// let tensor = numbers.respond(&Request::legacy())?;
    /// assert!(matches!(tensor, AnyManagedTensor::Legacy(_)) && tensor.data() != numbers.data());
    /// let refused = numbers.respond(&Request::legacy().copy(CopyPolicy::NEVER));
    /// assert_eq!(refused.unwrap_err(), Error::ReadOnlyNotExpressible);
    /// # Ok::<(), Error>(())
    /// ```
    fn respond(&self, request: &Request) -> Result<AnyManagedTensor, Self::Error> {
        respond(self, request)
    }
}

#[cfg(feature = "alloc")]
fn into_legacy(tensor: ManagedTensorVersioned) -> Result<ManagedTensor, Error> {
    Ok(tensor.into_legacy()?)
}

#[cfg(not(feature = "alloc"))]
fn into_legacy(_: ManagedTensorVersioned) -> Result<ManagedTensor, Error> {
    Err(Error::AllocationFailed)
}

/// Answers by the rules; see [`Producer::respond`].
fn respond<P: Producer + ?Sized>(
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
