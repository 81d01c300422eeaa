//! The route by the table of C functions that a library puts on its classes.

use core::ffi::CStr;

use dlpack::exchange::ExchangeApi;
use dlpack::negotiate::{Request, Stream};
use dlpack::{AnyManagedTensor, BorrowedTensor, Device, Error, ManagedTensorVersioned};

use super::ask_library::{ask_other, ask_paddle, ask_torch};
use super::classes::{Classes, defines};
use super::eligibility::{Eligibility, Paddle};
use super::summary::Summary;
use crate::raw::unwind::Guard;
use crate::raw::{Attached, Object, Raised, ffi, names, raise_error};

/// The table of a class, and the condition under which its objects may be imported by it.
#[derive(Debug)]
pub(super) struct Exchange {
    /// # Invariants
    ///
    /// The functions take objects of the class for which this was made, on attached threads, and objects to which code of Python has
    /// given another class since: CPython lets it change to none but a class of the same layout in C.
    api: ExchangeApi,
    eligibility: Eligibility,
    /// `true` if the table lends only what may be written, which a borrowed tensor cannot say itself.
    lends_writable: bool,
}

/// The context of the capsules of this crate's tables, which mark themselves by its address.
pub(crate) static OWN_TABLE: u8 = 0;

/// The name of a capsule that holds a table.
const CAPSULE: &CStr = c"dlpack_exchange_api";

impl Exchange {
    /// Finds the table of a class.
    ///
    /// # Errors
    ///
    /// What looking at the class raises.
    pub(super) fn of(class: Object<'_>) -> Result<Option<Self>, Raised> {
        let capsule = match class.optional_attr(&names::EXCHANGE_API) {
            Ok(Some(capsule)) => capsule,
            Ok(None) => return Ok(None),
            // A class that cannot say has none.
            Err(raised) => return raised.forget().map(|()| None),
        };
        // SAFETY: a live object on an attached thread.
        if unsafe { ffi::PyCapsule_IsValid(capsule.as_ptr(), CAPSULE.as_ptr()) } == 0 {
            return Ok(None);
        }
        let classes = Classes::of(class)?;
        let Some(definer) = definer(&classes)? else { return Ok(None) };
        // SAFETY: a capsule of this name, which holds a table that keeps to the standard and lives for ever (E1, E2): the
        // protocol grants that for such a capsule.
        let api = unsafe {
            let table = ffi::PyCapsule_GetPointer(capsule.as_ptr(), CAPSULE.as_ptr());
            ExchangeApi::from_raw(table.cast_const().cast())
        };
        let Ok(api) = api else { return Ok(None) };
        let Some(eligibility) = Eligibility::of(class, &classes)? else { return Ok(None) };
        let lends_writable =
            is_own(capsule.borrow()) || eligibility.is_never_read_only(definer, &classes)?;
        Ok(Some(Self { api, eligibility, lends_writable }))
    }

