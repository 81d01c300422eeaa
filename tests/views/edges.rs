//! The ends of the scale: no axes, no elements, one element, elements of any type.

use std::thread;

use dlpack::{Error, TensorView, TensorViewMut};

use crate::MAX_NDIM;
use crate::model::Model;
use crate::reading::{check, values};

#[test]
fn no_axes() {
    let memory = values(1);
    let view = TensorView::from_slice(&memory, &[]).unwrap();
    check(&view, &Model::row_major(&[]), &memory);
    assert_eq!(view.permute(&[]).unwrap()[[]], 100);
    assert_eq!(view.transpose()[[]], 100);
    assert_eq!(view.insert_axis(0).unwrap()[[0]], 100);
    assert_eq!(view.iter().len(), 1);

    let mut memory = values(1);
    let mut view = TensorViewMut::from_slice(&mut memory, &[]).unwrap();
    view[[]] += 1;
    view.iter_mut().for_each(|element| *element += 1);
    assert_eq!(view.as_mut_slice(), Ok(&mut [102][..]));
    view.fill(5);
    assert_eq!(memory, [5]);
}

#[test]
fn no_elements() {
    for shape in [&[0][..], &[0, 3], &[3, 0], &[0, 0], &[2, 0, 3], &[isize::MAX.unsigned_abs(), 0]]
    {
        let mut none: [u32; 0] = [];
        let view = TensorView::from_slice(&none, shape).unwrap();
        assert_eq!((view.shape(), view.numel(), view.is_empty()), (shape, 0, true));
        assert!(view.is_contiguous() && view.transpose().is_contiguous());
        assert_eq!(view.as_slice(), Ok(&[][..]));
        assert_eq!(view.transpose().as_slice_memory_order(), Ok(&[][..]));
        assert_eq!(view.iter().next(), None);
        assert_eq!(view.get(&vec![0; shape.len()]), None);
        assert_eq!(view.fold_memory_order(0, |sum, x| sum + x), 0);
        assert_eq!(view.reduce_memory_order(7, |a, _| a), 7);
        assert_eq!(view.copy_to(&mut []), Ok(()));
        assert!(view.as_ptr().is_aligned());
        for (axis, size) in shape.iter().enumerate() {
            let turned = view.flip(axis).unwrap().step_by(axis, 2).unwrap();
            assert_eq!(turned.shape()[axis], size.div_ceil(2));
            let (head, tail) = turned.split_at(axis, 0).unwrap();
            assert_eq!((head.numel(), tail.numel()), (0, 0));
        }
        let mut view = TensorViewMut::from_slice(&mut none, shape).unwrap();
        view.fill(1);
        assert_eq!(view.copy_from_slice(&[]), Ok(()));
        assert_eq!(view.iter_mut().len(), 0);
        assert_eq!(view.as_mut_slice(), Ok(&mut [][..]));
        assert_eq!(view.transpose().as_mut_slice_memory_order(), Ok(&mut [][..]));
    }
}

/// An empty slice has no place to move away from.
#[test]
fn empty_slices_stay_where_they_are() {
    let memory = values(12);
    let view = TensorView::from_slice(&memory, &[3, 4]).unwrap();
    let empty = view.slice(0, 3..).unwrap();
    assert_eq!((empty.shape(), empty.numel()), (&[0, 4][..], 0));
    let selected = empty.select(1, 3).unwrap().flip(0).unwrap();
    assert_eq!(selected.shape(), [0]);
    let within = memory.as_ptr_range();
    assert!(within.contains(&selected.as_ptr()));
}

#[test]
fn one_element_of_many_axes() {
    let shape = &[1; 8][..MAX_NDIM.min(8)];
    let memory = values(1);
    let view = TensorView::from_slice(&memory, shape).unwrap();
    check(&view, &Model::row_major(shape), &memory);
    let mut turned = view.clone();
    for axis in 0..shape.len() {
        turned = turned.flip(axis).unwrap().step_by(axis, usize::MAX).unwrap();
    }
    check(&turned, &Model::row_major(shape), &memory);
    assert_eq!(turned.transpose().as_slice(), Ok(&[100][..]));
}

/// The stride of an axis of size 1 means nothing, even if it was one that did.
#[test]
fn one_row_of_many() {
    let memory = values(12);
    let view = TensorView::from_slice(&memory, &[3, 4]).unwrap();
    let row = view.slice(0, 1..2).unwrap();
    assert_eq!(row.as_slice(), Ok(&memory[4..8]));
    let column = view.slice(1, 1..2).unwrap();
    assert_eq!(column.as_slice(), Err(Error::NotContiguous));
    assert_eq!(column.step_by(0, 3).unwrap().as_slice(), Ok(&memory[1..2]));
    assert_eq!(column.reshape(&[3]).unwrap().strides(), [4]);
}

#[test]
fn elements_of_any_type() {
    let mut words: Vec<String> = "one two three four".split(' ').map(String::from).collect();
    let mut view = TensorViewMut::from_slice(&mut words, &[2, 2]).unwrap().transpose();
    view[[0, 1]].push('!');
    let shared = view.as_view();
    let joined = shared.iter().fold(String::new(), |all, word| all + word + " ");
    assert_eq!(joined, "one three! two four ");
    assert_eq!(shared.fold_memory_order(0, |sum, word| sum + word.len()), 16);
    view.iter_mut().for_each(String::clear);
    assert!(words.iter().all(String::is_empty));
}

#[test]
fn halves_on_two_threads() {
    let mut memory = values(12);
    let view = TensorViewMut::from_slice(&mut memory, &[4, 3]).unwrap();
    let (mut head, tail) = view.split_at(0, 2).unwrap();
    let tail = tail.into_view();
    thread::scope(|scope| {
        scope.spawn(move || head.fill(1));
        let sums: Vec<_> = (0..2).map(|_| scope.spawn(|| tail.iter().sum::<u32>())).collect();
        for sum in sums {
            assert_eq!(sum.join().unwrap(), (6..12).map(|place| 100 + 3 * place).sum::<u32>());
        }
    });
    assert_eq!(memory[..6], [1; 6]);
}

/// The product of the other sizes may be as large as that of a tensor with elements.
#[test]
fn many_of_nothing() {
    let memory: [u16; 0] = [];
    let view = TensorView::from_slice(&memory, &[0]).unwrap();
    let large = 1 << (usize::BITS / 2 - 1);
    let beyond = [large, 2 * large, 0];
    assert_eq!(view.reshape(&beyond).unwrap_err(), Error::ShapeOverflow);
    let view = view.reshape(&[large, large, 0]).unwrap();
    assert_eq!((view.numel(), view.iter().count()), (0, 0));
    #[cfg(feature = "alloc")]
    assert!(view.to_vec().is_empty());
    let part = view.slice(2, 0..0).unwrap().slice(0, 1..).unwrap();
    assert_eq!((part.numel(), part.iter().len()), (0, 0));
    assert_eq!(part.flip(1).unwrap().select(0, 3).unwrap().shape(), [large, 0]);
}
