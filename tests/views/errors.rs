//! What views refuse: every error of every operation, by hand.

use std::ops::Bound;

use dlpack::{Error, TensorView, TensorViewMut};

use crate::MAX_NDIM;

const fn no_axis(axis: usize, ndim: usize) -> Error {
    Error::AxisOutOfRange { axis, ndim }
}

const fn no_place(axis: usize, ndim: usize) -> Error {
    Error::InsertOutOfRange { axis, ndim }
}

const fn no_index(axis: usize, index: usize, size: usize) -> Error {
    Error::IndexOutOfRange { axis, index, size }
}

const fn no_range(start: usize, end: usize, size: usize) -> Error {
    Error::RangeOutOfBounds { start, end, size }
}

/// Checks one refusal of a shared view, and the same of a mutable one.
macro_rules! refused {
    ($shape:expr, $operation:ident($($argument:expr),*), $expected:expr) => {{
        let shape: &[usize] = &$shape;
        let mut memory = vec![0_u8; shape.iter().product()];
        let view = TensorView::from_slice(&memory, shape).unwrap();
        assert_eq!(view.$operation($($argument),*).map(drop), Err($expected));
        let view = TensorViewMut::from_slice(&mut memory, shape).unwrap();
        assert_eq!(view.$operation($($argument),*).map(drop), Err($expected));
    }};
}

#[test]
fn axes() {
    refused!([2, 3], slice(2, ..), no_axis(2, 2));
    refused!([2, 3], step_by(2, 1), no_axis(2, 2));
    refused!([2, 3], step_by(usize::MAX, 0), no_axis(usize::MAX, 2));
    refused!([2, 3], flip(2), no_axis(2, 2));
    refused!([2, 3], select(2, 0), no_axis(2, 2));
    refused!([2, 3], split_at(2, 0), no_axis(2, 2));
    refused!([2, 3], insert_axis(3), no_place(3, 2));
    refused!([], slice(0, ..), no_axis(0, 0));
    refused!([], step_by(0, 1), no_axis(0, 0));
    refused!([], flip(0), no_axis(0, 0));
    refused!([], select(0, 0), no_axis(0, 0));
    refused!([], split_at(0, 0), no_axis(0, 0));
    refused!([], insert_axis(1), no_place(1, 0));
}

#[test]
fn ranges() {
    refused!([2, 3], slice(1, 4..), no_range(4, 3, 3));
    refused!([2, 3], slice(1, ..4), no_range(0, 4, 3));
    refused!([2, 3], slice(1, 1..=3), no_range(1, 4, 3));
    refused!([2, 3], slice(0, 0..=usize::MAX), no_range(0, usize::MAX, 2));
    refused!([2, 3], slice(0, 3..usize::MAX), no_range(3, usize::MAX, 2));
    refused!([2, 3], slice(0, (Bound::Excluded(2), Bound::Unbounded)), no_range(3, 2, 2));
    refused!(
        [2, 3],
        slice(0, (Bound::Excluded(usize::MAX), Bound::Unbounded)),
        no_range(usize::MAX, 2, 2)
    );
    refused!([0, 3], slice(0, ..1), no_range(0, 1, 0));
    refused!([2, 3], select(1, 3), no_index(1, 3, 3));
    refused!([2, 3], select(0, usize::MAX), no_index(0, usize::MAX, 2));
    refused!([0, 3], select(0, 0), no_index(0, 0, 0));
    refused!([2, 3], split_at(0, 3), no_range(0, 3, 2));
    refused!([2, 3], split_at(1, usize::MAX), no_range(0, usize::MAX, 3));
}

#[test]
fn ranges_that_end_before_they_start() {
    let view = TensorView::from_slice(&[0_u8; 5], &[5]).unwrap();
    for (start, end) in [(3, 2), (5, 0), (4, 1), (usize::MAX, 1)] {
        let error = view.slice(0, start..end).unwrap_err();
        assert_eq!(error, Error::RangeOutOfBounds { start, end, size: 5 });
    }
}

#[test]
fn ranges_of_all_kinds() {
    let memory = [0_u8, 1, 2, 3, 4];
    let view = TensorView::from_slice(&memory, &[5]).unwrap();
    let kept = |view: Result<TensorView<'_, u8>, Error>| {
        view.map(|view| view.as_slice().unwrap().to_vec())
    };
    assert_eq!(kept(view.slice(0, ..)), Ok(vec![0, 1, 2, 3, 4]));
    assert_eq!(kept(view.slice(0, 2..)), Ok(vec![2, 3, 4]));
    assert_eq!(kept(view.slice(0, ..2)), Ok(vec![0, 1]));
    assert_eq!(kept(view.slice(0, ..=2)), Ok(vec![0, 1, 2]));
    assert_eq!(kept(view.slice(0, 1..4)), Ok(vec![1, 2, 3]));
    assert_eq!(kept(view.slice(0, 1..=4)), Ok(vec![1, 2, 3, 4]));
    assert_eq!(kept(view.slice(0, 5..)), Ok(vec![]));
    assert_eq!(kept(view.slice(0, 3..3)), Ok(vec![]));
    let between = (Bound::Excluded(1), Bound::Excluded(4));
    assert_eq!(kept(view.slice(0, between)), Ok(vec![2, 3]));
}

