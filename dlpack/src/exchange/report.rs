//! The report of an allocator that fails, which is an error.

use core::ffi::{CStr, c_char};
use core::fmt::{self, Write};

use super::bounded_str::BoundedStr;
use crate::error::{Error, ErrorKind, RejectedError};

const KIND: usize = 40;
const MESSAGE: usize = 216;

/// The reason why an allocator failed: the name of an exception and a message, without an allocation.
///
/// It is the error of [`ExchangeApi::allocate`](super::ExchangeApi::allocate), and one that a
/// [`Library`](super::Library) can have: the texts are for people, and [`error`](Self::error) is for programs.
///
/// These are the arguments of the `SetError` callback of [`DLPackManagedTensorAllocator`]. The kind is the name of a Python
/// exception, such as `MemoryError`; other libraries may pass any text. Kinds are truncated to 39 bytes, messages to 215,
/// and both at the first NUL.
///
/// [`DLPackManagedTensorAllocator`]: crate::sys::DLPackManagedTensorAllocator
///
/// # Examples
///
/// ```
/// use dlpack::{Error, exchange::Report};
///
/// let report = Report::new("MemoryError", "no room for 2 GiB");
/// assert_eq!(report.to_string(), "MemoryError: no room for 2 GiB");
///
/// let report = Report::from(Error::NegativeNdim { ndim: -1 });
/// assert_eq!(report.kind(), "ValueError");
/// assert_eq!(report.error(), Error::NegativeNdim { ndim: -1 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    error: Error,
    kind: BoundedStr<KIND>,
    message: BoundedStr<MESSAGE>,
}

impl Report {
    /// What [`new`](Self::new) and [`from_c`](Self::from_c) report: a call that failed with the code that the standard suggests.
    const FAILED: Error = Error::CallFailed { name: "managed_tensor_allocator", code: -1 };

    pub(super) const EMPTY: Self =
        Self { error: Self::FAILED, kind: BoundedStr::EMPTY, message: BoundedStr::EMPTY };

    /// Creates a report of an exception's name and a message.
    #[must_use]
    pub fn new(kind: &str, message: &str) -> Self {
        Self { kind: BoundedStr::new(kind), message: BoundedStr::new(message), ..Self::EMPTY }
    }

    /// Creates a report of two C strings.
    ///
    /// # Safety
    ///
    /// Each is null, or can be read up to its NUL.
    pub(super) unsafe fn from_c(kind: *const c_char, message: *const c_char) -> Self {
        // SAFETY: each string is null, or can be read up to its NUL.
        let (kind, message) = unsafe { (BoundedStr::from_c(kind), BoundedStr::from_c(message)) };
        Self { kind, message, ..Self::EMPTY }
    }

    /// The report of this error, in its own words if it has none.
    pub(super) fn of(self, error: Error) -> Self {
        if self.is_empty() { error.into() } else { Self { error, ..self } }
    }

    /// Returns the error: [`Error::CallFailed`] if an allocator refused.
    #[must_use]
    pub const fn error(&self) -> Error {
        self.error
    }

    /// Returns the name of the exception, which may be empty.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.kind.as_str()
    }

    /// Returns the message, which may be empty.
    #[must_use]
    pub fn message(&self) -> &str {
        self.message.as_str()
    }

    /// Returns `true` if both the kind and the message are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kind().is_empty() && self.message().is_empty()
    }

    /// Returns the kind and the message as C strings.
    pub(super) fn as_c_strs(&self) -> (&CStr, &CStr) {
        (self.kind.as_c_str(), self.message.as_c_str())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind(), self.message()) {
            ("", "") => f.write_str("no reason"),
            (one, "") | ("", one) => f.write_str(one),
            (kind, message) => write!(f, "{kind}: {message}"),
        }
    }
}

/// Derives the name of the exception from [`Error::kind`]: Python programs expect a `ValueError` for a tensor that an
/// allocator cannot make.
impl From<Error> for Report {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::OutOfMemory => "MemoryError",
            ErrorKind::NotImplemented => "NotImplementedError",
            ErrorKind::Failed => "RuntimeError",
            _ => "ValueError",
        };
        let mut report = Self { error, ..Self::new(kind, "") };
        // Fails only if the message is truncated.
        let _ = write!(report.message, "{error}");
        report
    }
}

/// Drops the value that the error contains.
impl<O> From<RejectedError<O>> for Report {
    fn from(rejected: RejectedError<O>) -> Self {
        Self::from(Error::from(rejected))
    }
}

/// Drops the texts.
impl From<Report> for Error {
    fn from(report: Report) -> Self {
        report.error
    }
}

impl core::error::Error for Report {}
