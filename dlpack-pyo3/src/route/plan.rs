//! The choice of a route for the objects of a class.

use super::classes::{Classes, is_immutable, is_named, is_of};
use super::exchange::Exchange;
use super::numpy;
use super::refusals::Refusals;
use crate::capsule;
use crate::raw::{Object, Raised, names};

/// The route that is tried first for the objects of a class.
#[derive(Debug)]
pub(super) enum Plan {
    /// The class of capsules.
    Capsule,
    /// NumPy's `ndarray`.
    NumPy,
    /// A class with an exchange table, which is much faster than `__dlpack__`.
    Exchange(Exchange),
    /// The buffer protocol, which is faster than `__dlpack__` where it succeeds.
    BufferOrProtocol(Refusals),
    /// `__dlpack__`.
    Protocol,
    /// `__dlpack__` of a class that is derived from PyTorch's, and has no table of its own or changes what PyTorch does.
    Torch,
    /// `__dlpack__` of NumPy's masked arrays, which gives the elements without the mask.
    Masked,
    /// The buffer protocol: the class has no `__dlpack__`, and never will.
    Buffer,
    /// Each object is looked at.
    Unknown,
}

impl Plan {
    /// Makes the plan of a class.
    ///
    /// # Errors
    ///
    /// What looking at the class raises.
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
        for base in Classes::of(class)?.iter() {
            if is_of(base, "torch")? {
                return Ok(Self::Torch);
            }
            if is_of(base, "numpy.ma")? && is_named(base, "MaskedArray")? {
                return Ok(Self::Masked);
            }
        }
        // JAX takes microseconds to make a capsule, and its arrays on the CPU are buffers.
        if is_of(class, "jaxlib")? && is_named(class, "ArrayImpl")? {
            return Ok(Self::BufferOrProtocol(Refusals::default()));
        }
        Ok(Self::Protocol)
    }

    /// Returns `true` if the plan holds for all objects of the class, for ever.
    ///
    /// By the standard, a class keeps its table for as long as the program runs. `__dlpack__` is looked up anew for each
    /// object.
    pub(super) const fn lasts(&self) -> bool {
        !matches!(self, Self::Unknown)
    }
}
