//! Overlap: a yes must be a proof, and only unusual strides may get a no without one.

use std::collections::HashSet;

use dlpack::layout::Layout;
use proptest::prelude::*;

use crate::case::{Case, compact, order, small};
use crate::cases;
use crate::exact::offsets;

/// The test that the standard's rules give, as they word it: sort by `|stride|`, and each must exceed the reach of
/// all smaller ones.
fn sorted_test(case: &Case) -> bool {
    if case.shape.contains(&0) {
        return true;
    }
    let magnitude = |stride: i64| i128::from(stride).abs();
    let axes = case.shape.iter().zip(&case.strides).filter(|&(&size, _)| size >= 2);
    let mut axes: Vec<_> = axes.map(|(&size, &t)| (magnitude(t), i128::from(size))).collect();
    axes.sort_unstable();
    let mut reach = 0;
    for (stride, size) in axes {
        if stride <= reach {
            return false;
        }
        reach += (size - 1) * stride;
    }
    true
}

fn has_distinct_places(case: &Case) -> bool {
    let mut seen = HashSet::new();
    offsets(&case.shape, &case.strides).into_iter().all(|offset| seen.insert(offset))
}

proptest! {
    #![proptest_config(cases(5000))]

    #[test]
    fn a_yes_is_a_proof(case in small()) {
        if Layout::is_disjoint(&case.shape, &case.strides) {
            prop_assert!(has_distinct_places(&case));
        }
    }

    #[test]
    fn as_the_sorted_test_says(case in small()) {
        prop_assert_eq!(Layout::is_disjoint(&case.shape, &case.strides), sorted_test(&case));
    }

    #[test]
    fn dense_gets_a_yes(case in compact()) {
        prop_assert!(Layout::is_disjoint(&case.shape, &case.strides));
    }

    #[test]
    fn the_order_of_the_axes_does_not_matter(case in small(), key: u64) {
        let order = order(case.shape.len(), key);
        let turn = |axes: &[i64]| order.iter().map(|&axis| axes[axis]).collect::<Vec<_>>();
        prop_assert_eq!(
            Layout::is_disjoint(&case.shape, &case.strides),
            Layout::is_disjoint(&turn(&case.shape), &turn(&case.strides))
        );
    }
}

#[test]
fn by_hand() {
    let rows: [(&[i64], &[i64], bool); 22] = [
        (&[], &[], true),
        (&[1], &[0], true),
        (&[1, 1], &[0, 0], true),
        (&[0, 4], &[0, 0], true),
        (&[4, 0], &[1, 1], true),
        (&[2], &[0], false),
        (&[2], &[i64::MIN], true),
        (&[2, 3], &[3, 1], true),
        (&[2, 3], &[1, 2], true),
        (&[2, 3], &[5, 1], true),
        (&[2, 3], &[-5, 1], true),
        (&[2, 3], &[2, 1], false),
        (&[4, 3], &[0, 1], false),
        (&[4, 3], &[1, 1], false),
        (&[2, 2], &[1, 1], false),
        (&[2, 2], &[1, -1], false),
        (&[2, 1, 2], &[2, 2, 1], true),
        // Does not overlap, and is refused all the same.
        (&[2, 3], &[3, 2], false),
        (&[2, 2], &[i64::MIN, i64::MAX], true),
        (&[2, 2], &[i64::MIN, i64::MIN], false),
        (&[2, 2, 2], &[i64::MIN, i64::MAX, 1], false),
        (&[2, 2, 2], &[i64::MIN, i64::MAX - 1, 1], true),
    ];
    for (shape, strides, expected) in rows {
        assert_eq!(Layout::is_disjoint(shape, strides), expected, "{shape:?} {strides:?}");
    }
}

#[test]
fn what_does_not_fit_gets_a_no() {
    assert!(!Layout::is_disjoint(&[i64::MAX, 2], &[i64::MIN, 1]));
    assert!(!Layout::is_disjoint(&[i64::MAX, i64::MAX, 3], &[1, i64::MAX, i64::MIN]));
    assert!(!Layout::is_disjoint(&[2, 3], &[1]));
    assert!(!Layout::is_disjoint(&[0], &[]));
}
