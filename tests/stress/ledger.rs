//! What was made, and how often it was given back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use harness::owners::{Counted, Fate};

/// One entry for each owner, and the headers that are out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    owners: Arc<Mutex<Vec<Fate>>>,
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
    pub(crate) fn owner(&self, elements: &[u32]) -> Counted<u32> {
        let (owner, fate) = Counted::new(elements);
        self.owners.lock().expect("not poisoned").push(fate);
        owner
    }

    /// Everything has been given back, and once.
    pub(crate) fn settle(&self) {
        let owners = self.owners.lock().expect("not poisoned");
        let wrong = owners.iter().filter(|fate| fate.dropped() != 1).count();
        assert_eq!(wrong, 0, "of {} owners", owners.len());
        let [calls, given, back] = [&self.headers.calls, &self.headers.given, &self.headers.back]
            .map(|count| count.load(Ordering::Acquire));
        assert!(given > 0 && calls > given, "some are refused: {given} of {calls}");
        assert_eq!(given, back);
    }
}
