//! Everything that a mutable view writes: each element of its model, and nothing else.

use dlpack::{Error, TensorView, TensorViewMut};
use proptest::prelude::*;

use crate::cases;
use crate::model::Model;
use crate::reading::{check_at, values};
use crate::scenario::{Wish, shape, spread, wishes};

/// Memory of a shape, and what is done to a view of all of it before something is written.
#[derive(Clone, Debug)]
struct Case {
    shape: Vec<usize>,
    wishes: Vec<Wish>,
}

fn case() -> impl Strategy<Value = Case> {
    (shape(), wishes(6)).prop_map(|(shape, wishes)| Case { shape, wishes })
}

impl Case {
    fn memory(&self) -> Vec<u32> {
        values(self.shape.iter().product())
    }

    fn view<'a>(&self, memory: &'a mut [u32]) -> (TensorViewMut<'a, u32>, Model) {
        let mut view = TensorViewMut::from_slice(memory, &self.shape).unwrap();
        let mut model = Model::row_major(&self.shape);
        for wish in &self.wishes {
            let operation = wish.operation(&model);
            match operation.on_model(&model) {
                Ok(expected) => {
                    view = operation.on_view_mut(view).expect("the model can");
                    model = expected;
                }
                Err(expected) => {
                    let refused = operation.on_view_mut(view.reborrow()).map(drop);
                    assert_eq!(refused, Err(expected), "{operation:?}");
                }
            }
        }
        (view, model)
    }

    /// Has `write` write to a view, and checks that element `k` has become `expected(k)` and the rest has stayed.
    #[track_caller]
    fn writes(
        &self,
        expected: impl Fn(usize) -> Option<u32>,
        write: impl FnOnce(TensorViewMut<'_, u32>, &Model),
    ) {
        let mut memory = self.memory();
        let (view, model) = self.view(&mut memory);
        write(view, &model);
        let mut expected_memory = self.memory();
        for (k, place) in model.places().into_iter().enumerate() {
            if let Some(value) = expected(k) {
                expected_memory[place] = value;
            }
        }
        assert_eq!(memory, expected_memory);
    }
}

/// What element `k` is to become; no value that is there already.
fn number(k: usize) -> u32 {
    1_000_000 + u32::try_from(k).unwrap()
}

