//! What was made, and how often it was given back.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// One entry for each owner, and the headers that are out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    owners: Arc<Mutex<Vec<Arc<AtomicU32>>>>,
    pub(crate) headers: Arc<Headers>,
}

/// Headers in memory that a test gave.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    pub(crate) calls: AtomicUsize,
    pub(crate) given: AtomicUsize,
    pub(crate) back: AtomicUsize,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A new owner of these elements.
    pub(crate) fn owner(&self, elements: Vec<u32>) -> Tracked {
        let drops = Arc::new(AtomicU32::new(0));
        self.owners.lock().expect("not poisoned").push(Arc::clone(&drops));
        Tracked { elements, drops }
    }

    /// Everything has been given back, and once.
    pub(crate) fn settle(&self) {
        let owners = self.owners.lock().expect("not poisoned");
        let wrong = owners.iter().filter(|drops| drops.load(Ordering::Acquire) != 1).count();
        assert_eq!(wrong, 0, "of {} owners", owners.len());
        let [calls, given, back] = [&self.headers.calls, &self.headers.given, &self.headers.back]
            .map(|count| count.load(Ordering::Acquire));
        assert!(given > 0 && calls > given, "some are refused: {given} of {calls}");
        assert_eq!(given, back);
    }
}

/// An owner with an entry in the ledger.
#[derive(Debug)]
pub(crate) struct Tracked {
    elements: Vec<u32>,
    drops: Arc<AtomicU32>,
}

impl Tracked {
    pub(crate) fn elements(&self) -> &[u32] {
        &self.elements
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut u32 {
        self.elements.as_mut_ptr()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::AcqRel);
    }
}

// SAFETY: the vector is the only way to its elements, and is not replaced.
unsafe impl Owner for Tracked {
    type Element = u32;
    type Sharing = Unique;

    fn memory(&mut self) -> *mut [u32] {
        self.elements.memory()
    }
}
