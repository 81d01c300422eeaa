//! Strides: negative, zero, overlapping, and larger than the address space.

use dlpack::{AnyManagedTensor, Element, Error};
use harness::{Spec, dtype};

use crate::support::{SIX, accepts, guarded, read, refuses, six};

/// A tensor that is only described: these rows never look at elements.
fn described(bits: u8, shape: &[i64], strides: &[i64]) -> Spec {
    Spec::new(dtype(1, bits, 1)).shape(shape).strides(strides).null_data()
}

/// Writes a value to all elements, once the tensor is known to be writable.
fn fill<T: Element + PartialEq>(tensor: AnyManagedTensor, value: T) -> Result<(), Error> {
    // SAFETY: C's memory can be written.
    let mut tensor = unsafe { tensor.assume_writable() };
    // SAFETY: the memory is initialised, and this test alone uses it.
    unsafe { tensor.view_mut::<T>() }?.fill(value);
    // SAFETY: the same.
    assert!(unsafe { tensor.view::<T>() }?.iter().all(|element| *element == value));
    Ok(())
}

#[test]
fn h044_reversed() {
    accepts(&Spec::of(&SIX).strides(&[-1]).origin(20), |tensor| {
        assert_eq!(tensor.layout().extents(), -5..=0);
        assert_eq!(tensor.layout().byte_extents(), -20..4);
        assert!(!tensor.is_contiguous() && tensor.is_dense());
        assert_eq!(read(&tensor), Ok(vec![6_f32, 5.0, 4.0, 3.0, 2.0, 1.0]));
        // SAFETY: C initialised the elements, and nobody writes them.
        assert_eq!(unsafe { tensor.as_slice::<f32>() }, Err(Error::NotContiguous));
    });
}

#[test]
fn h045_reversed_rows() {
    accepts(&six().strides(&[-3, 1]).origin(12), |tensor| {
        assert_eq!(tensor.layout().byte_extents(), -12..12);
        assert_eq!(read(&tensor), Ok(vec![4_f32, 5.0, 6.0, 1.0, 2.0, 3.0]));
    });
}

#[test]
fn h046_reversed_columns() {
    accepts(&six().strides(&[3, -1]).origin(8), |tensor| {
        assert_eq!(tensor.layout().byte_extents(), -8..16);
        assert_eq!(read(&tensor), Ok(vec![3_f32, 2.0, 1.0, 6.0, 5.0, 4.0]));
    });
}

#[test]
fn h047_smallest_stride() {
    refuses(&described(32, &[2], &[i64::MIN]), Error::ExtentOverflow);
    refuses(&described(8, &[2], &[i64::MIN]), Error::ExtentOverflow);
}

#[test]
fn h048_smallest_stride_of_one_element() {
    accepts(&Spec::of(&[1.5_f32]).strides(&[i64::MIN]), |tensor| {
        assert_eq!(tensor.strides(), [i64::MIN]);
        assert!(tensor.is_contiguous() && tensor.is_column_major() && tensor.is_dense());
        assert_eq!(read(&tensor), Ok(vec![1.5_f32]));
        // SAFETY: C initialised the element, and nobody writes it.
        let view = unsafe { tensor.view::<f32>() }.expect("a view");
        let again = view.flip(0).and_then(|view| view.step_by(0, 3)).expect("one element");
        assert_eq!((view[[0]], again[[0]], view.as_slice()), (1.5, 1.5, Ok(&[1.5][..])));
    });
}

#[test]
fn h049_meaningless_stride() {
    accepts(&Spec::of(&SIX[..3]).shape(&[1, 3]).strides(&[-999, 1]), |tensor| {
        assert!(tensor.is_contiguous());
        assert_eq!(tensor.layout().byte_extents(), 0..12);
        // SAFETY: C initialised the elements, and nobody writes them.
        assert_eq!(unsafe { tensor.as_slice::<f32>() }, Ok(&SIX[..3]));
    });
}

#[test]
fn h050_largest_strides() {
    let spec = described(32, &[2, 2], &[i64::MAX, i64::MAX]);
    refuses(&spec, Error::ExtentOverflow);
}

#[test]
fn h051_two_halves_of_the_address_space() {
    // Each end can be reached, the distance between them cannot.
    refuses(&described(8, &[2, 2], &[i64::MAX, -i64::MAX]), Error::ExtentOverflow);
    let quarter = i64::try_from(isize::MAX / 2).expect("at most 64 bits");
    refuses(&described(8, &[2, 2], &[quarter + 1, -quarter]), Error::ExtentOverflow);
    accepts(&described(8, &[2, 2], &[quarter, -quarter]), |tensor| assert_eq!(tensor.numel(), 4));
}

#[test]
fn h052_one_row_four_times() {
    accepts(&Spec::of(&SIX[..3]).shape(&[4, 3]).strides(&[0, 1]), |tensor| {
        assert_eq!(tensor.layout().byte_extents(), 0..12);
        assert_eq!(read(&tensor), Ok([1_f32, 2.0, 3.0].repeat(4)));
        assert_eq!(fill(tensor, 0_f32), Err(Error::Overlapping));
    });
}

