//! Read-only memory for consumers of the legacy ABI.

use core::fmt;

/// What a consumer of the legacy ABI gets of read-only memory.
///
/// A legacy tensor cannot say that it is read-only, and a consumer may take it for writable. Many libraries request no other
/// ABI. PyTorch requests the newest and ignores what that says; see [`Export`](trait@crate::Export#read-only-memory).
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::ReadOnlyAsLegacy;
///
/// assert_eq!(ReadOnlyAsLegacy::default(), ReadOnlyAsLegacy::COPY);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadOnlyAsLegacy(Policy);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Policy {
    #[default]
    Copy,
    Refuse,
    Share,
}

impl ReadOnlyAsLegacy {
    /// A copy; or a `BufferError` if the consumer forbids copies.
    pub const COPY: Self = Self(Policy::Copy);
    /// A `BufferError`, unless the consumer requests a copy.
    pub const REFUSE: Self = Self(Policy::Refuse);

    /// The memory itself, as if it were writable.
    ///
    /// # Safety
    ///
    /// No consumer writes the memory of an object with this policy; or the memory can be written, and nobody relies on its
    /// contents.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::ReadOnlyAsLegacy;
    ///
    /// // SAFETY: no object uses this policy.
    /// let policy = unsafe { ReadOnlyAsLegacy::share() };
    /// assert_ne!(policy, ReadOnlyAsLegacy::COPY);
    /// ```
    #[must_use]
    pub const unsafe fn share() -> Self {
        Self(Policy::Share)
    }

    pub(super) fn is_refuse(self) -> bool {
        self == Self::REFUSE
    }

    pub(super) fn is_share(self) -> bool {
        self.0 == Policy::Share
    }
}

impl fmt::Debug for ReadOnlyAsLegacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadOnlyAsLegacy({:?})", self.0)
    }
}
