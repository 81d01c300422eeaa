//! Views of memory that a pointer, a shape and strides describe.

use std::mem::MaybeUninit;
use std::ptr;

use dlpack::{Error, TensorView, TensorViewMut, view::Unaligned};

use crate::MAX_NDIM;

static NUMBERS: [u32; 6] = [0, 1, 2, 3, 4, 5];

/// The elements of a view from number `start` on.
fn elements(start: usize, shape: &[usize], strides: &[isize]) -> Result<Vec<u32>, Error> {
    // SAFETY: the tests lead to elements of the array only.
    let view = unsafe {
        TensorView::from_raw_parts(NUMBERS.as_ptr().wrapping_add(start), shape, strides)
    }?;
    assert_eq!((view.shape(), view.strides()), (shape, strides));
    Ok(view.iter().copied().collect())
}

#[test]
fn strides_of_all_signs() {
    assert_eq!(elements(0, &[2, 3], &[3, 1]), Ok(vec![0, 1, 2, 3, 4, 5]));
    assert_eq!(elements(5, &[2, 3], &[-3, -1]), Ok(vec![5, 4, 3, 2, 1, 0]));
    assert_eq!(elements(2, &[2, 2], &[3, -2]), Ok(vec![2, 0, 5, 3]));
    assert_eq!(elements(4, &[2, 2], &[0, 1]), Ok(vec![4, 5, 4, 5]));
    assert_eq!(elements(0, &[4, 3], &[1, 1]).map(|all| all[11]), Ok(5));
    assert_eq!(elements(3, &[], &[]), Ok(vec![3]));
    assert_eq!(elements(3, &[1, 1], &[isize::MAX, isize::MIN]), Ok(vec![3]));
}

#[test]
fn numbers_that_are_refused() {
    let mismatch = Error::StridesLenMismatch { expected: 2, found: 1 };
    assert_eq!(elements(0, &[2, 3], &[1]), Err(mismatch));
    let many = Error::TooManyAxes { ndim: MAX_NDIM + 1, max: MAX_NDIM };
    assert_eq!(elements(0, &[1; 65][..=MAX_NDIM], &[0; 65][..=MAX_NDIM]), Err(many));
    let half = 1 << (usize::BITS - 2);
    for shape in [[usize::MAX, 1], [half, 2], [half, 0]] {
        let error = elements(0, &shape, &[0, 0]).err();
        assert_eq!(error, (shape[1] != 0).then_some(Error::ShapeOverflow), "{shape:?}");
    }
    for strides in [[isize::MAX, 1], [isize::MIN, 1], [isize::MAX / 4, isize::MIN / 4]] {
        assert_eq!(elements(0, &[2, 2], &strides), Err(Error::ExtentOverflow), "{strides:?}");
    }
}

#[test]
fn pointers_that_are_refused() {
    let of = |data: *const u32, shape: &[usize]| {
        // SAFETY: a pointer that leads nowhere is refused, and nothing is read of a tensor without elements.
        unsafe { TensorView::from_raw_parts(data, shape, &[1]) }.map(|view| view.numel())
    };
    let odd = NUMBERS.as_ptr().wrapping_byte_add(1);
    assert_eq!(of(ptr::null(), &[1]), Err(Error::NullData));
    assert_eq!(of(odd, &[1]), Err(Error::Misaligned { required: align_of::<u32>() }));
    assert_eq!(of(ptr::null(), &[0]), Ok(0));
    assert_eq!(of(odd, &[0]), Ok(0));
    // SAFETY: a number at the odd address lies in the array.
    let view = unsafe { TensorView::<Unaligned<u32>>::from_raw_parts(odd.cast(), &[1], &[1]) };
    assert_eq!(view.unwrap()[[0]].get(), if cfg!(target_endian = "little") { 1 << 24 } else { 0 });
}

#[test]
fn written_through() {
    let mut memory = NUMBERS;
    let mut of = |start: usize, shape: &[usize], strides: &[isize]| {
        let data = memory.as_mut_ptr().wrapping_add(start);
        // SAFETY: the elements of an array that is borrowed meanwhile.
        unsafe { TensorViewMut::from_raw_parts(data, shape, strides) }
            .map(|mut view| view.iter_mut().for_each(|number| *number += 10))
    };
    assert_eq!(of(5, &[2, 2], &[-4, -1]), Ok(()));
    assert_eq!(of(0, &[2, 2], &[0, 1]), Err(Error::Overlapping));
    assert_eq!(of(0, &[3, 3], &[1, 1]), Err(Error::Overlapping));
    assert_eq!(of(0, &[0, 3], &[0, 0]), Ok(()));
    assert_eq!(memory, [10, 11, 2, 3, 14, 15]);
}

#[test]
fn memory_that_is_not_initialised() {
    let mut memory = [MaybeUninit::<u32>::uninit(); 4];
    // SAFETY: an array that is borrowed meanwhile.
    let view = unsafe { TensorViewMut::from_raw_parts(memory.as_mut_ptr(), &[2, 2], &[1, 2]) };
    view.unwrap().copy_from_slice(&[1, 2, 3, 4].map(MaybeUninit::new)).unwrap();
    // SAFETY: all of it has just been written.
    assert_eq!(memory.map(|number| unsafe { number.assume_init() }), [1, 3, 2, 4]);
}
