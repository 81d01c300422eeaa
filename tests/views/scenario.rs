//! Random beginnings and random operations, most of which can be done and some of which cannot.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::MAX_NDIM;
use crate::model::Model;
use crate::operations::Operation;

/// A choice of an operation whose arguments depend on the shape that it finds.
#[derive(Clone, Debug)]
pub struct Wish {
    kind: u8,
    axis: Index,
    from: Index,
    to: Index,
    key: u64,
}

pub fn wishes(most: usize) -> impl Strategy<Value = Vec<Wish>> {
    let wish = (0..=10_u8, any::<Index>(), any::<Index>(), any::<Index>(), any::<u64>());
    vec(wish.prop_map(|(kind, axis, from, to, key)| Wish { kind, axis, from, to, key }), 0..=most)
}

/// Shapes of a row-major array: of all ranks, with empty axes, with axes of size 1.
pub fn shape() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        8 => vec(1..=5_usize, 0..=4),
        2 => vec(0..=3_usize, 0..=5),
        2 => vec(1..=24_usize, 1..=2),
        1 => vec(1..=2_usize, 6..=MAX_NDIM.min(10)),
    ]
}

impl Wish {
    /// One wish in a few asks for an axis, an index or a size that is not there.
    pub fn operation(&self, model: &Model) -> Operation {
        let ndim = model.shape.len();
        let axis = self.axis.index(if self.key % 16 == 5 { ndim + 1 } else { ndim.max(1) });
        let size = model.shape.get(axis).copied().unwrap_or(0);
        let beyond = usize::from(self.key % 8 == 5);
        let end = self.to.index(size + 1 + beyond);
        let start = self.from.index(end + 1);
        let step = if beyond == 1 { self.from.index(size + 3) } else { 1 + self.from.index(3) };
        match self.kind {
            0 => Operation::Slice(axis, start, end),
            1 => Operation::Step(axis, step),
            2 => Operation::Flip(axis),
            3 => Operation::Select(axis, self.from.index(size.max(1) + beyond)),
            4 => Operation::InsertAxis(self.axis.index(ndim + 1 + beyond)),
            5 => Operation::Permute(self.axes(ndim)),
            6 => Operation::Transpose,
            7 => Operation::Head(axis, end),
            8 => Operation::Tail(axis, end),
            _ => Operation::Reshape(self.factors(model.numel())),
        }
    }

    /// A permutation, or almost one.
    fn axes(&self, ndim: usize) -> Vec<usize> {
        let mut axes: Vec<_> = (0..ndim).collect();
        let mut key = self.key;
        for left in (2..=ndim).rev() {
            let count = u64::try_from(left).unwrap();
            axes.swap(left - 1, usize::try_from(key % count).unwrap());
            key /= count;
        }
        match self.key % 31 {
            0 => axes.push(ndim),
            1 if ndim > 0 => axes[self.from.index(ndim)] = self.to.index(ndim + 1),
            _ => {}
        }
        axes
    }

    /// Sizes whose product is `numel`, or almost.
    fn factors(&self, numel: usize) -> Vec<usize> {
        let mut shape = Vec::new();
        let mut left = numel + usize::from(self.key % 31 == 5);
        let mut key = self.key;
        while left > 1 {
            let divisors: Vec<_> = (2..=left).filter(|n| left.checked_rem(*n) == Some(0)).collect();
            let count = u64::try_from(divisors.len()).unwrap();
            let factor = divisors[usize::try_from(key % count).unwrap()];
            key /= count;
            shape.push(factor);
            left /= factor;
        }
        if left == 0 {
            shape.push(3);
            shape.insert(self.from.index(2), 0);
        }
        if self.key % 3 == 1 && shape.len() < MAX_NDIM {
            shape.insert(self.to.index(shape.len() + 1), 1);
        }
        shape
    }
}

/// A shape, and operations that leave `wanted` of it: elements that lie apart, backwards, and in another order of axes.
pub fn spread(wanted: &[usize], key: u64) -> (Vec<usize>, Vec<Operation>) {
    const ROOM: usize = 4096;
    let ndim = wanted.len();
    let mut shape = vec![0; ndim];
    let mut operations = Vec::new();
    let mut numel: usize = wanted.iter().product();
    let rotation = usize::try_from(key % 11).unwrap();
    let stored: Vec<_> = (0..ndim).map(|axis| (axis + rotation) % ndim).collect();
    operations.push(Operation::Permute(stored.clone()));
    let mut key = key / 11;
    for (axis, &size) in wanted.iter().enumerate() {
        let [lead, step, turn] = [key & 1, 1 + (key >> 1) % 3, key >> 3 & 1];
        key = key.rotate_right(5);
        let [lead, step] = [lead, step].map(|n| usize::try_from(n).unwrap());
        let larger = if size == 0 { size } else { lead + (size - 1) * step + 1 };
        if numel * larger > ROOM * size.max(1) || size == 0 {
            shape[stored[axis]] = size;
            continue;
        }
        numel = numel / size * larger;
        shape[stored[axis]] = larger;
        operations.push(Operation::Slice(axis, lead, larger));
        operations.push(Operation::Step(axis, step));
        if turn == 1 {
            operations.push(Operation::Flip(axis));
        }
    }
    (shape, operations)
}
