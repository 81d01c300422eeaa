//! Objects that have an exchange table and must not be imported by it.
//!
//! The tables of PyTorch and Paddle skip the checks of their `__dlpack__`. They export a tensor that requires a gradient as
//! plain data, and also a tensor whose elements are to be conjugated or negated when they are read. Such tensors are
//! imported by `__dlpack__`, so that the library itself answers, as it does for every other consumer.

use super::attribute::{Attribute, is_false, is_true};
use super::classes::{Classes, defines, is_named, is_of};
use super::summary::Summary;
use crate::raw::{Object, Raised, loaded, names};

/// What is looked at before an object's table may be used.
#[derive(Debug)]
pub(super) enum Eligibility {
    /// Nothing.
    Always,
    Torch(Torch),
    /// The attribute `stop_gradient`.
    Paddle(Attribute),
}

#[derive(Debug)]
pub(super) struct Torch {
    requires_grad: Attribute,
    is_conj: Attribute,
    is_neg: Attribute,
}

impl Eligibility {
    /// Returns `None` if no object of the class may be imported by the table.
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
        Ok(Some(Self::Always))
    }

    /// Returns `true` if `__dlpack__` would give the same tensor for the object as the table, whose tensor the summary is of.
    #[inline]
    pub(super) fn allows(&self, object: Object<'_>, summary: Summary) -> Result<bool, Raised> {
        if matches!(self, Self::Torch(_)) && has_no_gradient(summary) {
            return Ok(true);
        }
        Ok(self.allows_object(object)? && self.allows_tensor(object, summary)?)
    }

    /// Returns `true` if the object may be imported by the table, as far as it can say before its tensor is looked at.
    ///
    /// This may run Python code, also where the getters are C functions: those of PyTorch call `__torch_function__`, of the
    /// class as it is now and of the modes that are active.
    #[inline]
    pub(super) fn allows_object(&self, object: Object<'_>) -> Result<bool, Raised> {
        match self {
            Self::Always => Ok(true),
            Self::Torch(torch) => Ok(is_false(torch.requires_grad.get(object)?.borrow())),
            Self::Paddle(stop_gradient) => Ok(is_true(stop_gradient.get(object)?.borrow())),
        }
    }

    /// Returns `true` if the table gives such a tensor as `__dlpack__` does, for an object that
    /// [may be imported](Self::allows_object) by the table. This may run Python code if it [asks](Self::asks) the object.
    #[inline]
    pub(super) fn allows_tensor(
        &self,
        object: Object<'_>,
        summary: Summary,
    ) -> Result<bool, Raised> {
        match self {
            Self::Torch(torch) if self.asks(summary) => torch.is_plain(object, summary),
            _ => Ok(true),
        }
    }

    /// Returns `true` if the object must be asked whether the elements of such a tensor are what they seem to be.
    #[inline]
    pub(super) const fn asks(&self, summary: Summary) -> bool {
        matches!(self, Self::Torch(_)) && !has_no_gradient(summary) && may_be_negated(summary)
    }
}

impl Torch {
    #[cold]
    fn is_plain(&self, object: Object<'_>, summary: Summary) -> Result<bool, Raised> {
        if summary.dtype.is_complex() && !is_false(self.is_conj.call(object)?.borrow()) {
            return Ok(false);
        }
        Ok(is_false(self.is_neg.call(object)?.borrow()))
    }
}

/// Returns `true` for integers and booleans, which have no gradient.
#[inline]
const fn has_no_gradient(summary: Summary) -> bool {
    summary.dtype.is_integer() || summary.dtype.is_bool()
}

/// Returns `true` if the elements may have to be conjugated or negated.
///
/// To ask PyTorch costs as much as the export, and releases the interpreter lock. Only complex numbers are conjugated. Only
/// their imaginary parts are negated, and those lie at even distances among the complex numbers. (A view that is forced on
/// the memory may have odd distances. Then `__dlpack__` gives the same tensor as the table: it does not look whether the
/// elements are to be negated.)
#[inline]
const fn may_be_negated(summary: Summary) -> bool {
    summary.dtype.is_complex() || summary.is_even
}

fn torch(class: Object<'_>) -> Result<Option<Eligibility>, Raised> {
    let requires_grad = Attribute::of(class, &names::REQUIRES_GRAD)?;
    let is_conj = Attribute::of(class, &names::IS_CONJ)?;
    let is_neg = Attribute::of(class, &names::IS_NEG)?;
    let (Some(requires_grad), Some(is_conj), Some(is_neg)) = (requires_grad, is_conj, is_neg)
    else {
        return Ok(None);
    };
    Ok(Some(Eligibility::Torch(Torch { requires_grad, is_conj, is_neg })))
}

/// Returns `true` if the class is PyTorch's own, or a derived one that does not change what PyTorch does.
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

/// Returns `true` if the class tells PyTorch not to call its `__torch_function__`, as parameters do.
fn is_disabled(class: Object<'_>) -> Result<bool, Raised> {
    let Some(torch) = loaded(class.attached(), &names::TORCH_C)? else { return Ok(false) };
    let disabled = torch.optional_attr(&names::NO_TORCH_FUNCTION)?;
    let found = class.optional_attr(&names::TORCH_FUNCTION)?;
    let (Some(disabled), Some(found)) = (disabled, found) else { return Ok(false) };
    Ok(found.borrow().is(disabled.borrow()))
}
