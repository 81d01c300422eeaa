//! Everything that a shared view says, compared to its model after every operation.

use dlpack::{Error, TensorView};
use proptest::prelude::*;

use crate::cases;
use crate::model::Model;
use crate::scenario::{Wish, shape, wishes};

/// Distinct values, none of which is its own place.
pub fn values(len: usize) -> Vec<u32> {
    (0..len).map(|place| u32::try_from(place * 3 + 100).unwrap()).collect()
}

/// Does what is wished for, and checks after each operation that the view is what the model says.
pub fn follow(view: TensorView<'_, u32>, model: Model, wishes: &[Wish], memory: &[u32]) {
    let (mut view, mut model) = (view, model);
    check(&view, &model, memory);
    for wish in wishes {
        let operation = wish.operation(&model);
        match (operation.on_view(&view), operation.on_model(&model)) {
            (Ok(next), Ok(expected)) => (view, model) = (next, expected),
            (Err(error), Err(expected)) => assert_eq!(error, expected, "{operation:?}"),
            (found, expected) => {
                panic!("{operation:?}: expected {expected:?}, found {:?}", found.map(drop))
            }
        }
        check(&view, &model, memory);
    }
}

/// The model's places are those in `memory`.
pub fn check(view: &TensorView<'_, u32>, model: &Model, memory: &[u32]) {
    check_at(view, model, memory, memory.as_ptr());
}

/// The model's places are those from `start` on, where the same values are as in `memory`.
pub fn check_at(view: &TensorView<'_, u32>, model: &Model, memory: &[u32], start: *const u32) {
    let expected: Vec<u32> = model.places().into_iter().map(|place| memory[place]).collect();
    check_shape(view, model);
    check_elements(view, model, memory, start);
    check_slices(view, model, memory, start);
    check_iteration(view, &expected);
    check_memory_order(view, model, memory);
    check_copies(view, &expected);
}

fn check_shape(view: &TensorView<'_, u32>, model: &Model) {
    assert_eq!(view.shape(), model.shape);
    assert_eq!(view.ndim(), model.shape.len());
    assert_eq!(view.numel(), model.numel());
    assert_eq!(view.is_empty(), model.numel() == 0);
    assert_eq!(view.strides().len(), model.shape.len());
    let strides = model.strides().expect("operations keep elements in steps");
    for (found, expected) in view.strides().iter().zip(strides) {
        assert_eq!(*found, expected.unwrap_or(*found));
    }
}

fn check_elements(view: &TensorView<'_, u32>, model: &Model, memory: &[u32], start: *const u32) {
    for (index, place) in &model.elements {
        let element = view.get(index).expect("an index of the shape");
        assert_eq!(*element, memory[*place], "{index:?}");
        assert!(std::ptr::eq(element, start.wrapping_add(*place)), "{index:?}");
        let indexed = match index[..] {
            [] => &view[[]],
            [i] => &view[[i]],
            [i, j] => &view[[i, j]],
            [i, j, k] => &view[[i, j, k]],
            _ => continue,
        };
        assert!(std::ptr::eq(indexed, element));
    }
    if let Some((_, place)) = model.elements.first() {
        assert_eq!(view.as_ptr(), start.wrapping_add(*place));
    }
    assert!(view.as_ptr().is_aligned());
    let ndim = model.shape.len();
    assert_eq!(view.get(&vec![0; ndim + 1]), None);
    for axis in 0..ndim {
        let mut index = vec![0; ndim];
        assert_eq!(view.get(&index[1..]), None);
        for beyond in [model.shape[axis], usize::MAX] {
            index[axis] = beyond;
            assert_eq!(view.get(&index), None);
        }
    }
}

fn check_slices(view: &TensorView<'_, u32>, model: &Model, memory: &[u32], start: *const u32) {
    let lowest = model.sorted_places().first().copied().unwrap_or(0);
    let expected = |dense: bool| {
        let slice = || &memory[lowest..lowest + model.numel()];
        if dense { Ok(slice()) } else { Err(Error::NotContiguous) }
    };
    assert_eq!(view.is_contiguous(), model.is_row_major());
    assert_eq!(view.as_slice(), expected(model.is_row_major()));
    assert_eq!(view.as_slice_memory_order(), expected(model.is_dense()));
    for slice in [view.as_slice(), view.as_slice_memory_order()].into_iter().flatten() {
        assert!(slice.is_empty() || slice.as_ptr() == start.wrapping_add(lowest));
    }
}

fn check_iteration(view: &TensorView<'_, u32>, expected: &[u32]) {
    assert!(view.iter().eq(expected));
    assert!(view.into_iter().eq(expected));
    assert!(view.clone().into_iter().eq(expected));
    let folded = |iter: dlpack::view::Iter<'_, u32>| {
        iter.fold(Vec::new(), |mut all, &element| {
            all.push(element);
            all
        })
    };
    for begun in [0, 1, 2, 3, expected.len() / 2, expected.len().saturating_sub(1), expected.len()]
    {
        let mut iter = view.iter();
        for (k, element) in expected.iter().take(begun).enumerate() {
            assert_eq!(iter.len(), expected.len() - k);
            assert_eq!(iter.next(), Some(element));
        }
        let rest = &expected[begun.min(expected.len())..];
        assert_eq!((iter.len(), iter.size_hint()), (rest.len(), (rest.len(), Some(rest.len()))));
        assert_eq!(folded(iter), rest);
    }
}

fn check_memory_order(view: &TensorView<'_, u32>, model: &Model, memory: &[u32]) {
    let mut seen = view.fold_memory_order(Vec::new(), |mut all, &element| {
        all.push(element);
        all
    });
    if !model.nests() {
        // No order is promised where axes interleave, as they do in overlapping tensors.
        seen.sort_unstable();
    }
    let places = model.sorted_places();
    let expected: Vec<u32> = places.into_iter().map(|place| memory[place]).collect();
    assert_eq!(seen, expected);
    assert_eq!(view.reduce_memory_order(0, |a, b| a + b), expected.iter().sum());
    assert_eq!(view.reduce_memory_order(0, Ord::max), expected.iter().copied().max().unwrap_or(0));
}

fn check_copies(view: &TensorView<'_, u32>, expected: &[u32]) {
    #[cfg(feature = "alloc")]
    assert_eq!(view.to_vec(), expected);
    let mut copy = vec![0; expected.len()];
    assert_eq!(view.copy_to(&mut copy), Ok(()));
    assert_eq!(copy, expected);
    copy.push(0);
    let refused = Error::LenMismatch { expected: expected.len(), found: copy.len() };
    assert_eq!(view.copy_to(&mut copy), Err(refused));
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn a_view_is_what_the_model_says(shape in shape(), wishes in wishes(8)) {
        let memory = values(shape.iter().product());
        let view = TensorView::from_slice(&memory, &shape).unwrap();
        follow(view, Model::row_major(&shape), &wishes, &memory);
    }
}

#[cfg(feature = "alloc")]
#[test]
fn to_a_vector_if_there_is_memory() {
    let view = TensorView::from_slice(&[1_u8, 2, 3, 4], &[2, 2]).unwrap();
    assert_eq!(view.transpose().try_to_vec().unwrap(), [1, 3, 2, 4]);
}
