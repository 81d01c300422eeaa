//! Read-only memory and consumers who cannot be told that it is.

use core::fmt;

/// What a consumer of the legacy ABI gets of read-only memory.
///
/// That ABI has no flag for it: whoever gets such a tensor may take it for writable. Many libraries ask for no other.
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
    Alias,
}

impl ReadOnlyAsLegacy {
    /// A copy, unless the consumer asked for none; then a `BufferError`.
    pub const COPY: Self = Self(Policy::Copy);
    /// A `BufferError`, unless the consumer asked for a copy.
    pub const REFUSE: Self = Self(Policy::Refuse);

    /// The memory itself, as if it were writable.
    ///
    /// # Safety
    ///
    /// No consumer writes what it gets from objects with this policy; or that it does is no harm, because the memory can be
    /// written and nobody relies on its contents.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::ReadOnlyAsLegacy;
    ///
    /// // SAFETY: there are no objects with this policy.
    /// let policy = unsafe { ReadOnlyAsLegacy::alias() };
    /// assert_ne!(policy, ReadOnlyAsLegacy::COPY);
    /// ```
    #[must_use]
    pub const unsafe fn alias() -> Self {
        Self(Policy::Alias)
    }

    pub(super) fn is_refuse(self) -> bool {
        self == Self::REFUSE
    }

    pub(super) fn is_alias(self) -> bool {
        self.0 == Policy::Alias
    }
}

impl fmt::Debug for ReadOnlyAsLegacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadOnlyAsLegacy({:?})", self.0)
    }
}
