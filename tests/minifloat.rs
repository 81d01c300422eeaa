//! The small floats against tables that the Python package ml_dtypes computed (`data/minifloat/generate.py`).

use dlpack::types::{
    F4E2m1fn, F6E2m3fn, F6E3m2fn, F8E3m4, F8E4m3, F8E4m3b11fnuz, F8E4m3fn, F8E4m3fnuz, F8E5m2,
    F8E5m2fnuz, F8E8m0fnu,
};

const DECODE: &str = include_str!("data/minifloat/decode.csv");
const ENCODE: &str = include_str!("data/minifloat/encode.csv");

/// Rows of a column as pairs of the key and the cell, both as numbers.
fn column<'a>(table: &'a str, name: &str) -> impl Iterator<Item = (u32, u32)> + 'a {
    let mut lines = table.lines();
    let index = lines.next().unwrap().split(',').position(|cell| cell == name).unwrap();
    let hex = |cell: &str| u32::from_str_radix(cell, 16).unwrap();
    lines.filter_map(move |line| {
        let mut cells = line.split(',');
        let key = hex(cells.next().unwrap());
        let cell = cells.nth(index - 1).unwrap();
        (!cell.is_empty()).then(|| (key, hex(cell)))
    })
}

macro_rules! formats {
    ($($module:ident $name:ident $bits:literal)*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn decodes_every_pattern() {
                let mut rows = 0;
                for (bits, expected) in column(DECODE, stringify!($module)) {
                    let expected = f32::from_bits(expected);
                    let value = $name::from_bits(u8::try_from(bits).unwrap());
                    assert_eq!(value.is_nan(), expected.is_nan(), "{bits:#x}");
                    if !expected.is_nan() {
                        // By bits, so that the sign of zero counts.
                        assert_eq!(value.to_f32().to_bits(), expected.to_bits(), "{bits:#x}");
                        assert_eq!(value.to_string(), expected.to_string());
                        assert_eq!(format!("{value:?}"), format!("{expected:?}"));
                    }
                    rows += 1;
                }
                assert_eq!(rows, 1 << $bits);
            }

            #[test]
            fn encodes_edges_and_specials() {
                let mut rows = 0;
                for (input, expected) in column(ENCODE, stringify!($module)) {
                    let value = $name::from_f32(f32::from_bits(input));
                    assert_eq!(u32::from(value.to_bits()), expected, "{input:#x}");
                    rows += 1;
                }
                assert!(rows > 2000);
            }

            #[test]
            fn encodes_what_it_decodes() {
                for bits in 0..=u8::MAX >> (8 - $bits) {
                    let value = $name::from_bits(bits);
                    if !value.is_nan() {
                        assert_eq!($name::from_f32(value.to_f32()).to_bits(), bits);
                    }
                }
            }

            #[test]
            fn names_the_largest() {
                let values = (0..=u8::MAX).map(|bits| $name::from_bits(bits).to_f32());
                let largest = values.filter(|value| value.is_finite()).fold(0.0, f32::max);
                assert_eq!($name::MAX.to_f32(), largest);
            }

            #[test]
            fn compares_as_numbers() {
                for left in (0..=u8::MAX).map($name::from_bits) {
                    for right in (0..=u8::MAX).map($name::from_bits) {
                        let (l, r) = (f32::from(left), f32::from(right));
                        assert_eq!((left == right, left < right), (l == r, l < r));
                    }
                }
            }
        }
    )*};
}

formats! {
    float8_e3m4 F8E3m4 8
    float8_e4m3 F8E4m3 8
    float8_e4m3b11fnuz F8E4m3b11fnuz 8
    float8_e4m3fn F8E4m3fn 8
    float8_e4m3fnuz F8E4m3fnuz 8
    float8_e5m2 F8E5m2 8
    float8_e5m2fnuz F8E5m2fnuz 8
    float8_e8m0fnu F8E8m0fnu 8
    float6_e2m3fn F6E2m3fn 6
    float6_e3m2fn F6E3m2fn 6
    float4_e2m1fn F4E2m1fn 4
}

#[test]
fn ignores_the_bits_above() {
    assert_eq!(F4E2m1fn::from_bits(0xf2).to_bits(), 0x2);
    assert_eq!(F6E2m3fn::from_bits(0xc8).to_bits(), 0x08);
}
