//! The choice of a route for the objects of a class.

use core::mem;

use super::classes::{Classes, is_immutable, is_named, is_of, is_of_torch};
use super::exchange::Exchange;
use super::numpy;
use super::refusals::Refusals;
use super::wary::Wary;
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
    /// As [`Exchange`](Self::Exchange), once the table has refused an object.
    Wary(Box<Wary>),
    /// The buffer protocol, which is faster than `__dlpack__` where it succeeds.
    BufferOrProtocol(Refusals),
    /// `__dlpack__`.
    Protocol,
    /// `__dlpack__` of a class that is derived from PyTorch's, and has no table of its own or changes what PyTorch does.
    Torch,
    /// `__dlpack__` of a class that is derived from Paddle's, and has no table, as before Paddle 3.3, or changes what Paddle does.
    Paddle,
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
    /// What looking at the class raises, if that is not an `Exception`, and so interrupts the program. A class that cannot be
    /// looked at is no worse than one without a table: its objects are asked.
    pub(super) fn new(class: Object<'_>) -> Result<Self, Raised> {
        Self::of(class).or_else(|raised| {
            raised.forget()?;
            Ok(Self::of_library(class)?.unwrap_or(Self::Unknown))
        })
    }

    /// Returns the plan of a class that is derived from one of a library whose `__dlpack__` is not enough, whatever its metaclass
    /// answers.
    pub(super) fn of_library(class: Object<'_>) -> Result<Option<Self>, Raised> {
        if is_of_torch(class)? {
            return Ok(Some(Self::Torch));
        }
        for base in Classes::of(class)?.iter() {
            if is_of(base, "torch")? {
                return Ok(Some(Self::Torch));
            }
            if is_of(base, "paddle")? {
                return Ok(Some(Self::Paddle));
            }
            if is_of(base, "numpy.ma")? && is_named(base, "MaskedArray")? {
                return Ok(Some(Self::Masked));
            }
        }
        Ok(None)
    }

    fn of(class: Object<'_>) -> Result<Self, Raised> {
        if capsule::is_class(class) {
            return Ok(Self::Capsule);
        }
        if numpy::is_ndarray(class)? {
            return Ok(Self::NumPy);
        }
        if let Some(exchange) = Exchange::of(class)? {
            return Ok(Self::Exchange(exchange));
        }
        let Some(method) = class.optional_attr(&names::DLPACK)? else {
            return Ok(if is_immutable(class) { Self::Buffer } else { Self::Unknown });
        };
        if let Some(plan) = Self::of_library(class)? {
            return Ok(plan);
        }
        // JAX takes microseconds to make a capsule, and its arrays on the CPU are buffers.
        if is_of(class, "jaxlib")? && is_named(class, "ArrayImpl")? {
            return Ok(Self::BufferOrProtocol(Refusals::default()));
        }
        // The method of another object, which may be a tensor of PyTorch.
        let is_bound = method.optional_attr(&names::SELF)?.is_some();
        Ok(if is_bound { Self::Unknown } else { Self::Protocol })
    }

    /// Returns `true` if the plan holds for all objects of the class until somebody changes the class, and keeps no code of
    /// Python alive.
    ///
    /// `__dlpack__` is looked up anew for each object without a table. For those with a table, it is the class that counts,
    /// as for the special methods of Python itself.
    pub(super) fn lasts(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Exchange(exchange) => exchange.can_be_kept(),
            Self::Wary(wary) => wary.can_be_kept(),
            _ => true,
        }
    }

    /// Returns `true` if this plan serves in the place of another one, whichever classes they were made for.
    pub(super) fn serves_as(&self, other: &Self) -> bool {
        match (self.exchange(), other.exchange()) {
            (Some(one), Some(two)) => {
                one.is_same(two)
                    && (matches!(self, Self::Wary(_)) || matches!(other, Self::Exchange(_)))
            }
            (None, None) => mem::discriminant(self) == mem::discriminant(other),
            _ => false,
        }
    }

    /// Returns the table by which objects of the class are imported.
    pub(super) fn exchange(&self) -> Option<&Exchange> {
        match self {
            Self::Exchange(exchange) => Some(exchange),
            Self::Wary(wary) => Some(wary.exchange()),
            _ => None,
        }
    }

    /// Makes the plan of a class whose table has refused an object, if there is a better one than to go on.
    pub(super) fn after_refusal(class: Object<'_>) -> Result<Option<Self>, Raised> {
        let Some(exchange) = Exchange::of(class)?.filter(Exchange::is_of_torch) else {
            return Ok(None);
        };
        Ok(Wary::new(exchange, class)?.map(|wary| Self::Wary(Box::new(wary))))
    }
}