#[test]
fn steps() {
    refused!([2, 3], step_by(1, 0), Error::ZeroStep);
    refused!([0], step_by(0, 0), Error::ZeroStep);
    let memory = [0_u8, 1, 2, 3, 4];
    let view = TensorView::from_slice(&memory, &[5]).unwrap();
    for (step, expected) in [(1, 5), (2, 3), (4, 2), (5, 1), (6, 1), (usize::MAX, 1)] {
        let stepped = view.step_by(0, step).unwrap();
        assert_eq!(stepped.shape(), [expected]);
        assert_eq!(stepped[[0]], 0);
        // A single element has no neighbours, so what its stride is does not matter.
        let again = stepped.flip(0).unwrap().step_by(0, usize::MAX).unwrap();
        assert_eq!(again.as_slice().unwrap().len(), 1);
    }
}

#[test]
fn permutations() {
    refused!([2, 3], permute(&[0]), Error::NdimMismatch { expected: 2, found: 1 });
    refused!([2, 3], permute(&[0, 1, 2]), Error::NdimMismatch { expected: 2, found: 3 });
    refused!([], permute(&[0]), Error::NdimMismatch { expected: 0, found: 1 });
    refused!([2, 3], permute(&[0, 2]), no_axis(2, 2));
    refused!([2, 3], permute(&[usize::MAX, 0]), no_axis(usize::MAX, 2));
    refused!([2, 3], permute(&[1, 1]), Error::RepeatedAxis { axis: 1 });
    refused!([2, 3, 4], permute(&[2, 0, 2]), Error::RepeatedAxis { axis: 2 });
}

#[test]
fn shapes() {
    refused!([2, 3], reshape(&[5]), Error::LenMismatch { expected: 6, found: 5 });
    let mut memory = [0_u8; 6];
    let view = TensorViewMut::from_slice(&mut memory, &[2, 3]).unwrap().transpose();
    assert_eq!(view.reshape(&[6]).map(drop), Err(Error::ReshapeNeedsCopy));
}

#[test]
fn too_many_axes() {
    let one = [7_u8];
    let refused = Error::TooManyAxes { ndim: MAX_NDIM + 1, max: MAX_NDIM };
    let ones = [1; 65];
    assert_eq!(TensorView::from_slice(&one, &ones[..=MAX_NDIM]).unwrap_err(), refused);
    assert_eq!(TensorViewMut::from_slice(&mut [7_u8], &ones[..=MAX_NDIM]).unwrap_err(), refused);
    let view = TensorView::from_slice(&one, &ones[..MAX_NDIM]).unwrap();
    assert_eq!(view.insert_axis(0).unwrap_err(), refused);
    assert_eq!(view.reshape(&ones[..=MAX_NDIM]).unwrap_err(), refused);
    assert_eq!(view.get(&[0; 64][..MAX_NDIM]), Some(&7));
}

#[test]
fn slices_of_another_length() {
    let mismatch = |expected, found| Error::LenMismatch { expected, found };
    let memory = [0_u8; 6];
    assert_eq!(TensorView::from_slice(&memory, &[7]).unwrap_err(), mismatch(7, 6));
    assert_eq!(TensorView::from_slice(&memory, &[2, 2]).unwrap_err(), mismatch(4, 6));
    assert_eq!(TensorView::from_slice(&memory, &[]).unwrap_err(), mismatch(1, 6));
    assert_eq!(TensorView::from_slice(&memory, &[6, 0]).unwrap_err(), mismatch(0, 6));
    for huge in [[usize::MAX, 2], [1 << (usize::BITS - 2), 4]] {
        assert_eq!(TensorView::from_slice(&memory, &huge).unwrap_err(), Error::ShapeOverflow);
        assert_eq!(TensorViewMut::from_slice(&mut [1], &huge).unwrap_err(), Error::ShapeOverflow);
    }
    assert_eq!(TensorViewMut::from_slice(&mut [0_u8; 3], &[2]).unwrap_err(), mismatch(2, 3));
    let no_tensor = &[usize::MAX, 0];
    assert_eq!(TensorView::<u8>::from_slice(&[], no_tensor).unwrap_err(), Error::ShapeOverflow);
}

