//! Tensors as buffers of `bytes`.

use core::ops::Deref;
use core::ptr::NonNull;
use core::slice;

use bytes::Bytes;

use crate::error::{Error, RejectedError};
use crate::managed::{Descriptor, Frozen};

/// Takes the bytes of a tensor of any dtype, in row-major order; nothing is copied.
///
/// They are in the byte order of this machine. The deleter runs when the last buffer that has some of them is dropped, on
/// whatever thread that is. The buffer allocates memory for what it needs to know.
///
/// # Errors
///
/// Hands the tensor back, with [`Error::NotContiguous`] if the elements do not lie side by side in row-major order,
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
            Ok(elements) => Ok(Self::from_owner(Kept { elements, _tensor: tensor })),
            Err(error) => Err(RejectedError::new(tensor, error)),
        }
    }
}

/// Where the bytes of a tensor are.
struct Elements {
    /// # Invariants
    ///
    /// `nbytes` bytes from here on can be read, and nobody writes them, while the tensor lives.
    start: NonNull<u8>,
    nbytes: usize,
}

// SAFETY: an address of bytes that may be read by all threads.
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

/// A tensor that lives as long as its bytes are in use.
struct Kept<O> {
    elements: Elements,
    _tensor: Frozen<O>,
}

impl<O> AsRef<[u8]> for Kept<O> {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the invariant of `Elements`; the tensor lives, and is frozen.
        unsafe { slice::from_raw_parts(self.elements.start.as_ptr(), self.elements.nbytes) }
    }
}
