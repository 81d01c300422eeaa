//! Row-major and column-major, by hand.

use dlpack::layout::Layout;

/// Shape, strides, and whether they are row-major and column-major.
type Row = (&'static [i64], &'static [i64], bool, bool);

const ROWS: [Row; 22] = [
    (&[], &[], true, true),
    (&[5], &[1], true, true),
    (&[5], &[2], false, false),
    (&[5], &[-1], false, false),
    (&[5], &[0], false, false),
    (&[1], &[i64::MIN], true, true),
    (&[2, 3], &[3, 1], true, false),
    (&[2, 3], &[1, 2], false, true),
    (&[2, 3], &[5, 1], false, false),
    (&[2, 3], &[-3, 1], false, false),
    (&[1, 3], &[-999, 1], true, true),
    (&[3, 1], &[1, -999], true, true),
    (&[2, 1, 3], &[3, 77, 1], true, false),
    (&[1, 1, 1], &[7, 0, -7], true, true),
    (&[0, 3], &[0, 0], true, true),
    (&[3, 0], &[i64::MIN, i64::MAX], true, true),
    (&[0], &[5], true, true),
    (&[2, 3, 4], &[12, 4, 1], true, false),
    (&[2, 3, 4], &[1, 2, 6], false, true),
    (&[2, 3, 4], &[4, 8, 1], false, false),
    // The product does not fit; there is no such tensor, and an answer all the same.
    (&[2, i64::MAX, 3], &[3, 3, 1], false, false),
    (&[4, 3, i64::MAX], &[1, i64::MAX, 1], false, false),
];

#[test]
fn by_hand() {
    for (shape, strides, row_major, column_major) in ROWS {
        assert_eq!(Layout::is_c_contiguous(shape, strides), row_major, "{shape:?} {strides:?}");
        assert_eq!(Layout::is_f_contiguous(shape, strides), column_major, "{shape:?} {strides:?}");
    }
}

#[test]
fn lengths_that_differ_have_no_order() {
    for (shape, strides) in [(&[2, 3][..], &[1][..]), (&[], &[1]), (&[1], &[]), (&[0], &[1, 1])] {
        assert!(!Layout::is_c_contiguous(shape, strides));
        assert!(!Layout::is_f_contiguous(shape, strides));
    }
}
