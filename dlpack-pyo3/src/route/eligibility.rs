//! Objects that have an exchange table and must not be imported by it, and tensors of PyTorch that must not be imported.
//!
//! The tables of PyTorch and Paddle skip the checks of their `__dlpack__`. They export a tensor that requires a gradient as
//! plain data, and also a tensor whose elements are to be conjugated when they are read. Such tensors are imported by
//! `__dlpack__`, so that the library itself answers, as it does for every other consumer.
//!
//! PyTorch's own `__dlpack__` gives the wrong numbers of a tensor whose elements are to be negated when they are read, and an
//! address near null for one that has no memory. Here, both are refused.

use dlpack::DataTypeCode;

use super::attribute::{Attribute, is_false, is_true};
use super::classes::{Classes, defines, is_of, is_of_torch, is_static};
use super::summary::Summary;
use super::torch_memory::can_be_memory;
use crate::raw::{Class, Object, Raised, loaded, names, raise};

/// What is looked at before an object's table may be used.
#[derive(Debug)]
pub(super) enum Eligibility {
    /// Nothing.
    Always,
    Torch(Torch),
    Paddle(Paddle),
}

/// What decides whether a tensor may be other than the table says. A whole summary would be written to the stack for each call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubts {
    /// `true` if there may be no memory.
    memory: bool,
    /// `true` if the elements may have to be conjugated, as only complex numbers are.
    conjugation: bool,
}

impl Doubts {
    #[inline]
    pub(super) fn are_any(self) -> bool {
        self.memory || self.conjugation
    }
}

/// What tensors of PyTorch are asked. Neither their table nor their `__dlpack__` looks at the negative bit, which a tensor of
/// any dtype, shape and strides can have, so that each is asked for it.
#[derive(Debug)]
pub(super) struct Torch {
    requires_grad: Attribute,
    is_conj: Attribute,
    pub(super) is_neg: Attribute,
}

/// What tensors of Paddle are asked. The table takes each for a dense one, follows a null pointer if it has no contents, and leaks what it
/// has allocated if it has no memory.
#[derive(Debug)]
pub(super) struct Paddle {
    stop_gradient: Attribute,
    /// Whether the tensor is dense, and whether that which a dense tensor or a distributed one holds has memory.
    ///
    /// # Invariants
    ///
    /// Methods of Paddle's in C, which run no code of Python and say what the table would meet.
    answers: [Attribute; 2],
}

impl Paddle {
    fn of(class: Object<'_>) -> Result<Option<Self>, Raised> {
        let stop_gradient = Attribute::of(class, &names::STOP_GRADIENT)?;
        // Code of Python could say anything of a tensor, and change it afterwards.
        let in_c = |name| Ok(Attribute::of(class, name)?.filter(Attribute::is_in_c));
        Ok(match (stop_gradient, in_c(&names::IS_DENSE)?, in_c(&names::HOLDS_MEMORY)?) {
            (Some(stop_gradient), Some(is_dense), Some(holds_memory)) => {
                Some(Self { stop_gradient, answers: [is_dense, holds_memory] })
            }
            _ => None,
        })
    }

