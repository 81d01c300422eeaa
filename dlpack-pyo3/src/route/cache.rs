//! The plans of classes, each made once.

use core::ops::Deref;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::plan::Plan;
use super::weak_class::{Tag, WeakClass};
use crate::raw::{Object, Raised};

/// The number of classes that are kept. A program that uses more makes the plans of the others each time.
const SLOTS: usize = 128;
/// The number of slots in which a class is looked for.
const PROBES: usize = 8;

static ALL: [Slot; SLOTS] = [const { Slot(AtomicPtr::new(ptr::null_mut())) }; SLOTS];

/// A place for what is known of one class.
///
/// # Invariants
///
/// Null, or an entry that is never freed. One that is replaced stays, since another thread may be using it.
struct Slot(AtomicPtr<Entry>);

struct Entry {
    class: WeakClass,
    plan: Plan,
    /// How many entries its slot has had before. They are never freed, so that there is an end to it.
    earlier: u8,
}

impl Slot {
    const MOST_ENTRIES: u8 = 32;

    #[inline]
    fn entry(&self) -> Option<&'static Entry> {
        // SAFETY: by the invariant of `Slot`, null or an entry that is never freed.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Puts an entry into the slot, if it still has the old one. Gives it back if not.
    fn replace(&self, old: Option<&Entry>, new: Box<Entry>) -> Result<&'static Entry, Box<Entry>> {
        let old = old.map_or(ptr::null_mut(), |old| ptr::from_ref(old).cast_mut());
        let new = Box::into_raw(new);
        match self.0.compare_exchange(old, new, Ordering::Release, Ordering::Relaxed) {
            // SAFETY: from now on the invariant is about the entry.
            Ok(_) => Ok(unsafe { &*new }),
            // SAFETY: the box from above, which nobody else has seen.
            Err(_) => Err(unsafe { Box::from_raw(new) }),
        }
    }
}

/// A plan that is kept, or one that was made for this call.
pub(super) enum Known {
    Kept(&'static Plan),
    Made(Plan),
}

/// Returns the plan of this class if it is kept, and nobody has changed the class since.
#[inline]
pub(super) fn kept(class: Object<'_>) -> Option<&'static Plan> {
    for slot in slots(class) {
        let entry = slot.entry()?;
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
fn slots(class: Object<'_>) -> impl Iterator<Item = &'static Slot> {
    let address = class.as_ptr().addr();
    // Classes lie at multiples of 16.
    let first = (address >> 4) ^ (address >> 11);
    (0..PROBES).map(move |i| &ALL[(first.wrapping_add(i)) % SLOTS])
}

#[cold]
fn make(class: Object<'_>) -> Result<Known, Raised> {
    // Python code may run, and give the object another class, after which this is the only reference.
    let class = class.to_owned();
    let class = class.borrow();
    let tag = Tag::of(class)?;
    let plan = Plan::new(class)?;
    keep(class, tag, plan)
}

/// Replaces the plan of a class whose table has refused an object, if there is a better one. Returns the better plan, also if
/// there is no room to keep it.
#[cold]
pub(super) fn replace(class: Object<'_>) -> Result<Option<Known>, Raised> {
    let tag = Tag::of(class)?;
    match Plan::after_refusal(class) {
        Ok(Some(plan)) => keep(class, tag, plan).map(Some),
        Ok(None) => Ok(None),
        Err(raised) => raised.forget().map(|()| None),
    }
}

/// Keeps the plan of a class if it lasts and there is a slot for it. The plan is that of the class as it was when the tag was
/// read.
fn keep(class: Object<'_>, tag: Tag, plan: Plan) -> Result<Known, Raised> {
    if !plan.lasts() || !tag.is_enough_for(class) {
        return Ok(Known::Made(plan));
    }
    // The slot of the class, that of another one that was at this address, or an empty one.
    let is_its = |(_, old): &(_, Option<&Entry>)| old.is_none_or(|old| old.class.is_at(class));
    let Some((slot, old)) = slots(class).map(|slot| (slot, slot.entry())).find(is_its) else {
        return Ok(Known::Made(plan));
    };
    if let Some(old) = old.filter(|old| old.class.is_same(class) && old.plan.serves_as(&plan)) {
        // Most changes of a class have nothing to do with tensors.
        old.class.renew(tag);
        return Ok(Known::Kept(&old.plan));
    }
    let earlier = old.map_or(0, |old| old.earlier + 1);
    if earlier == Slot::MOST_ENTRIES {
        return Ok(Known::Made(plan));
    }
    let entry = Box::new(Entry { class: WeakClass::new(class, tag)?, plan, earlier });
    // Another thread may have been faster, or Python code that ran meanwhile.
    Ok(match slot.replace(old, entry) {
        Ok(entry) => Known::Kept(&entry.plan),
        Err(entry) => Known::Made(entry.plan),
    })
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
