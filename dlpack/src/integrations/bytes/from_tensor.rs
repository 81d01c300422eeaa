//! Conversion of tensors to `Bytes`.

use core::ops::Deref;
use core::ptr::NonNull;
use core::slice;

use bytes::Bytes;

use crate::error::{Error, RejectedError};
use crate::managed::{Descriptor, Frozen};

/// Converts a row-major tensor of any dtype to its bytes, without a copy.
///
/// The bytes are in the byte order of this machine. The deleter runs when the last buffer that shares them is dropped, on
/// whichever thread that is. `Bytes` allocates memory for its bookkeeping.
///
/// # Errors
///
/// Returns the tensor with [`Error::NotContiguous`] if the elements are not contiguous in row-major order,
/// [`Error::NotHostAccessible`], [`Error::NullData`], [`Error::ByteOffsetOverflow`] or [`Error::AddressOverflow`].
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
        match Elements::of(&tensor) {
            Ok(elements) => Ok(Self::from_owner(KeepAlive { elements, _tensor: tensor })),
            Err(error) => Err(RejectedError::new(tensor, error)),
        }
    }
}

/// The address and the number of a tensor's bytes.
struct Elements {
    /// # Invariants
    ///
    /// While the tensor lives, `nbytes` bytes can be read from here on, and nobody writes them.
    start: NonNull<u8>,
    nbytes: usize,
}

// SAFETY: by the invariant the bytes are only read, which any thread may do.
unsafe impl Send for Elements {}

impl Elements {
    fn of<O: Deref<Target = Descriptor>>(tensor: &Frozen<O>) -> Result<Self, Error> {
        tensor.check_host()?;
        if !tensor.is_contiguous() {
            return Err(Error::NotContiguous);
        }
        Ok(Self { start: tensor.address()?, nbytes: tensor.nbytes() })
    }
}

/// A tensor, which is kept alive while its bytes are in use.
struct KeepAlive<O> {
    elements: Elements,
    _tensor: Frozen<O>,
}

impl<O> AsRef<[u8]> for KeepAlive<O> {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the invariant of `Elements`, since `self` keeps the tensor alive.
        unsafe { slice::from_raw_parts(self.elements.start.as_ptr(), self.elements.nbytes) }
    }
}
