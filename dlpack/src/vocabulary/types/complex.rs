//! The complex numbers of the crate `num-complex` as elements.

use num_complex::Complex;

use crate::vocabulary::data_type::DataType;
use crate::vocabulary::element::{Element, assert_element};

// SAFETY: `Complex` is its real and its imaginary part in C's layout, as the standard stores a complex number.
unsafe impl Element for Complex<f32> {
    const DTYPE: DataType = DataType::C64;
}

// SAFETY: as for `Complex<f32>`.
unsafe impl Element for Complex<f64> {
    const DTYPE: DataType = DataType::C128;
}

// SAFETY: as for `Complex<f32>`.
#[cfg(feature = "half")]
unsafe impl Element for Complex<half::f16> {
    const DTYPE: DataType = DataType::C32;
}

const _: () = assert_element::<Complex<f32>>();
const _: () = assert_element::<Complex<f64>>();
#[cfg(feature = "half")]
const _: () = assert_element::<Complex<half::f16>>();
