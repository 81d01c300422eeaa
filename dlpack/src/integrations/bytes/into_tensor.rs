//! Export of `Bytes` and `BytesMut`.

use bytes::{Bytes, BytesMut};

use crate::error::RejectedError;
use crate::export::Exporter;
use crate::integrations::IntoTensor;
use crate::managed::{Exclusive, Frozen, ManagedTensorVersioned};

/// Exports one axis of `uint8`. For other shapes and dtypes, use [`Exporter::shared`].
///
/// The tensor is read-only, since other buffers may share the bytes.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use dlpack::integrations::IntoTensor;
///
/// let tensor = Bytes::from_static(b"abc").into_tensor()?;
/// assert_eq!(tensor.as_slice::<u8>()?, b"abc");
/// # Ok::<(), dlpack::Error>(())
/// ```
impl IntoTensor for Bytes {
    type Tensor = Frozen<ManagedTensorVersioned>;

    fn into_tensor(self) -> Result<Self::Tensor, RejectedError<Self>> {
        Exporter::shared(self).build()
    }

    fn into_tensor_reversed(self) -> Result<Self::Tensor, RejectedError<Self>> {
        self.into_tensor()
    }
}

/// Exports one axis of `uint8`. For other shapes and dtypes, use [`Exporter::new`].
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use dlpack::integrations::IntoTensor;
///
/// let mut tensor = BytesMut::from("abc").into_tensor()?;
/// tensor.view_mut::<u8>()?[[0]] = b'A';
/// assert_eq!(tensor.as_slice::<u8>()?, b"Abc");
/// # Ok::<(), dlpack::Error>(())
/// ```
impl IntoTensor for BytesMut {
    type Tensor = Exclusive<ManagedTensorVersioned>;

    fn into_tensor(self) -> Result<Self::Tensor, RejectedError<Self>> {
        Exporter::new(self).build()
    }

    fn into_tensor_reversed(self) -> Result<Self::Tensor, RejectedError<Self>> {
        self.into_tensor()
    }
}
