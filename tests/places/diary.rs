//! An owner and an allocator that write down what happens to them, in order.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

use dlpack::allocator::Allocator;
use harness::owners::Counted;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A header was asked for, of this layout.
    Asked(Layout),
    OwnerDropped,
    /// A header came back, of this layout.
    HeaderBack(Layout),
    /// The allocator's handle was dropped.
    HandleDropped,
}

/// What has happened so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<Event>>>);

impl Diary {
    pub(crate) fn note(&self, event: Event) {
        self.0.lock().expect("not poisoned").push(event);
    }

    /// Returns what is written, and starts anew.
    pub(crate) fn read(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().expect("not poisoned"))
    }

    pub(crate) fn owner(&self, elements: &[u32]) -> Counted<u32> {
        let diary = self.clone();
        Counted::with_end(elements, move |_| diary.note(Event::OwnerDropped))
    }

    pub(crate) fn allocator(&self) -> Exacting {
        Exacting { is_empty: false, diary: self.clone() }
    }

    pub(crate) fn empty_allocator(&self) -> Exacting {
        Exacting { is_empty: true, diary: self.clone() }
    }
}

/// Gives just what is asked for: no byte more, no better alignment, and notes it.
///
/// What comes back is overwritten before it goes on.
#[derive(Debug)]
pub(crate) struct Exacting {
    is_empty: bool,
    diary: Diary,
}

impl Exacting {
    /// A block of the system that has one of this layout at its end, and how far that is from its start.
    fn around(layout: Layout) -> (Layout, usize) {
        let (align, size) = (layout.align(), layout.size());
        (Layout::from_size_align(align + size, 2 * align).expect("not too large"), align)
    }
}

// SAFETY: blocks are the system's, each large enough and aligned for what was asked.
unsafe impl Allocator for Exacting {
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.diary.note(Event::Asked(layout));
        if self.is_empty {
            return None;
        }
        let (around, skipped) = Self::around(layout);
        // SAFETY: the size is not 0.
        let block = NonNull::new(unsafe { System.alloc(around) })?;
        // SAFETY: the block is larger than this.
        let inner = unsafe { block.add(skipped) };
        assert_eq!(inner.addr().get() % (2 * layout.align()), layout.align(), "and not more");
        // SAFETY: the same.
        unsafe { inner.write_bytes(0xaa, layout.size()) };
        Some(inner)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        self.diary.note(Event::HeaderBack(layout));
        // SAFETY: the caller's promise.
        unsafe { block.write_bytes(0xdd, layout.size()) };
        let (around, skipped) = Self::around(layout);
        // SAFETY: the block began there.
        let block = unsafe { block.sub(skipped) };
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block.as_ptr(), around) }
    }
}

impl Drop for Exacting {
    fn drop(&mut self) {
        self.diary.note(Event::HandleDropped);
    }
}
