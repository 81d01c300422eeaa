//! NumPy's masked arrays, whose `__dlpack__` gives the elements that the mask hides as if they were data.

use crate::raw::{Class, Object, Owned, Raised, call_no_args, names, raise, unwind};

/// Refuses an array in which an element is masked.
#[cold]
pub(super) fn refuse(array: Object<'_>) -> Result<(), Raised> {
    let any = array.attr(&names::MASK)?.attr(&names::ANY)?;
    // SAFETY: live objects on an attached thread. The result of the call is a new reference, or null with an exception set.
    let is_masked = unsafe {
        let answer = Owned::or_raised(call_no_args(any.as_ptr()))?;
        unwind::is_true(answer.as_ptr())
    };
    match is_masked {
        0 => Ok(()),
        1 => Err(raise(
            array.attached(),
            Class::Buffer,
            format_args!("expected an array without masked elements, found some: use `.filled()`"),
        )),
        _ => Err(Raised::new()),
    }
}
