//! The 16-bit floats of the crate `half` as elements.

use half::{bf16, f16};

use crate::vocabulary::data_type::DataType;
use crate::vocabulary::element::{Element, assert_element};

// SAFETY: `f16` is a transparent wrapper of the 16 bits of an IEEE 754 half.
unsafe impl Element for f16 {
    const DTYPE: DataType = DataType::F16;
}

// SAFETY: `bf16` is a transparent wrapper of the 16 bits of a bfloat16.
unsafe impl Element for bf16 {
    const DTYPE: DataType = DataType::BF16;
}

const _: () = assert_element::<f16>();
const _: () = assert_element::<bf16>();
