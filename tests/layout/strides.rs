//! Strides that are written: the two canonical orders, and canonical values for strides that address nothing.

use dlpack::layout::Layout;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::case::{compact, small};
use crate::cases;
use crate::exact::offsets;

fn row_major(shape: &[i64]) -> Vec<i64> {
    // What was there does not matter.
    let mut strides = vec![-7; shape.len()];
    Layout::write_row_major_strides(shape, &mut strides);
    strides
}

fn column_major(shape: &[i64]) -> Vec<i64> {
    let mut strides = vec![-7; shape.len()];
    Layout::write_column_major_strides(shape, &mut strides);
    strides
}

fn normalized(shape: &[i64], strides: &[i64]) -> Vec<i64> {
    let mut strides = strides.to_vec();
    Layout::normalize_strides(shape, &mut strides);
    strides
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn number_the_elements(shape in vec(1..=4_i64, 0..=5)) {
        let strides = row_major(&shape);
        prop_assert!((0..).zip(offsets(&shape, &strides)).all(|(i, offset)| i == offset));
        prop_assert!(Layout::is_c_contiguous(&shape, &strides));

        let backwards: Vec<_> = shape.iter().rev().copied().collect();
        let mut strides = column_major(&shape);
        prop_assert!(Layout::is_f_contiguous(&shape, &strides));
        strides.reverse();
        prop_assert_eq!(strides, row_major(&backwards));
    }

    #[test]
    fn of_size_1_are_the_product_of_what_follows(case in compact()) {
        let strides = normalized(&case.shape, &case.strides);
        for (axis, &size) in case.shape.iter().enumerate() {
            let after: i64 = case.shape[axis + 1..].iter().product();
            prop_assert_eq!(strides[axis], if size == 1 { after } else { case.strides[axis] });
        }
        if Layout::is_c_contiguous(&case.shape, &case.strides) {
            prop_assert_eq!(strides, row_major(&case.shape));
        }
    }

    #[test]
    fn move_no_element(case in small()) {
        let strides = normalized(&case.shape, &case.strides);
        prop_assert_eq!(offsets(&case.shape, &strides), offsets(&case.shape, &case.strides));
        prop_assert_eq!(normalized(&case.shape, &strides), strides);
    }
}

#[test]
fn empty_axes_count_as_one() {
    assert_eq!(row_major(&[0, 3]), [3, 1]);
    assert_eq!(row_major(&[2, 0, 3]), [3, 3, 1]);
    assert_eq!(row_major(&[0, 0]), [1, 1]);
    assert_eq!(column_major(&[0, 3]), [1, 1]);
    assert_eq!(column_major(&[2, 0, 3]), [1, 2, 2]);
    assert_eq!(normalized(&[2, 0, 3], &[0, 0, 0]), [3, 3, 1]);
    assert_eq!(normalized(&[1, 0], &[i64::MIN, i64::MAX]), [1, 1]);
}

#[test]
fn none() {
    assert_eq!(row_major(&[]), []);
    assert_eq!(column_major(&[]), []);
    assert_eq!(normalized(&[], &[]), []);
}

#[test]
fn too_large_shapes_saturate() {
    const HUGE: i64 = 1 << 40;
    assert_eq!(row_major(&[2, HUGE, HUGE, 1]), [i64::MAX, HUGE, 1, 1]);
    assert_eq!(column_major(&[1, HUGE, HUGE, 2]), [1, 1, HUGE, i64::MAX]);
    assert_eq!(row_major(&[0, i64::MAX, 3]), [i64::MAX, 3, 1]);
    assert_eq!(normalized(&[1, HUGE, HUGE, 3], &[0, 5, 6, 7]), [i64::MAX, 5, 6, 7]);
}

#[test]
#[should_panic(expected = "one stride for each axis")]
fn row_major_wants_a_stride_for_each_axis() {
    Layout::write_row_major_strides(&[2, 3], &mut [0]);
}

#[test]
#[should_panic(expected = "one stride for each axis")]
fn column_major_wants_a_stride_for_each_axis() {
    Layout::write_column_major_strides(&[2], &mut [0, 0]);
}

#[test]
#[should_panic(expected = "one stride for each axis")]
fn normalizing_wants_a_stride_for_each_axis() {
    Layout::normalize_strides(&[], &mut [0]);
}

#[test]
fn negative_sizes_prove_nothing() {
    assert!(!Layout::is_disjoint(&[-3], &[1]));
    assert!(!Layout::is_disjoint(&[0, -3], &[1, 1]));
}
