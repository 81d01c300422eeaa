//! What all small float types have in common, written once.

/// Defines a float that is kept as its bits and computed with as an `f32`.
macro_rules! small_float {
    (
        $(#[$doc:meta])*
        $name:ident, $format:expr, $dtype:ident, one: $one:literal, max: $max:literal = $max_text:literal
    ) => {
        $(#[$doc])*
        ///
        /// Values compare as numbers: NaN is not equal to itself, and the two zeros, where there are two, are equal.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = concat!("use dlpack::types::", stringify!($name), ";")]
        ///
        #[doc = concat!("assert_eq!(", stringify!($name), "::from_f32(1.0).to_bits(), ", stringify!($one), ");")]
        #[doc = concat!("assert_eq!(", stringify!($name), "::MAX.to_f32(), ", $max_text, ");")]
        /// ```
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub struct $name(u8);

        impl $name {
            #[doc = concat!("The largest finite value, ", $max_text, ".")]
            pub const MAX: Self = Self($max);

            /// The value of each pattern, computed once by the compiler.
            const VALUES: [f32; 1 << $crate::DataType::$dtype.bits] = {
                let mut values = [0.0; 1 << $crate::DataType::$dtype.bits];
                let mut bits = 0;
                while bits < values.len() {
                    #[expect(clippy::cast_possible_truncation, reason = "patterns are of at most 8 bits")]
                    let pattern = bits as u8;
                    values[bits] = $format.decode(pattern);
                    bits += 1;
                }
                values
            };

            /// Takes the stored bits, which are the lowest ones if there are fewer than eight.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let one = dlpack::types::", stringify!($name), "::from_bits(", stringify!($one), ");")]
            /// assert_eq!(one.to_f32(), 1.0);
            /// ```
            #[must_use]
            #[inline]
            pub const fn from_bits(bits: u8) -> Self {
                Self(bits & (u8::MAX >> (8 - $crate::DataType::$dtype.bits)))
            }

            /// The bits as they are stored.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let one = dlpack::types::", stringify!($name), "::from_f32(1.0);")]
            #[doc = concat!("assert_eq!(one.to_bits(), ", stringify!($one), ");")]
            /// ```
            #[must_use]
            #[inline]
            pub const fn to_bits(self) -> u8 {
                self.0
            }

            /// The value, which an `f32` holds exactly.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("assert_eq!(dlpack::types::", stringify!($name), "::MAX.to_f32(), ", $max_text, ");")]
            /// ```
            #[must_use]
            #[inline]
            pub const fn to_f32(self) -> f32 {
                Self::VALUES[self.0 as usize]
            }

            /// The nearest value to `value`, ties going to an even mantissa; the type says what becomes of values that
            /// are too large, and of NaN.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let two = dlpack::types::", stringify!($name), "::from_f32(2.0);")]
            /// assert_eq!(two.to_f32(), 2.0);
            /// ```
            #[must_use]
            pub const fn from_f32(value: f32) -> Self {
                Self($format.encode(value))
            }

            /// Whether this is not a number.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("assert!(!dlpack::types::", stringify!($name), "::MAX.is_nan());")]
            /// ```
            #[must_use]
            pub const fn is_nan(self) -> bool {
                self.to_f32().is_nan()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.to_f32() == other.to_f32()
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                self.to_f32().partial_cmp(&other.to_f32())
            }
        }

        impl From<$name> for f32 {
            fn from(value: $name) -> Self {
                value.to_f32()
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(&self.to_f32(), f)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Debug::fmt(&self.to_f32(), f)
            }
        }
    };
}

pub(super) use small_float;
