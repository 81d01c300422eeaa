//! The exceptions for objects that cannot be asked.

use core::fmt;

use super::keywords::Keywords;
use crate::raw::{Class, ExceptBlock, Object, Raised, SavedException, names, raise};

/// Replaces an `AttributeError` by one that says that the object has no `__dlpack__`, unless it has.
#[cold]
pub(super) fn no_method(object: Object<'_>, raised: Raised) -> Raised {
    if has_method(object) {
        return raised;
    }
    raised.clear();
    let text = "expected an object with __dlpack__ or a buffer";
    let found = object.class_name();
    raise(object.attached(), Class::Type, format_args!("{text}, found {found}"))
}

fn has_method(object: Object<'_>) -> bool {
    let _saved = SavedException::take(object.attached());
    let method = object.optional_attr(&names::DLPACK).map_err(Raised::clear);
    method.map_or(true, |method| method.is_some())
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
