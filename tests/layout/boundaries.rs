//! Answers that the rules give by name, each written out.

use dlpack::layout::Layout;
use dlpack::{DataType, DataTypeCode, Error};

use crate::exact::Facts;
use crate::found;
use crate::widths::Width;

const MAX: i64 = isize::MAX as i64;
/// Half of the address space, as a size.
const HALF: i64 = MAX / 2 + 1;

/// Shape and strides, the elements, and what must come of it.
type Row = (&'static [i64], &'static [i64], Width, Result<Facts, Error>);

const fn facts(numel: i128, nbytes: i128, extents: [i128; 2], bytes: [i128; 2]) -> Facts {
    let ([first, last], [start, end]) = (extents, bytes);
    Facts { numel, nbytes, first, last, start, end }
}

const fn negative(axis: usize, size: i64) -> Result<Facts, Error> {
    Err(Error::NegativeSize { axis, size })
}

#[track_caller]
fn check(rows: &[Row]) {
    for &(shape, strides, width, expected) in rows {
        assert_eq!(found(shape, strides, width), expected, "{shape:?} {strides:?} {width:?}");
    }
}

#[test]
fn shapes() {
    check(&[
        (&[], &[], Width::F32, Ok(facts(1, 4, [0, 0], [0, 4]))),
        (&[-1, 3], &[3, 1], Width::F32, negative(0, -1)),
        (&[i64::MIN], &[1], Width::U8, negative(0, i64::MIN)),
        (&[0, -3], &[3, 1], Width::U8, negative(1, -3)),
        (&[3, 0, -1, -2], &[0, 0, 0, 0], Width::U8, negative(2, -1)),
        (&[i64::MAX, i64::MAX, -1], &[0, 0, 0], Width::U8, negative(2, -1)),
        (&[0], &[1], Width::F32, Ok(Facts::EMPTY)),
        (&[0, 3], &[0, 0], Width::F32, Ok(Facts::EMPTY)),
        (&[3, 0], &[i64::MIN, i64::MAX], Width::F32, Ok(Facts::EMPTY)),
        (&[1 << 62, 4, 0], &[0, 0, 0], Width::U8, Err(Error::ShapeOverflow)),
        (&[0, 4, 1 << 62], &[0, 0, 0], Width::U8, Err(Error::ShapeOverflow)),
        (&[MAX, 0], &[1, 1], Width::F64, Ok(Facts::EMPTY)),
        (&[1 << 32, 1 << 32], &[1 << 32, 1], Width::F32, Err(Error::ShapeOverflow)),
        (&[HALF, 2], &[2, 1], Width::U8, Err(Error::ShapeOverflow)),
        (
            &[MAX],
            &[1],
            Width::U8,
            Ok(facts(MAX as i128, MAX as i128, [0, MAX as i128 - 1], [0, MAX as i128])),
        ),
        (&[MAX / 4 + 1], &[1], Width::F32, Err(Error::ExtentOverflow)),
        (&[MAX], &[0], Width::F32, Err(Error::ShapeOverflow)),
        (
            &[MAX / 4],
            &[0],
            Width::F32,
            Ok(facts(MAX as i128 / 4, MAX as i128 / 4 * 4, [0, 0], [0, 4])),
        ),
        (&[1, 1, 1], &[1, 1, 1], Width::F64, Ok(facts(1, 8, [0, 0], [0, 8]))),
    ]);
}

