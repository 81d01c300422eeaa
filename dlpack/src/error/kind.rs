//! The classes of errors.

use super::Error;

/// The class of an [`Error`]: who or what has to change.
///
/// The exceptions that Python programs see, the status of a negotiation and the reports of an exchange derive from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A tensor, or a table of functions, breaks the rules of the standard.
    Malformed,
    /// The tensor is valid, but does not have a property that is needed here, such as a version, a device, a flag or an
    /// order.
    Unsupported,
    /// The elements are not of the dtype that is needed.
    DType,
    /// An argument of the call or of the request makes no sense, or does not fit the tensor.
    InvalidArgument,
    /// The request and its copy policy cannot both be fulfilled.
    CopyPolicy,
    /// There is no memory.
    OutOfMemory,
    /// The other side lacks a function.
    NotImplemented,
    /// The other side tried, and failed.
    Failed,
}

impl Error {
    /// Returns the class of the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, ErrorKind, TensorView};
    ///
    /// let view = TensorView::from_slice(&[1, 2, 3, 4], &[2, 2])?;
    /// let error = view.select(0, 9).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NullTensor
            | Self::MisalignedHeader { .. }
            | Self::NegativeNdim { .. }
            | Self::NullShape { .. }
            | Self::NullStrides { .. }
            | Self::InvalidDType { .. }
            | Self::NegativeSize { .. }
            | Self::NullData
            | Self::ByteOffsetOverflow { .. }
            | Self::AddressOverflow
            | Self::NullTable
            | Self::TableOrder { .. }
            | Self::TooManyTables { .. }
            | Self::NullObject
            | Self::NullOutput
            | Self::NotLegacy { .. }
            | Self::UnknownAbi { .. } => ErrorKind::Malformed,

            Self::DTypeMismatch { .. } => ErrorKind::DType,

            Self::NdimMismatch { .. }
            | Self::StridesLenMismatch { .. }
            | Self::AxisOutOfRange { .. }
            | Self::InsertOutOfRange { .. }
            | Self::IndexOutOfRange { .. }
            | Self::RangeOutOfBounds { .. }
            | Self::OutOfBounds { .. }
            | Self::ZeroStep
            | Self::RepeatedAxis { .. }
            | Self::ShapeMismatch { .. }
            | Self::StrideMismatch { .. }
            | Self::StrideNotPositive { .. }
            | Self::LenMismatch { .. }
            | Self::InvalidText { .. }
            | Self::UnknownCopyPolicy { .. }
            | Self::UnknownStreamKind { .. }
            | Self::InvalidStream { .. } => ErrorKind::InvalidArgument,

            Self::CopyNeeded { .. } | Self::Copied => ErrorKind::CopyPolicy,
            Self::AllocationFailed => ErrorKind::OutOfMemory,
            Self::MissingFunction { .. } => ErrorKind::NotImplemented,
            Self::CallFailed { .. } | Self::Panicked => ErrorKind::Failed,
            _ => ErrorKind::Unsupported,
        }
    }
}
