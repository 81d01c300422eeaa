//! An owner of elements that counts its drops.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

/// What became of one [`Counted`].
#[derive(Clone, Debug, Default)]
pub struct Fate(Arc<State>);

#[derive(Debug, Default)]
struct State {
    drops: AtomicU32,
    thread: Mutex<Option<ThreadId>>,
}

impl Fate {
    /// Returns how often the owner was dropped.
    pub fn dropped(&self) -> u32 {
        self.0.drops.load(Ordering::SeqCst)
    }

    /// Returns the thread that dropped the owner.
    pub fn thread(&self) -> Option<ThreadId> {
        *self.0.thread.lock().expect("not poisoned")
    }
}

/// Is called with the elements when the owner is dropped.
type AtEnd<T> = Box<dyn FnOnce(&[T]) + Send>;

/// A vector that counts its drops, and may do more when it is dropped.
pub struct Counted<T> {
    /// The elements.
    pub elements: Vec<T>,
    fate: Fate,
    at_end: Option<AtEnd<T>>,
}

impl<T: Clone> Counted<T> {
    /// Returns an owner of a copy of the elements, and what will have become of it.
    pub fn new(elements: &[T]) -> (Self, Fate) {
        let fate = Fate::default();
        (Self { elements: elements.to_vec(), fate: fate.clone(), at_end: None }, fate)
    }

    /// Returns an owner that calls a function with its elements when it is dropped.
    pub fn with_end(elements: &[T], at_end: impl FnOnce(&[T]) + Send + 'static) -> Self {
        let mut owner = Self::new(elements).0;
        owner.at_end = Some(Box::new(at_end));
        owner
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        assert_eq!(self.fate.0.drops.fetch_add(1, Ordering::SeqCst), 0, "dropped once");
        *self.fate.0.thread.lock().expect("not poisoned") = Some(thread::current().id());
        if let Some(at_end) = self.at_end.take() {
            at_end(&self.elements);
        }
    }
}

impl<T> AsRef<[T]> for Counted<T> {
    fn as_ref(&self) -> &[T] {
        &self.elements
    }
}

impl<T> AsMut<[T]> for Counted<T> {
    fn as_mut(&mut self) -> &mut [T] {
        &mut self.elements
    }
}

impl<T: fmt::Debug> fmt::Debug for Counted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counted").field(&self.elements).finish()
    }
}
