//! Integers and truth values narrower than a byte.

use super::representation::{stands_for, sub_bytes};
use crate::vocabulary::data_type::DataType;
use crate::vocabulary::data_type_code::DataTypeCode;
use crate::vocabulary::parse::named;

macro_rules! integers {
    ($(
        $name:ident $text:literal $bits:literal $min:literal $max:literal
        $value:ident $to:ident
    )*) => {$(
        #[doc = concat!("An `", $text, "`: ", stringify!($min), " to ", stringify!($max), ".")]
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name($value);

        impl $name {
            #[doc = concat!("The smallest value, ", stringify!($min), ".")]
            pub const MIN: Self = Self($min);
            #[doc = concat!("The largest value, ", stringify!($max), ".")]
            pub const MAX: Self = Self($max);

            /// Makes a value of an integer, or `None` if it does not fit.
            #[must_use]
            #[inline]
            pub const fn new(value: $value) -> Option<Self> {
                let [bits] = value.to_ne_bytes();
                let kept = Self::from_bits(bits);
                if kept.0 == value { Some(kept) } else { None }
            }

            /// Returns the value.
            #[must_use]
            #[inline]
            pub const fn $to(self) -> $value {
                self.0
            }

            /// Takes the stored bits, which are the lowest ones.
            #[must_use]
            #[inline]
            pub const fn from_bits(bits: u8) -> Self {
                // Down again as the type of the value, which repeats the sign if it has one.
                Self($value::from_ne_bytes([bits << (8 - $bits)]) >> (8 - $bits))
            }

            /// Returns the bits as they are stored, in the lowest places.
            #[must_use]
            #[inline]
            pub const fn to_bits(self) -> u8 {
                let [byte] = self.0.to_ne_bytes();
                byte & (u8::MAX >> (8 - $bits))
            }
        }

        stands_for! { $name: $value = $to, Display Debug }
        sub_bytes! { $name => DataType::$name, }
    )*};
}

integers! {
    I4 "int4" 4 -8 7 i8 to_i8
    U4 "uint4" 4 0 15 u8 to_u8
    I2 "int2" 2 -2 1 i8 to_i8
    U2 "uint2" 2 0 3 u8 to_u8
    U1 "uint1" 1 0 1 u8 to_u8
}

/// A `bool1`: a truth value in one bit.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Bool1(bool);

impl Bool1 {
    /// True, as 1.
    pub const TRUE: Self = Self(true);
    /// False, as 0.
    pub const FALSE: Self = Self(false);

    /// Takes the stored bit, which is the lowest one.
    #[must_use]
    #[inline]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 1 == 1)
    }

    /// Returns the bit as it is stored, in the lowest place.
    #[must_use]
    #[inline]
    pub const fn to_bits(self) -> u8 {
        self.0 as u8
    }

    /// Returns the truth value.
    #[must_use]
    #[inline]
    pub const fn to_bool(self) -> bool {
        self.0
    }
}

impl From<bool> for Bool1 {
    fn from(value: bool) -> Self {
        Self(value)
    }
}

stands_for! { Bool1: bool = to_bool, Display }
named! { Bool1 }
sub_bytes! { Bool1 => DataType::new(DataTypeCode::BOOL, 1, 1), }
