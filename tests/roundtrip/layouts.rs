//! The shapes and strides of the cases: every rank in use, every order, gaps, overlaps, nothing.

use proptest::prelude::*;

/// Shape and strides; no strides means row-major.
#[derive(Clone, Debug)]
pub struct Layout {
    pub shape: Vec<i64>,
    pub strides: Option<Vec<i64>>,
}

impl Layout {
    /// The strides, row-major ones where there are none.
    pub fn strides(&self) -> Vec<i64> {
        self.strides.clone().unwrap_or_else(|| {
            let after = |axis: usize| self.shape[axis + 1..].iter().map(|size| size.max(&1));
            (0..self.shape.len()).map(|axis| after(axis).product()).collect()
        })
    }

    /// The offsets of the lowest and the highest element, in elements.
    pub fn reach(&self) -> (i64, i64) {
        if self.shape.contains(&0) {
            return (0, -1);
        }
        let strides = self.strides();
        let steps = self.shape.iter().zip(&strides).map(|(size, stride)| (size - 1) * stride);
        steps.fold((0, 0), |(low, high), step| (low + step.min(0), high + step.max(0)))
    }
}

pub fn layouts() -> impl Strategy<Value = Layout> {
    let size = prop_oneof![1 => Just(0), 4 => Just(1), 6 => 2..=3_i64, 2 => 4..=6_i64];
    let few = prop::collection::vec(size, 0..=4);
    let many = prop::collection::vec(prop_oneof![5 => Just(1), 1 => Just(2_i64)], 5..=20);
    let shape = prop_oneof![8 => few, 1 => many];
    shape.prop_flat_map(|shape| {
        let strides = prop_oneof![
            2 => Just(None),
            2 => order(shape.clone()).prop_map(Some),
            2 => prop::collection::vec(-7..=7_i64, shape.len()).prop_map(Some),
        ];
        (Just(shape), strides).prop_map(|(shape, strides)| Layout { shape, strides })
    })
}

/// Strides of a dense or spread-out tensor whose axes are in any order and run in any direction.
fn order(shape: Vec<i64>) -> impl Strategy<Value = Vec<i64>> {
    let axes: Vec<usize> = (0..shape.len()).collect();
    let gaps = prop::collection::vec(0..=2_i64, shape.len());
    let backwards = prop::collection::vec(any::<bool>(), shape.len());
    let nowhere = prop::collection::vec(-1000..=1000_i64, shape.len());
    (Just(axes).prop_shuffle(), gaps, backwards, nowhere).prop_map(
        move |(axes, gaps, backwards, nowhere)| {
            let mut strides = vec![0; shape.len()];
            let mut next = 1;
            for axis in axes {
                strides[axis] = if backwards[axis] { -next } else { next };
                next = next * shape[axis].max(1) + gaps[axis] * (next % 3);
                if shape[axis] <= 1 {
                    strides[axis] = nowhere[axis];
                }
            }
            strides
        },
    )
}

#[test]
fn row_major_by_hand() {
    let layout = Layout { shape: vec![2, 0, 3], strides: None };
    assert_eq!((layout.strides(), layout.reach()), (vec![3, 3, 1], (0, -1)));
    let layout = Layout { shape: vec![2, 3], strides: Some(vec![-3, 1]) };
    assert_eq!(layout.reach(), (-3, 2));
}
