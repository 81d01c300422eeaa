//! Compares what the crate says of layouts of a few elements, drawn at random, to what their elements, one by one, show.

use dlpack::layout::Layout;
use proptest::prelude::*;

use crate::case::{order, small, small_width};
use crate::exact::{closed_form, enumerated, offsets};
use crate::{cases, found};

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn counts_and_extents(case in small(), width in small_width()) {
        let facts = enumerated(&case.shape, &case.strides, width.bits);
        prop_assert_eq!(found(&case.shape, &case.strides, width), Ok(facts));
        prop_assert_eq!(Layout::numel_of(&case.shape).map(|n| n as i128), Ok(facts.numel));
        // The other oracle, which is used where there are too many elements to look at.
        prop_assert_eq!(closed_form(&case.shape, &case.strides, width.bits), Ok(facts));
    }

    #[test]
    fn orders(case in small(), width in small_width()) {
        let in_order = |offsets: Vec<i128>| (0..).zip(&offsets).all(|(i, &offset)| i == offset);
        let row_major = in_order(offsets(&case.shape, &case.strides));
        let turned = |axes: &[i64]| axes.iter().rev().copied().collect::<Vec<_>>();
        let column_major = in_order(offsets(&turned(&case.shape), &turned(&case.strides)));

        prop_assert_eq!(Layout::is_c_contiguous(&case.shape, &case.strides), row_major);
        prop_assert_eq!(Layout::is_f_contiguous(&case.shape, &case.strides), column_major);
        let layout = Layout::new(&case.shape, &case.strides, width.dtype(), width.padded);
        prop_assert_eq!(layout.map(|layout| layout.is_row_major()), Ok(row_major));
    }

    #[test]
    fn covering(case in small(), width in small_width()) {
        let offsets = offsets(&case.shape, &case.strides);
        let places = offsets.iter().max().map_or(0, |last| last - offsets.iter().min().unwrap() + 1);
        let layout = Layout::new(&case.shape, &case.strides, width.dtype(), width.padded);
        let expected = places == offsets.len() as i128;
        prop_assert_eq!(layout.map(|layout| layout.covers_its_extents()), Ok(expected));
    }

    #[test]
    fn the_order_of_the_axes_does_not_matter(case in small(), width in small_width(), key: u64) {
        let order = order(case.shape.len(), key);
        let turn = |axes: &[i64]| order.iter().map(|&axis| axes[axis]).collect::<Vec<_>>();
        prop_assert_eq!(
            found(&case.shape, &case.strides, width),
            found(&turn(&case.shape), &turn(&case.strides), width)
        );
    }
}
