//! A producer's answer, as C passes it, and its status.

use core::ffi::c_void;
use core::fmt;
use core::ptr;

use crate::error::{Error, ErrorKind};
use crate::managed::{AnyManagedTensor, ManagedTensor, ManagedTensorVersioned};

/// The outcome of a request: [`OK`](Self::OK), or the reason why there is no tensor.
///
/// Any code is a valid value. Every code but `OK` is a refusal, and a producer may use codes of its own.
///
/// # Examples
///
/// ```
/// use dlpack::{Error, negotiate::Status};
///
/// assert_eq!(Status::from(Error::AllocationFailed), Status::NO_MEMORY);
/// assert_eq!(Status::new(1), Status::REFUSED);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Status(i32);

impl Status {
    /// There is a tensor.
    pub const OK: Self = Self(0);
    /// The tensor cannot be exchanged as requested: Python's `BufferError`.
    pub const REFUSED: Self = Self(1);
    /// The request is invalid: Python's `ValueError`.
    pub const INVALID: Self = Self(2);
    /// An allocation failed: Python's `MemoryError`.
    pub const NO_MEMORY: Self = Self(3);
    /// The producer failed, or wrote no answer: Python's `RuntimeError`.
    pub const FAILED: Self = Self(4);

    /// Creates a status from its code, known or not.
    #[must_use]
    pub const fn new(code: i32) -> Self {
        Self(code)
    }

    /// Returns the code, as C passes it.
    #[must_use]
    pub const fn code(self) -> i32 {
        self.0
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OK => f.write_str("Status(ok)"),
            Self::REFUSED => f.write_str("Status(refused)"),
            Self::INVALID => f.write_str("Status(invalid)"),
            Self::NO_MEMORY => f.write_str("Status(no memory)"),
            Self::FAILED => f.write_str("Status(failed)"),
            Self(code) => write!(f, "Status({code})"),
        }
    }
}

/// Derives the status from [`Error::kind`]. The status of an [`Error::Refused`] is kept, so that refusals pass through.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match (error, error.kind()) {
            (Error::Refused { status: 0 }, _) | (_, ErrorKind::Failed) => Self::FAILED,
            (Error::Refused { status }, _) => Self(status),
            (_, ErrorKind::OutOfMemory) => Self::NO_MEMORY,
            (_, ErrorKind::InvalidArgument) => Self::INVALID,
            _ => Self::REFUSED,
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        match status {
            Status::NO_MEMORY => Self::AllocationFailed,
            Status(status) => Self::Refused { status },
        }
    }
}

/// A tensor in either ABI or a refusal, as a C struct.
///
/// Whoever receives an answer with the status `OK` owns its tensor, and must call the deleter. With any other status
/// there is no tensor, whatever the other fields say. This is plain data: copying the struct does not duplicate the
/// tensor.
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, negotiate::{Answer, Status}};
///
/// let tensor = Exporter::new(vec![1_u8, 2]).build()?.into_inner();
/// let answer = Answer::new(Ok(tensor.into()));
/// assert_eq!((answer.status, answer.abi), (Status::OK, Answer::VERSIONED));
/// // SAFETY: the answer holds a tensor of this crate, which is taken out once.
/// assert_eq!(unsafe { answer.take() }?.shape(), [2]);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Answer {
    /// The outcome.
    pub status: Status,
    /// The ABI of `tensor`: [`LEGACY`](Self::LEGACY) or [`VERSIONED`](Self::VERSIONED).
    pub abi: u32,
    /// A `DLManagedTensor*` or a `DLManagedTensorVersioned*`.
    pub tensor: *mut c_void,
}

impl Answer {
    /// The tensor is a `DLManagedTensor`.
    pub const LEGACY: u32 = 1;
    /// The tensor is a `DLManagedTensorVersioned`.
    pub const VERSIONED: u32 = 2;
    /// The value of an answer that has not been written yet: [`Status::FAILED`] and no tensor.
    pub const NONE: Self = Self::without(Status::FAILED);

    const fn without(status: Status) -> Self {
        Self { status, abi: 0, tensor: ptr::null_mut() }
    }

    /// Creates an answer from a result. Whoever receives the answer owns the tensor.
    #[must_use = "the deleter of the tensor must be called"]
    pub fn new(result: Result<AnyManagedTensor, Error>) -> Self {
        let ready = result.and_then(|tensor| match tensor {
            AnyManagedTensor::Legacy(tensor) => {
                Ok((Self::LEGACY, tensor.into_opaque()?.into_raw().cast()))
            }
            AnyManagedTensor::Versioned(tensor) => {
                Ok((Self::VERSIONED, tensor.into_opaque()?.into_raw().cast()))
            }
        });
        match ready {
            Ok((abi, tensor)) => Self { status: Status::OK, abi, tensor },
            Err(error) => Self::without(error.into()),
        }
    }

    /// Takes the tensor out and checks it, as [`ManagedTensorVersioned::from_raw`] does.
    ///
    /// # Errors
    ///
    /// - [`Error::AllocationFailed`] for [`Status::NO_MEMORY`], and [`Error::Refused`] for any other status but `OK`.
    ///   The other fields are ignored.
    /// - [`Error::NullTensor`] if the status is `OK` and the tensor is null.
    /// - [`Error::UnknownAbi`] if `abi` is neither of the two. The tensor is leaked, since its deleter cannot be found.
    /// - Any error of [`ManagedTensorVersioned::from_raw`]; the deleter has been called.
    ///
    /// # Safety
    ///
    /// If the status is `OK`, the contract of [`ManagedTensorVersioned::from_raw`] or [`ManagedTensor::from_raw`],
    /// whichever `abi` names, holds for `tensor`. No other copy of the answer is taken.
    pub unsafe fn take(self) -> Result<AnyManagedTensor, Error> {
        if self.status != Status::OK {
            return Err(self.status.into());
        }
        if self.tensor.is_null() {
            return Err(Error::NullTensor);
        }
        match self.abi {
            // SAFETY: the status is `OK`, so clauses S1 to S6 hold for a struct of this ABI.
            Self::LEGACY => unsafe { ManagedTensor::from_raw(self.tensor.cast()) }.map(Into::into),
            Self::VERSIONED => {
                // SAFETY: the status is `OK`, so clauses S1 to S6 hold for a struct of this ABI.
                let tensor = unsafe { ManagedTensorVersioned::from_raw(self.tensor.cast()) };
                tensor.map(Into::into)
            }
            code => Err(Error::UnknownAbi { code }),
        }
    }
}
