//! A producer that came from C.

use core::fmt;

use super::answer::Answer;
use super::request::Request;
use super::table::{ProducerTable, RawProducer};
use crate::error::Error;
use crate::managed::AnyManagedTensor;
use crate::vocabulary::Device;

/// Owns a producer that came from C, and releases it once, on drop.
///
/// # Examples
///
/// ```
/// # use std::sync::Arc;
/// use dlpack::negotiate::{CopyPolicy, ForeignProducer, Request};
/// # use dlpack::{Exporter, negotiate::RawProducer};
/// # let numbers = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
/// # let raw = RawProducer::new(numbers)?;
///
/// // SAFETY: the library passes the producer on, and keeps to the contract.
/// let producer = unsafe { ForeignProducer::from_raw(raw) }?;
/// let tensor = producer.request(&Request::new().copy(CopyPolicy::ALWAYS))?;
/// assert_eq!(tensor.shape(), [2]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct ForeignProducer {
    /// # Invariants
    ///
    /// 1. Clauses P2 and P3 of [`from_raw`](Self::from_raw) hold for `table` and `raw.ctx`.
    /// 2. Nobody else releases it.
    raw: RawProducer,
    /// A copy of what `raw.table` points to.
    table: ProducerTable,
}

// SAFETY: clause P2: any thread may call the functions. As two may not at once, this is not `Sync`.
unsafe impl Send for ForeignProducer {}

impl ForeignProducer {
    /// Takes over a producer from C.
    ///
    /// # Errors
    ///
    /// - [`Error::MissingFunction`] if there is no table, or if it has no `respond`.
    /// - [`Error::UnsupportedVersion`] for a table of another major version.
    ///
    /// If there is a table, the producer has been released then.
    ///
    /// # Safety
    ///
    /// - **P1** `raw.table` is null, or points to a table that can be read, and is not written, until `release` is called;
    ///   of another major version only `version` and `release`. The producer is passed on: nobody else releases it.
    /// - **P2** Until `release` is called, the functions may be called with `raw.ctx`, from any thread, though not from
    ///   two at once. They do not unwind, and their code stays loaded. `release` may be called once.
    /// - **P3** If `respond` writes the status [`OK`](super::Status::OK), the answer keeps to the contract of
    ///   [`Answer::take`], and its tensor is valid also when the producer has been released. If the
    ///   [host can access](Device::is_host_accessible) the memory of a copy, as it can pinned memory, no work that
    ///   uses it is left on any stream, whichever the request names: safe code may write it at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use core::ptr::{null, null_mut};
    /// use dlpack::{Error, negotiate::{ForeignProducer, RawProducer}};
    ///
    /// let raw = RawProducer { table: null(), ctx: null_mut() };
    /// // SAFETY: no table is allowed; it is answered with an error.
    /// let refused = unsafe { ForeignProducer::from_raw(raw) };
    /// assert_eq!(refused.unwrap_err(), Error::MissingFunction { name: "table" });
    /// ```
    pub unsafe fn from_raw(raw: RawProducer) -> Result<Self, Error> {
        if raw.table.is_null() {
            return Err(Error::MissingFunction { name: "table" });
        }
        // SAFETY: clause P1. No reference: the table may be shorter.
        let version = unsafe { &raw const (*raw.table).version };
        // SAFETY: the same.
        let found = unsafe { version.read_unaligned() };
        // SAFETY: the same.
        let release = unsafe { &raw const (*raw.table).release };
        // SAFETY: the same.
        let release = unsafe { release.read_unaligned() };
        let table = ProducerTable { version: found, release, device: None, respond: None };
        // From here every way out releases the producer.
        let mut producer = Self { raw, table };
        if found.major != ProducerTable::VERSION.major {
            return Err(Error::UnsupportedVersion { found });
        }
        // SAFETY: clause P1: a table of our major version.
        producer.table = unsafe { raw.table.read_unaligned() };
        match producer.table.respond {
            Some(_) => Ok(producer),
            None => Err(Error::MissingFunction { name: "respond" }),
        }
    }

    /// Passes the producer on to somebody who releases it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use dlpack::{Exporter, negotiate::{ForeignProducer, RawProducer}};
    /// # let raw = RawProducer::new(Arc::new(Exporter::new([1_u8, 2]).build()?.freeze()))?;
    /// // SAFETY: the library passes the producer on, and keeps to the contract.
    /// let producer = unsafe { ForeignProducer::from_raw(raw) }?;
    /// assert_eq!(producer.into_raw().ctx, raw.ctx);
    /// # // SAFETY: just passed on.
    /// # drop(unsafe { ForeignProducer::from_raw(raw) }?);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[must_use = "the producer must be released"]
    pub fn into_raw(self) -> RawProducer {
        core::mem::ManuallyDrop::new(self).raw
    }

    /// Asks where the memory is.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFunction`] if the producer does not say.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use dlpack::{Device, Exporter, negotiate::{ForeignProducer, RawProducer}};
    /// # let raw = RawProducer::new(Arc::new(Exporter::new([1_u8, 2]).build()?.freeze()))?;
    /// // SAFETY: the library passes the producer on, and keeps to the contract.
    /// let producer = unsafe { ForeignProducer::from_raw(raw) }?;
    /// assert_eq!(producer.device()?, Device::CPU);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn device(&self) -> Result<Device, Error> {
        let device = self.table.device.ok_or(Error::MissingFunction { name: "device" })?;
        // SAFETY: invariant 1.
        Ok(unsafe { device(self.raw.ctx) })
    }

    /// Asks for a tensor, and checks the answer before anybody uses it.
    ///
    /// What the producer does not write to its answer counts as a refusal.
    ///
    /// # Errors
    ///
    /// - Any error of [`Answer::take`], such as [`Error::Refused`].
    /// - Any error of [`Request::check`]; the deleter of the tensor has been called.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use dlpack::{Device, Error, negotiate::{Request, Status}};
    /// # use dlpack::{Exporter, negotiate::{ForeignProducer, RawProducer}};
    /// # let raw = RawProducer::new(Arc::new(Exporter::new([1_u8, 2]).build()?.freeze()))?;
    /// # // SAFETY: just passed on.
    /// # let producer = unsafe { ForeignProducer::from_raw(raw) }?;
    ///
    /// let refused = producer.request(&Request::new().device(Device::cuda(0))).unwrap_err();
    /// assert_eq!(refused, Error::Refused { status: Status::REFUSED.code() });
    /// # Ok::<(), Error>(())
    /// ```
    pub fn request(&self, request: &Request) -> Result<AnyManagedTensor, Error> {
        let respond = self.table.respond.ok_or(Error::MissingFunction { name: "respond" })?;
        let mut answer = Answer::NONE;
        // SAFETY: invariant 1.
        unsafe { respond(self.raw.ctx, request, &raw mut answer) };
        // SAFETY: invariant 1, of which clause P3.
        let tensor = unsafe { answer.take() }?;
        request.check(&tensor)?;
        Ok(tensor)
    }
}

impl Drop for ForeignProducer {
    fn drop(&mut self) {
        if let Some(release) = self.table.release {
            // SAFETY: invariants 1 and 2.
            unsafe { release(self.raw.ctx) }
        }
    }
}

impl fmt::Debug for ForeignProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ForeignProducer").field(&self.raw).finish()
    }
}
