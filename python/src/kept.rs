//! Tensors that keep each other alive, however many they are, and what Python's objects keep of them.

use core::cell::{Cell, RefCell};
use core::mem::ManuallyDrop;
use core::ops::Deref;
use std::sync::Arc;

use dlpack_pyo3::dlpack::ManagedTensorVersioned;
use pyo3::Python;

use crate::errors::undisturbed;

/// A tensor that others may share.
///
/// Its deleter may drop the object whose memory it is, that object may be a tensor or have one, and so on: each of them would be
/// dropped within the one before, on a stack that ends. From a certain depth on, a tensor waits until those before it are done.
#[derive(Debug)]
pub(crate) struct Kept(ManuallyDrop<Arc<ManagedTensorVersioned>>);

/// How many tensors are dropped within each other.
const DEPTH: u32 = 32;

thread_local! {
    static DROPPING: Cell<u32> = const { Cell::new(0) };
    static WAITING: RefCell<Vec<Arc<ManagedTensorVersioned>>> = const { RefCell::new(Vec::new()) };
}

impl Kept {
    /// Returns the tensor, if nobody else has it.
    pub(crate) fn into_inner(self) -> Option<ManagedTensorVersioned> {
        // SAFETY: the value is not used again, nor dropped.
        Arc::into_inner(unsafe { ManuallyDrop::take(&mut ManuallyDrop::new(self).0) })
    }
}

impl From<Arc<ManagedTensorVersioned>> for Kept {
    fn from(tensor: Arc<ManagedTensorVersioned>) -> Self {
        Self(ManuallyDrop::new(tensor))
    }
}

impl From<ManagedTensorVersioned> for Kept {
    fn from(tensor: ManagedTensorVersioned) -> Self {
        Self::from(Arc::new(tensor))
    }
}

impl Clone for Kept {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Deref for Kept {
    type Target = Arc<ManagedTensorVersioned>;

    fn deref(&self) -> &Arc<ManagedTensorVersioned> {
        &self.0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: the value is not used again.
        let tensor = unsafe { ManuallyDrop::take(&mut self.0) };
        let depth = DROPPING.get();
        let mut tensor = Some(tensor);
        if depth >= DEPTH {
            // There may be no memory for it to wait in, nor a place when the thread ends. Then it is dropped within the others.
            _ = WAITING.try_with(|waiting| {
                let mut waiting = waiting.borrow_mut();
                if waiting.try_reserve(1).is_ok() {
                    waiting.extend(tensor.take());
                }
            });
            if tensor.is_none() {
                return;
            }
        }
        DROPPING.set(depth.saturating_add(1));
        drop(tensor);
        if depth + 1 == DEPTH {
            while let Some(tensor) = next() {
                drop(tensor);
            }
        }
        // Counted and not restored, since a deleter may switch to another stack of the thread, as greenlets do.
        DROPPING.set(DROPPING.get().saturating_sub(1));
    }
}

/// Takes one of those that wait. When none is left, their room is given back.
fn next() -> Option<Arc<ManagedTensorVersioned>> {
    let next = WAITING.try_with(|waiting| {
        let mut waiting = waiting.borrow_mut();
        let next = waiting.pop();
        if next.is_none() {
            waiting.shrink_to_fit();
        }
        next
    });
    next.ok().flatten()
}

/// A tensor in an object, which Python may drop while an exception is set. The tensor's deleter neither sees nor loses that.
#[derive(Debug)]
pub(crate) struct InObject {
    /// # Invariants
    ///
    /// This is a field of an object, or on its way into one, and so it is dropped on an attached thread.
    tensor: ManuallyDrop<Kept>,
}

impl InObject {
    /// Returns the tensor, which any thread may drop.
    pub(crate) fn into_kept(self) -> Kept {
        // SAFETY: the value is not used again, nor dropped.
        unsafe { ManuallyDrop::take(&mut ManuallyDrop::new(self).tensor) }
    }
}

impl<T: Into<Kept>> From<T> for InObject {
    fn from(tensor: T) -> Self {
        Self { tensor: ManuallyDrop::new(tensor.into()) }
    }
}

impl Clone for InObject {
    fn clone(&self) -> Self {
        Self::from(Kept::clone(self))
    }
}

impl Deref for InObject {
    type Target = Kept;

    fn deref(&self) -> &Kept {
        &self.tensor
    }
}

impl Drop for InObject {
    fn drop(&mut self) {
        // SAFETY: the invariant of `tensor`: the thread is attached; and the value is not used again.
        unsafe {
            let tensor = ManuallyDrop::take(&mut self.tensor);
            undisturbed(Python::assume_attached(), || drop(tensor));
        }
    }
}
