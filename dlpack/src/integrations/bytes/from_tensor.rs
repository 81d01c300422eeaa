//! Conversion of tensors to `Bytes`.

use core::ops::Deref;

use bytes::Bytes;

use crate::error::RejectedError;
use crate::managed::{Descriptor, Frozen};

/// Converts a row-major tensor of any dtype to its bytes, without a copy.
///
/// The bytes are in the byte order of this machine. The deleter runs when the last buffer that shares them is dropped, on
/// whichever thread that is. `Bytes` allocates memory for its bookkeeping.
///
/// # Errors
///
/// Returns the tensor with an error of [`Frozen::into_bytes`].
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use dlpack::Exporter;
///
/// let tensor = Exporter::new(vec![1_u8, 2, 3, 4]).shape(&[2, 2]).build()?.freeze();
/// let start = tensor.data();
/// let bytes = Bytes::try_from(tensor)?;
/// assert_eq!(bytes, [1, 2, 3, 4][..]);
/// assert_eq!(bytes.as_ptr(), start.cast_const().cast());
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<O: Deref<Target = Descriptor> + Send + 'static> TryFrom<Frozen<O>> for Bytes {
    type Error = RejectedError<Frozen<O>>;

    fn try_from(tensor: Frozen<O>) -> Result<Self, RejectedError<Frozen<O>>> {
        Ok(Self::from_owner(tensor.into_bytes()?))
    }
}
