//! What an allocator says of its failure, and the error that carries it.

use core::ffi::{CStr, c_char};
use core::fmt::{self, Write};

use super::text::Text;
use crate::error::{Error, RejectedError};

const KIND: usize = 40;
const MESSAGE: usize = 216;

/// Why an allocator failed: the name of an exception and a message, held without a heap.
///
/// This is what travels through the `SetError` callback of [`DLPackManagedTensorAllocator`]. The kind is the name of a
/// Python exception, such as `MemoryError`; what comes from other libraries may be any text, or none. Kinds are
/// cut after 39 bytes, messages after 215, both at the first NUL.
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
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    kind: Text<KIND>,
    message: Text<MESSAGE>,
}

impl Report {
    pub(super) const EMPTY: Self = Self { kind: Text::EMPTY, message: Text::EMPTY };

    /// Puts a report together.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::exchange::Report;
    ///
    /// assert_eq!(Report::new("ValueError", "no such device").message(), "no such device");
    /// ```
    #[must_use]
    pub fn new(kind: &str, message: &str) -> Self {
        Self { kind: Text::new(kind), message: Text::new(message) }
    }

    /// Copies two C strings.
    ///
    /// # Safety
    ///
    /// Each is null, or can be read up to its NUL.
    pub(super) unsafe fn from_c(kind: *const c_char, message: *const c_char) -> Self {
        // SAFETY: the caller's promise.
        let kind = unsafe { Text::from_c(kind) };
        // SAFETY: the caller's promise.
        let message = unsafe { Text::from_c(message) };
        Self { kind, message }
    }

    /// Returns the name of the exception; empty if none was given.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(dlpack::exchange::Report::new("MemoryError", "").kind(), "MemoryError");
    /// ```
    #[must_use]
    pub fn kind(&self) -> &str {
        self.kind.as_str()
    }

    /// Returns the message; empty if none was given.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(dlpack::exchange::Report::new("MemoryError", "full").message(), "full");
    /// ```
    #[must_use]
    pub fn message(&self) -> &str {
        self.message.as_str()
    }

    /// Says whether there is neither a kind nor a message.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(dlpack::exchange::Report::new("", "").is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kind().is_empty() && self.message().is_empty()
    }

    /// The kind and the message, for C.
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

/// The kind is the exception that Python programs expect for such an error.
impl From<Error> for Report {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::AllocationFailed => "MemoryError",
            Error::MissingFunction { .. } => "NotImplementedError",
            Error::Panicked => "RuntimeError",
            _ => "ValueError",
        };
        let mut report = Self::new(kind, "");
        // Fails only where the message is cut.
        let _ = write!(report.message, "{error}");
        report
    }
}

/// Drops what is handed back.
impl<O> From<RejectedError<O>> for Report {
    fn from(rejected: RejectedError<O>) -> Self {
        Self::from(Error::from(rejected))
    }
}

/// Says why no tensor was allocated: an [`Error`], and what the allocator said if it was asked and refused.
///
/// # Examples
///
/// ```
/// use dlpack::{Error, exchange::AllocateError};
///
/// let error = AllocateError::from(Error::ShapeOverflow);
/// assert_eq!(error.error(), Error::ShapeOverflow);
/// assert!(error.report().is_none());
/// assert_eq!(Error::from(error), Error::ShapeOverflow);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocateError {
    error: Error,
    /// Empty if there is none.
    report: Report,
}

impl AllocateError {
    pub(super) const fn new(error: Error, report: Report) -> Self {
        Self { error, report }
    }

    /// Returns the error; [`Error::CallFailed`] if the allocator refused.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{Error, exchange::AllocateError};
    /// assert_eq!(AllocateError::from(Error::NullTensor).error(), Error::NullTensor);
    /// ```
    #[must_use]
    pub const fn error(&self) -> Error {
        self.error
    }

    /// Returns what the allocator said, the first time if it spoke twice.
    ///
    /// `None` if it said nothing, or was not the one who failed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{Error, exchange::AllocateError};
    /// assert_eq!(AllocateError::from(Error::NullTensor).report(), None);
    /// ```
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        if self.report.is_empty() { None } else { Some(&self.report) }
    }
}

impl fmt::Display for AllocateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.report() {
            Some(report) => write!(f, "{}: {report}", self.error),
            None => fmt::Display::fmt(&self.error, f),
        }
    }
}

impl core::error::Error for AllocateError {}

impl From<Error> for AllocateError {
    fn from(error: Error) -> Self {
        Self::new(error, Report::EMPTY)
    }
}

/// Drops what the allocator said.
impl From<AllocateError> for Error {
    fn from(error: AllocateError) -> Self {
        error.error
    }
}
