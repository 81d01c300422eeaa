//! Transposed matrices of all sizes around those at which the copy changes its ways.

use dlpack::{TensorView, TensorViewMut};

use crate::number::{Number, for_each_size};

/// How many elements are watched on either side of the target.
const MARGIN: usize = 70;

/// Has `copy` write the elements of a target of `len` elements, and checks them and what lies around them.
#[track_caller]
fn copies_to<T: Number>(expected: &[T], copy: impl FnOnce(&mut [T])) {
    let around = T::number(250);
    let mut memory = vec![around; expected.len() + 2 * MARGIN];
    copy(&mut memory[MARGIN..][..expected.len()]);
    assert!(memory[MARGIN..][..expected.len()] == *expected);
    assert!(
        memory[..MARGIN].iter().chain(&memory[MARGIN + expected.len()..]).all(|&x| x == around)
    );
}

fn matrix<T: Number>(rows: usize, columns: usize) {
    let elements = T::numbers(rows * columns);
    let source = TensorView::from_slice(&elements, &[rows, columns]).unwrap();
    let turned = source.transpose();
    let at = |i: usize, j: usize| elements[i * columns + j];
    let naive = |element: &dyn Fn(usize, usize) -> T| -> Vec<T> {
        (0..columns).flat_map(|j| (0..rows).map(move |i| element(i, j))).collect()
    };

    let expected = naive(&at);
    copies_to(&expected, |to| turned.copy_to(to).unwrap());
    #[cfg(feature = "alloc")]
    assert!(turned.to_vec() == expected);
    copies_to(&expected, |to| {
        // The same copy, seen from the other side.
        let target = TensorViewMut::from_slice(to, &[columns, rows]).unwrap();
        target.transpose().copy_from(&source).unwrap();
    });
    copies_to(&naive(&|i, j| at(rows - 1 - i, j)), |to| {
        turned.flip(1).unwrap().copy_to(to).unwrap();
    });
    copies_to(&naive(&|i, j| at(i, columns - 1 - j)), |to| {
        let target = TensorViewMut::from_slice(to, &[columns, rows]).unwrap();
        target.flip(0).unwrap().copy_from(&turned).unwrap();
    });
}

#[test]
fn around_the_edges_of_tiles() {
    let sizes: &[usize] =
        if cfg!(miri) { &[1, 8, 33] } else { &[0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100] };
    for &rows in sizes {
        for &columns in sizes {
            for_each_size!(matrix(rows, columns));
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "hundreds of thousands of elements")]
fn around_the_edges_of_blocks() {
    for (rows, columns) in [(8, 300), (300, 8), (256, 257), (257, 64), (320, 260)] {
        // One of each kind: tiles of one size, tiles of the other, no tiles.
        matrix::<u8>(rows, columns);
        matrix::<u32>(rows, columns);
        matrix::<[f64; 4]>(rows, columns);
    }
}

/// Two axes in tiles, and others around them.
fn stack<T: Number>(shape: [usize; 3]) {
    let elements = T::numbers(shape.iter().product());
    let source = TensorView::from_slice(&elements, &shape).unwrap();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut expected = Vec::new();
        for i in 0..shape[order[0]] {
            for j in 0..shape[order[1]] {
                for k in 0..shape[order[2]] {
                    let mut index = [0; 3];
                    (index[order[0]], index[order[1]], index[order[2]]) = (i, j, k);
                    let place = (index[0] * shape[1] + index[1]) * shape[2] + index[2];
                    expected.push(elements[place]);
                }
            }
        }
        let turned = source.permute(&order).unwrap();
        copies_to(&expected, |to| turned.copy_to(to).unwrap());
        let mut back = T::numbers(expected.len());
        let target = TensorViewMut::from_slice(&mut back, &shape).unwrap();
        let flat = TensorView::from_slice(&expected, turned.shape()).unwrap();
        target.permute(&order).unwrap().copy_from(&flat).unwrap();
        assert!(back == elements);
    }
}

#[test]
fn three_axes() {
    for shape in [[2, 33, 40], [33, 2, 40], [33, 40, 2], [9, 8, 64], [1, 65, 32], [70, 1, 9]] {
        for_each_size!(stack(shape));
    }
}

/// Each axis of each side with gaps or without, where only a copy without any can go by tiles.
fn with_gaps<T: Number>(rows: usize, columns: usize) {
    for gaps in 0..16_usize {
        let step = |bit: usize| 1 + (gaps >> bit & 1);
        let (from, to) = ([step(0), step(1)], [step(2), step(3)]);
        let elements = T::numbers(rows * from[0] * columns * from[1]);
        let source =
            TensorView::from_slice(&elements, &[rows * from[0], columns * from[1]]).unwrap();
        let source = source.step_by(0, from[0]).unwrap().step_by(1, from[1]).unwrap();

        let mut expected = vec![T::number(250); columns * to[0] * rows * to[1]];
        let mut memory = expected.clone();
        for j in 0..columns {
            for i in 0..rows {
                let place = (i * from[0] * columns + j) * from[1];
                expected[(j * to[0] * rows + i) * to[1]] = elements[place];
            }
        }
        let target =
            TensorViewMut::from_slice(&mut memory, &[columns * to[0], rows * to[1]]).unwrap();
        let mut target = target.step_by(0, to[0]).unwrap().step_by(1, to[1]).unwrap();
        target.copy_from(&source.transpose()).unwrap();
        assert!(memory == expected, "{rows} by {columns}, {from:?} to {to:?}");
    }
}

#[test]
fn gaps() {
    for_each_size!(with_gaps(33, 40));
    for_each_size!(with_gaps(64, 65));
}

/// So much that it is written past the cache: 33 MiB, in rows of whole cache lines.
#[test]
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
#[cfg_attr(miri, ignore = "millions of elements")]
fn past_the_cache() {
    let (rows, columns) = (2912, 3005);
    let elements = u32::numbers(rows * columns);
    let source = TensorView::from_slice(&elements, &[rows, columns]).unwrap();
    let copied = source.transpose().to_vec();
    for (j, row) in copied.chunks_exact(rows).enumerate() {
        assert!(row.iter().enumerate().all(|(i, &x)| x == elements[i * columns + j]), "row {j}");
    }
}

/// Elements that may be uninitialised are copied in their own way.
#[test]
#[cfg(feature = "alloc")]
fn uninitialised() {
    fn check<T: Number>(rows: usize, columns: usize) {
        let shape = [rows, columns];
        let tensor =
            dlpack::Exporter::new(T::numbers(rows * columns)).dtype(T::DTYPE).shape(&shape);
        let tensor = tensor.build().unwrap();
        let view = tensor.view_as::<std::mem::MaybeUninit<T>>().unwrap();
        let copied = view.transpose().to_vec();
        for (n, &element) in copied.iter().enumerate() {
            // SAFETY: a copy of an element that is initialised.
            let element = unsafe { element.assume_init() };
            assert_eq!(element, T::number(n % rows * columns + n / rows));
        }
    }
    for (rows, columns) in [(8, 8), (33, 40), (64, 65), (100, 9)] {
        for_each_size!(check(rows, columns));
    }
}
