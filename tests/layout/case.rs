//! Random layouts: arbitrary ones, compact ones in any order, and ones that differ from compact in a detail.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::widths::{WIDTHS, Width};

/// A shape and its strides.
#[derive(Clone, Debug)]
pub struct Case {
    pub shape: Vec<i64>,
    pub strides: Vec<i64>,
}

/// Up to five axes of up to four elements.
pub fn small() -> impl Strategy<Value = Case> {
    prop_oneof![2 => arbitrary(), 1 => compact(), 1 => almost_compact()]
}

pub fn any_width() -> impl Strategy<Value = Width> {
    select(&WIDTHS[..])
}

/// Elements of which a few thousand fit in any address space.
pub fn small_width() -> impl Strategy<Value = Width> {
    any_width().prop_filter("small", |width| width.bits < 1 << 20)
}

fn arbitrary() -> impl Strategy<Value = Case> {
    vec((0..=4_i64, -13..=13_i64), 0..=5).prop_map(|axes| {
        let (shape, strides) = axes.into_iter().unzip();
        Case { shape, strides }
    })
}

/// Side by side in some order of the axes, with anything as the stride of an axis of size 1.
pub fn compact() -> impl Strategy<Value = Case> {
    let axes = vec((1..=4_i64, any::<bool>(), any::<i64>()), 0..=5);
    let keys = any::<u64>();
    (axes, keys).prop_map(|(axes, key)| {
        let shape: Vec<i64> = axes.iter().map(|axis| axis.0).collect();
        let mut strides = vec![0; shape.len()];
        let mut next = 1;
        for axis in order(shape.len(), key) {
            let (size, backwards, junk) = axes[axis];
            strides[axis] = if size == 1 { junk } else { next };
            if backwards && key % 3 == 1 {
                strides[axis] = strides[axis].wrapping_neg();
            }
            next *= size;
        }
        Case { shape, strides }
    })
}

fn almost_compact() -> impl Strategy<Value = Case> {
    (compact(), any::<prop::sample::Index>(), -2..=2_i64, 0..=4_i64).prop_map(
        |(mut case, axis, more, size)| {
            if !case.shape.is_empty() {
                let axis = axis.index(case.shape.len());
                case.strides[axis] = case.strides[axis].clamp(-1000, 1000) + more;
                case.shape[axis] = size;
            }
            case
        },
    )
}

/// One of the orders of so many axes.
pub fn order(len: usize, key: u64) -> Vec<usize> {
    let mut left: Vec<usize> = (0..len).rev().collect();
    let mut key = key;
    let mut order = Vec::new();
    while !left.is_empty() {
        let count = u64::try_from(left.len()).unwrap();
        order.push(left.remove(usize::try_from(key % count).unwrap()));
        key /= count;
    }
    order
}
