//! The Rust types that stand for dtypes.

use std::collections::HashSet;

use dlpack::{
    Element, sys,
    types::{Bool1, Bool8, I2, I4, SubByte, U1, U2, U4},
};

/// Code, bits and lanes of a type, and the size it must have.
fn triple<T: Element>() -> (u8, u8, u16, usize) {
    let dtype = sys::DLDataType::from(T::DTYPE);
    (dtype.code, dtype.bits, dtype.lanes, size_of::<T>())
}

#[test]
fn elements_have_the_triple_of_the_standard() {
    assert_eq!(triple::<i8>(), (0, 8, 1, 1));
    assert_eq!(triple::<i16>(), (0, 16, 1, 2));
    assert_eq!(triple::<i32>(), (0, 32, 1, 4));
    assert_eq!(triple::<i64>(), (0, 64, 1, 8));
    assert_eq!(triple::<i128>(), (0, 128, 1, 16));
    assert_eq!(triple::<u8>(), (1, 8, 1, 1));
    assert_eq!(triple::<u16>(), (1, 16, 1, 2));
    assert_eq!(triple::<u32>(), (1, 32, 1, 4));
    assert_eq!(triple::<u64>(), (1, 64, 1, 8));
    assert_eq!(triple::<u128>(), (1, 128, 1, 16));
    assert_eq!(triple::<f32>(), (2, 32, 1, 4));
    assert_eq!(triple::<f64>(), (2, 64, 1, 8));
    assert_eq!(triple::<Bool8>(), (6, 8, 1, 1));
    assert_eq!(triple::<[f32; 4]>(), (2, 32, 4, 16));
    assert_eq!(triple::<[u8; 1]>(), (1, 8, 1, 1));
    assert_eq!(triple::<[u8; 65535]>(), (1, 8, 65535, 65535));
}

#[test]
fn eight_bit_floats_have_the_triple_of_the_standard() {
    assert_eq!(triple::<dlpack::types::F8E3m4>(), (7, 8, 1, 1));
    assert_eq!(triple::<dlpack::types::F8E4m3>(), (8, 8, 1, 1));
    assert_eq!(triple::<dlpack::types::F8E4m3b11fnuz>(), (9, 8, 1, 1));
    assert_eq!(triple::<dlpack::types::F8E4m3fn>(), (10, 8, 1, 1));
    assert_eq!(triple::<dlpack::types::F8E4m3fnuz>(), (11, 8, 1, 1));
    assert_eq!(triple::<dlpack::types::F8E5m2>(), (12, 8, 1, 1));
    assert_eq!(triple::<dlpack::types::F8E5m2fnuz>(), (13, 8, 1, 1));
    assert_eq!(triple::<dlpack::types::F8E8m0fnu>(), (14, 8, 1, 1));
}

#[cfg(feature = "half")]
#[test]
fn sixteen_bit_floats_have_the_triple_of_the_standard() {
    assert_eq!(triple::<half::f16>(), (2, 16, 1, 2));
    assert_eq!(triple::<half::bf16>(), (4, 16, 1, 2));
}

#[cfg(feature = "num-complex")]
#[test]
fn complex_numbers_have_the_triple_of_the_standard() {
    assert_eq!(triple::<num_complex::Complex<f32>>(), (5, 64, 1, 8));
    assert_eq!(triple::<num_complex::Complex<f64>>(), (5, 128, 1, 16));
    #[cfg(feature = "half")]
    assert_eq!(triple::<num_complex::Complex<half::f16>>(), (5, 32, 1, 4));
}

#[test]
fn any_byte_is_a_truth_value() {
    for byte in 0..=u8::MAX {
        let value: Bool8 = bytemuck::cast(byte);
        assert_eq!(value.to_bits(), byte);
        assert_eq!(value.to_bool(), byte != 0);
        assert_eq!(bool::from(value), byte != 0);
        assert_eq!(value.is_valid(), byte < 2);
        assert_eq!(value == Bool8::TRUE, byte != 0);
    }
    let distinct: HashSet<_> = (0..=u8::MAX).map(Bool8::from_bits).collect();
    assert_eq!(distinct.len(), 2, "equal values hash alike");
    assert_eq!(Bool8::from_bits(255).to_string(), "true");
    assert_eq!(
        format!("{:?} {:?}", Bool8::FALSE, Bool8::from_bits(2)),
        "Bool8(false) Bool8(true: 2)"
    );
}

/// Code and bits of a type, after a check that its patterns are read back and the bits above them ignored.
fn patterns<T: SubByte>() -> (u8, u8) {
    let dtype = sys::DLDataType::from(T::DTYPE);
    assert_eq!(dtype.lanes, 1);
    for pattern in 0..1 << dtype.bits {
        assert_eq!(T::from_bits(pattern).to_bits(), pattern);
        assert_eq!(T::from_bits(pattern | 1 << dtype.bits | 0x80).to_bits(), pattern);
    }
    (dtype.code, dtype.bits)
}

#[test]
fn sub_byte_types_keep_their_bits() {
    assert_eq!(patterns::<I2>(), (0, 2));
    assert_eq!(patterns::<I4>(), (0, 4));
    assert_eq!(patterns::<U1>(), (1, 1));
    assert_eq!(patterns::<U2>(), (1, 2));
    assert_eq!(patterns::<U4>(), (1, 4));
    assert_eq!(patterns::<Bool1>(), (6, 1));
    assert_eq!(patterns::<dlpack::types::F6E2m3fn>(), (15, 6));
    assert_eq!(patterns::<dlpack::types::F6E3m2fn>(), (16, 6));
    assert_eq!(patterns::<dlpack::types::F4E2m1fn>(), (17, 4));
}

#[test]
fn small_integers_are_in_twos_complement() {
    let all = |count: u8| 0..count;
    assert!(all(4).map(|b| I2::from_bits(b).to_i8()).eq([0, 1, -2, -1]));
    let int4 = [0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1];
    assert!(all(16).map(|b| I4::from_bits(b).to_i8()).eq(int4));
    assert!(all(16).map(|b| U4::from_bits(b).to_u8()).eq(0..16));
    assert!(all(4).map(|b| U2::from_bits(b).to_u8()).eq(0..4));
    assert!(all(2).map(|b| U1::from_bits(b).to_u8()).eq(0..2));
    for value in i8::MIN..=i8::MAX {
        assert_eq!(I4::new(value).map(i8::from), (-8..=7).contains(&value).then_some(value));
        assert_eq!(I2::new(value).map(i8::from), (-2..=1).contains(&value).then_some(value));
    }
    for value in 0..=u8::MAX {
        assert_eq!(U4::new(value).map(u8::from), (value <= 15).then_some(value));
        assert_eq!(U2::new(value).map(u8::from), (value <= 3).then_some(value));
        assert_eq!(U1::new(value).map(u8::from), (value <= 1).then_some(value));
    }
    assert_eq!((I4::MIN.to_i8(), I4::MAX.to_i8(), U4::MAX.to_u8()), (-8, 7, 15));
    assert!(I4::from_bits(0xf) < I4::from_bits(0));
}
