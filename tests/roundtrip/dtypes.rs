//! The dtypes of the cases: those of Rust types, those smaller than a byte, and those that nobody has a type for.

use dlpack::{
    Element,
    types::{
        Bool1, Bool8, F4E2m1fn, F6E2m3fn, F6E3m2fn, F8E4m3fn, F8E5m2, I2, I4, SubByte, U1, U2, U4,
    },
};
use dlpack_sys::DLDataType;
use harness::dtype;
use proptest::prelude::*;

/// What is done with the Rust type of a dtype.
pub trait Typed {
    fn whole<T: Element>(&mut self);
    fn sub_byte<T: SubByte>(&mut self);
}

macro_rules! table {
    ($($whole:ty = $code:literal $bits:literal $lanes:literal,)*; $($sub:ty = $sub_code:literal $sub_bits:literal,)*) => {
        const WHOLE: &[DLDataType] = &[$(dtype($code, $bits, $lanes)),*];
        const SUB_BYTE: &[DLDataType] = &[$(dtype($sub_code, $sub_bits, 1)),*];

        /// Does something with the Rust type of a dtype, if there is one.
        pub fn with_type(of: DLDataType, typed: &mut impl Typed) {
            match (of.code, of.bits, of.lanes) {
                $(($code, $bits, $lanes) => typed.whole::<$whole>(),)*
                $(($sub_code, $sub_bits, _) => typed.sub_byte::<$sub>(),)*
                _ => {}
            }
        }
    };
}

table! {
    i8 = 0 8 1,
    i16 = 0 16 1,
    i32 = 0 32 1,
    i64 = 0 64 1,
    i128 = 0 128 1,
    u8 = 1 8 1,
    u16 = 1 16 1,
    u32 = 1 32 1,
    u64 = 1 64 1,
    u128 = 1 128 1,
    f32 = 2 32 1,
    f64 = 2 64 1,
    Bool8 = 6 8 1,
    F8E4m3fn = 10 8 1,
    F8E5m2 = 12 8 1,
    [u8; 3] = 1 8 3,
    [i16; 2] = 0 16 2,
    [f32; 3] = 2 32 3,
    [f64; 4] = 2 64 4,;
    I2 = 0 2,
    I4 = 0 4,
    U1 = 1 1,
    U2 = 1 2,
    U4 = 1 4,
    Bool1 = 6 1,
    F6E2m3fn = 15 6,
    F6E3m2fn = 16 6,
    F4E2m1fn = 17 4,
}

/// Codes of newer headers, widths that nobody uses, and lanes of no Rust type.
const OTHERS: &[DLDataType] = &[
    dtype(2, 16, 1),
    dtype(4, 16, 1),
    dtype(5, 64, 1),
    dtype(0, 24, 1),
    dtype(0, 12, 1),
    dtype(1, 20, 3),
    dtype(99, 32, 1),
    dtype(255, 255, 1),
    dtype(2, 32, 5),
    dtype(200, 3, 1),
    dtype(1, 7, 1),
];

pub fn dtypes() -> impl Strategy<Value = DLDataType> {
    let sub_byte = (prop::sample::select(SUB_BYTE), prop_oneof![4 => Just(1_u16), 1 => 2..=3_u16]);
    prop_oneof![
        4 => prop::sample::select(WHOLE),
        3 => sub_byte.prop_map(|(one, lanes)| DLDataType { lanes, ..one }),
        1 => prop::sample::select(OTHERS),
    ]
}

/// `dtype(2, 32, 1)`, to be pasted into a test.
pub fn spelled(dtype: DLDataType) -> String {
    format!("dtype({}, {}, {})", dtype.code, dtype.bits, dtype.lanes)
}
