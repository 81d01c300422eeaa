//! A producer's answer, as C passes it.

use core::ffi::c_void;
use core::fmt;
use core::ptr;

use crate::error::Error;
use crate::managed::{AnyManagedTensor, ManagedTensor, ManagedTensorVersioned};

/// How a request ended: [`OK`](Self::OK), or why there is no tensor.
///
/// An open number, as C passes it. Any that is not `OK` is a refusal; a producer may use numbers of its own.
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
    /// It cannot be had in this way: Python's `BufferError`.
    pub const REFUSED: Self = Self(1);
    /// The request makes no sense: Python's `ValueError`.
    pub const INVALID: Self = Self(2);
    /// There was no memory: Python's `MemoryError`.
    pub const NO_MEMORY: Self = Self(3);
    /// The producer failed, or did not answer at all: Python's `RuntimeError`.
    pub const FAILED: Self = Self(4);

    /// Makes a status of any code, known or not.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::negotiate::Status;
    ///
    /// assert_eq!(Status::new(0), Status::OK);
    /// ```
    #[must_use]
    pub const fn new(code: i32) -> Self {
        Self(code)
    }

    /// The number that stands in an answer.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(dlpack::negotiate::Status::FAILED.code(), 4);
    /// ```
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

/// What C is told of an error.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::AllocationFailed => Self::NO_MEMORY,
            Error::UnknownCopyPolicy { .. }
            | Error::UnknownStreamKind { .. }
            | Error::InvalidStream { .. } => Self::INVALID,
            Error::Refused { status: 0 } => Self::FAILED,
            Error::Refused { status } => Self(status),
            _ => Self::REFUSED,
        }
    }
}

/// What Rust is told of a refusal.
impl From<Status> for Error {
    fn from(status: Status) -> Self {
        match status {
            Status::NO_MEMORY => Self::AllocationFailed,
            Status(status) => Self::Refused { status },
        }
    }
}

/// A tensor in either ABI, or why there is none, in a struct that C passes.
///
/// Whoever gets an answer with the status `OK` owns its tensor and has to call the deleter. With any other status
/// there is no tensor, whatever the other fields say. Plain data, of which a copy is not one more tensor.
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, negotiate::{Answer, Status}};
///
/// let tensor = Exporter::new(vec![1_u8, 2]).build()?.into_inner();
/// let answer = Answer::new(Ok(tensor.into()));
/// assert_eq!((answer.status, answer.abi), (Status::OK, Answer::VERSIONED));
/// // SAFETY: the tensor has just been put in, and is taken out once.
/// assert_eq!(unsafe { answer.take() }?.shape(), [2]);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Answer {
    /// Whether there is a tensor.
    pub status: Status,
    /// What `tensor` points to: [`LEGACY`](Self::LEGACY) or [`VERSIONED`](Self::VERSIONED).
    pub abi: u32,
    /// A `DLManagedTensor*` or a `DLManagedTensorVersioned*`.
    pub tensor: *mut c_void,
}

impl Answer {
    /// The tensor is a `DLManagedTensor`.
    pub const LEGACY: u32 = 1;
    /// The tensor is a `DLManagedTensorVersioned`.
    pub const VERSIONED: u32 = 2;
    /// What stands in the room for an answer before there is one: [`Status::FAILED`] and no tensor.
    pub const NONE: Self = Self::without(Status::FAILED);

    const fn without(status: Status) -> Self {
        Self { status, abi: 0, tensor: ptr::null_mut() }
    }

    /// Puts a tensor, or an error, into an answer. The tensor now belongs to whoever gets the answer.
    ///
    /// A tensor that came in from a producer gets a new struct; see [`ManagedTensorVersioned::into_parcel`]. Where there
    /// is no memory for that, the answer is [`Status::NO_MEMORY`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Device, Error, negotiate::{Answer, Status}};
    ///
    /// let answer = Answer::new(Err(Error::CopyUnsupported { device: Device::cuda(0) }));
    /// assert_eq!((answer.status, answer.tensor.is_null()), (Status::REFUSED, true));
    /// ```
    #[must_use = "the deleter of the tensor must be called"]
    pub fn new(result: Result<AnyManagedTensor, Error>) -> Self {
        let raw = |tensor| match tensor {
            AnyManagedTensor::Legacy(tensor) => {
                Ok((Self::LEGACY, tensor.into_lasting_raw()?.cast()))
            }
            AnyManagedTensor::Versioned(tensor) => {
                Ok((Self::VERSIONED, tensor.into_parcel()?.into_raw().cast()))
            }
        };
        match result.and_then(raw) {
            Ok((abi, tensor)) => Self { status: Status::OK, abi, tensor },
            Err(error) => Self::without(error.into()),
        }
    }

    /// Takes the tensor out and checks it, as [`ManagedTensorVersioned::from_raw`] does.
    ///
    /// # Errors
    ///
    /// - For any status but `OK`, [`Error::Refused`], or [`Error::AllocationFailed`] for [`Status::NO_MEMORY`]. The
    ///   other fields are not looked at.
    /// - [`Error::NullTensor`] if there is none all the same.
    /// - [`Error::UnknownAbi`] if it is neither of the two ABIs. Nobody knows then how to delete it, and it is leaked.
    /// - Any error of [`ManagedTensorVersioned::from_raw`]; the deleter has been called.
    ///
    /// # Safety
    ///
    /// If the status is `OK`, `tensor` keeps to the contract of [`ManagedTensorVersioned::from_raw`] or
    /// [`ManagedTensor::from_raw`], as `abi` says. No copy of the answer is used for another tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, negotiate::Answer};
    ///
    /// // SAFETY: there is no tensor.
    /// let nothing = unsafe { Answer::NONE.take() };
    /// assert_eq!(nothing.unwrap_err(), Error::Refused { status: 4 });
    /// ```
    pub unsafe fn take(self) -> Result<AnyManagedTensor, Error> {
        if self.status != Status::OK {
            return Err(self.status.into());
        }
        if self.tensor.is_null() {
            return Err(Error::NullTensor);
        }
        match self.abi {
            // SAFETY: the caller's promise.
            Self::LEGACY => Ok(unsafe { ManagedTensor::from_raw(self.tensor.cast()) }?.into()),
            Self::VERSIONED => {
                // SAFETY: the caller's promise.
                let tensor = unsafe { ManagedTensorVersioned::from_raw(self.tensor.cast()) }?;
                Ok(tensor.into())
            }
            code => Err(Error::UnknownAbi { code }),
        }
    }
}