#[test]
fn h053_sliding_window() {
    accepts(&Spec::of(&SIX).shape(&[4, 3]).strides(&[1, 1]), |tensor| {
        let rows = [[1_f32, 2.0, 3.0], [2.0, 3.0, 4.0], [3.0, 4.0, 5.0], [4.0, 5.0, 6.0]];
        assert_eq!(read(&tensor), Ok(rows.concat()));
        assert_eq!(fill(tensor, 0_f32), Err(Error::Overlapping));
    });
    // Windows that share one element.
    accepts(&Spec::of(&SIX).shape(&[2, 3]).strides(&[2, 1]), |tensor| {
        assert_eq!(read(&tensor), Ok(vec![1_f32, 2.0, 3.0, 3.0, 4.0, 5.0]));
        assert_eq!(fill(tensor, 0_f32), Err(Error::Overlapping));
    });
}

#[test]
fn h054_column_major() {
    accepts(&six().strides(&[1, 2]), |tensor| {
        assert!(tensor.is_column_major() && !tensor.is_contiguous() && tensor.is_dense());
        assert_eq!(read(&tensor), Ok(vec![1_f32, 3.0, 5.0, 2.0, 4.0, 6.0]));
        assert_eq!(fill(tensor, 0_f32), Ok(()));
    });
}

#[test]
fn h055_rows_with_a_gap() {
    let spec = Spec::of(&[1_u16, 2, 3, 90, 91, 4, 5, 6, 92]).shape(&[2, 3]).strides(&[5, 1]);
    accepts(&spec, |tensor| {
        assert!(!tensor.is_contiguous() && !tensor.is_column_major() && !tensor.is_dense());
        assert_eq!(tensor.layout().byte_extents(), 0..16);
        assert_eq!(read(&tensor), Ok(vec![1_u16, 2, 3, 4, 5, 6]));
        let memory = tensor.data().cast::<[u16; 9]>();
        // SAFETY: C's memory can be written.
        let mut tensor = unsafe { tensor.assume_writable() };
        // SAFETY: the memory is initialised, and this test alone uses it.
        unsafe { tensor.view_mut::<u16>() }.expect("no overlap").fill(7);
        // SAFETY: the memory that C was given, which lives as long as the tensor.
        assert_eq!(unsafe { memory.read() }, [7, 7, 7, 90, 91, 7, 7, 7, 92]);
    });
}

#[test]
fn h056_equal_strides() {
    accepts(&Spec::of(&SIX[..3]).shape(&[2, 2]).strides(&[1, 1]), |tensor| {
        assert_eq!(read(&tensor), Ok(vec![1_f32, 2.0, 2.0, 3.0]));
        assert_eq!(fill(tensor, 0_f32), Err(Error::Overlapping));
    });
}

#[test]
fn h057_stride_that_addresses_nothing_and_does_not_fit() {
    // In bytes it does not fit in 64 bits, in elements it does not fit in 32.
    for stride in [1 << 40, 1 << 62, i64::MAX, i64::MIN] {
        accepts(&Spec::of(&SIX[..3]).shape(&[3, 1]).strides(&[1, stride]), |tensor| {
            assert_eq!(tensor.strides(), [1, stride]);
            assert_eq!(tensor.layout().byte_extents(), 0..12);
            assert_eq!(read::<f32>(&tensor), Ok(SIX[..3].to_vec()));
            assert_eq!(fill(tensor, 7_f32), Ok(()));
        });
    }
}

#[cfg(target_pointer_width = "32")]
#[test]
fn h057_two_to_the_40_on_32_bits() {
    accepts(&Spec::of(&[1.5_f32]).strides(&[1 << 40]), |tensor| {
        assert_eq!(read(&tensor), Ok(vec![1.5_f32]));
    });
    refuses(&described(8, &[2], &[1 << 40]), Error::ExtentOverflow);
}

#[test]
fn h058_mixed_signs_between_two_edges() {
    let forwards = [3_f32, 2.0, 1.0, 6.0, 5.0, 4.0];
    let backwards = [4_f32, 5.0, 6.0, 1.0, 2.0, 3.0];
    let spec = six().strides(&[3, -1]).origin(8);
    for guard in [|spec: Spec| spec.guard_data_start(), |spec: Spec| spec.guard_data_end()] {
        accepts(&guarded(spec.clone(), guard), |tensor| {
            // SAFETY: C initialised the elements, and nobody writes them.
            let view = unsafe { tensor.view::<f32>() }.expect("a view");
            assert!(view.iter().eq(&forwards));
            let turned = view.flip(0).and_then(|view| view.flip(1)).expect("two axes");
            assert!(turned.iter().eq(&backwards));
            let columns = view.transpose();
            assert!(columns.iter().eq(&[3_f32, 6.0, 2.0, 5.0, 1.0, 4.0]));
            let mut copied = [0.0; 6];
            assert_eq!(turned.copy_to(&mut copied), Ok(()));
            assert_eq!(copied, backwards);
        });
    }
}

/// As many places as elements, and yet two elements share one: places 0, 3, 0 and 3 of four.
#[test]
fn extents_that_are_covered_only_by_the_count() {
    let spec = Spec::of(&[1_u16, 2, 3, 4]).shape(&[2, 2]).strides(&[0, 3]);
    accepts(&spec, |tensor| {
        assert!(tensor.layout().covers_its_extents() && !tensor.is_dense());
        assert_eq!(read(&tensor), Ok(vec![1_u16, 4, 1, 4]));
    });
}
