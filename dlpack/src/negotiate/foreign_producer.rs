//! Producers received from C.

use core::fmt;

use super::answer::Answer;
use super::producer_table::ProducerTable;
use super::raw_producer::RawProducer;
use super::request::Request;
use crate::error::Error;
use crate::managed::AnyManagedTensor;
use crate::vocabulary::Device;

/// Owns a producer received from C, and releases it on drop.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use dlpack::Exporter;
/// use dlpack::negotiate::{CopyPolicy, ForeignProducer, RawProducer, Request};
///
/// let numbers = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
/// let raw = RawProducer::new(numbers)?;
/// // SAFETY: a producer of this crate, which is passed on.
/// let producer = unsafe { ForeignProducer::from_raw(raw) }?;
/// let tensor = producer.request(&Request::new().copy(CopyPolicy::ALWAYS))?;
/// assert_eq!(tensor.shape(), [2]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct ForeignProducer {
    /// # Invariants
    ///
    /// 1. Clauses P2 and P3 of [`from_raw`](Self::from_raw) hold for `table` and `raw.ctx`.
    /// 2. Nobody else releases the producer.
    raw: RawProducer,
    /// A copy of the table that `raw` points to.
    table: ProducerTable,
}

// SAFETY: clause P2: the functions may be called from any thread, though not from two at once, hence no `Sync`.
unsafe impl Send for ForeignProducer {}

impl ForeignProducer {
    /// Takes ownership of a producer from C.
    ///
    /// # Errors
    ///
    /// - [`Error::MissingFunction`] if the table or its function `respond` is null.
    /// - [`Error::UnsupportedVersion`] if the table is of another major version.
    ///
    /// On an error, the producer has been released, unless the table is null.
    ///
    /// # Safety
    ///
    /// - **P1** `raw.table` is null, or points to a table that can be read and is not written until `release` is called;
    ///   if its major version is not 1, this holds for `version` and `release` only. Nobody else releases the producer.
    /// - **P2** Until `release` is called, the functions may be called with `raw.ctx` from any thread, though not from
    ///   two at once. They do not unwind, and their code stays loaded. `release` may be called once.
    /// - **P3** If `respond` writes the status [`OK`](super::Status::OK), the contract of [`Answer::take`] holds for the
    ///   answer, and its tensor outlives the producer. If the tensor is a copy in memory that the
    ///   [host can access](Device::is_host_accessible), such as pinned memory, no pending work on any stream uses it,
    ///   whichever stream the request names: safe code may write it at once.
    ///
    pub unsafe fn from_raw(raw: RawProducer) -> Result<Self, Error> {
        if raw.table.is_null() {
            return Err(Error::MissingFunction { name: "table" });
        }
        // SAFETY: clause P1: these two fields can be read in any version. There is no reference to the table, which may
        // be shorter than ours.
        let (found, release) = unsafe {
            (
                (&raw const (*raw.table).version).read_unaligned(),
                (&raw const (*raw.table).release).read_unaligned(),
            )
        };
        let table = ProducerTable { version: found, release, device: None, respond: None };
        // From here on, every return releases the producer.
        let mut producer = Self { raw, table };
        if found.major != ProducerTable::VERSION.major {
            return Err(Error::UnsupportedVersion { found });
        }
        // SAFETY: clause P1: the table is of our major version, so all of it can be read.
        producer.table = unsafe { raw.table.read_unaligned() };
        match producer.table.respond {
            Some(_) => Ok(producer),
            None => Err(Error::MissingFunction { name: "respond" }),
        }
    }

    /// Returns the producer without releasing it. The caller must release it.
    #[must_use = "the producer must be released"]
    pub fn into_raw(self) -> RawProducer {
        core::mem::ManuallyDrop::new(self).raw
    }

    /// Asks the producer for the device of its memory.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFunction`] if the producer has no such function.
    pub fn device(&self) -> Result<Device, Error> {
        let device = self.table.device.ok_or(Error::MissingFunction { name: "device" })?;
        // SAFETY: invariant 1: clause P2.
        Ok(unsafe { device(self.raw.ctx) })
    }

    /// Asks for a tensor and checks the answer.
    ///
    /// If the producer writes no answer, that is a refusal.
    ///
    /// # Errors
    ///
    /// - Any error of [`Answer::take`], such as [`Error::Refused`].
    /// - Any error of [`Request::check`]; the deleter of the tensor has been called.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::negotiate::{ForeignProducer, RawProducer, Request, Status};
    /// use dlpack::{Device, Error, Exporter};
    ///
    /// let raw = RawProducer::new(Arc::new(Exporter::new([1_u8, 2]).build()?.freeze()))?;
    /// // SAFETY: a producer of this crate, which is passed on.
    /// let producer = unsafe { ForeignProducer::from_raw(raw) }?;
    /// let refused = producer.request(&Request::new().device(Device::cuda(0))).unwrap_err();
    /// assert_eq!(refused, Error::Refused { status: Status::REFUSED.code() });
    /// # Ok::<(), Error>(())
    /// ```
    pub fn request(&self, request: &Request) -> Result<AnyManagedTensor, Error> {
        let respond = self.table.respond.ok_or(Error::MissingFunction { name: "respond" })?;
        let mut answer = Answer::NONE;
        // SAFETY: invariant 1: by clause P2 the function may be called, and by clause P3 its answer can be taken.
        let tensor = unsafe {
            respond(self.raw.ctx, request, &raw mut answer);
            answer.take()
        }?;
        request.check(&tensor)?;
        Ok(tensor)
    }
}

impl Drop for ForeignProducer {
    fn drop(&mut self) {
        if let Some(release) = self.table.release {
            // SAFETY: invariants 1 and 2: by clause P2 it may be called once, and this is the only call.
            unsafe { release(self.raw.ctx) }
        }
    }
}

impl fmt::Debug for ForeignProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ForeignProducer").field(&self.raw).finish()
    }
}
