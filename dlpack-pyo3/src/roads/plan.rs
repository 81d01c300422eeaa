//! How the objects of a type are best taken.

use super::classes::{is_immutable, is_named, is_of};
use super::exchange::Exchange;
use super::numpy;
use crate::capsule;
use crate::raw::{Object, Raised, names};

/// What a type offers.
#[derive(Debug)]
pub(super) enum Plan {
    /// Capsules themselves.
    Capsule,
    /// NumPy's arrays.
    NumPy,
    /// A table of functions, which is much faster than `__dlpack__`.
    Exchange(Exchange),
    /// `__dlpack__`, but the buffer protocol is faster, where it does.
    BufferOrProtocol,
    /// `__dlpack__`
    Protocol,
    /// No `__dlpack__`, and there never will be.
    Buffer,
    /// That depends on the object.
    Unknown,
}

impl Plan {
    /// Looks at a type.
    ///
    /// # Errors
    ///
    /// What looking at the type raises.
    pub(super) fn new(class: Object<'_>) -> Result<Self, Raised> {
        if capsule::is_class(class) {
            return Ok(Self::Capsule);
        }
        if numpy::is_ndarray(class)? {
            return Ok(Self::NumPy);
        }
        if let Some(exchange) = Exchange::of(class)? {
            return Ok(Self::Exchange(exchange));
        }
        if class.optional_attr(&names::DLPACK)?.is_none() {
            return Ok(if is_immutable(class) { Self::Buffer } else { Self::Unknown });
        }
        // JAX takes microseconds for a capsule, and gives arrays of the CPU as buffers.
        if is_of(class, "jaxlib")? && is_named(class, "ArrayImpl")? {
            return Ok(Self::BufferOrProtocol);
        }
        Ok(Self::Protocol)
    }

    /// Whether this holds for all objects of the type, for good.
    ///
    /// A table belongs to a type for as long as the program runs, says the standard. Of a type with `__dlpack__` it is looked
    /// up anew for each object.
    pub(super) const fn lasts(&self) -> bool {
        !matches!(self, Self::Unknown)
    }
}
