//! Iterators: their lengths, their ends, and what the adapters of the standard library make of them.

use dlpack::{TensorView, TensorViewMut};

use crate::model::{Model, indices};
use crate::reading::values;

/// Views of one and the same 60 numbers whose rows are of different kinds: whole, with gaps, turned, and so on.
fn views(memory: &[u32]) -> Vec<(TensorView<'_, u32>, Model)> {
    let view = TensorView::from_slice(memory, &[3, 4, 5]).unwrap();
    let model = Model::row_major(&[3, 4, 5]);
    let permuted = |axes: &[usize]| (view.permute(axes).unwrap(), model.permute(axes).unwrap());
    let stepped =
        |axis, step| (view.step_by(axis, step).unwrap(), model.step_by(axis, step).unwrap());
    let reversed = |axis| (view.flip(axis).unwrap(), model.flip(axis).unwrap());
    let sliced = |axis| (view.slice(axis, 1..3).unwrap(), model.slice(axis, 1, 3).unwrap());
    vec![
        permuted(&[0, 1, 2]),
        permuted(&[2, 1, 0]),
        permuted(&[1, 0, 2]),
        permuted(&[0, 2, 1]),
        stepped(2, 2),
        stepped(1, 3),
        reversed(0),
        reversed(2),
        sliced(1),
        sliced(2),
        (view.slice(1, 4..).unwrap(), model.slice(1, 4, 4).unwrap()),
    ]
}

#[test]
fn folds_after_any_number_of_steps() {
    let memory = values(60);
    for (view, model) in views(&memory) {
        let expected: Vec<_> = model.places().into_iter().map(|place| memory[place]).collect();
        for begun in 0..=expected.len() {
            let mut iter = view.iter();
            for element in &expected[..begun] {
                assert_eq!(iter.next(), Some(element));
            }
            assert_eq!(iter.len(), expected.len() - begun);
            let mut rest = expected[begun..].iter();
            iter.for_each(|element| assert_eq!(Some(element), rest.next()));
            assert_eq!(rest.next(), None);
        }
    }
}

#[test]
fn ends_once() {
    let memory = values(60);
    for (view, model) in views(&memory) {
        let mut iter = view.iter();
        assert_eq!(iter.by_ref().count(), model.numel());
        for _ in 0..3 {
            assert_eq!((iter.next(), iter.len(), iter.size_hint()), (None, 0, (0, Some(0))));
        }
        assert_eq!(iter.fold(0, |count, _| count + 1), 0);
    }
}

#[test]
fn mutable_ones_end_once_and_fold_the_rest() {
    for begun in 0..=12 {
        let mut memory = values(12);
        let mut view = TensorViewMut::from_slice(&mut memory, &[3, 4]).unwrap().transpose();
        let mut iter = view.iter_mut();
        for k in 0..begun {
            *iter.next().unwrap() = k;
        }
        iter.fold(begun, |k, element| {
            *element = k;
            k + 1
        });
        let expected = indices(&[3, 4]).into_iter().map(|index| index[1] * 3 + index[0]);
        assert!(memory.iter().map(|&n| usize::try_from(n).unwrap()).eq(expected));
    }
    let mut memory = values(2);
    let mut view = TensorViewMut::from_slice(&mut memory, &[2]).unwrap();
    let mut iter = view.iter_mut();
    assert!(iter.next().is_some() && iter.next().is_some());
    assert!(iter.next().is_none() && iter.next().is_none());
    assert_eq!((iter.len(), iter.size_hint()), (0, (0, Some(0))));
}

#[test]
fn adapters() {
    let memory = values(60);
    for (view, model) in views(&memory) {
        let expected: Vec<_> = model.places().into_iter().map(|place| memory[place]).collect();
        assert_eq!(view.iter().nth(7), expected.get(7));
        assert_eq!(view.iter().last(), expected.last());
        assert_eq!(view.iter().max(), expected.iter().max());
        assert!(view.iter().skip(3).step_by(4).eq(expected.iter().skip(3).step_by(4)));
        assert!(view.iter().zip(&expected).all(|(found, expected)| found == expected));
        assert_eq!(view.iter().enumerate().len(), expected.len());
    }
}

#[test]
fn elements_outlive_the_view_and_the_iterator() {
    let memory = values(6);
    let kept: Vec<&u32> = {
        let view = TensorView::from_slice(&memory, &[2, 3]).unwrap().transpose();
        view.into_iter().collect()
    };
    assert_eq!(kept, [&100, &109, &103, &112, &106, &115]);
}

#[test]
fn all_at_once_are_different_elements() {
    let mut memory = values(6);
    let mut view = TensorViewMut::from_slice(&mut memory, &[2, 3]).unwrap().flip(1).unwrap();
    let mut all: Vec<&mut u32> = view.iter_mut().collect();
    all.swap(0, 5);
    for (k, element) in (0..).zip(all) {
        *element = k;
    }
    assert_eq!(memory, [2, 1, 5, 0, 4, 3]);
}
