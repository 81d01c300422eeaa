//! The trait of producers in Rust.

use core::borrow::Borrow;

use super::stream::Stream;
use crate::error::Error;
use crate::managed::{ManagedTensor, ManagedTensorVersioned};
use crate::vocabulary::Device;

/// A source of tensors that answers requests by the rules of [`respond`](super::respond).
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
/// use dlpack::negotiate::{CopyPolicy, Producer, Request, Stream, respond};
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
/// assert_eq!(respond(&table, &Request::new())?.data(), table.0.as_ptr().cast_mut().cast());
/// let copy = respond(&table, &Request::new().copy(CopyPolicy::ALWAYS))?;
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
    /// [`respond`](super::respond) calls this after [`export`](Self::export), unless the consumer asked for
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
}

#[cfg(feature = "alloc")]
pub(super) fn into_legacy(tensor: ManagedTensorVersioned) -> Result<ManagedTensor, Error> {
    Ok(tensor.into_legacy()?)
}

#[cfg(not(feature = "alloc"))]
pub(super) fn into_legacy(_: ManagedTensorVersioned) -> Result<ManagedTensor, Error> {
    Err(Error::AllocationFailed)
}
