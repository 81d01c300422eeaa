//! The plans of classes, each made once.

use core::ops::Deref;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};
use std::sync::OnceLock;

use super::plan::Plan;
use super::weak_class::{Tag, WeakClass};
use crate::raw::{Object, Raised};

/// The number of classes that are kept. A program that uses more makes the plans of the others each time.
const SLOTS: usize = 128;
/// The number of slots in which a class is looked for.
const PROBES: usize = 8;

static ENTRIES: [OnceLock<Entry>; SLOTS] = [const { OnceLock::new() }; SLOTS];

struct Entry {
    class: WeakClass,
    /// # Invariants
    ///
    /// A plan that is never freed. One that is replaced stays, since another thread may be using it.
    plan: AtomicPtr<Plan>,
    /// How often the plan was replaced. What is replaced is never freed, so that there is an end to it.
    changes: AtomicU8,
}

impl Entry {
    const MOST_CHANGES: u8 = 32;

    /// Returns `true` if the plan may be replaced once more.
    fn may_change(&self) -> bool {
        let count = |n: u8| (n < Self::MOST_CHANGES).then_some(n + 1);
        self.changes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).is_ok()
    }

    #[inline]
    fn plan(&self) -> &'static Plan {
        // SAFETY: the invariant of `plan`.
        unsafe { &*self.plan.load(Ordering::Acquire) }
    }

    fn set_plan(&self, plan: Plan) {
        self.plan.store(Box::leak(Box::new(plan)), Ordering::Release);
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
        let entry = slot.get()?;
        if entry.class.is(class) {
            return Some(entry.plan());
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
    // The entry of the class, or of another one that was at this address.
    let entry = slots(class).map_while(OnceLock::get).find(|entry| entry.class.is_at(class));
    if let Some(entry) = entry.filter(|_| plan.lasts()) {
        let is_known = entry.class.was(class, tag);
        // Most changes of a class have nothing to do with tensors. A plan that serves does so for any class.
        let has_tag = is_known || entry.class.has_tag();
        if !entry.plan().serves_as(&plan) && has_tag && entry.may_change() {
            // Before the class is recognised.
            entry.set_plan(plan);
            if !is_known && !entry.class.renew(tag) {
                entry.class.forget();
            }
            return Ok(Known::Kept(entry.plan()));
        }
        if entry.plan().serves_as(&plan) && (is_known || entry.class.renew(tag)) {
            return Ok(Known::Kept(entry.plan()));
        }
    }
    if let Some(entry) = entry {
        entry.class.forget();
    }
    if !plan.lasts() {
        return Ok(Known::Made(plan));
    }
    let class_key = WeakClass::new(class, tag)?;
    if slots(class).all(|slot| slot.get().is_some()) {
        return Ok(Known::Made(plan));
    }
    // For this call, whether the class has changed meanwhile or other threads are faster.
    let plan: &'static Plan = Box::leak(Box::new(plan));
    let pointer = AtomicPtr::new(ptr::from_ref(plan).cast_mut());
    let mut entry = Entry { class: class_key, plan: pointer, changes: AtomicU8::new(0) };
    for slot in slots(class) {
        match slot.set(entry) {
            Ok(()) => break,
            Err(refused) => entry = refused,
        }
    }
    Ok(Known::Kept(plan))
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
