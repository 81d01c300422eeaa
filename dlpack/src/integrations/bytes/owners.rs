//! Buffers of `bytes` as tensors.

use core::ptr;

use bytes::{Bytes, BytesMut};

use crate::error::Rejected;
use crate::export::{Exporter, Owner, Shared, Unique};
use crate::integrations::IntoTensor;
use crate::managed::{Exclusive, Frozen, ManagedTensorVersioned};

/// Read-only, since other buffers may have the same bytes; nothing is copied.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use dlpack::{Access, Exporter};
///
/// let message = Bytes::from_static(b"\x02\x00\x01\x02\x03\x04\x05\x06");
/// let pixels = message.slice(2..);
/// let tensor = Exporter::new(pixels.clone()).shape(&[2, 3]).build()?;
/// assert_eq!(tensor.access(), Access::ReadOnly);
/// assert_eq!(tensor.data().cast_const(), pixels.as_ptr().cast());
/// assert_eq!(tensor.view::<u8>()?[[1, 0]], 4);
/// # Ok::<(), dlpack::Error>(())
/// ```
// SAFETY: the bytes stay where they are while there is a buffer, and nobody writes them: a buffer becomes writable only
// where it is the last one.
unsafe impl Owner for Bytes {
    type Element = u8;
    type Sharing = Shared;

    fn memory(&mut self) -> *mut [u8] {
        ptr::from_ref(&self[..]).cast_mut()
    }
}

/// Nobody else has the same bytes, so that consumers may write them; nothing is copied.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use dlpack::Exporter;
///
/// let mut tensor = Exporter::new(BytesMut::from(&[1, 2, 3][..])).build()?;
/// tensor.view_mut::<u8>()?[[0]] = 9;
/// let buffer = tensor.into_inner().downcast::<BytesMut>().expect("the owner");
/// assert_eq!(buffer, [9, 2, 3][..]);
/// # Ok::<(), dlpack::Error>(())
/// ```
// SAFETY: the bytes stay where they are while the buffer is left alone, and no other buffer has them.
unsafe impl Owner for BytesMut {
    type Element = u8;
    type Sharing = Unique;

    fn memory(&mut self) -> *mut [u8] {
        &raw mut self[..]
    }
}

/// One axis of bytes, which has no other order; for other shapes and dtypes, give the buffer to an
/// [`Exporter`].
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use dlpack::IntoTensor;
///
/// let tensor = Bytes::from_static(b"abc").into_tensor()?;
/// assert_eq!(tensor.as_slice::<u8>()?, b"abc");
/// # Ok::<(), dlpack::Error>(())
/// ```
impl IntoTensor for Bytes {
    type Tensor = Frozen<ManagedTensorVersioned>;

    fn into_tensor(self) -> Result<Self::Tensor, Rejected<Self>> {
        Exporter::new(self).build()
    }

    fn into_tensor_reversed(self) -> Result<Self::Tensor, Rejected<Self>> {
        self.into_tensor()
    }
}

/// One axis of bytes, which has no other order; for other shapes and dtypes, give the buffer to an
/// [`Exporter`].
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use dlpack::IntoTensor;
///
/// let mut tensor = BytesMut::from("abc").into_tensor()?;
/// tensor.view_mut::<u8>()?[[0]] = b'A';
/// assert_eq!(tensor.as_slice::<u8>()?, b"Abc");
/// # Ok::<(), dlpack::Error>(())
/// ```
impl IntoTensor for BytesMut {
    type Tensor = Exclusive<ManagedTensorVersioned>;

    fn into_tensor(self) -> Result<Self::Tensor, Rejected<Self>> {
        Exporter::new(self).build()
    }

    fn into_tensor_reversed(self) -> Result<Self::Tensor, Rejected<Self>> {
        self.into_tensor()
    }
}
