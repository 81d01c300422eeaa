//! The flags of a versioned tensor: three bits with names, and room for those of newer headers.

use core::fmt;
use core::ops::{BitAnd, BitOr, BitOrAssign};

/// What a versioned tensor says about its memory: read-only, a copy, padded.
///
/// Bits without a name in DLPack 1.3 are kept, and written as one number: `READ_ONLY | 0x100`. No flags at all are
/// written `0`. A legacy tensor has no flags.
///
/// # Examples
///
/// ```
/// use dlpack::Flags;
///
/// let flags = Flags::READ_ONLY | Flags::IS_COPIED;
/// assert!(flags.is_read_only());
/// assert_eq!(flags.to_string(), "READ_ONLY | IS_COPIED");
/// assert_eq!("READ_ONLY | IS_COPIED".parse(), Ok(flags));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Flags(u64);

const NAMES: [(Flags, &str); 3] = [
    (Flags::READ_ONLY, "READ_ONLY"),
    (Flags::IS_COPIED, "IS_COPIED"),
    (Flags::IS_SUBBYTE_TYPE_PADDED, "IS_SUBBYTE_TYPE_PADDED"),
];

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The consumer may not write to the data (`DLPACK_FLAG_BITMASK_READ_ONLY`).
    pub const READ_ONLY: Self = Self(1 << 0);
    /// The producer made a copy, which belongs to the consumer alone until it calls the deleter
    /// (`DLPACK_FLAG_BITMASK_IS_COPIED`).
    pub const IS_COPIED: Self = Self(1 << 1);
    /// Lanes narrower than a byte have a byte each, rather than being packed
    /// (`DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED`).
    pub const IS_SUBBYTE_TYPE_PADDED: Self = Self(1 << 2);

    /// Takes any 64 bits, those without a name included.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns all bits, those without a name included.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Returns whether every bit of `other` is set here.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns these flags and those of `other`; the same as `|`, and usable in constants.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Flags;
    ///
    /// const BOTH: Flags = Flags::READ_ONLY.with(Flags::IS_COPIED);
    /// assert_eq!(BOTH.bits(), 3);
    /// ```
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns these flags, less those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns whether [`Flags::READ_ONLY`] is set.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        self.contains(Self::READ_ONLY)
    }

    /// Returns whether [`Flags::IS_COPIED`] is set.
    #[must_use]
    pub const fn is_copied(self) -> bool {
        self.contains(Self::IS_COPIED)
    }

    /// Returns whether [`Flags::IS_SUBBYTE_TYPE_PADDED`] is set, which says something about dtypes narrower than a byte only.
    #[must_use]
    pub const fn is_padded(self) -> bool {
        self.contains(Self::IS_SUBBYTE_TYPE_PADDED)
    }

    /// Returns the bits that DLPack 1.3 does not name.
    #[must_use]
    pub const fn unknown(self) -> Self {
        self.without(Self::READ_ONLY).without(Self::IS_COPIED).without(Self::IS_SUBBYTE_TYPE_PADDED)
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self::NONE);
        }
        text.split('|').try_fold(Self::NONE, |flags, part| Some(flags | one(part.trim())?))
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.with(other);
    }
}

impl BitAnd for Flags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (_, name) in NAMES.iter().filter(|(flag, _)| self.contains(*flag)) {
            write!(f, "{separator}{name}")?;
            separator = " | ";
        }
        match self.unknown() {
            Self::NONE if *self == Self::NONE => f.write_str("0"),
            Self::NONE => Ok(()),
            unknown => write!(f, "{separator}{:#x}", unknown.0),
        }
    }
}

/// Reads one name, or a number such as `0x100`.
fn one(part: &str) -> Option<Flags> {
    if let Some(digits) = part.strip_prefix("0x") {
        // `from_str_radix` alone would take a plus sign.
        let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        return if plain { u64::from_str_radix(digits, 16).ok().map(Flags) } else { None };
    }
    NAMES.iter().find(|(_, name)| *name == part).map(|(flag, _)| *flag)
}
