//! The eight kinds of 8-bit float as elements.

use super::float_bits::{Format, PowerOfTwo};
use super::float_macro::small_floats;
use super::representation::byte_elements;

small_floats! {
    byte_elements:

    /// A `float8_e3m4`: 3 exponent and 4 mantissa bits.
    ///
    /// Has infinities, NaNs and two zeros, as IEEE 754 floats do. What is too large becomes infinity.
    F8E3m4, Format::E3M4, F8_E3M4, max: 0x6f = "15.5";

    /// A `float8_e4m3`: 4 exponent and 3 mantissa bits.
    ///
    /// Has infinities, NaNs and two zeros, as IEEE 754 floats do. What is too large becomes infinity.
    F8E4m3, Format::E4M3, F8_E4M3, max: 0x77 = "240.0";

    /// A `float8_e4m3b11fnuz`: 4 exponent and 3 mantissa bits, with an exponent bias of 11.
    ///
    /// Has one NaN, one zero and no infinity. What is too large, infinity included, becomes NaN.
    F8E4m3b11fnuz, Format::E4M3B11FNUZ, F8_E4M3B11FNUZ, max: 0x7f = "30.0";

    /// A `float8_e4m3fn`: 4 exponent and 3 mantissa bits.
    ///
    /// Has two NaNs, two zeros and no infinity. What is too large, infinity included, becomes NaN.
    F8E4m3fn, Format::E4M3FN, F8_E4M3FN, max: 0x7e = "448.0";

    /// A `float8_e4m3fnuz`: 4 exponent and 3 mantissa bits, with an exponent bias of 8.
    ///
    /// Has one NaN, one zero and no infinity. What is too large, infinity included, becomes NaN.
    F8E4m3fnuz, Format::E4M3FNUZ, F8_E4M3FNUZ, max: 0x7f = "240.0";

    /// A `float8_e5m2`: 5 exponent and 2 mantissa bits.
    ///
    /// Has infinities, NaNs and two zeros, as IEEE 754 floats do. What is too large becomes infinity.
    F8E5m2, Format::E5M2, F8_E5M2, max: 0x7b = "57344.0";

    /// A `float8_e5m2fnuz`: 5 exponent and 2 mantissa bits, with an exponent bias of 16.
    ///
    /// Has one NaN, one zero and no infinity. What is too large, infinity included, becomes NaN.
    F8E5m2fnuz, Format::E5M2FNUZ, F8_E5M2FNUZ, max: 0x7f = "57344.0";

    /// A `float8_e8m0fnu`: a power of two, from `2^-127` to `2^127`, as scales of blocks are.
    ///
    /// Has one NaN, and neither sign nor zero nor infinity. Zero, negative values and what is too large become NaN;
    /// positive values that are too small become the smallest power. Half-way between two powers, the larger is taken.
    F8E8m0fnu, PowerOfTwo, F8_E8M0FNU, max: 0xfe = "1.7014118e38";
}