    /// Returns `true` if both have the same table and look at the same attributes.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.api.as_raw() == other.api.as_raw() && self.eligibility.is_same(&other.eligibility)
    }

    /// Returns `true` if this keeps no code of Python alive.
    pub(super) fn can_be_kept(&self) -> bool {
        self.eligibility.can_be_kept()
    }

    pub(super) const fn is_of_torch(&self) -> bool {
        matches!(self.eligibility, Eligibility::Torch(_))
    }

    /// Imports the tensor of an object of the class by `__dlpack__`.
    #[cold]
    #[inline(never)]
    pub(super) fn ask(
        &self,
        object: Object<'_>,
        request: &Request,
        strict: bool,
    ) -> Result<AnyManagedTensor, Raised> {
        match &self.eligibility {
            Eligibility::Torch(torch) => ask_torch(object, request, strict, Some(&torch.is_neg)),
            Eligibility::Paddle(_) => ask_paddle(object, request, strict),
            _ => ask_other(object, request, strict),
        }
    }

    pub(super) const fn api(&self) -> ExchangeApi {
        self.api
    }

    /// Returns how many axes a tensor can have that the table imports: that of Paddle refuses more, and forgets the tensor.
    pub(super) const fn most_axes(&self) -> i32 {
        if matches!(self.eligibility, Eligibility::Paddle(_)) { 9 } else { i32::MAX }
    }

    /// Takes the tensor of an object of the class. If that fails, an exception may be set.
    #[inline(always)]
    pub(super) fn take(&self, object: Object<'_>) -> Result<ManagedTensorVersioned, Error> {
        self.check(object)?;
        let guard = Guard::new();
        // SAFETY: the invariant of `api`. Of memory on a device, only the description is looked at before somebody has waited.
        match unsafe { self.api.tensor_from_object(object.as_ptr().cast()) } {
            Ok(tensor) => {
                guard.end();
                Ok(tensor)
            }
            Err(error) => {
                guard.end();
                Err(error)
            }
        }
    }

    /// Refuses an object in the table's place, if the table does not look at it as it has to. An exception may be set then.
    #[inline(always)]
    fn check(&self, object: Object<'_>) -> Result<(), Error> {
        match &self.eligibility {
            Eligibility::Paddle(paddle) => check_paddle(paddle, object),
            _ => Ok(()),
        }
    }

    /// Returns `true` if the tensor that the table gave for the object meets the request and may be taken in this way.
    #[inline]
    pub(super) fn allows(
        &self,
        object: Object<'_>,
        summary: Summary,
        request: &Request,
    ) -> Result<bool, Raised> {
        Ok(summary.meets(request) && self.eligibility.allows(object, summary)?)
    }

    /// Returns the stream on which the library queues its work for the device.
    pub(super) fn current_stream(
        &self,
        py: Attached<'_>,
        device: Device,
    ) -> Result<Stream, Raised> {
        let guard = Guard::new();
        // SAFETY: the thread is attached. A stream that a table names is one of the device, by the standard.
        let stream = unsafe { self.api.current_stream(device) };
        guard.end();
        match stream {
            Ok(stream) => Ok(stream),
            Err(Error::MissingFunction { .. }) => Ok(Stream::NONE),
            Err(_) if Raised::is_set(py) => Err(Raised::new()),
            Err(error) => Err(raise_error(py, error)),
        }
    }

    /// Passes the borrowed tensor of an object of the class to a function. Returns the function if the tensor must be taken
    /// instead.
    ///
    /// # Safety
    ///
    /// Until the function returns, nothing resizes, frees or moves the object's memory: no Python code, and no other thread.
    #[inline(always)]
    pub(super) unsafe fn lend<R, F: FnOnce(BorrowedTensor<'_>) -> R>(
        &self,
        object: Object<'_>,
        request: &Request,
        f: F,
    ) -> Result<Result<R, F>, Raised> {
        // The caller promises nothing about the code that a question runs, which may move the memory, even to a device.
        // Therefore the object is asked before its tensor is borrowed.
        if !or_drop!(self.eligibility.allows_object(object), object, f) {
            return Ok(Err(f));
        }
        // SAFETY: the memory stays in place from here on, as the caller promises, unless more is asked below.
        let lent = unsafe { self.borrow(object) };
        let Some(tensor) = or_drop!(lent, object, f) else { return Ok(Err(f)) };
        let summary = Summary::of(&tensor);
        if !summary.meets(request) {
            return Ok(Err(f));
        }
        if !self.eligibility.doubts(summary).are_any() {
            return Ok(Ok(f(self.with_access(tensor))));
        }
        // Made again: if the first summary were passed on, each call would write it to the stack.
        let summary = Summary::of(&tensor);
        // SAFETY: the memory stays in place after the question, as the caller promises.
        let lent = unsafe { self.ask_and_borrow(object, summary) };
        match or_drop!(lent, object, f) {
            Some(tensor) => Ok(Ok(f(self.with_access(tensor)))),
            None => Ok(Err(f)),
        }
    }

    /// Says that a tensor may be written if the table lends no other. Of other tables, nobody knows.
    #[inline(always)]
    fn with_access<'b>(&self, tensor: BorrowedTensor<'b>) -> BorrowedTensor<'b> {
        if !self.lends_writable {
            return tensor;
        }
        // SAFETY: the table lends only what may be written.
        unsafe { tensor.assume_writable() }
    }

    /// Returns `None` if the table does not lend the tensor.
    ///
    /// # Errors
    ///
    /// What the table raises, if that is no `Exception`.
    ///
    /// # Safety
    ///
    /// As for [`lend`](Self::lend).
    #[inline(always)]
    unsafe fn borrow<'b>(&self, object: Object<'_>) -> Result<Option<BorrowedTensor<'b>>, Raised> {
        if self.check(object).is_err() {
            return forget(object.attached()).map(|()| None);
        }
        let guard = Guard::new();
        // SAFETY: the invariant of `api`; and the memory stays in place, as the caller promises.
        match unsafe { self.api.borrow_object(object.as_ptr().cast()) } {
            Ok(tensor) => {
                guard.end();
                Ok(Some(tensor))
            }
            Err(error) => {
                guard.end();
                match error {
                    Error::CallFailed { .. } => forget(object.attached()).map(|()| None),
                    _ => Ok(None),
                }
            }
        }
    }

    /// Asks about a tensor with this summary, and borrows it again. Returns `None` if it is not what it was.
    ///
    /// # Safety
    ///
    /// As for [`lend`](Self::lend).
    #[cold]
    unsafe fn ask_and_borrow<'b>(
        &self,
        object: Object<'_>,
        summary: Summary,
    ) -> Result<Option<BorrowedTensor<'b>>, Raised> {
        if !self.eligibility.allows_tensor(object, summary)? {
            return Ok(None);
        }
        // SAFETY: the caller's promise, which holds once the question is answered.
        let tensor = unsafe { self.borrow(object) }?;
        Ok(tensor.filter(|tensor| summary.speaks_for(Summary::of(tensor))))
    }
}

