//! The copy policy of a request.

use core::fmt;

use crate::error::Error;

/// A consumer's wish for a copy: if needed, always, or never.
///
/// Any code is a valid value. An unknown one is kept, and is an error when the request is answered.
///
/// # Examples
///
/// ```
/// use dlpack::negotiate::CopyPolicy;
///
/// assert_eq!(CopyPolicy::default(), CopyPolicy::IF_NEEDED);
/// assert_eq!(CopyPolicy::new(2), CopyPolicy::NEVER);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct CopyPolicy(u32);

impl CopyPolicy {
    /// The memory itself if possible, and a copy otherwise; Python's `copy=None`.
    pub const IF_NEEDED: Self = Self(0);
    /// A copy, to which the consumer has exclusive access; Python's `copy=True`.
    pub const ALWAYS: Self = Self(1);
    /// The memory itself or an error; Python's `copy=False`.
    pub const NEVER: Self = Self(2);

    /// Creates a policy from its code, known or not.
    #[must_use]
    pub const fn new(code: u32) -> Self {
        Self(code)
    }

    /// Returns the code, as C passes it.
    #[must_use]
    pub const fn code(self) -> u32 {
        self.0
    }

    pub(super) const fn check(self) -> Result<(), Error> {
        match self {
            Self::IF_NEEDED | Self::ALWAYS | Self::NEVER => Ok(()),
            Self(code) => Err(Error::UnknownCopyPolicy { code }),
        }
    }
}

impl fmt::Debug for CopyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::IF_NEEDED => f.write_str("CopyPolicy(if needed)"),
            Self::ALWAYS => f.write_str("CopyPolicy(always)"),
            Self::NEVER => f.write_str("CopyPolicy(never)"),
            Self(code) => write!(f, "CopyPolicy({code})"),
        }
    }
}
