//! The plans of classes, each made once.

use core::ops::Deref;
use std::sync::OnceLock;

use super::plan::Plan;
use super::weak_class::WeakClass;
use crate::raw::{Object, Raised};

/// The number of classes that are kept. A program that uses more makes the plans of the others each time.
const SLOTS: usize = 128;
/// The number of slots in which a class is looked for.
const PROBES: usize = 8;

static ENTRIES: [OnceLock<Entry>; SLOTS] = [const { OnceLock::new() }; SLOTS];

struct Entry {
    class: WeakClass,
    plan: Plan,
}

/// A plan that is kept, or one that was made for this call.
pub(super) enum Known {
    Kept(&'static Plan),
    Made(Plan),
}

/// Returns the plan of this class if it is kept.
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

/// Returns the plan of this class, and makes it if it is not kept.
pub(super) fn plan_of(class: Object<'_>) -> Result<Known, Raised> {
    match kept(class) {
        Some(plan) => Ok(Known::Kept(plan)),
        None => make(class),
    }
}

/// The slots in which a class may be, in the order in which they are filled.
#[inline]
fn slots(class: Object<'_>) -> impl Iterator<Item = &'static OnceLock<Entry>> {
    let address = class.as_ptr().addr();
    // Classes lie at multiples of 16.
    let first = (address >> 4) ^ (address >> 11);
    (0..PROBES).map(move |i| &ENTRIES[(first.wrapping_add(i)) % SLOTS])
}

#[cold]
fn make(class: Object<'_>) -> Result<Known, Raised> {
    // Python code may run, and give the object another class, after which this is the only reference.
    let class = class.to_owned();
    let class = class.borrow();
    let plan = Plan::new(class)?;
    if !plan.lasts() {
        return Ok(Known::Made(plan));
    }
    let mut entry = Entry { class: WeakClass::new(class)?, plan };
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
