//! Taking the tensor out of a capsule.

use core::ffi::{CStr, c_char, c_int, c_void};

use dlpack::{AnyManagedTensor, Error, ManagedTensor, ManagedTensorVersioned, sys};

use super::lock::locked;
use super::name::InCapsule;
use crate::raw::{Class, Object, Raised, beginning, ffi, raise};

#[inline]
pub(crate) fn is_capsule(object: Object<'_>) -> bool {
    // SAFETY: a live object on an attached thread.
    (unsafe { ffi::PyCapsule_CheckExact(object.as_ptr()) }) != 0
}

/// Returns `true` if this is the class of capsules.
pub(crate) fn is_class(class: Object<'_>) -> bool {
    class.as_ptr() == (&raw mut ffi::PyCapsule_Type).cast()
}

/// A tensor that was taken out of a capsule, and has not been looked at.
#[derive(Debug)]
#[must_use = "the tensor's deleter is not called"]
pub(crate) struct Claimed {
    /// # Invariants
    ///
    /// A tensor of the ABI that `versioned` says, to which S1 to S6 apply: the protocol grants that for what a capsule of
    /// such a name owns.
    raw: *mut c_void,
    versioned: bool,
}

impl Claimed {
    /// Imports the tensor if it is one of the current ABI, and returns `Err` if it is not.
    ///
    /// Inlined, since a tensor is large to move and is best made in its final place.
    #[inline(always)]
    pub(crate) fn versioned(
        self,
        strict: bool,
    ) -> Result<Result<ManagedTensorVersioned, Error>, Self> {
        if !self.versioned {
            return Err(self);
        }
        let raw = self.raw.cast();
        // SAFETY: the invariant of `raw`, whichever of the two imports it.
        Ok(unsafe {
            if strict {
                ManagedTensorVersioned::from_raw_strict(raw)
            } else {
                ManagedTensorVersioned::from_raw(raw)
            }
        })
    }

    /// Imports the tensor, which is one of the legacy ABI.
    #[inline(never)]
    pub(crate) fn legacy(self) -> Result<AnyManagedTensor, Error> {
        // SAFETY: the invariant of `raw`.
        unsafe { ManagedTensor::from_raw(self.raw.cast()) }.map(AnyManagedTensor::Legacy)
    }
}

/// Takes the tensor out of a capsule, of the ABI that the capsule's name says.
///
/// The capsule is renamed first, so that its destructor leaves the tensor alone. From then on, every failure calls the
/// tensor's deleter.
pub(crate) fn claim(capsule: Object<'_>) -> Result<Claimed, Raised> {
    locked(capsule, || {
        // SAFETY: a live object on an attached thread. If it is not a capsule, an exception is set.
        let name = unsafe { ffi::PyCapsule_GetName(capsule.as_ptr()) };
        if is(name, sys::DLManagedTensorVersioned::NAME) {
            let raw = rename(capsule, name, sys::DLManagedTensorVersioned::USED_NAME)?;
            Ok(Claimed { raw, versioned: true })
        } else if is(name, sys::DLManagedTensor::NAME) {
            let raw = rename(capsule, name, sys::DLManagedTensor::USED_NAME)?;
            Ok(Claimed { raw, versioned: false })
        } else {
            Err(refuse(capsule, name))
        }
    })
}

#[inline]
fn is(name: *const c_char, expected: &CStr) -> bool {
    unsafe extern "C" {
        fn strcmp(one: *const c_char, other: *const c_char) -> c_int;
    }

    // SAFETY: two texts that end in NUL: the name of a live capsule, and one of this crate.
    !name.is_null() && unsafe { strcmp(name, expected.as_ptr()) } == 0
}

/// Returns the pointer of a capsule with this name, and renames the capsule.
fn rename(
    capsule: Object<'_>,
    name: *const c_char,
    used: &'static CStr,
) -> Result<*mut c_void, Raised> {
    // SAFETY: a live capsule on an attached thread, and its name. The new name lives for ever.
    unsafe {
        let tensor = ffi::PyCapsule_GetPointer(capsule.as_ptr(), name);
        if tensor.is_null() || ffi::PyCapsule_SetName(capsule.as_ptr(), used.as_ptr()) != 0 {
            return Err(Raised::new());
        }
        Ok(tensor)
    }
}

#[cold]
fn refuse(capsule: Object<'_>, name: *const c_char) -> Raised {
    let py = capsule.attached();
    let used = [sys::DLManagedTensor::USED_NAME, sys::DLManagedTensorVersioned::USED_NAME];
    if used.iter().any(|used| is(name, used)) {
        let text = "expected a capsule with a tensor, found one whose tensor was taken already";
        return raise(py, Class::Value, format_args!("{text}"));
    }
    if name.is_null() {
        // For an object that is not a capsule, this replaces the exception that is set.
        let text = "expected a capsule with a tensor, found one without a name";
        return raise(py, Class::Type, format_args!("{text}"));
    }
    // SAFETY: the name of a live capsule, which ends in NUL.
    let name = beginning(unsafe { CStr::from_ptr(name) });
    raise(
        py,
        Class::Type,
        format_args!(
            "expected a capsule named \"dltensor\" or \"dltensor_versioned\", found \"{name}\""
        ),
    )
}
