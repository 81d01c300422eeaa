//! The macro that defines small float types.

/// Defines floats that are kept as their bits and computed with as an `f32`. The macro `$stored` says how tensors store
/// them.
macro_rules! small_floats {
    ($stored:ident: $(
        $(#[$doc:meta])*
        $name:ident, $format:expr, $dtype:ident, max: $max:literal = $max_text:literal;
    )*) => {
        $stored! { $($name => $crate::DataType::$dtype,)* }
        $(
            $(#[$doc])*
            ///
            /// Values compare as numbers: NaN is not equal to itself, and the two zeros, where there are two, are equal.
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
                #[must_use]
                #[inline]
                pub const fn from_bits(bits: u8) -> Self {
                    Self(bits & (u8::MAX >> (8 - $crate::DataType::$dtype.bits)))
                }

                /// Returns the bits as they are stored.
                #[must_use]
                #[inline]
                pub const fn to_bits(self) -> u8 {
                    self.0
                }

                /// Returns the value, which an `f32` holds exactly.
                #[must_use]
                #[inline]
                pub const fn to_f32(self) -> f32 {
                    Self::VALUES[self.0 as usize]
                }

                /// Returns the nearest value to `value`, ties going to an even mantissa; the type says what becomes of
                /// values that are too large, and of NaN.
                #[must_use]
                pub const fn from_f32(value: f32) -> Self {
                    Self($format.encode(value))
                }

                /// Returns whether this is not a number.
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

            $crate::vocabulary::types::representation::stands_for! {
                $name: f32 = to_f32, Display Debug
            }
        )*
    };
}

pub(super) use small_floats;