#[test]
fn strides() {
    let two_rows = |extents, bytes| Ok(facts(6, 24, extents, bytes));
    check(&[
        (&[6], &[-1], Width::F32, two_rows([-5, 0], [-20, 4])),
        (&[2, 3], &[-3, 1], Width::F32, two_rows([-3, 2], [-12, 12])),
        (&[2, 3], &[3, -1], Width::F32, two_rows([-2, 3], [-8, 16])),
        (&[2, 3], &[1, 2], Width::F32, two_rows([0, 5], [0, 24])),
        (&[2, 3], &[5, 1], Width::F32, two_rows([0, 7], [0, 32])),
        (&[4, 3], &[0, 1], Width::F32, Ok(facts(12, 48, [0, 2], [0, 12]))),
        (&[4, 3], &[1, 1], Width::F32, Ok(facts(12, 48, [0, 5], [0, 24]))),
        (&[1], &[i64::MIN], Width::F32, Ok(facts(1, 4, [0, 0], [0, 4]))),
        (&[1, 3], &[-999, 1], Width::F32, Ok(facts(3, 12, [0, 2], [0, 12]))),
        (&[1, 3], &[1 << 40, 1], Width::F32, Ok(facts(3, 12, [0, 2], [0, 12]))),
        (&[2], &[i64::MIN], Width::U8, Err(Error::ExtentOverflow)),
        (&[2], &[MAX], Width::U8, Err(Error::ExtentOverflow)),
        (&[2], &[MAX - 1], Width::U8, Ok(facts(2, 2, [0, MAX as i128 - 1], [0, MAX as i128]))),
        (&[2], &[1 - MAX], Width::U8, Ok(facts(2, 2, [1 - MAX as i128, 0], [1 - MAX as i128, 1]))),
        (&[2], &[-MAX], Width::U8, Err(Error::ExtentOverflow)),
        (&[3], &[MAX / 2], Width::U8, Ok(facts(3, 3, [0, MAX as i128 - 1], [0, MAX as i128]))),
        (&[3], &[MAX / 2 + 1], Width::U8, Err(Error::ExtentOverflow)),
        (&[2, 2], &[i64::MAX, i64::MAX], Width::U8, Err(Error::ExtentOverflow)),
        (&[2, 2], &[i64::MAX, -i64::MAX], Width::U8, Err(Error::ExtentOverflow)),
        (
            &[2, 2],
            &[MAX / 2, -(MAX / 2)],
            Width::U8,
            Ok(facts(
                4,
                4,
                [-(MAX as i128 / 2), MAX as i128 / 2],
                [-(MAX as i128 / 2), HALF as i128],
            )),
        ),
        (&[2, 2], &[HALF, -(MAX / 2)], Width::U8, Err(Error::ExtentOverflow)),
    ]);
}

#[test]
fn packed() {
    let bytes = |numel, nbytes, extents, bytes| Ok(facts(numel, nbytes, extents, bytes));
    check(&[
        (&[5], &[1], Width::F4, bytes(5, 3, [0, 4], [0, 3])),
        (&[5], &[-1], Width::F4, bytes(5, 3, [-4, 0], [-2, 1])),
        (&[4], &[-1], Width::F4, bytes(4, 2, [-3, 0], [-2, 1])),
        (&[5], &[2], Width::F4, bytes(5, 3, [0, 8], [0, 5])),
        (&[2, 3], &[0, 0], Width::F4, bytes(6, 3, [0, 0], [0, 1])),
        (&[9], &[1], Width::U1, bytes(9, 2, [0, 8], [0, 2])),
        (&[9], &[-1], Width::U1, bytes(9, 2, [-8, 0], [-1, 1])),
        (&[10], &[-1], Width::U1, bytes(10, 2, [-9, 0], [-2, 1])),
        // The bits overflow, and the bytes do not.
        (
            &[MAX],
            &[1],
            Width::F4,
            bytes(MAX as i128, HALF as i128, [0, MAX as i128 - 1], [0, HALF as i128]),
        ),
        (&[2], &[-MAX], Width::U1, bytes(2, 1, [-(MAX as i128), 0], [-(HALF as i128 / 4), 1])),
        (&[2], &[MAX], Width::U1, bytes(2, 1, [0, MAX as i128], [0, HALF as i128 / 4])),
        // The bytes fit, but not the offset of the last element.
        (&[3], &[HALF], Width::U1, Err(Error::ExtentOverflow)),
    ]);
}

