//! The version of the ABI that a tensor says it was built for.

use core::fmt;

use super::parse::decimal;
use crate::sys;

/// A version of the DLPack ABI.
///
/// A new major changes the layout of the structs; a new minor only adds codes ([`DLPackVersion`]). Versions are ordered
/// by major, then minor, and are written `1.3`.
///
/// [`DLPackVersion`]: sys::DLPackVersion
///
/// # Examples
///
/// ```
/// use dlpack::Version;
///
/// let version: Version = "1.2".parse()?;
/// assert_eq!(version, Version { major: 1, minor: 2 });
/// assert!(version < Version::CURRENT);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct Version {
    /// Changes when the layout of the structs does.
    pub major: u32,
    /// Changes when codes are added.
    pub minor: u32,
}

impl Version {
    /// The version of the header that this crate was written for, and the one it writes: 1.3.
    pub const CURRENT: Self = Self::new(sys::DLPACK_MAJOR_VERSION, sys::DLPACK_MINOR_VERSION);

    /// Puts a version together from its two numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// Returns whether the fields of a tensor of this version may be read: its major is the one of [`Version::CURRENT`].
    ///
    /// Any minor will do. Of a tensor with another major, a consumer may only call the deleter ([`DLPackVersion`]).
    ///
    /// [`DLPackVersion`]: sys::DLPackVersion
    #[must_use]
    pub const fn is_compatible(self) -> bool {
        self.major == Self::CURRENT.major
    }

    /// Returns whether a tensor of this version must have strides unless it has no dimensions: 1.2 and later.
    ///
    /// Before 1.2, null strides meant a compact row-major tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Version;
    ///
    /// assert!(!Version::new(1, 1).requires_strides());
    /// assert!(Version::new(1, 2).requires_strides());
    /// ```
    #[must_use]
    pub const fn requires_strides(self) -> bool {
        self.major > 1 || (self.major == 1 && self.minor >= 2)
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self::new(decimal(major)?, decimal(minor)?))
    }

    pub(super) const fn from_sys(version: sys::DLPackVersion) -> Self {
        Self::new(version.major, version.minor)
    }

    pub(crate) const fn to_sys(self) -> sys::DLPackVersion {
        sys::DLPackVersion { major: self.major, minor: self.minor }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
