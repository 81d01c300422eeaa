//! The error that hands an owner back.

use core::fmt;

use super::Error;

/// An error that hands back what was given.
///
/// When an export or a conversion is refused, the owner or the tensor comes back as it was. A shared reference reaches only
/// the error, so that this is `Sync` whatever the owner is, and `Send` if the owner is: `?` converts it to an
/// `anyhow::Error` or a `Box<dyn Error + Send + Sync>`.
///
/// # Examples
///
/// ```
/// use dlpack::{Error, Exporter};
///
/// let refused = Exporter::new(vec![1.0_f32; 6]).shape(&[2, 4]).build().unwrap_err();
/// assert_eq!(refused.error(), Error::OutOfBounds { available: 24, start: 0, end: 32 });
/// assert_eq!(refused.into_inner(), [1.0; 6]);
/// ```
#[derive(thiserror::Error)]
#[error("{error}")]
pub struct RejectedError<O> {
    error: Error,
    owner: O,
}

impl<O> RejectedError<O> {
    pub(crate) const fn new(owner: O, error: Error) -> Self {
        Self { error, owner }
    }

    /// Returns the error.
    pub const fn error(&self) -> Error {
        self.error
    }

    /// Returns what was given.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let refused = Exporter::new(vec![7_u8; 2]).shape(&[3]).build().unwrap_err();
    /// assert_eq!(refused.into_inner(), [7, 7]);
    /// ```
    pub fn into_inner(self) -> O {
        self.owner
    }

    /// Returns what was given, and the error.
    pub fn into_parts(self) -> (O, Error) {
        (self.owner, self.error)
    }

    /// The owner with what else is there, or rejects the owner.
    pub(crate) fn unless_ok<T>(owner: O, result: Result<T, Error>) -> Result<(O, T), Self> {
        match result {
            Ok(value) => Ok((owner, value)),
            Err(error) => Err(Self { error, owner }),
        }
    }

    pub(crate) fn map<P>(self, f: impl FnOnce(O) -> P) -> RejectedError<P> {
        RejectedError { error: self.error, owner: f(self.owner) }
    }
}

// SAFETY: no function that takes `&self` reaches the owner, nor does `Display` or `Debug`.
unsafe impl<O> Sync for RejectedError<O> {}

impl<O> fmt::Debug for RejectedError<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RejectedError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<O> From<RejectedError<O>> for Error {
    fn from(rejected: RejectedError<O>) -> Self {
        rejected.error
    }
}
