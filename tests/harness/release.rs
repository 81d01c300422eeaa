//! The C consumer lets go: deletes tensors at once, on another thread, many at a time, or after it has spoilt them.
//!
//! Every function takes a live managed tensor that nobody else will delete; `Bag` and `Deleting` keep it until they go.

use std::ptr::NonNull;

use crate::{Managed, ffi};

/// Runs the deleter if there is one.
///
/// # Safety
///
/// As the module says.
pub unsafe fn delete<M: Managed>(managed: *mut M) {
    // SAFETY: the caller's promise.
    unsafe { M::DELETE(managed.cast()) }
}

/// Computes the checksum and deletes. `None`: C could not walk it, but did delete it.
///
/// # Safety
///
/// As the module says.
pub unsafe fn consume<M: Managed>(managed: *mut M) -> Option<u64> {
    let mut checksum = 0;
    // SAFETY: the caller's promise.
    let rc = unsafe { M::CONSUME(managed, &mut checksum) };
    (rc == 0).then_some(checksum)
}

/// Overwrites everything a consumer can reach, contents of shape and strides included, and deletes.
///
/// # Safety
///
/// As the module says.
pub unsafe fn vandalise_and_delete<M: Managed>(managed: *mut M) {
    // SAFETY: the caller's promise.
    unsafe { M::VANDALISE_AND_DELETE(managed) }
}

/// Deletes on another thread and waits for it.
///
/// # Safety
///
/// As the module says.
pub unsafe fn delete_on_thread<M: Managed>(managed: *mut M) {
    // SAFETY: the caller's promise.
    drop(unsafe { start_delete(managed) });
}

/// Deletes on another thread; dropping the answer waits for it.
///
/// # Safety
///
/// As the module says.
pub unsafe fn start_delete<M: Managed>(managed: *mut M) -> Deleting {
    // SAFETY: the caller's promise; the thread is joined by `Deleting`.
    let thread = unsafe { ffi::ct_thread_start(M::DELETE, managed.cast()) };
    Deleting { thread: NonNull::new(thread).expect("a thread could be started") }
}

/// A deletion that goes on in another thread.
#[derive(Debug)]
pub struct Deleting {
    thread: NonNull<ffi::Thread>,
}

impl Drop for Deleting {
    fn drop(&mut self) {
        // SAFETY: started in `start_delete` and joined only here.
        unsafe { ffi::ct_thread_join(self.thread.as_ptr()) }
    }
}

/// Keeps tensors and deletes them, in the order in which they came, when it is dropped.
#[derive(Debug)]
pub struct Bag {
    raw: NonNull<ffi::Bag>,
}

impl Bag {
    /// An empty bag.
    #[allow(clippy::new_without_default, reason = "it allocates in C")]
    pub fn new() -> Self {
        Self { raw: NonNull::new(ffi::ct_bag_new()).expect("memory") }
    }

    /// Takes the tensor over.
    ///
    /// # Safety
    ///
    /// As the module says.
    pub unsafe fn hold<M: Managed>(&mut self, managed: *mut M) {
        // SAFETY: `raw` is ours until drop; the rest is the caller's promise.
        let rc = unsafe { M::HOLD(self.raw.as_ptr(), managed) };
        assert_eq!(rc, 0, "memory");
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        // SAFETY: `raw` is ours until drop.
        unsafe { ffi::ct_held(self.raw.as_ptr()) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Bag {
    fn drop(&mut self) {
        // SAFETY: `raw` is ours, and this is the last use.
        unsafe { ffi::ct_release(self.raw.as_ptr()) }
    }
}
