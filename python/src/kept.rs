//! Tensors that keep each other alive, however many they are, and what Python's objects keep of them.

use core::ffi::c_void;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use std::sync::Arc;

use dlpack_pyo3::__private::end_other;
use dlpack_pyo3::dlpack::ManagedTensorVersioned;
use pyo3::Python;

use crate::errors::undisturbed;

/// A tensor that others may share.
///
/// Its deleter may drop the object whose memory it is, that object may be a tensor or have one, and so on: each of them would be
/// dropped within the one before, on a stack that ends. So it is dropped in its turn, as the objects are that `dlpack-pyo3` keeps.
#[derive(Debug)]
pub(crate) struct Kept(ManuallyDrop<Arc<ManagedTensorVersioned>>);

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
        /// # Safety
        ///
        /// An address of `Arc::into_raw`, which is passed on.
        unsafe fn end(tensor: *mut c_void) {
            // SAFETY: `Arc::into_raw` returned the address and left one count to whoever has it, which is the caller's to pass on.
            drop(unsafe { Arc::<ManagedTensorVersioned>::from_raw(tensor.cast()) });
        }

        // SAFETY: the value is not used again.
        let tensor = unsafe { ManuallyDrop::take(&mut self.0) };
        if Arc::strong_count(&tensor) > 1 {
            // The tensor does not end here, unless the others go at this very moment on another thread. Then it ends out of turn.
            return;
        }
        // SAFETY: the count of the `Arc` goes with its address, to which `end` is called once. Clause S3 of the import contract: the
        // deleter may be called on any thread and does not unwind.
        unsafe { end_other(Arc::into_raw(tensor).cast_mut().cast(), end) };
    }
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
