//! An allocator that counts and fails, thread by thread, so that tests may run in parallel.
//!
//! A test binary installs it with `#[global_allocator] static ALLOC: CountingAllocator = CountingAllocator;`.

use std::alloc::{GlobalAlloc, Layout, System};
#[cfg(not(all(windows, target_env = "gnu")))]
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

/// The system's allocator with a meter for every thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

#[cfg(not(all(windows, target_env = "gnu")))]
thread_local! {
    // Neither allocates nor has a destructor: the allocator may use them at any time.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static DEALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static UNTIL_FAILURE: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

#[cfg(all(windows, target_env = "gnu"))]
use slots::{ALLOCATIONS, BYTES, DEALLOCATIONS, UNTIL_FAILURE};

/// Numbers of each thread where `thread_local!` allocates: slots of the system, which begin with 0.
#[cfg(all(windows, target_env = "gnu"))]
mod slots {
    use std::ffi::c_void;
    use std::ptr;
    use std::sync::atomic::{AtomicU32, Ordering};

    pub(super) static ALLOCATIONS: Slot = Slot(AtomicU32::new(0));
    pub(super) static DEALLOCATIONS: Slot = Slot(AtomicU32::new(0));
    pub(super) static UNTIL_FAILURE: Slot = Slot(AtomicU32::new(0));
    pub(super) static BYTES: Slot = Slot(AtomicU32::new(0));

    /// One more than the number of the slot, or 0 before it is made.
    pub(super) struct Slot(AtomicU32);

    unsafe extern "system" {
        safe fn TlsAlloc() -> u32;
        safe fn TlsGetValue(slot: u32) -> *mut c_void;
        safe fn TlsSetValue(slot: u32, value: *mut c_void) -> i32;
    }

    impl Slot {
        fn number(&self) -> u32 {
            let made = match self.0.load(Ordering::Relaxed) {
                0 => {
                    let new = TlsAlloc() + 1;
                    // If two threads make one, that of the second is left unused.
                    let first =
                        self.0.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed);
                    first.err().unwrap_or(new)
                }
                made => made,
            };
            made - 1
        }

        pub(super) fn get(&self) -> u64 {
            TlsGetValue(self.number()).addr() as u64
        }

        pub(super) fn set(&self, value: u64) {
            TlsSetValue(self.number(), ptr::without_provenance_mut(value as usize));
        }
    }
}

/// How often this thread asked for memory, reallocations included.
pub fn allocations() -> u64 {
    ALLOCATIONS.get()
}

/// How often this thread gave memory back; reallocations do not count.
pub fn deallocations() -> u64 {
    DEALLOCATIONS.get()
}

/// How many bytes are out that this thread asked for, less those that it gave back for other threads.
pub fn bytes_out() -> u64 {
    BYTES.get()
}

/// Runs `body` and counts its allocations on this thread.
pub fn count<R>(body: impl FnOnce() -> R) -> (R, u64) {
    let before = allocations();
    let result = body();
    (result, allocations() - before)
}

/// Makes the `n`th allocation of this thread from now on fail, 1 being the next; those after it succeed.
///
/// Dropping the answer calls it off. Most code aborts when memory runs out; meant for what does not.
#[must_use]
pub fn fail_nth(n: u64) -> FailNth {
    UNTIL_FAILURE.set(n);
    FailNth { of_this_thread: PhantomData }
}

/// The failure that [`fail_nth`] ordered.
#[derive(Debug)]
pub struct FailNth {
    of_this_thread: PhantomData<*const ()>,
}

impl FailNth {
    /// Whether it has come.
    pub fn happened(&self) -> bool {
        UNTIL_FAILURE.get() == 0
    }
}

impl Drop for FailNth {
    fn drop(&mut self) {
        UNTIL_FAILURE.set(0);
    }
}

/// Counts one allocation; whether it is to fail.
fn meter() -> bool {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    let left = UNTIL_FAILURE.get();
    UNTIL_FAILURE.set(left.saturating_sub(1));
    left == 1
}

/// Counts the bytes of a block that was made and of one that is gone.
fn weigh(more: usize, less: usize) {
    BYTES.set(BYTES.get().wrapping_add(more as u64).wrapping_sub(less as u64));
}

// SAFETY: memory comes from `System` and goes there; a null answer is allowed at any time.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if meter() {
            return ptr::null_mut();
        }
        weigh(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if meter() {
            return ptr::null_mut();
        }
        weigh(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        if meter() {
            return ptr::null_mut();
        }
        weigh(len, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.realloc(block, layout, len) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        DEALLOCATIONS.set(DEALLOCATIONS.get() + 1);
        weigh(0, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}
