//! Truth values as tensors store them: a byte each, which may hold anything.

use core::fmt;
use core::hash::{Hash, Hasher};

use super::representation::{byte_elements, stands_for};
use crate::vocabulary::data_type::DataType;

/// A truth value in a byte, the element of `bool` tensors.
///
/// A Rust `bool` must be 0 or 1, but producers store other bytes too, and every byte other than 0 means true. Two
/// values are equal if they mean the same.
///
/// # Examples
///
/// ```
/// use dlpack::types::Bool8;
///
/// assert!(Bool8::from_bits(255).to_bool());
/// assert_eq!(Bool8::from_bits(255), Bool8::TRUE);
/// assert_eq!(Bool8::from(false).to_bits(), 0);
/// ```
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
pub struct Bool8(u8);

impl Bool8 {
    /// True, as 1.
    pub const TRUE: Self = Self(1);
    /// False, as 0.
    pub const FALSE: Self = Self(0);

    /// Takes any byte.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Returns the byte as it is stored.
    #[must_use]
    pub const fn to_bits(self) -> u8 {
        self.0
    }

    /// What the byte means: false if it is 0, and true otherwise.
    #[must_use]
    pub const fn to_bool(self) -> bool {
        self.0 != 0
    }

    /// Returns whether the byte is 0 or 1, as a Rust `bool` must be.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.0 <= 1
    }
}

impl PartialEq for Bool8 {
    fn eq(&self, other: &Self) -> bool {
        self.to_bool() == other.to_bool()
    }
}

impl Eq for Bool8 {}

impl Hash for Bool8 {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_bool().hash(state);
    }
}

impl From<bool> for Bool8 {
    fn from(value: bool) -> Self {
        Self(u8::from(value))
    }
}

impl fmt::Debug for Bool8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_valid() {
            write!(f, "Bool8({self})")
        } else {
            write!(f, "Bool8({self}: {})", self.0)
        }
    }
}

stands_for! { Bool8: bool = to_bool, Display }
byte_elements! { Bool8 => DataType::BOOL, }
