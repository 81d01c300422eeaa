//! What slices, steps, reversals, permutations and diagonals make of a dense array: none of it overlaps.

use dlpack::layout::Layout;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::cases;
use crate::exact::offsets;

/// What is done to an array; axes and sizes are taken modulo what is there.
#[derive(Clone, Debug)]
enum Change {
    Slice { axis: Index, keep: Index },
    Step { axis: Index, by: i64 },
    Reverse { axis: Index },
    Swap { axis: Index, with: Index },
    Diagonal { axis: Index, with: Index },
    Select { axis: Index },
    Insert { axis: Index, stride: i64 },
}

fn changes() -> impl Strategy<Value = Change> {
    let axis = any::<Index>;
    prop_oneof![
        (axis(), any::<Index>()).prop_map(|(axis, keep)| Change::Slice { axis, keep }),
        (axis(), 1..=4_i64).prop_map(|(axis, by)| Change::Step { axis, by }),
        axis().prop_map(|axis| Change::Reverse { axis }),
        (axis(), axis()).prop_map(|(axis, with)| Change::Swap { axis, with }),
        (axis(), axis()).prop_map(|(axis, with)| Change::Diagonal { axis, with }),
        axis().prop_map(|axis| Change::Select { axis }),
        (axis(), any::<i64>()).prop_map(|(axis, stride)| Change::Insert { axis, stride }),
    ]
}

/// One axis: its size and its stride.
type Axes = Vec<(i64, i64)>;

fn dense(shape: &[i64]) -> Axes {
    let strides = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product());
    shape.iter().copied().zip(strides).collect()
}

fn apply(axes: &mut Axes, change: &Change) {
    let len = axes.len();
    if let Change::Insert { axis, stride } = change {
        return axes.insert(axis.index(len + 1), (1, *stride));
    }
    if len == 0 {
        return;
    }
    match change {
        Change::Slice { axis, keep } => {
            let size = &mut axes[axis.index(len)].0;
            *size = keep.index(usize::try_from(*size).unwrap() + 1) as i64;
        }
        Change::Step { axis, by } => {
            let (size, stride) = &mut axes[axis.index(len)];
            *size = (*size + by - 1) / by;
            *stride = stride.wrapping_mul(*by);
        }
        Change::Reverse { axis } => {
            let stride = &mut axes[axis.index(len)].1;
            *stride = stride.wrapping_neg();
        }
        Change::Swap { axis, with } => axes.swap(axis.index(len), with.index(len)),
        Change::Diagonal { axis, with } => {
            let (axis, with) = (axis.index(len), with.index(len));
            if axis != with {
                let (size, stride) = axes[with];
                let kept = &mut axes[axis];
                *kept = (kept.0.min(size), kept.1.wrapping_add(stride));
                axes.remove(with);
            }
        }
        Change::Select { axis } => {
            axes.remove(axis.index(len));
        }
        Change::Insert { .. } => unreachable!("done above"),
    }
}

proptest! {
    #![proptest_config(cases(5000))]

    #[test]
    fn stays_disjoint(shape in vec(1..=6_i64, 0..=4), changes in vec(changes(), 0..=8)) {
        let mut axes = dense(&shape);
        for change in &changes {
            apply(&mut axes, change);
        }
        let (shape, strides): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
        prop_assert!(Layout::is_disjoint(&shape, &strides), "{shape:?} {strides:?}");

        let mut places = offsets(&shape, &strides);
        let count = places.len();
        places.sort_unstable();
        places.dedup();
        prop_assert_eq!(places.len(), count);
    }
}
