//! The sizes in a shape: negative, zero, and more than fit.

use dlpack::Error;
use harness::{Spec, dtype};

use crate::support::{accepts, read, refuses, six};

/// A tensor that is only described: these rows never look at elements.
fn described(bits: u8, shape: &[i64], strides: &[i64]) -> Spec {
    Spec::new(dtype(1, bits, 1)).shape(shape).strides(strides).null_data()
}

#[test]
fn h035_negative_size() {
    refuses(&six().shape(&[-1, 3]), Error::NegativeSize { axis: 0, size: -1 });
    refuses(&six().shape(&[-1, 3]).null_strides(), Error::NegativeSize { axis: 0, size: -1 });
    // Also where another axis is empty, or where the product has overflowed.
    refuses(&six().shape(&[0, -3]), Error::NegativeSize { axis: 1, size: -3 });
    let far = described(32, &[1 << 40, 1 << 40, -3], &[1, 1, 1]);
    refuses(&far, Error::NegativeSize { axis: 2, size: -3 });
}

#[test]
fn h036_smallest_size() {
    refuses(&six().shape(&[i64::MIN]), Error::NegativeSize { axis: 0, size: i64::MIN });
}

#[test]
fn h037_empty_without_data() {
    accepts(&Spec::of::<f32>(&[]).null_data(), |tensor| {
        assert_eq!((tensor.numel(), tensor.nbytes(), tensor.is_empty()), (0, 0, true));
        assert!(tensor.data().is_null());
        assert_eq!(read::<f32>(&tensor), Ok(vec![]));
        // SAFETY: there are no elements.
        assert_eq!(unsafe { tensor.as_slice::<f32>() }, Ok(&[][..]));
    });
}

#[test]
fn h038_empty_with_strides_of_zero() {
    accepts(&Spec::of::<f32>(&[]).shape(&[0, 3]).strides(&[0, 0]), |tensor| {
        assert_eq!((tensor.numel(), tensor.strides()), (0, &[0, 0][..]));
        assert!(tensor.is_contiguous() && tensor.is_column_major() && tensor.is_dense());
        assert_eq!(read::<f32>(&tensor), Ok(vec![]));
    });
}

#[test]
fn h039_empty_with_sizes_that_do_not_fit() {
    let spec = described(32, &[1 << 62, 4, 0], &[1, 1, 1]);
    refuses(&spec, Error::ShapeOverflow);
    refuses(&spec.null_strides(), Error::ShapeOverflow);
    accepts(&described(8, &[1 << 30, 0, 1], &[1, 1, 1]), |tensor| assert!(tensor.is_empty()));
}

#[test]
fn h040_two_to_the_64() {
    let spec = described(32, &[1 << 32, 1 << 32], &[1 << 32, 1]);
    refuses(&spec, Error::ShapeOverflow);
    refuses(&spec.null_strides(), Error::ShapeOverflow);
}

/// The first number of elements that is too large, as two sizes, and the largest that fits.
const BEYOND: [i64; 2] =
    if cfg!(target_pointer_width = "32") { [1 << 16, 1 << 15] } else { [1 << 32, 1 << 31] };
const LARGEST: i64 = if cfg!(target_pointer_width = "32") { i32::MAX as i64 } else { i64::MAX };

#[test]
fn h041_bytes_beyond_isize() {
    let [rows, columns] = BEYOND;
    assert_eq!(i128::from(rows) * i128::from(columns), i128::from(LARGEST) + 1);
    let spec = described(8, &[rows, columns], &[columns, 1]);
    refuses(&spec, Error::ShapeOverflow);
    refuses(&spec.null_strides(), Error::ShapeOverflow);
    accepts(&described(8, &[LARGEST], &[1]), |tensor| {
        assert_eq!(i64::try_from(tensor.nbytes()), Ok(LARGEST));
    });
}

#[cfg(target_pointer_width = "32")]
#[test]
fn h041_two_to_the_31_bytes_on_32_bits() {
    refuses(&described(8, &[1 << 31], &[1]), Error::ShapeOverflow);
}

#[test]
fn h042_elements_that_fit_and_bytes_that_do_not() {
    let half = LARGEST / 2 + 1;
    refuses(&described(16, &[half], &[1]), Error::ExtentOverflow);
    refuses(&described(16, &[half], &[-1]), Error::ExtentOverflow);
    accepts(&described(16, &[half - 1], &[1]), |tensor| {
        assert_eq!(i64::try_from(tensor.nbytes()), Ok(LARGEST - 1));
    });
}

#[cfg(target_pointer_width = "32")]
#[test]
fn h042_two_to_the_30_words_on_32_bits() {
    refuses(&described(16, &[1 << 30], &[1]), Error::ExtentOverflow);
}

#[test]
fn h043_ones() {
    accepts(&Spec::of(&[1.5_f32]).shape(&[1, 1, 1]), |tensor| {
        assert_eq!((tensor.numel(), tensor.nbytes()), (1, 4));
        assert!(tensor.is_contiguous() && tensor.is_column_major());
        assert_eq!(read(&tensor), Ok(vec![1.5_f32]));
    });
}
