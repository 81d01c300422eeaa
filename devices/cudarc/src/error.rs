//! What can go wrong between the two.

use cudarc::driver::DriverError;
use dlpack::Device;

/// Says why a tensor and CUDA memory could not be made into one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tensor is not one for this use; the reason is dlpack's.
    #[error(transparent)]
    Tensor(#[from] dlpack::Error),
    /// The tensor is not on the device of the stream.
    #[error("expected memory of {expected}, found {found}")]
    DeviceMismatch {
        /// The device of the stream.
        expected: Device,
        /// The device of the tensor.
        found: Device,
    },
    /// The number names no stream of CUDA.
    #[error("expected a stream that cuda has, found {found}")]
    InvalidStream {
        /// The number.
        found: isize,
    },
    /// CUDA's driver failed.
    #[error("expected success of the cuda driver, found {0}")]
    Driver(DriverError),
}

impl From<DriverError> for Error {
    fn from(error: DriverError) -> Self {
        Self::Driver(error)
    }
}