/// What differs between 32 and 64 bits.
#[cfg(target_pointer_width = "32")]
#[test]
fn address_spaces_of_32_bits() {
    check(&[
        (&[1 << 31], &[1], Width::U8, Err(Error::ShapeOverflow)),
        (
            &[1 << 30],
            &[1],
            Width { bits: 16, lane_bits: 16, ..Width::U8 },
            Err(Error::ExtentOverflow),
        ),
        (&[2], &[1 << 31], Width::U8, Err(Error::ExtentOverflow)),
        (&[2], &[1 << 40], Width::U8, Err(Error::ExtentOverflow)),
        (&[1, 3], &[1 << 40, 1], Width::U8, Ok(facts(3, 3, [0, 2], [0, 3]))),
    ]);
}

#[cfg(target_pointer_width = "64")]
#[test]
fn address_spaces_of_64_bits() {
    check(&[
        (&[1 << 32, 1 << 31], &[1 << 31, 1], Width::U8, Err(Error::ShapeOverflow)),
        (
            &[1 << 62],
            &[1],
            Width { bits: 16, lane_bits: 16, ..Width::U8 },
            Err(Error::ExtentOverflow),
        ),
        (&[2], &[1 << 40], Width::U8, Ok(facts(2, 2, [0, 1 << 40], [0, (1 << 40) + 1]))),
        (&[3], &[i64::MAX / 2], Width::U8, Ok(facts(3, 3, [0, (1 << 63) - 2], [0, (1 << 63) - 1]))),
    ]);
}

#[test]
fn ranks() {
    let ones = [1; Layout::MAX_NDIM + 1];
    let layout = |ndim: usize, strides: usize| {
        Layout::new(&ones[..ndim], &ones[..strides], DataType::F32, false).map(|l| l.numel())
    };
    assert_eq!(Layout::MAX_NDIM, 64);
    assert_eq!(layout(64, 64), Ok(1));
    assert_eq!(layout(65, 65), Err(Error::TooManyAxes { ndim: 65, max: 64 }));
    assert_eq!(layout(65, 0), Err(Error::TooManyAxes { ndim: 65, max: 64 }));
    assert_eq!(layout(2, 1), Err(Error::StridesLenMismatch { expected: 2, found: 1 }));
    assert_eq!(layout(0, 1), Err(Error::StridesLenMismatch { expected: 0, found: 1 }));
}

#[test]
fn dtypes_that_no_tensor_has() {
    for (code, bits, lanes) in [
        (2, 0, 1),
        (2, 32, 0),
        (0, 0, 0),
        (15, 8, 1),
        (16, 4, 1),
        (17, 8, 1),
        (17, 6, 2),
        (99, 0, 1),
    ] {
        let dtype = DataType::new(DataTypeCode::new(code), bits, lanes);
        let refused = Err(Error::InvalidDType { found: dtype });
        for padded in [false, true] {
            assert_eq!(Layout::new(&[2], &[1], dtype, padded), refused);
            // Said of an empty tensor too, and before anything is said of the shape.
            assert_eq!(Layout::new(&[0], &[1], dtype, padded), refused);
            assert_eq!(Layout::new(&[-1], &[1], dtype, padded), refused);
        }
    }
}

#[test]
fn numbers_of_elements() {
    assert_eq!(Layout::numel_of(&[]), Ok(1));
    assert_eq!(Layout::numel_of(&[2, 3, 4]), Ok(24));
    assert_eq!(Layout::numel_of(&[2, 0, 4]), Ok(0));
    assert_eq!(Layout::numel_of(&[MAX, 1, 0]), Ok(0));
    assert_eq!(Layout::numel_of(&[MAX]), Ok(isize::MAX.unsigned_abs()));
    assert_eq!(Layout::numel_of(&[HALF, 2]), Err(Error::ShapeOverflow));
    assert_eq!(Layout::numel_of(&[HALF, 2, 0]), Err(Error::ShapeOverflow));
    assert_eq!(Layout::numel_of(&[HALF, 2, 0, -7]), Err(Error::NegativeSize { axis: 3, size: -7 }));
}
