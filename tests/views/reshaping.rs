//! Reshaping without a copy: done whenever there are strides for it, and never otherwise.

use dlpack::layout::Layout;
use dlpack::{Error, TensorView};

use crate::model::Model;
use crate::operations::Operation::{self, Flip, Permute, Slice, Step};
use crate::reading::{check, values};

/// All shapes of `numel` elements without axes of size 1.
fn factorizations(numel: usize) -> Vec<Vec<usize>> {
    if numel == 1 {
        return vec![vec![]];
    }
    let first = (2..=numel).filter(|factor| numel.checked_rem(*factor) == Some(0));
    first
        .flat_map(|factor| {
            let rest = factorizations(numel / factor);
            rest.into_iter().map(move |rest| [&[factor], &rest[..]].concat())
        })
        .collect()
}

/// Tries all shapes; how many could be had, and how many could not.
fn try_all(shape: &[usize], operations: &[Operation]) -> (usize, usize) {
    let memory = values(shape.iter().product());
    let mut view = TensorView::from_slice(&memory, shape).unwrap();
    let mut model = Model::row_major(shape);
    for operation in operations {
        view = operation.on_view(&view).unwrap();
        model = operation.on_model(&model).unwrap();
    }
    let (mut had, mut refused) = (0, 0);
    for wanted in factorizations(model.numel()) {
        let with_ones = wanted.iter().flat_map(|&size| [1, size]).chain([1]).collect::<Vec<_>>();
        for wanted in [wanted, with_ones] {
            if wanted.len() > crate::MAX_NDIM {
                continue;
            }
            match (view.reshape(&wanted), model.reshape(&wanted)) {
                (Ok(found), Ok(expected)) => {
                    check(&found, &expected, &memory);
                    had += 1;
                }
                (Err(found), Err(expected)) => {
                    assert_eq!(found, expected);
                    refused += 1;
                }
                (found, expected) => panic!(
                    "{shape:?} {operations:?} as {wanted:?}: expected {expected:?}, found {:?}",
                    found.map(drop)
                ),
            }
        }
    }
    (had, refused)
}

#[test]
fn all_shapes_of_all_orders() {
    let orders: [&[usize]; 6] =
        [&[0, 1, 2], &[0, 2, 1], &[1, 0, 2], &[1, 2, 0], &[2, 0, 1], &[2, 1, 0]];
    let (mut had, mut refused) = (0, 0);
    for shape in [[2, 3, 4], [4, 2, 3], [2, 2, 2], [6, 2, 1], [1, 4, 4], [5, 1, 3], [3, 3, 3]] {
        for order in orders {
            for operations in [
                vec![],
                vec![Flip(2)],
                vec![Flip(0), Flip(1), Flip(2)],
                vec![Step(2, 2)],
                vec![Step(0, 2)],
                vec![Slice(1, 0, 1)],
                vec![Slice(2, 1, shape[2])],
            ] {
                let operations = [operations, vec![Permute(order.to_vec())]].concat();
                if operations.iter().any(|op| matches!(op, Slice(_, start, end) if start == end)) {
                    continue;
                }
                let (more, fewer) = try_all(&shape, &operations);
                (had, refused) = (had + more, refused + fewer);
            }
        }
    }
    assert!(had > 500 && refused > 500, "{had} had, {refused} refused");
}

#[test]
fn four_axes() {
    for order in [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [0, 1, 3, 2], [3, 0, 1, 2]] {
        try_all(&[2, 3, 2, 3], &[Permute(order.to_vec())]);
        try_all(&[2, 2, 4, 2], &[Permute(order.to_vec())]);
        try_all(&[2, 6, 2, 3], &[Step(1, 3), Permute(order.to_vec())]);
    }
}