    /// Returns `true` if the table may be called: for a dense tensor with memory, which one without elements has, too.
    pub(super) fn holds_memory(&self, object: Object<'_>) -> Result<bool, Raised> {
        for answer in &self.answers {
            if !is_true(answer.call(object)?.borrow()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Eligibility {
    /// Returns `None` if no object of the class may be imported by the table.
    pub(super) fn of(class: Object<'_>, classes: &Classes<'_>) -> Result<Option<Self>, Raised> {
        // Each class can say that it is of any library, but for the one in C that it is derived from.
        let mut may_be_torch = is_of_torch(class)?;
        for base in classes.iter() {
            may_be_torch = may_be_torch || is_of(base, "torch")?;
        }
        if may_be_torch {
            return if is_plain_torch(classes)? { torch(class) } else { Ok(None) };
        }
        for base in classes.iter() {
            if is_of(base, "paddle")? {
                return Ok(Paddle::of(class)?.map(Self::Paddle));
            }
            // No tensor of TVM FFI has a table, but a class for its tests has, whose table follows a null pointer for an object without
            // a tensor.
            if is_of(base, "tvm_ffi")? {
                return Ok(None);
            }
        }
        Ok(Some(Self::Always))
    }

    /// Returns `true` if `__dlpack__` would give the same tensor for the object as the table, whose tensor the summary is of.
    ///
    /// # Errors
    ///
    /// `BufferError` for an object that must not be imported at all, and what the object raises.
    #[inline]
    pub(super) fn allows(&self, object: Object<'_>, summary: Summary) -> Result<bool, Raised> {
        let doubts = self.doubts(summary);
        // Looked at before the questions, which may run code that moves the memory.
        if doubts.memory && !can_be_memory(object, summary)? {
            return Ok(false);
        }
        match self {
            Self::Torch(torch) if has_no_gradient(summary.dtype.code) => {
                torch.refuse_negated(object)?;
            }
            _ if !self.allows_object(object)? => return Ok(false),
            _ => {}
        }
        self.allows_elements(object, doubts)
    }

    /// Returns `true` if the object may be imported by the table, as far as it can say before its tensor is looked at.
    ///
    /// This may run Python code, also where the getters are C functions: those of PyTorch call `__torch_function__`, of the
    /// class as it is now and of the modes that are active.
    ///
    /// # Errors
    ///
    /// As for [`allows`](Self::allows).
    #[inline]
    pub(super) fn allows_object(&self, object: Object<'_>) -> Result<bool, Raised> {
        match self {
            Self::Always => Ok(true),
            Self::Torch(torch) if !is_false(torch.requires_grad.get(object)?.borrow()) => Ok(false),
            Self::Torch(torch) => torch.refuse_negated(object).map(|()| true),
            Self::Paddle(paddle) => Ok(is_true(paddle.stop_gradient.get(object)?.borrow())),
        }
    }

    /// Returns `true` if the table gives this tensor as `__dlpack__` does, for an object that [may be imported](Self::allows_object) by the
    /// table. This may run Python code if there is a doubt.
    ///
    /// # Errors
    ///
    /// As for [`allows`](Self::allows).
    pub(super) fn allows_tensor(
        &self,
        object: Object<'_>,
        summary: Summary,
    ) -> Result<bool, Raised> {
        let doubts = self.doubts(summary);
        Ok((!doubts.memory || can_be_memory(object, summary)?)
            && self.allows_elements(object, doubts)?)
    }

    /// Returns `true` for elements that are not to be conjugated when they are read.
    #[inline]
    fn allows_elements(&self, object: Object<'_>, doubts: Doubts) -> Result<bool, Raised> {
        match self {
            Self::Torch(torch) if doubts.conjugation => {
                Ok(is_false(torch.is_conj.call(object)?.borrow()))
            }
            _ => Ok(true),
        }
    }

    /// Returns `true` if the table, which `definer` has, is that of a library whose own tensors never say that they are
    /// read-only.
    ///
    /// A program can write any module's name into a class of its own, but not into one that is static. That of PyTorch's table
    /// derives from such a class. Paddle's does not, and is taken at its word.
    pub(super) fn is_never_read_only(
        &self,
        definer: Object<'_>,
        classes: &Classes<'_>,
    ) -> Result<bool, Raised> {
        match self {
            Self::Always => return Ok(false),
            Self::Paddle(_) => return is_of(definer, "paddle"),
            Self::Torch(_) => {}
        }
        for class in classes.iter().skip_while(|class| !class.is(definer)).take(2) {
            if is_static(class) && is_of(class, "torch")? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns what the object may have to be asked about the elements of such a tensor.
    #[inline]
    pub(super) fn doubts(&self, summary: Summary) -> Doubts {
        let is_torch = matches!(self, Self::Torch(_));
        Doubts {
            memory: is_torch && summary.is_doubtful(),
            conjugation: is_torch && summary.dtype.code == DataTypeCode::COMPLEX,
        }
    }

    /// Returns `true` if all attributes that are looked at can be kept.
    pub(super) fn can_be_kept(&self) -> bool {
        match self {
            Self::Always => true,
            Self::Torch(Torch { requires_grad, is_conj, is_neg }) => {
                [requires_grad, is_conj, is_neg].into_iter().all(Attribute::is_in_c)
            }
            Self::Paddle(Paddle { stop_gradient, answers: _ }) => stop_gradient.is_in_c(),
        }
    }

    /// Returns `true` if both look at the same attributes.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Always, Self::Always) => true,
            (Self::Torch(one), Self::Torch(other)) => {
                one.requires_grad.is_same(&other.requires_grad)
                    && one.is_conj.is_same(&other.is_conj)
                    && one.is_neg.is_same(&other.is_neg)
            }
            (Self::Paddle(one), Self::Paddle(other)) => {
                one.stop_gradient.is_same(&other.stop_gradient)
                    && one.answers.iter().zip(&other.answers).all(|(one, other)| one.is_same(other))
            }
            _ => false,
        }
    }
}

impl Torch {
    /// # Errors
    ///
    /// `BufferError` for a tensor whose elements are to be negated when they are read.
    #[inline]
    fn refuse_negated(&self, object: Object<'_>) -> Result<(), Raised> {
        if is_false(self.is_neg.call(object)?.borrow()) { Ok(()) } else { Err(negated(object)) }
    }
}

/// Raises the exception for a tensor whose elements are to be negated when they are read.
#[cold]
pub(super) fn negated(object: Object<'_>) -> Raised {
    raise(
        object.attached(),
        Class::Buffer,
        format_args!(
            "expected a tensor without the negative bit, found one whose elements are to be negated: use `.resolve_neg()`"
        ),
    )
}

/// Returns `true` for integers and booleans, which have no gradient.
#[inline]
const fn has_no_gradient(code: DataTypeCode) -> bool {
    matches!(code, DataTypeCode::INT | DataTypeCode::UINT | DataTypeCode::BOOL)
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
fn is_plain_torch(classes: &Classes<'_>) -> Result<bool, Raised> {
    let Some(torch) = loaded(classes.attached(), &names::TORCH)? else { return Ok(false) };
    let Some(own) = torch.optional_attr(&names::TENSOR)? else { return Ok(false) };
    for base in classes.iter() {
        if base.is(own.borrow()) {
            // PyTorch's is written in Python, and `object` has no base that could be looked at.
            if is_static(base) {
                return Ok(false);
            }
            // A program can put a class of its own in the place of PyTorch's, which is derived from one in C and from no other.
            let base = base.class_attr(&names::BASE)?;
            return Ok(is_static(base.borrow()) && is_of(base.borrow(), "torch")?);
        }
        if defines(base, &names::TORCH_DISPATCH)? {
            return Ok(false);
        }
        if defines(base, &names::TORCH_FUNCTION)? && !is_disabled(classes)? {
            return Ok(false);
        }
    }
    Ok(false)
}

/// Returns `true` if the class tells PyTorch not to call its `__torch_function__`, as parameters do.
fn is_disabled(classes: &Classes<'_>) -> Result<bool, Raised> {
    let Some(torch) = loaded(classes.attached(), &names::TORCH_C)? else { return Ok(false) };
    let disabled = torch.optional_attr(&names::NO_TORCH_FUNCTION)?;
    let found = classes.entry(&names::TORCH_FUNCTION)?;
    let (Some(disabled), Some(found)) = (disabled, found) else { return Ok(false) };
    Ok(found.borrow().is(disabled.borrow()))
}