#[test]
fn copies_between_different_shapes() {
    let source = [1_u8; 6];
    let source = TensorView::from_slice(&source, &[2, 3]).unwrap();
    let copy = |shape: &[usize]| {
        let mut memory = vec![9_u8; shape.iter().product()];
        let result = TensorViewMut::from_slice(&mut memory, shape).unwrap().copy_from(&source);
        assert!(result.is_ok() || memory.iter().all(|&x| x == 9), "nothing is written");
        result
    };
    assert_eq!(copy(&[2, 3]), Ok(()));
    assert_eq!(copy(&[6]), Err(Error::NdimMismatch { expected: 1, found: 2 }));
    assert_eq!(copy(&[2, 3, 1]), Err(Error::NdimMismatch { expected: 3, found: 2 }));
    assert_eq!(copy(&[2, 4]), Err(Error::ShapeMismatch { axis: 1, expected: 4, found: 3 }));
    assert_eq!(copy(&[3, 2]), Err(Error::ShapeMismatch { axis: 0, expected: 3, found: 2 }));
    assert_eq!(copy(&[0, 3]), Err(Error::ShapeMismatch { axis: 0, expected: 0, found: 2 }));
}

#[test]
#[should_panic(expected = "no element [2, 0] in a tensor of shape [2, 3]")]
fn an_index_beyond() {
    let _ = TensorView::from_slice(&[0_u8; 6], &[2, 3]).unwrap()[[2, 0]];
}

#[test]
#[should_panic(expected = "no element [0] in a tensor of shape [2, 3]")]
fn an_index_of_another_rank() {
    let _ = TensorViewMut::from_slice(&mut [0_u8; 6], &[2, 3]).unwrap()[[0]];
}

#[test]
#[should_panic(expected = "no element [0, 3] in a tensor of shape [2, 3]")]
fn an_index_beyond_to_write() {
    TensorViewMut::from_slice(&mut [0_u8; 6], &[2, 3]).unwrap()[[0, 3]] = 1;
}

#[test]
#[should_panic(expected = "no element [0] in a tensor of shape [0]")]
fn an_index_of_nothing() {
    let _ = TensorView::<u8>::from_slice(&[], &[0]).unwrap()[[0]];
}

/// A shape, strides, and the elements that they lead to.
type Part = (&'static [usize], &'static [isize], Result<&'static [u16], Error>);

#[test]
fn parts_of_a_slice() {
    let mut data = [1_u16, 2, 3, 4, 5, 6, 7];
    let beyond = |start, end| Error::OutOfBounds { available: 14, start, end };
    let rows: [Part; 9] = [
        (&[2, 3], &[4, 1], Ok(&[1, 2, 3, 5, 6, 7])),
        (&[3, 2], &[1, 4], Ok(&[1, 5, 2, 6, 3, 7])),
        (&[], &[], Ok(&[1])),
        (&[2, 0], &[-9, 9], Ok(&[])),
        (&[7], &[1], Ok(&[1, 2, 3, 4, 5, 6, 7])),
        (&[8], &[1], Err(beyond(0, 16))),
        (&[2, 4], &[4, 1], Err(beyond(0, 16))),
        (&[2], &[-1], Err(beyond(-2, 2))),
        (&[2, 2], &[1], Err(Error::StridesLenMismatch { expected: 2, found: 1 })),
    ];
    for (shape, strides, expected) in rows {
        let view = TensorView::from_slice_strided(&data, shape, strides);
        let elements = view.map(|view| view.iter().copied().collect::<Vec<_>>());
        assert_eq!(elements.as_deref().map_err(|error| *error), expected, "{shape:?}");
        let view = TensorViewMut::from_slice_strided(&mut data, shape, strides);
        let elements = view.map(|view| view.iter().copied().collect::<Vec<_>>());
        assert_eq!(elements.as_deref().map_err(|error| *error), expected, "{shape:?}");
    }
    let spread = TensorView::from_slice_strided(&data, &[3], &[0]).unwrap();
    assert!(spread.iter().eq(&[1, 1, 1]));
    let refused = TensorViewMut::from_slice_strided(&mut data, &[3], &[0]).map(drop);
    assert_eq!(refused, Err(Error::Overlapping));
    let nothing = TensorView::<u16>::from_slice_strided(&[], &[1], &[1]).map(drop);
    assert_eq!(nothing, Err(Error::OutOfBounds { available: 0, start: 0, end: 2 }));
    let far = TensorView::from_slice_strided(&data, &[2], &[isize::MAX]).map(drop);
    assert_eq!(far, Err(Error::ExtentOverflow));
}

/// A mutable view reads as a shared one does.
#[test]
fn reading_a_mutable_view() {
    let mut data = [1, 2, 3, 4, 5, 6];
    let mut view = TensorViewMut::from_slice(&mut data, &[2, 3]).unwrap().transpose();
    assert!(view.iter().eq(&[1, 4, 2, 5, 3, 6]));
    #[cfg(feature = "alloc")]
    assert_eq!(view.to_vec(), [1, 4, 2, 5, 3, 6]);
    view[[0, 0]] = 9;
    assert_eq!(view.iter().max(), Some(&9));
}