fn numbers(count: usize) -> Vec<u32> {
    (0..count).map(number).collect()
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn reads_as_a_shared_view_does(case in case()) {
        let before = case.memory();
        let mut memory = case.memory();
        let start = memory.as_mut_ptr();
        let (mut view, model) = case.view(&mut memory);
        prop_assert_eq!(view.shape(), &model.shape);
        prop_assert_eq!((view.ndim(), view.strides().len()), (model.shape.len(), model.shape.len()));
        prop_assert_eq!((view.numel(), view.is_empty()), (model.numel(), model.numel() == 0));
        for (index, place) in &model.elements {
            prop_assert_eq!(view.get(index), Some(&before[*place]));
        }
        if let Some((_, place)) = model.elements.first() {
            prop_assert_eq!(view.as_mut_ptr(), start.wrapping_add(*place));
        }
        check_at(&view.as_view(), &model, &before, start);
        check_at(&view.into_view(), &model, &before, start);
    }

    #[test]
    fn by_iteration(case in case(), begun in 0..6_usize) {
        case.writes(|k| Some(number(k)), |mut view, _| {
            for (k, element) in view.iter_mut().enumerate() {
                *element = number(k);
            }
        });
        case.writes(|k| Some(number(k)), |mut view, _| {
            let numel = view.numel();
            let mut iter = view.iter_mut();
            for k in 0..begun.min(numel) {
                assert_eq!(iter.len(), numel - k);
                *iter.next().unwrap() = number(k);
            }
            let last = iter.fold(begun.min(numel), |k, element| {
                *element = number(k);
                k + 1
            });
            assert_eq!(last, numel);
        });
    }

    #[test]
    fn by_index(case in case()) {
        case.writes(|k| Some(number(k)), |mut view, model| {
            for (k, (index, _)) in model.elements.iter().enumerate() {
                match index[..] {
                    [] => view[[]] = number(k),
                    [i] => view[[i]] = number(k),
                    [i, j] => view[[i, j]] = number(k),
                    _ => *view.get_mut(index).unwrap() = number(k),
                }
            }
            let mut index = vec![0; model.shape.len() + 1];
            assert_eq!(view.get_mut(&index), None);
            for axis in 0..model.shape.len() {
                index = vec![0; model.shape.len()];
                index[axis] = model.shape[axis];
                assert_eq!(view.get_mut(&index), None);
            }
        });
        case.writes(|k| Some(number(k)), |mut view, model| {
            for (k, (index, _)) in model.elements.iter().enumerate() {
                *view.get_mut(index).unwrap() = number(k);
            }
        });
    }

    #[test]
    fn by_fill(case in case()) {
        case.writes(|_| Some(7), |mut view, _| view.fill(7));
    }

    #[test]
    fn by_slice(case in case()) {
        let mut memory = case.memory();
        let is_row_major = case.view(&mut memory).1.is_row_major();
        case.writes(|k| is_row_major.then(|| number(k)), |mut view, model| {
            match view.as_mut_slice() {
                Ok(slice) => slice.copy_from_slice(&numbers(model.numel())),
                Err(error) => assert_eq!(error, Error::NotContiguous),
            }
        });
    }

    #[test]
    fn by_slice_in_memory_order(case in case()) {
        let mut memory = case.memory();
        let is_dense = case.view(&mut memory).1.is_dense();
        case.writes(|_| is_dense.then_some(7), |mut view, model| {
            match view.as_mut_slice_memory_order() {
                Ok(slice) => {
                    let places = model.sorted_places();
                    let expected: Vec<_> = places.iter().map(|&place| case.memory()[place]).collect();
                    assert_eq!(slice, expected);
                    slice.fill(7);
                }
                Err(error) => assert_eq!(error, Error::NotContiguous),
            }
        });
    }

    #[test]
    fn by_copy_from_a_slice(case in case()) {
        case.writes(|k| Some(number(k)), |mut view, model| {
            assert_eq!(view.copy_from_slice(&numbers(model.numel())), Ok(()));
        });
        case.writes(|_| None, |mut view, model| {
            let (expected, found) = (model.numel(), model.numel() + 1);
            let refused = view.copy_from_slice(&numbers(found));
            assert_eq!(refused, Err(Error::LenMismatch { expected, found }));
        });
    }

    #[test]
    fn by_copy_from_a_view(case in case(), key: u64) {
        let mut memory = case.memory();
        let wanted = case.view(&mut memory).1.shape;
        let (shape, operations) = spread(&wanted, key);
        let mut source_model = Model::row_major(&shape);
        let elements = numbers(source_model.numel());
        let mut source = TensorView::from_slice(&elements, &shape).unwrap();
        for operation in operations {
            source = operation.on_view(&source).unwrap();
            source_model = operation.on_model(&source_model).unwrap();
        }
        prop_assert_eq!(&source_model.shape, &wanted);
        let places = source_model.places();
        case.writes(|k| Some(elements[places[k]]), |mut view, _| {
            assert_eq!(view.copy_from(&source), Ok(()));
        });
    }

    #[test]
    fn to_both_halves(case in case(), axis: prop::sample::Index, at: prop::sample::Index) {
        let mut memory = case.memory();
        let (view, model) = case.view(&mut memory);
        if !model.shape.is_empty() {
            let axis = axis.index(model.shape.len());
            let at = at.index(model.shape[axis] + 1);
            let (mut head, mut tail) = view.split_at(axis, at).unwrap();
            let (mut heads, mut tails) = (head.iter_mut(), tail.iter_mut());
            // Alternately, so that both halves are in use at once.
            loop {
                let (head, tail) = (heads.next(), tails.next());
                if head.is_none() && tail.is_none() {
                    break;
                }
                head.into_iter().for_each(|element| *element = 1);
                tail.into_iter().for_each(|element| *element = 2);
            }
            let mut expected = case.memory();
            for (index, place) in model.elements {
                expected[place] = if index[axis] < at { 1 } else { 2 };
            }
            prop_assert_eq!(memory, expected);
        }
    }
}

#[test]
fn a_loan_ends() {
    let mut memory = values(6);
    let mut view = TensorViewMut::from_slice(&mut memory, &[2, 3]).unwrap();
    view.reborrow().select(0, 1).unwrap().fill(0);
    view.reborrow().flip(1).unwrap().select(1, 0).unwrap().fill(1);
    view[[0, 0]] = 2;
    assert_eq!(view.as_view().iter().copied().collect::<Vec<_>>(), memory);
    assert_eq!(memory, [2, 103, 1, 0, 0, 1]);
}