/// What becomes of a shape, by hand; `None` where only a copy could do it.
#[test]
fn by_hand() {
    let memory = values(24);
    let view = TensorView::from_slice(&memory, &[2, 3, 4]).unwrap();
    let strides = |view: Result<TensorView<'_, u32>, Error>| match view {
        Ok(view) => Some(view.strides().to_vec()),
        Err(error) => {
            assert_eq!(error, Error::ReshapeNeedsCopy);
            None
        }
    };
    assert_eq!(strides(view.reshape(&[24])), Some(vec![1]));
    assert_eq!(strides(view.reshape(&[6, 4])), Some(vec![4, 1]));
    assert_eq!(strides(view.reshape(&[3, 8])), Some(vec![8, 1]));

    let every_other = view.step_by(2, 2).unwrap();
    assert_eq!(strides(every_other.reshape(&[12])), Some(vec![2]));
    assert_eq!(strides(every_other.reshape(&[4, 3])), Some(vec![6, 2]));

    let left_half = view.slice(2, ..2).unwrap();
    assert_eq!(strides(left_half.reshape(&[6, 2])), Some(vec![4, 1]));
    assert_eq!(strides(left_half.reshape(&[12])), None);
    assert_eq!(strides(left_half.reshape(&[2, 6])), None);

    let turned = view.permute(&[2, 0, 1]).unwrap();
    assert_eq!(strides(turned.reshape(&[4, 6])), Some(vec![1, 4]));
    assert_eq!(strides(turned.reshape(&[2, 2, 3, 2])), Some(vec![2, 1, 8, 4]));
    assert_eq!(strides(turned.reshape(&[8, 3])), None);

    let backwards = view.flip(0).unwrap().flip(1).unwrap().flip(2).unwrap();
    assert_eq!(strides(backwards.reshape(&[24])), Some(vec![-1]));
    assert_eq!(strides(view.flip(1).unwrap().reshape(&[6, 4])), None);
}

#[test]
fn another_number_of_elements() {
    let memory = values(6);
    let view = TensorView::from_slice(&memory, &[2, 3]).unwrap();
    let mismatch = |found| Error::LenMismatch { expected: 6, found };
    for (shape, found) in
        [(&[][..], 1), (&[5], 5), (&[7], 7), (&[6, 0], 0), (&[0, isize::MAX.unsigned_abs()], 0)]
    {
        assert_eq!(view.reshape(shape).unwrap_err(), mismatch(found), "{shape:?}");
    }
    // The product, or a size, does not fit.
    let half = 1 << (usize::BITS - 2);
    for shape in [&[usize::MAX, 2][..], &[half, 2], &[half, 4], &[1, usize::MAX], &[0, usize::MAX]]
    {
        assert_eq!(view.reshape(shape).unwrap_err(), Error::ShapeOverflow, "{shape:?}");
    }
}

#[test]
fn none_of_many_sizes() {
    let view = TensorView::<u32>::from_slice(&[], &[3, 0]).unwrap();
    for shape in [&[0][..], &[0, 0], &[5, 0, 7], &[isize::MAX.unsigned_abs(), 0, 1]] {
        let reshaped = view.reshape(shape).unwrap();
        assert_eq!((reshaped.shape(), reshaped.numel()), (shape, 0));
        assert_eq!(reshaped.iter().next(), None);
    }
    let refused = Error::LenMismatch { expected: 0, found: 1 };
    assert_eq!(view.reshape(&[]).unwrap_err(), refused);
    // A size that no tensor has.
    assert_eq!(view.reshape(&[usize::MAX, 0]).unwrap_err(), Error::ShapeOverflow);
}

/// A view has no shape that an export or an import would refuse, also where no element would be reached by it.
#[test]
fn the_same_shapes_as_those_of_layouts() {
    const MAX: usize = isize::MAX.unsigned_abs();
    const HALF: usize = 1 << (usize::BITS - 2);
    let sizes = [0, 1, 2, 3, HALF, MAX];
    let none = TensorView::<u32>::from_slice(&[], &[0]).unwrap();
    let shapes =
        sizes.iter().flat_map(|i| sizes.iter().flat_map(move |j| sizes.map(|k| [*i, *j, k])));
    for shape in shapes {
        let signed = shape.map(|size| i64::try_from(size).unwrap());
        let numel = Layout::numel_of(&signed);
        let mismatch = |expected, found| Err(Error::LenMismatch { expected, found });
        let reshaped = none.reshape(&shape).map(|view| view.numel());
        assert_eq!(
            reshaped,
            numel.and_then(|found| if found == 0 { Ok(0) } else { mismatch(0, found) }),
            "{shape:?}"
        );
        let sliced = TensorView::<u32>::from_slice(&[], &shape).map(|view| view.numel());
        assert_eq!(
            sliced,
            numel.and_then(|numel| if numel == 0 { Ok(0) } else { mismatch(numel, 0) }),
            "{shape:?}"
        );
    }
}

#[test]
fn one_of_many_axes() {
    let view = TensorView::from_slice(&[5_u32], &[]).unwrap();
    let reshaped = view.reshape(&[1, 1, 1]).unwrap();
    assert_eq!(reshaped[[0, 0, 0]], 5);
    assert_eq!(reshaped.reshape(&[]).unwrap()[[]], 5);
}
