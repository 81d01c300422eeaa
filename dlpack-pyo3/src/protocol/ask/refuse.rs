//! Why an object has no tensor for us.

use core::fmt;

use super::words::Words;
use crate::raw::{Handling, Kind, Object, Pending, Raised, names, raise};

/// After an `AttributeError`: that the object does not know `__dlpack__`, unless it does.
#[cold]
pub(super) fn no_method(object: Object<'_>, raised: Raised) -> Raised {
    if has_method(object) {
        return raised;
    }
    raised.clear();
    let found = object.class_name();
    raise(
        object.attached(),
        Kind::Type,
        format_args!("expected an object with __dlpack__ or a buffer, found {found}"),
    )
}

fn has_method(object: Object<'_>) -> bool {
    let _pending = Pending::take(object.attached());
    match object.optional_attr(&names::DLPACK) {
        Ok(method) => method.is_some(),
        Err(raised) => {
            raised.clear();
            true
        }
    }
}

/// After a `TypeError`: that a keyword may be the reason, if one was said that cannot be left out.
#[cold]
pub(super) fn no_keyword(object: Object<'_>, words: &Words<'_>, raised: Raised) -> Raised {
    let said = words.said();
    if said.is_empty() {
        return raised;
    }
    let py = object.attached();
    let cause = Handling::of(py, raised);
    let (said, found) = (List(&said), object.class_name());
    cause.is_cause_of(raise(
        py,
        Kind::Type,
        format_args!("expected a __dlpack__ that takes {said}, found that of {found}"),
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
pub(super) fn no_capsule(answer: Object<'_>) -> Raised {
    let found = answer.class_name();
    raise(
        answer.attached(),
        Kind::Type,
        format_args!("expected a capsule from __dlpack__, found {found}"),
    )
}
