//! Why an object is not exported.

use core::borrow::Borrow;

use dlpack::Error;
use dlpack::negotiate::Status;
use pyo3::{PyErr, Python};

use crate::import::{attached, restore};
use crate::raw::{Raised, raise_error};

/// The exception of one of the class's own methods, or an error that becomes one.
pub(super) enum Failure {
    Exception(PyErr),
    Error(Error),
    /// An error after which nothing else is to be tried.
    Final(Error),
}

impl Failure {
    /// Sets the exception.
    #[cold]
    pub(super) fn raise(self, py: Python<'_>) -> Raised {
        match self {
            Self::Exception(exception) => restore(py, exception),
            Self::Error(error) | Self::Final(error) => raise_error(attached(py), error),
        }
    }
}

impl From<Error> for Failure {
    #[inline]
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<PyErr> for Failure {
    #[inline]
    fn from(exception: PyErr) -> Self {
        Self::Exception(exception)
    }
}

const FAILED: &Error = &Error::Refused { status: Status::FAILED.code() };

/// An exception stands for an error to which no rule applies.
impl Borrow<Error> for Failure {
    fn borrow(&self) -> &Error {
        match self {
            Self::Exception(_) | Self::Final(_) => FAILED,
            Self::Error(error) => error,
        }
    }
}
