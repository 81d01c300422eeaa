//! What can go wrong between the two.

use cudarc::driver::DriverError;

/// Says why a tensor and CUDA memory could not be made into one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tensor, or the stream, is not one for this use; the reason is dlpack's.
    #[error(transparent)]
    DLPack(#[from] dlpack::Error),
    /// CUDA's driver failed.
    #[error("expected success of the cuda driver, found {0}")]
    Driver(DriverError),
}

impl From<DriverError> for Error {
    fn from(error: DriverError) -> Self {
        Self::Driver(error)
    }
}
