//! The 6-bit and 4-bit floats.

use super::float_bits::Format;
use super::float_macro::small_floats;
use super::representation::sub_bytes;

small_floats! {
    sub_bytes:

    /// A `float6_e2m3fn`: 2 exponent and 3 mantissa bits.
    ///
    /// Has two zeros, and neither infinity nor NaN. What is too large, infinity included, becomes the largest value of
    /// its sign; NaN becomes a zero of the opposite sign.
    F6E2m3fn, Format::E2M3FN, F6_E2M3FN, max: 0x1f = "7.5";

    /// A `float6_e3m2fn`: 3 exponent and 2 mantissa bits.
    ///
    /// Has two zeros, and neither infinity nor NaN. What is too large, infinity included, becomes the largest value of
    /// its sign; NaN becomes a zero of the opposite sign.
    F6E3m2fn, Format::E3M2FN, F6_E3M2FN, max: 0x1f = "28.0";

    /// A `float4_e2m1fn`: 2 exponent bits and 1 mantissa bit.
    ///
    /// Has two zeros, and neither infinity nor NaN. What is too large, infinity included, becomes the largest value of
    /// its sign; NaN becomes a zero of the opposite sign.
    F4E2m1fn, Format::E2M1FN, F4_E2M1FN, max: 0x07 = "6.0";
}