/// As [`Exchange::check`], for a tensor of Paddle.
#[cold]
#[inline(never)]
fn check_paddle(paddle: &Paddle, object: Object<'_>) -> Result<(), Error> {
    match paddle.holds_memory(object) {
        Ok(true) => Ok(()),
        // What was raised stays set.
        Ok(false) | Err(_) => {
            Err(Error::CallFailed { name: "managed_tensor_from_py_object_no_sync", code: -1 })
        }
    }
}

/// Forgets what a table has raised, if it has.
///
/// # Errors
///
/// An exception that is not an `Exception`, which interrupts the program.
#[cold]
fn forget(py: Attached<'_>) -> Result<(), Raised> {
    if !Raised::is_set(py) {
        return Ok(());
    }
    Raised::new().forget()
}

/// Returns `true` if this crate has made the capsule. Its tables refuse to lend what is read-only.
fn is_own(capsule: Object<'_>) -> bool {
    // SAFETY: a live capsule on an attached thread.
    let context = unsafe { ffi::PyCapsule_GetContext(capsule.as_ptr()) };
    context.cast_const() == (&raw const OWN_TABLE).cast()
}

/// Returns the class that has the table, or `None` if a class overrides its `__dlpack__`, for which the table does not speak.
fn definer<'a>(classes: &'a Classes<'_>) -> Result<Option<Object<'a>>, Raised> {
    for class in classes.iter() {
        if defines(class, &names::EXCHANGE_API)? {
            return Ok(Some(class));
        }
        if defines(class, &names::DLPACK)? {
            return Ok(None);
        }
    }
    // The attribute was found on the metaclass.
    Ok(None)
}
