//! What is known of types, found once for each.

use core::ops::Deref;
use std::sync::OnceLock;

use super::plan::Plan;
use super::recall::Recall;
use crate::raw::{Object, Raised};

/// How many types are remembered. Of programs that have more, the others are looked at each time.
const SLOTS: usize = 128;
/// How many slots a type may be in.
const PROBES: usize = 8;

static TYPES: [OnceLock<Entry>; SLOTS] = [const { OnceLock::new() }; SLOTS];

/// A type, and how its objects are taken.
struct Entry {
    class: Recall,
    plan: Plan,
}

/// A plan that is kept, or one for this time.
pub(super) enum Known {
    Kept(&'static Plan),
    Made(Plan),
}

/// How objects of this type are taken, if that is known.
#[inline]
pub(super) fn kept(class: Object<'_>) -> Option<&'static Plan> {
    for slot in slots(class) {
        let entry = slot.get()?;
        if entry.class.is(class) {
            return Some(&entry.plan);
        }
    }
    None
}

/// How objects of this type are taken.
pub(super) fn plan_of(class: Object<'_>) -> Result<Known, Raised> {
    match kept(class) {
        Some(plan) => Ok(Known::Kept(plan)),
        None => make(class),
    }
}

/// The slots that a type may be in, in the order in which they are filled.
#[inline]
fn slots(class: Object<'_>) -> impl Iterator<Item = &'static OnceLock<Entry>> {
    let address = class.as_ptr().addr();
    // Types lie at multiples of 16.
    let first = (address >> 4) ^ (address >> 11);
    (0..PROBES).map(move |i| &TYPES[(first.wrapping_add(i)) % SLOTS])
}

#[cold]
fn make(class: Object<'_>) -> Result<Known, Raised> {
    // Code of Python may run, and give the object another class; then this is the only reference.
    let class = class.to_owned();
    let class = class.borrow();
    let plan = Plan::new(class)?;
    if !plan.lasts() {
        return Ok(Known::Made(plan));
    }
    let mut entry = Entry { class: Recall::new(class)?, plan };
    for slot in slots(class) {
        match slot.set(entry) {
            Ok(()) => return plan_of(class),
            Err(refused) => entry = refused,
        }
    }
    Ok(Known::Made(entry.plan))
}

impl Deref for Known {
    type Target = Plan;

    #[inline]
    fn deref(&self) -> &Plan {
        match self {
            Self::Kept(plan) => plan,
            Self::Made(plan) => plan,
        }
    }
}
