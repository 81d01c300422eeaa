//! An owner that says what became of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

/// What became of one [`Tracked`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate {
    dropped: Arc<AtomicU32>,
    thread: Arc<Mutex<Option<ThreadId>>>,
}

impl Fate {
    pub(crate) fn dropped(&self) -> u32 {
        self.dropped.load(Ordering::SeqCst)
    }

    pub(crate) fn thread(&self) -> Option<ThreadId> {
        *self.thread.lock().expect("not poisoned")
    }
}

/// A vector with a [`Fate`].
#[derive(Debug)]
pub(crate) struct Tracked {
    elements: Vec<f32>,
    fate: Fate,
}

impl Tracked {
    pub(crate) fn new(elements: &[f32]) -> (Self, Fate) {
        let fate = Fate::default();
        (Self { elements: elements.to_vec(), fate: fate.clone() }, fate)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.fate.dropped.fetch_add(1, Ordering::SeqCst);
        *self.fate.thread.lock().expect("not poisoned") = Some(thread::current().id());
    }
}

// SAFETY: the vector is the only way to its elements, and it is private and never changed.
unsafe impl Owner for Tracked {
    type Element = f32;
    type Sharing = Unique;

    fn memory(&mut self) -> *mut [f32] {
        self.elements.memory()
    }
}
