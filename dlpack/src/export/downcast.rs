//! The way back: from a tensor of ours to its owner.

use super::block;
use crate::managed::{ManagedTensor, ManagedTensorVersioned};

impl ManagedTensorVersioned {
    /// Takes the owner back out of a tensor that this crate exported.
    ///
    /// The very same owner, without a copy, also after the tensor has been through C as a raw pointer.
    ///
    /// # Errors
    ///
    /// Returns the tensor if somebody else exported it, or if its owner is of another type. That of a tensor which was
    /// converted is the tensor before.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let data = vec![1.0_f32, 2.0];
    /// let start = data.as_ptr();
    /// let tensor = Exporter::new(data).build()?.into_inner();
    /// let tensor = tensor.downcast::<Vec<u32>>().unwrap_err();
    /// let data = tensor.downcast::<Vec<f32>>().unwrap();
    /// assert_eq!(data.as_ptr(), start);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn downcast<O: 'static>(self) -> Result<O, Self> {
        // SAFETY: the invariant of the type.
        let Some(found) = (unsafe { block::find_owner(self.as_raw()) }) else {
            return Err(self);
        };
        // Forgotten before the owner is taken: a panic in between must not run the deleter too.
        let _ = self.into_raw();
        // SAFETY: the deleter was this tensor's to call.
        Ok(unsafe { found.take() })
    }
}

impl ManagedTensor {
    /// Takes the owner back out of a tensor that this crate exported; see
    /// [`ManagedTensorVersioned::downcast`].
    ///
    /// # Errors
    ///
    /// Returns the tensor, as there.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let tensor = Exporter::new(vec![1.0_f32]).build_legacy()?.into_inner();
    /// assert_eq!(tensor.downcast::<Vec<f32>>().unwrap(), [1.0]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn downcast<O: 'static>(self) -> Result<O, Self> {
        // SAFETY: the invariant of the type.
        let Some(found) = (unsafe { block::find_owner(self.as_raw()) }) else {
            return Err(self);
        };
        // Forgotten before the owner is taken: a panic in between must not run the deleter too.
        let _ = self.into_raw();
        // SAFETY: the deleter was this tensor's to call.
        Ok(unsafe { found.take() })
    }
}
