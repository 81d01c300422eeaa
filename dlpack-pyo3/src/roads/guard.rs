//! Objects that have a table, but better do without.
//!
//! The tables of PyTorch and of Paddle skip the checks of their `__dlpack__`. A tensor that is to be differentiated is
//! exported as plain data there, and so is one that is to be read conjugated or negated. Such tensors go by `__dlpack__`, so
//! that the library itself answers, as it does everywhere else.

use super::attribute::{Attribute, is_false, is_true};
use super::classes::{Classes, defines, is_named, is_of};
use super::facts::Facts;
use crate::raw::{Object, Raised, loaded, names};

/// What is looked at before an object's table may be used.
#[derive(Debug)]
pub(super) enum Guard {
    /// Nothing.
    Open,
    Torch(Torch),
    /// `stop_gradient`
    Paddle(Attribute),
}

#[derive(Debug)]
pub(super) struct Torch {
    requires_grad: Attribute,
    is_conj: Attribute,
    is_neg: Attribute,
}

impl Guard {
    /// The guard for objects of this class, or `None` if none of them may use the table.
    pub(super) fn of(class: Object<'_>, classes: &Classes<'_>) -> Result<Option<Self>, Raised> {
        for base in classes.iter() {
            if is_of(base, "torch")? {
                return if is_plain_torch(class, classes)? { torch(class) } else { Ok(None) };
            }
            if is_of(base, "paddle")? {
                let stop_gradient = Attribute::of(class, &names::STOP_GRADIENT)?;
                return Ok(stop_gradient.map(Self::Paddle));
            }
        }
        Ok(Some(Self::Open))
    }

    /// Whether the table gives the same tensor for the object as `__dlpack__` would. `facts` are of what the table
    /// has given.
    #[inline]
    pub(super) fn allows(&self, object: Object<'_>, facts: Facts) -> Result<bool, Raised> {
        match self {
            Self::Open => Ok(true),
            Self::Torch(torch) => torch.allows(object, facts),
            Self::Paddle(stop_gradient) => Ok(is_true(stop_gradient.get(object)?.borrow())),
        }
    }

    /// Whether [`allows`](Self::allows) runs no code of Python and lets no other thread run.
    #[inline]
    pub(super) const fn is_quiet(&self, facts: Facts) -> bool {
        match self {
            Self::Open => true,
            Self::Torch(torch) => torch.is_quiet(facts),
            Self::Paddle(stop_gradient) => stop_gradient.is_native(),
        }
    }
}

impl Torch {
    #[inline]
    const fn is_quiet(&self, facts: Facts) -> bool {
        has_no_gradient(facts) || (self.requires_grad.is_native() && !may_be_negated(facts))
    }

    #[inline]
    fn allows(&self, object: Object<'_>, facts: Facts) -> Result<bool, Raised> {
        if has_no_gradient(facts) {
            return Ok(true);
        }
        Ok(is_false(self.requires_grad.get(object)?.borrow())
            && (!may_be_negated(facts) || self.is_plain(object, facts)?))
    }

    #[cold]
    fn is_plain(&self, object: Object<'_>, facts: Facts) -> Result<bool, Raised> {
        if facts.dtype.is_complex() && !is_false(self.is_conj.call(object)?.borrow()) {
            return Ok(false);
        }
        Ok(is_false(self.is_neg.call(object)?.borrow()))
    }
}

/// Only numbers with fractions have gradients.
#[inline]
const fn has_no_gradient(facts: Facts) -> bool {
    facts.dtype.is_integer() || facts.dtype.is_bool()
}

/// Whether the tensor may be one to be read conjugated or negated.
///
/// To ask costs as much as the export, and lets go of the interpreter's lock. Conjugated are complex numbers. Negated are the
/// imaginary parts of such, and among complex numbers they lie at even distances. (Views that give the memory another shape
/// by force may have odd ones. What `__dlpack__` says of them is what the table says: it does not look whether a tensor is
/// to be read negated.)
#[inline]
const fn may_be_negated(facts: Facts) -> bool {
    facts.dtype.is_complex() || facts.is_even
}

fn torch(class: Object<'_>) -> Result<Option<Guard>, Raised> {
    let requires_grad = Attribute::of(class, &names::REQUIRES_GRAD)?;
    let is_conj = Attribute::of(class, &names::IS_CONJ)?;
    let is_neg = Attribute::of(class, &names::IS_NEG)?;
    let (Some(requires_grad), Some(is_conj), Some(is_neg)) = (requires_grad, is_conj, is_neg)
    else {
        return Ok(None);
    };
    Ok(Some(Guard::Torch(Torch { requires_grad, is_conj, is_neg })))
}

/// Whether the class is PyTorch's own, or one derived from it that leaves it at what PyTorch does.
fn is_plain_torch(class: Object<'_>, classes: &Classes<'_>) -> Result<bool, Raised> {
    for base in classes.iter() {
        if is_of(base, "torch")? && is_named(base, "Tensor")? {
            return Ok(true);
        }
        if defines(base, &names::TORCH_DISPATCH)? {
            return Ok(false);
        }
        if defines(base, &names::TORCH_FUNCTION)? && !is_disabled(class)? {
            return Ok(false);
        }
    }
    Ok(false)
}

/// Whether the class says of itself that PyTorch need not ask it, as parameters do.
fn is_disabled(class: Object<'_>) -> Result<bool, Raised> {
    let Some(torch) = loaded(class.attached(), &names::TORCH_C)? else { return Ok(false) };
    let disabled = torch.optional_attr(&names::NO_TORCH_FUNCTION)?;
    let found = class.optional_attr(&names::TORCH_FUNCTION)?;
    let (Some(disabled), Some(found)) = (disabled, found) else { return Ok(false) };
    Ok(found.borrow().is(disabled.borrow()))
}
