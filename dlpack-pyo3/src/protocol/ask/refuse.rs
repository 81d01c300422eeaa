//! The exceptions for objects that cannot be asked.

use core::fmt;

use super::keywords::Keywords;
use crate::raw::{Class, ExceptBlock, Object, Raised, SavedException, ffi, names, raise};

/// Replaces an `AttributeError` by one that says that the object has no `__dlpack__`, unless it has.
#[cold]
pub(super) fn no_method(object: Object<'_>, raised: Raised) -> Raised {
    match has_method(object) {
        Ok(true) => return raised,
        Ok(false) => raised.clear(),
        Err(interrupt) => return interrupt,
    }
    let way_out = match way_out(object) {
        Ok(way_out) => way_out,
        Err(raised) => match raised.forget() {
            Ok(()) => "",
            Err(interrupt) => return interrupt,
        },
    };
    let text = "expected an object with __dlpack__ or a buffer";
    let found = object.class_name();
    raise(object.attached(), Class::Type, format_args!("{text}, found {found}{way_out}"))
}

/// Returns what makes an array of the object, or nothing. Only the class is looked at, which hardly ever runs Python code.
fn way_out(object: Object<'_>) -> Result<&'static str, Raised> {
    const ARRAY: &str = ": pass `numpy.asarray(x)`";
    // SAFETY: a live object on an attached thread.
    let flags = unsafe { ffi::PyType_GetFlags(object.class().as_ptr().cast()) };
    let numbers = ffi::Py_TPFLAGS_LIST_SUBCLASS
        | ffi::Py_TPFLAGS_TUPLE_SUBCLASS
        | ffi::Py_TPFLAGS_LONG_SUBCLASS;
    if flags & numbers != 0 {
        return Ok(ARRAY);
    }
    // Sparse matrices, tables and their columns, and what NumPy itself takes.
    let ways = [
        (&names::TOARRAY, ": pass `x.toarray()`"),
        (&names::TODENSE, ": pass `x.todense()`"),
        (&names::TO_NUMPY, ": pass `x.to_numpy()`"),
        (&names::ARRAY, ARRAY),
    ];
    let class = object.class().to_owned();
    for (method, way) in ways {
        if class.optional_attr(method)?.is_some() {
            return Ok(way);
        }
    }
    Ok("")
}

/// Returns `true` if an object has `__dlpack__`, or if looking for it raises an ordinary exception.
///
/// # Errors
///
/// Returns an exception that interrupts the program, such as `KeyboardInterrupt`. It replaces the one that was set.
fn has_method(object: Object<'_>) -> Result<bool, Raised> {
    let saved = SavedException::take(object.attached());
    match object.optional_attr(&names::DLPACK) {
        Ok(method) => Ok(method.is_some()),
        Err(raised) => match raised.forget() {
            Ok(()) => Ok(true),
            Err(interrupt) => {
                saved.forget();
                Err(interrupt)
            }
        },
    }
}

/// After a `TypeError`, says that a keyword may be the reason, if one was passed that cannot be left out.
#[cold]
pub(super) fn unknown_keyword(
    object: Object<'_>,
    keywords: &Keywords<'_>,
    raised: Raised,
) -> Raised {
    let passed = keywords.required();
    if passed.is_empty() {
        return raised;
    }
    let py = object.attached();
    let cause = ExceptBlock::catch(py, raised);
    let (passed, found) = (List(&passed), object.class_name());
    cause.set_cause_of(raise(
        py,
        Class::Type,
        format_args!("expected a __dlpack__ that takes {passed}, found that of {found}"),
    ))
}

/// Displays words with `and` between them.
struct List<'a>(&'a [&'a str]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.0.iter().enumerate() {
            let before = if i == 0 { "" } else { " and " };
            write!(f, "{before}{word}")?;
        }
        Ok(())
    }
}

#[cold]
pub(super) fn not_a_capsule(answer: Object<'_>) -> Raised {
    let found = answer.class_name();
    let text = "expected a capsule from __dlpack__";
    raise(answer.attached(), Class::Type, format_args!("{text}, found {found}"))
}
