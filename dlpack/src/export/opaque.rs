//! Tensors that are made ready for a consumer.

use crate::error::RejectedError;
use crate::managed::{Abi, Managed, OpaqueTensor};

impl<A: Abi> Managed<A> {
    /// Makes the tensor ready for a consumer, and gives its metadata up.
    ///
    /// A tensor that this crate exported is passed on as it is. One that was imported is put under a header of ours, which
    /// says what was checked; that makes one allocation and no copy, and however often a tensor is passed on and comes back, there is
    /// one header, or one for each change that a consumer made. The flags that the standard names are kept.
    ///
    /// # Errors
    ///
    /// Hands the tensor back with [`Error::AllocationFailed`](crate::Error::AllocationFailed), as without the feature
    /// `alloc` every imported one, or with [`Error::NullData`](crate::Error::NullData) if there are elements, but no data.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensorVersioned};
    ///
    /// let raw = Exporter::new([1_u8, 2]).into_raw()?;
    /// // SAFETY: the producer passes the tensor on, and keeps to the standard.
    /// let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    /// let raw = tensor.into_opaque()?.into_raw();
    /// // SAFETY: an opaque tensor holds the contract.
    /// assert_eq!(unsafe { ManagedTensorVersioned::from_raw(raw) }?.shape(), [2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn into_opaque(self) -> Result<OpaqueTensor<A>, RejectedError<Self>> {
        match self.into_lasting_handle() {
            // SAFETY: invariants 1 to 3 of `Managed`, of which the last says that the arrays hold.
            Ok(handle) => Ok(unsafe { OpaqueTensor::new(handle) }),
            #[cfg(feature = "alloc")]
            Err(tensor) => super::reexport::ready(tensor),
            #[cfg(not(feature = "alloc"))]
            Err(tensor) => Err(RejectedError::new(tensor, crate::error::Error::AllocationFailed)),
        }
    }
}
