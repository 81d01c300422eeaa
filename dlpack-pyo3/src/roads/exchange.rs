//! Tables of functions, which a library puts on its types.

use core::ffi::CStr;

use dlpack::exchange::ExchangeApi;
use dlpack::negotiate::{Request, Stream};
use dlpack::{BorrowedTensor, Device, Error, ManagedTensorVersioned};

use super::classes::{Classes, defines};
use super::facts::Facts;
use super::guard::Guard;
use crate::raw::{Attached, Object, Raised, ffi, names, raise_error};

/// The table of a type, and when its objects may use it.
#[derive(Debug)]
pub(super) struct Exchange {
    api: ExchangeApi,
    guard: Guard,
}

/// The name of a capsule that has a table.
const CAPSULE: &CStr = c"dlpack_exchange_api";

impl Exchange {
    /// Finds the table of a type.
    ///
    /// # Errors
    ///
    /// What looking at the type raises, apart from that it has no such attribute.
    pub(super) fn of(class: Object<'_>) -> Result<Option<Self>, Raised> {
        let Some(capsule) = class.optional_attr(&names::EXCHANGE_API)? else { return Ok(None) };
        // SAFETY: an object on an attached thread.
        if unsafe { ffi::PyCapsule_IsValid(capsule.as_ptr(), CAPSULE.as_ptr()) } == 0 {
            return Ok(None);
        }
        let classes = Classes::of(class)?;
        if is_overridden(&classes)? {
            return Ok(None);
        }
        // SAFETY: valid for this name.
        let table = unsafe { ffi::PyCapsule_GetPointer(capsule.as_ptr(), CAPSULE.as_ptr()) };
        // SAFETY: what a capsule of this name holds: a table that keeps to the standard, for as long as the program runs.
        let Ok(api) = (unsafe { ExchangeApi::from_raw(table.cast_const().cast()) }) else {
            return Ok(None);
        };
        Ok(Guard::of(class, &classes)?.map(|guard| Self { api, guard }))
    }

    pub(super) const fn api(&self) -> ExchangeApi {
        self.api
    }

    /// Takes the tensor of an object of the type. If that fails, an exception may be set.
    #[inline(always)]
    pub(super) fn take(&self, object: Object<'_>) -> Result<ManagedTensorVersioned, Error> {
        // SAFETY: an object of the type on which the table was found, on an attached thread. Of memory that devices reach
        // only the description is looked at here.
        unsafe { self.api.tensor_from_object(object.as_ptr().cast()) }
    }

    /// Whether the object's tensor is what was asked for, and may be taken in this way.
    #[inline]
    pub(super) fn allows(
        &self,
        object: Object<'_>,
        facts: Facts,
        request: &Request,
    ) -> Result<bool, Raised> {
        Ok(facts.answer(request) && self.guard.allows(object, facts)?)
    }

    /// The stream on which the library queues its work for the device.
    pub(super) fn current_stream(
        &self,
        py: Attached<'_>,
        device: Device,
    ) -> Result<Stream, Raised> {
        // SAFETY: the thread is attached. What a table names is a stream of the device, says the standard.
        match unsafe { self.api.current_stream(device) } {
            Ok(stream) => Ok(stream),
            Err(Error::MissingFunction { .. }) => Ok(Stream::NONE),
            // SAFETY: the thread is attached.
            Err(error) if unsafe { ffi::PyErr_Occurred() }.is_null() => Err(raise_error(py, error)),
            Err(_) => Err(Raised::new()),
        }
    }

    /// Borrows the tensor of an object of the type, or `None` where it is better taken.
    ///
    /// # Safety
    ///
    /// For the lifetime `'b`, nothing resizes, frees or moves the object's memory: no code in Python, no other thread.
    #[inline]
    pub(super) unsafe fn lend<'b>(
        &self,
        object: Object<'_>,
        request: &Request,
    ) -> Result<Option<BorrowedTensor<'b>>, Raised> {
        // SAFETY: an object of the type, on an attached thread; the caller's promise.
        let Some(tensor) = (unsafe { self.borrow(object) }) else { return Ok(None) };
        let facts = Facts::of(&tensor);
        if !self.allows(object, facts, request)? {
            Ok(None)
        } else if self.guard.is_quiet(facts) {
            Ok(Some(tensor))
        } else {
            // What ran meanwhile is none of the caller's promise, and may have moved the memory.
            // SAFETY: an object of the type, on an attached thread; the caller's promise, from here on.
            Ok(unsafe { self.borrow(object) })
        }
    }

    /// # Safety
    ///
    /// As for [`lend`](Self::lend).
    #[inline]
    unsafe fn borrow<'b>(&self, object: Object<'_>) -> Option<BorrowedTensor<'b>> {
        // SAFETY: the caller's promise.
        let lent = unsafe { self.api.borrow_object(object.as_ptr().cast()) };
        lent.inspect_err(|error| {
            if matches!(error, Error::CallFailed { .. }) {
                Raised::new().clear();
            }
        })
        .ok()
    }
}

/// Whether a class has another `__dlpack__` than the class that has the table, which then does not speak for it.
fn is_overridden(classes: &Classes<'_>) -> Result<bool, Raised> {
    for class in classes.iter() {
        if defines(class, &names::EXCHANGE_API)? {
            return Ok(false);
        }
        if defines(class, &names::DLPACK)? {
            return Ok(true);
        }
    }
    // Found on the class of the class.
    Ok(true)
}
