//! What a producer must be able to do to be asked.

use core::borrow::Borrow;

use super::stream::Stream;
use crate::error::Error;
use crate::managed::{ManagedTensor, ManagedTensorVersioned};
use crate::vocabulary::Device;

/// Something that can give its memory out as a tensor, again and again, by the rules of [`respond`](super::respond).
///
/// Only [`alias`](Self::alias) must be written. A producer in main memory that can also copy writes
/// [`copy_to`](Self::copy_to); one on a device writes all but [`alias_legacy`](Self::alias_legacy). Implemented for
/// `Arc<Frozen<_>>`, which copies to main memory, and for `Arc<ManagedTensorVersioned>`, which does not copy.
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
///     fn alias(&self) -> Result<ManagedTensorVersioned, Error> {
///         Ok(Exporter::new(Arc::clone(&self.0)).build()?.into_inner())
///     }
///
///     fn copy_to(&self, device: Device, _: Stream) -> Result<ManagedTensorVersioned, Error> {
///         match device {
///             Device::CPU => Ok(Exporter::new(self.0.to_vec()).is_copied().build()?.into_inner()),
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
    /// What goes wrong with this producer: [`Error`], or a type of the producer's own, such as an exception.
    ///
    /// Errors of the rules become one by `From`. An error of the producer's own is passed on as it is. It borrows as the
    /// [`Error`] that comes closest: that decides whether a copy is tried, and which [`Status`](super::Status) C gets.
    type Error: From<Error> + Borrow<Error>;

    /// Where the memory is; by default, main memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use dlpack::{Device, Exporter, negotiate::Producer};
    ///
    /// let producer = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
    /// assert_eq!(producer.device(), Device::CPU);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    fn device(&self) -> Device {
        Device::CPU
    }

    /// Gives out the memory as it is.
    ///
    /// A fresh tensor for each call, of the device that [`device`](Self::device) names, which keeps the memory alive. It
    /// is read-only if the consumer must not write.
    ///
    /// # Errors
    ///
    /// Whatever keeps the producer from it, such as [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use dlpack::{Exporter, negotiate::Producer};
    ///
    /// let producer = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
    /// assert_eq!(producer.alias()?.data(), producer.data());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    fn alias(&self) -> Result<ManagedTensorVersioned, Self::Error>;

    /// Gives out the memory as it is, in the legacy ABI; by default, the tensor of [`alias`](Self::alias) under another
    /// header.
    ///
    /// # Errors
    ///
    /// As for [`alias`](Self::alias). [`Error::ReadOnlyNotExpressible`] and [`Error::PaddedNotExpressible`] mean that a
    /// copy is needed. Without the feature `alloc` the default has no memory for a header, and says so.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use dlpack::{Error, Exporter, negotiate::Producer};
    ///
    /// let producer = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
    /// assert_eq!(producer.alias_legacy().unwrap_err(), Error::ReadOnlyNotExpressible);
    /// # Ok::<(), Error>(())
    /// ```
    fn alias_legacy(&self) -> Result<ManagedTensor, Self::Error> {
        Ok(into_legacy(self.alias()?)?)
    }

    /// Copies the elements into new memory on a device, its own or another; by default, refuses.
    ///
    /// The tensor has the flag `IS_COPIED`, is writable, and sub-byte elements in it are packed, so that either ABI
    /// can say all of it. A copy to a device with streams is done when `stream` gets to work enqueued after this
    /// call. A copy to memory that the [host can access](Device::is_host_accessible), pinned memory too, is done when this
    /// returns, even for [`Stream::NO_SYNC`]: consumers in Rust write it
    /// [at once](ManagedTensorVersioned::try_exclusive).
    ///
    /// # Errors
    ///
    /// [`Error::CopyUnsupported`] if the producer cannot copy to this device, and whatever else keeps it from it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use dlpack::negotiate::{Producer, Stream};
    /// use dlpack::{Device, Exporter, Flags};
    ///
    /// let producer = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
    /// let copy = producer.copy_to(Device::CPU, Stream::NONE)?;
    /// assert_eq!(copy.flags(), Flags::IS_COPIED);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    fn copy_to(
        &self,
        device: Device,
        stream: Stream,
    ) -> Result<ManagedTensorVersioned, Self::Error> {
        let _ = stream;
        Err(Error::CopyUnsupported { device }.into())
    }

    /// Sees to it that work enqueued on `stream` from now on finds the elements written.
    ///
    /// Called for what [`alias`](Self::alias) gave out, unless the consumer asked for
    /// [`Stream::NO_SYNC`]. From [`respond`](super::respond) the stream has passed [`Stream::check`], and the default
    /// stream of CUDA or ROCm stands in for none. Others may call this with a default stream of another device:
    /// [check](Stream::check) before a runtime gets the handle, here and in [`copy_to`](Self::copy_to). By default, does
    /// nothing for memory that the host can access, since the host is not behind.
    ///
    /// # Errors
    ///
    /// By default, [`Error::StreamUnsupported`] on devices: nobody but their runtime can do it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use dlpack::{Exporter, negotiate::{Producer, Stream}};
    ///
    /// let producer = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
    /// assert_eq!(producer.synchronize(Stream::NONE), Ok(()));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
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
