//! Classes whose table has refused an object.
//!
//! When PyTorch's table refuses a tensor, PyTorch writes down the C++ functions that were being called, with their names,
//! which takes a thousand times as long as to refuse it by `__dlpack__`. A program that passes one such tensor will pass
//! others. So from then on, each tensor of the class is looked at before its table is called.

use super::attribute::{Attribute, is_false, is_true};
use super::exchange::Exchange;
use crate::raw::{Name, Object, Raised, Reference, loaded, names};

/// The table of a class, and how to recognise the objects that it refuses.
#[derive(Debug)]
pub(super) struct Wary {
    exchange: Exchange,
    layout: Attribute,
    /// The layout of a tensor with strides.
    strided: Reference,
    is_meta: Attribute,
    is_quantized: Attribute,
    dtype: Attribute,
    /// The dtypes of bits that mean nothing.
    bits: Vec<Reference>,
}

impl Wary {
    /// Returns `None` for a class of another library than PyTorch, or of a PyTorch that is not known here.
    pub(super) fn new(exchange: Exchange, class: Object<'_>) -> Result<Option<Self>, Raised> {
        let layout = Attribute::of(class, &names::LAYOUT)?;
        let is_meta = Attribute::of(class, &names::IS_META)?;
        let is_quantized = Attribute::of(class, &names::IS_QUANTIZED)?;
        let dtype = Attribute::of(class, &names::DTYPE)?;
        let Some(torch) = loaded(class.attached(), &names::TORCH)? else { return Ok(None) };
        let strided = torch.optional_attr(&names::STRIDED)?.map(Reference::new);
        let bits = names::BITS.iter().filter_map(|name| torch.optional_attr(name).transpose());
        let bits: Result<Vec<_>, _> = bits.map(|dtype| dtype.map(Reference::new)).collect();
        let bits = bits?;
        Ok(match (layout, strided, is_meta, is_quantized, dtype) {
            (Some(layout), Some(strided), Some(is_meta), Some(is_quantized), Some(dtype)) => {
                Some(Self { exchange, layout, strided, is_meta, is_quantized, dtype, bits })
            }
            _ => None,
        })
    }

    pub(super) const fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Returns `true` if this keeps no code of Python alive.
    pub(super) fn can_be_kept(&self) -> bool {
        let attributes = [&self.layout, &self.is_meta, &self.is_quantized, &self.dtype];
        self.exchange.can_be_kept() && attributes.into_iter().all(Attribute::is_in_c)
    }

    /// Returns the table, unless it would refuse the object. This may run Python code.
    ///
    /// # Errors
    ///
    /// What looking at the object raises, if that is not an `Exception`.
    pub(super) fn exchange_for(&self, object: Object<'_>) -> Result<Option<&Exchange>, Raised> {
        match self.is_ordinary(object) {
            Ok(is_ordinary) => Ok(is_ordinary.then_some(&self.exchange)),
            Err(raised) => raised.forget().map(|()| None),
        }
    }

    /// Returns what helps with an object that the table would refuse.
    #[cold]
    pub(super) fn way_out(&self, object: Object<'_>) -> Result<Option<&'static Name>, Raised> {
        if is_true(self.is_meta.get(object)?.borrow()) {
            return Ok(Some(&names::NOTE_OF_META));
        }
        let is_strided = self.layout.get(object)?.borrow().is(self.strided.get(object.attached()));
        Ok((!is_strided).then_some(&names::NOTE_OF_SPARSE))
    }

    fn is_ordinary(&self, object: Object<'_>) -> Result<bool, Raised> {
        let py = object.attached();
        let layout = self.layout.get(object)?;
        let dtype = self.dtype.get(object)?;
        Ok(layout.borrow().is(self.strided.get(py))
            && is_false(self.is_meta.get(object)?.borrow())
            && is_false(self.is_quantized.get(object)?.borrow())
            && !self.bits.iter().any(|bits| dtype.borrow().is(bits.get(py))))
    }
}
