//! How a consumer takes the tensor out of a capsule.

use core::ffi::{CStr, c_char, c_void};

use dlpack::{AnyManagedTensor, Error, ManagedTensor, ManagedTensorVersioned};

use super::lock::locked;
use super::name::{LEGACY, USED_LEGACY, USED_VERSIONED, VERSIONED};
use crate::raw::{Kind, Object, Raised, ffi, raise, raise_error};

#[inline]
pub(crate) fn is_capsule(object: Object<'_>) -> bool {
    // SAFETY: an object on an attached thread.
    (unsafe { ffi::PyCapsule_CheckExact(object.as_ptr()) }) != 0
}

/// Whether this is the type of capsules.
pub(crate) fn is_class(class: Object<'_>) -> bool {
    class.as_ptr() == (&raw mut ffi::PyCapsule_Type).cast()
}

/// Takes the tensor over, of whichever ABI the capsule's name says.
///
/// The capsule is renamed first, so that its destructor leaves the tensor alone whatever comes of it. From then on every
/// failure calls the tensor's deleter.
#[inline]
pub(crate) fn take(capsule: Object<'_>) -> Result<AnyManagedTensor, Raised> {
    let claimed = claim(capsule)?;
    claimed.import().map_err(|error| raise_error(capsule.attached(), error))
}

/// A tensor that was in a capsule, and has not been looked at.
#[derive(Debug)]
#[must_use = "the tensor's deleter is not called"]
pub(crate) struct Claimed {
    /// # Invariants
    ///
    /// A tensor of the ABI that `versioned` says, which was passed on.
    raw: *mut c_void,
    versioned: bool,
}

impl Claimed {
    /// Checks the tensor.
    #[inline]
    pub(crate) fn import(self) -> Result<AnyManagedTensor, Error> {
        match self.versioned() {
            Ok(tensor) => tensor.map(AnyManagedTensor::Versioned),
            Err(legacy) => legacy.import_legacy(),
        }
    }

    /// Checks the tensor, if it is one of the current ABI.
    ///
    /// Inlined, since a tensor is large to move: it had better be made where it is to be.
    #[inline(always)]
    pub(crate) fn versioned(self) -> Result<Result<ManagedTensorVersioned, Error>, Self> {
        if !self.versioned {
            return Err(self);
        }
        // SAFETY: the invariant.
        Ok(unsafe { ManagedTensorVersioned::from_raw(self.raw.cast()) })
    }

    #[inline(never)]
    pub(crate) fn import_legacy(self) -> Result<AnyManagedTensor, Error> {
        // SAFETY: the invariant.
        unsafe { ManagedTensor::from_raw(self.raw.cast()) }.map(AnyManagedTensor::Legacy)
    }
}

/// Takes the tensor out of the capsule, which is renamed.
pub(crate) fn claim(capsule: Object<'_>) -> Result<Claimed, Raised> {
    locked(capsule, || claim_locked(capsule))
}

fn claim_locked(capsule: Object<'_>) -> Result<Claimed, Raised> {
    // SAFETY: an object on an attached thread; if it is no capsule, an exception is set.
    let name = unsafe { ffi::PyCapsule_GetName(capsule.as_ptr()) };
    if is(name, VERSIONED) {
        Ok(Claimed { raw: rename(capsule, name, USED_VERSIONED)?, versioned: true })
    } else if is(name, LEGACY) {
        Ok(Claimed { raw: rename(capsule, name, USED_LEGACY)?, versioned: false })
    } else {
        Err(refuse(capsule, name))
    }
}

#[inline]
fn is(name: *const c_char, expected: &CStr) -> bool {
    // SAFETY: not null, and a capsule's name ends in NUL and lives as long as the capsule.
    !name.is_null() && unsafe { CStr::from_ptr(name) } == expected
}

/// Takes the pointer and gives the capsule the name of an empty one.
fn rename(
    capsule: Object<'_>,
    name: *const c_char,
    used: &'static CStr,
) -> Result<*mut c_void, Raised> {
    // SAFETY: a capsule of this name, on an attached thread.
    let tensor = unsafe { ffi::PyCapsule_GetPointer(capsule.as_ptr(), name) };
    if tensor.is_null() {
        return Err(Raised::new());
    }
    // SAFETY: a capsule; the name lives as long as the program.
    if unsafe { ffi::PyCapsule_SetName(capsule.as_ptr(), used.as_ptr()) } != 0 {
        return Err(Raised::new());
    }
    Ok(tensor)
}

#[cold]
fn refuse(capsule: Object<'_>, name: *const c_char) -> Raised {
    let py = capsule.attached();
    if is(name, USED_LEGACY) || is(name, USED_VERSIONED) {
        return raise(
            py,
            Kind::Value,
            format_args!(
                "expected a capsule with a tensor, found one whose tensor was taken already"
            ),
        );
    }
    if name.is_null() {
        // If this is no capsule, that exception is set already, and gives way to this one.
        return raise(
            py,
            Kind::Type,
            format_args!("expected a capsule with a tensor, found one without a name"),
        );
    }
    // SAFETY: as in `is`.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    raise(
        py,
        Kind::Type,
        format_args!(
            "expected a capsule named \"dltensor\" or \"dltensor_versioned\", found \"{name}\""
        ),
    )
}
