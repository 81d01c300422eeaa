//! Numbers in a vector, and which of them a strided tensor names: arithmetic on integers, and nothing else.

use dlpack::{Exclusive, Exporter, ManagedTensorVersioned};
use proptest::prelude::*;

/// A tensor of the numbers 0, 1, 2 and so on, each of which is its own place in memory.
#[derive(Clone, Debug)]
pub struct Model {
    pub shape: Vec<usize>,
    pub strides: Vec<isize>,
    /// The place of the element with index 0 on all axes.
    pub offset: usize,
    /// How many numbers there are.
    pub len: usize,
}

/// How an axis lies in memory.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    size: usize,
    step: usize,
    backwards: bool,
    repeated: bool,
}

impl Model {
    /// Lays the axes into memory, from the one whose neighbours are closest to the one whose are farthest.
    fn lay(walks: &[Walk], order: &[usize], margin: usize) -> Self {
        let mut strides = vec![0; walks.len()];
        let (mut offset, mut room) = (margin, 1);
        for &axis in order {
            let Walk { size, step, backwards, repeated } = walks[axis];
            if repeated {
                continue;
            }
            let stride = room * step;
            if backwards {
                offset += size.saturating_sub(1) * stride;
            }
            strides[axis] = isize::try_from(stride).unwrap() * if backwards { -1 } else { 1 };
            room *= size.max(1) * step;
        }
        let shape = walks.iter().map(|walk| walk.size).collect();
        Self { shape, strides, offset, len: room + 2 * margin }
    }

    /// All indices, the last axis running fastest.
    pub fn indices(&self) -> Vec<Vec<usize>> {
        let mut all = vec![vec![]];
        for &size in &self.shape {
            let longer = |index: &Vec<usize>| -> Vec<Vec<usize>> {
                (0..size).map(|k| [&index[..], &[k]].concat()).collect()
            };
            all = all.iter().flat_map(longer).collect();
        }
        all
    }

    pub fn place(&self, index: &[usize]) -> usize {
        let mut place = isize::try_from(self.offset).unwrap();
        for (&k, &stride) in index.iter().zip(&self.strides) {
            place += isize::try_from(k).unwrap() * stride;
        }
        usize::try_from(place).unwrap()
    }

    /// The places in logical order.
    pub fn places(&self) -> Vec<usize> {
        self.indices().iter().map(|index| self.place(index)).collect()
    }

    /// The same elements with the axes in reverse order.
    pub fn reversed(mut self) -> Self {
        self.shape.reverse();
        self.strides.reverse();
        self
    }

    pub fn numbers<T: From<u16>>(&self) -> Vec<T> {
        (0..self.len).map(|n| T::from(u16::try_from(n).unwrap())).collect()
    }

    /// The tensor, and where the number 0 is.
    pub fn tensor<T: From<u16> + dlpack::Element>(
        &self,
    ) -> (Exclusive<ManagedTensorVersioned>, *const T) {
        let numbers = self.numbers::<T>();
        let start = numbers.as_ptr();
        let exporter = Exporter::new(numbers).shape(&self.shape).strides(&self.strides);
        (exporter.offset(self.offset).build().unwrap(), start)
    }
}

/// What the axes of a model may be like.
#[derive(Clone, Copy, Debug)]
pub struct Kinds {
    pub ndim: (usize, usize),
    pub backwards: bool,
    pub repeated: bool,
}

pub fn models(kinds: Kinds) -> impl Strategy<Value = Model> {
    let walk = (0..5_usize, 1..3_usize, any::<bool>(), 0..5_u8).prop_map(
        move |(size, step, backwards, repeated)| Walk {
            // Mostly not empty.
            size: if size == 0 && step != 1 { 3 } else { size },
            step,
            backwards: backwards && kinds.backwards,
            repeated: repeated == 0 && kinds.repeated,
        },
    );
    let walks = prop::collection::vec(walk, kinds.ndim.0..=kinds.ndim.1);
    walks
        .prop_flat_map(|walks| {
            let order: Vec<usize> = (0..walks.len()).collect();
            (Just(walks), Just(order).prop_shuffle(), 0..3_usize)
        })
        .prop_map(|(walks, order, margin)| Model::lay(&walks, &order, margin))
}

#[test]
fn a_model_by_hand() {
    let walk = |size, step, backwards| Walk { size, step, backwards, repeated: false };
    // Columns every other number, rows from the last to the first.
    let model = Model::lay(&[walk(2, 1, true), walk(3, 2, false)], &[1, 0], 1);
    assert_eq!((&model.shape[..], &model.strides[..]), (&[2, 3][..], &[-6, 2][..]));
    assert_eq!((model.offset, model.len), (7, 14));
    assert_eq!(model.places(), [7, 9, 11, 1, 3, 5]);
    assert_eq!(model.reversed().places(), [7, 1, 9, 3, 11, 5]);
}
