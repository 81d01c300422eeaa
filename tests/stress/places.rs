//! An allocator that fails at every seventh call, and an owner whose block has room for its header.

use std::alloc::{GlobalAlloc, Layout, System};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use dlpack::allocator::Allocator;
use harness::owners::Counted;

use crate::ledger::Headers;

/// Stands before every header; changed when that comes back, so that nothing comes back twice.
const OUT: u64 = 0x6865_6164_6572_2121;

/// Gives blocks with a mark before them, and none at every seventh call.
pub(crate) struct Failing(pub(crate) Arc<Headers>);

impl Failing {
    fn around(layout: Layout) -> (Layout, usize) {
        let mark = layout.align().max(size_of::<u64>());
        let around = Layout::from_size_align(mark + layout.size(), mark).expect("not too large");
        (around, mark)
    }
}

// SAFETY: blocks are the system's, behind a mark as long as their alignment.
unsafe impl Allocator for Failing {
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        if self.0.calls.fetch_add(1, Ordering::Relaxed) % 7 == 6 {
            return None;
        }
        self.0.given.fetch_add(1, Ordering::Relaxed);
        let (around, mark) = Self::around(layout);
        // SAFETY: the size is not 0.
        let start = NonNull::new(unsafe { System.alloc(around) }).expect("memory");
        // SAFETY: there is room for the mark.
        unsafe { start.cast::<u64>().write(OUT) };
        // SAFETY: the block is larger than the mark.
        Some(unsafe { start.add(mark) })
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        let (around, mark) = Self::around(layout);
        // SAFETY: the mark is before every block.
        let start = unsafe { block.sub(mark) };
        // SAFETY: the same.
        let found = unsafe { start.cast::<u64>().replace(!OUT) };
        assert_eq!(found, OUT, "a header that is out");
        self.0.back.fetch_add(1, Ordering::Relaxed);
        // SAFETY: allocated above, with this layout.
        unsafe { System.dealloc(start.as_ptr(), around) }
    }
}

/// Elements and room in one block, which is spoilt and freed with its owner.
pub(crate) struct Block {
    start: NonNull<u8>,
    tracked: Counted<u32>,
}

// SAFETY: the only one that knows of the block.
unsafe impl Send for Block {}

const ROOM: usize = 512;

impl Block {
    /// The elements of `tracked`, in a block with room.
    pub(crate) fn new(tracked: Counted<u32>) -> Self {
        let layout = Self::layout(tracked.elements.len());
        // SAFETY: the size is not 0.
        let start = NonNull::new(unsafe { System.alloc(layout) }).expect("memory");
        // SAFETY: the block is larger than its room.
        let mut to = unsafe { start.add(ROOM) }.cast::<u32>();
        for &element in &tracked.elements {
            // SAFETY: there is room for all elements.
            unsafe { to.write(element) };
            // SAFETY: the same.
            to = unsafe { to.add(1) };
        }
        Self { start, tracked }
    }

    fn layout(len: usize) -> Layout {
        Layout::from_size_align(ROOM + 4 * len, 16).expect("not too large")
    }

    pub(crate) fn room(&self) -> NonNull<[MaybeUninit<u8>]> {
        NonNull::slice_from_raw_parts(self.start.cast(), ROOM)
    }
}

impl AsMut<[u32]> for Block {
    fn as_mut(&mut self) -> &mut [u32] {
        let elements = self.start.as_ptr().wrapping_add(ROOM).cast();
        // SAFETY: the elements were initialised and nobody else knows of them.
        unsafe { std::slice::from_raw_parts_mut(elements, self.tracked.elements.len()) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let layout = Self::layout(self.tracked.elements.len());
        // SAFETY: the block is as large.
        unsafe { self.start.write_bytes(0xdd, layout.size()) };
        // SAFETY: made with this layout.
        unsafe { System.dealloc(self.start.as_ptr(), layout) }
    }
}
