//! Sizes against the same sums in 128 bits, and which dtypes are valid.

use dlpack::{DataType, DataTypeCode};

const LANES: [u16; 8] = [0, 1, 2, 3, 4, 7, 255, 65535];

/// Bits between elements, from the text of the standard: sub-byte lanes are packed or have a byte each, and wider
/// elements are whole bytes.
fn stride(bits: u128, lanes: u128, padded: bool) -> u128 {
    match (bits < 8, padded) {
        (true, true) => lanes * 8,
        (true, false) => lanes * bits,
        (false, _) => (bits * lanes).div_ceil(8) * 8,
    }
}

#[test]
fn sizes_are_exact() {
    let max = usize::MAX;
    let counts = [
        0,
        1,
        2,
        3,
        5,
        7,
        8,
        9,
        1000,
        max / 65536,
        max / 16,
        max / 8,
        max / 4,
        max / 2 + 1,
        max / 2,
    ];
    for bits in 0..=u8::MAX {
        for lanes in LANES {
            let dtype = DataType::new(DataTypeCode::INT, bits, lanes);
            for padded in [false, true] {
                let stride = stride(bits.into(), lanes.into(), padded);
                assert_eq!(u128::from(dtype.element_bits(padded)), stride, "{dtype} {padded}");
                for count in counts.into_iter().chain([max - 1, max]) {
                    let bytes = (count as u128 * stride).div_ceil(8);
                    let expected = isize::try_from(bytes).ok().map(|_| bytes);
                    let size = dtype.nbytes(count, padded).map(|size| size as u128);
                    assert_eq!(size, expected, "{count} of {dtype}, {padded}");
                }
            }
            let whole = stride(bits.into(), lanes.into(), false);
            let expected = (whole > 0 && whole & 7 == 0).then_some(whole / 8);
            assert_eq!(dtype.itemsize().map(|size| size as u128), expected, "{dtype}");
        }
    }
}

#[test]
fn sizes_that_are_easy_to_get_wrong() {
    assert_eq!(DataType::F4_E2M1FN.nbytes(5, false), Some(3));
    assert_eq!(DataType::F4_E2M1FN.nbytes(5, true), Some(5));
    assert_eq!(DataType::F4_E2M1FN.with_lanes(2).nbytes(4, false), Some(4));
    assert_eq!(DataType::F6_E2M3FN.nbytes(4, false), Some(3));
    assert_eq!(DataType::U1.nbytes(9, false), Some(2));
    assert_eq!(DataType::new(DataTypeCode::INT, 12, 1).nbytes(2, false), Some(4));
    assert_eq!(
        DataType::U8.nbytes(isize::MAX.unsigned_abs(), false),
        Some(isize::MAX.unsigned_abs())
    );
    assert_eq!(DataType::U8.nbytes(isize::MAX.unsigned_abs() + 1, false), None);
}

#[test]
fn only_the_narrow_floats_have_a_width_to_keep() {
    for code in 0..=u8::MAX {
        for bits in 0..=u8::MAX {
            for lanes in LANES {
                let expected = lanes > 0
                    && match code {
                        15 | 16 => bits == 6,
                        17 => bits == 4,
                        _ => bits > 0,
                    };
                let dtype = DataType::new(DataTypeCode::new(code), bits, lanes);
                assert_eq!(dtype.is_valid(), expected, "{dtype}");
                assert_eq!(dtype.is_sub_byte(), bits < 8, "{dtype}");
            }
        }
    }
}

#[test]
fn kinds_by_code() {
    for code in 0..=u8::MAX {
        let dtype = DataType::new(DataTypeCode::new(code), 8, 2);
        assert_eq!(dtype.is_signed_integer(), code == 0);
        assert_eq!(dtype.is_unsigned_integer(), code == 1);
        assert_eq!(dtype.is_integer(), code <= 1);
        assert_eq!(dtype.is_float(), matches!(code, 2 | 4 | 7..=17), "{code}");
        assert_eq!(dtype.is_complex(), code == 5);
        assert_eq!(dtype.is_bool(), code == 6);
        assert_eq!((dtype.scalar().lanes, dtype.with_lanes(9).lanes), (1, 9));
    }
}
