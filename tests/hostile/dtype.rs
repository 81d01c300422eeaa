//! The dtype, and the Rust types that its elements can be viewed as.

use dlpack::{
    DataType, DataTypeCode, Descriptor, Element, Error,
    types::{Bool1, Bool8},
    view::Unaligned,
};
use harness::{Spec, dtype};

use crate::autotraits::answers;
use crate::support::{MAX_NDIM, SIX, accepts, read, refuses, six};

const fn data_type(code: u8, bits: u8, lanes: u16) -> DataType {
    DataType { code: DataTypeCode::new(code), bits, lanes }
}

/// A tensor of 48 bytes, whatever they mean.
fn of(code: u8, bits: u8, lanes: u16, len: i64) -> Spec {
    let bytes: Vec<u8> = (0..48).collect();
    Spec::new(dtype(code, bits, lanes)).shape(&[len]).data(&bytes)
}

/// What a view as `T` answers to this dtype.
fn mismatch<T: Element>(tensor: &Descriptor) -> bool {
    let error = Error::DTypeMismatch { expected: T::DTYPE, found: tensor.dtype() };
    // SAFETY: C initialised the elements, and nobody writes them.
    let slice = unsafe { tensor.as_slice::<T>() }.err();
    read::<T>(tensor).err() == Some(error) && slice == Some(error)
}

#[test]
fn h072_no_bits() {
    refuses(&of(2, 0, 1, 2), Error::InvalidDType { found: data_type(2, 0, 1) });
    refuses(&of(255, 0, 1, 0), Error::InvalidDType { found: data_type(255, 0, 1) });
}

#[test]
fn h073_no_lanes() {
    refuses(&of(2, 32, 0, 2), Error::InvalidDType { found: data_type(2, 32, 0) });
}

/// The dtype is judged before the shape, by every way through the checks.
#[test]
fn no_lanes_and_a_negative_size() {
    let refused = Error::InvalidDType { found: data_type(1, 8, 0) };
    let shapes = [&[-1][..], &[0, -1], &[i64::MAX, 2], &[1; 9]];
    // Without `alloc` the shape of more axes is not kept, which is found out first.
    for shape in shapes.into_iter().filter(|shape| shape.len() <= MAX_NDIM) {
        let spec = of(1, 8, 0, 0).shape(shape);
        refuses(&spec, refused);
        refuses(&spec.null_strides(), refused);
    }
}

#[test]
fn h074_unknown_code() {
    accepts(&of(255, 32, 1, 6), |tensor| {
        assert_eq!(tensor.dtype(), data_type(255, 32, 1));
        assert_eq!(tensor.nbytes(), 24);
        assert!(mismatch::<f32>(&tensor) && mismatch::<u32>(&tensor) && mismatch::<i32>(&tensor));
    });
}

#[test]
fn h075_four_lanes() {
    let spec = Spec::new(dtype(2, 32, 4)).shape(&[1]).data(&SIX);
    accepts(&spec, |tensor| {
        assert_eq!((tensor.numel(), tensor.nbytes()), (1, 16));
        assert!(mismatch::<f32>(&tensor) && mismatch::<[f32; 2]>(&tensor));
        assert!(mismatch::<[f32; 1]>(&tensor) && mismatch::<[u32; 4]>(&tensor));
        assert_eq!(read(&tensor), Ok(vec![[1_f32, 2.0, 3.0, 4.0]]));
    });
}

/// As a processor's vector type: more aligned than its lanes.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Vector([f32; 4]);

// SAFETY: four floats without padding.
unsafe impl bytemuck::Zeroable for Vector {}
// SAFETY: the same.
unsafe impl bytemuck::Pod for Vector {}
// SAFETY: the lanes of the dtype, side by side.
unsafe impl Element for Vector {
    const DTYPE: DataType = data_type(2, 32, 4);
}

#[test]
fn h076_vectors_more_aligned_than_their_lanes() {
    let spec = Spec::new(dtype(2, 32, 4)).shape(&[1]).data(&SIX);
    let expected = [1_f32, 2.0, 3.0, 4.0];
    accepts(&spec.clone().data_shift(4), |tensor| {
        assert_eq!(read::<Vector>(&tensor), Err(Error::Misaligned { required: 16 }));
        assert_eq!(read(&tensor), Ok(vec![expected]));
        // SAFETY: C initialised the element, and nobody writes it.
        let view = unsafe { tensor.view_as::<Unaligned<Vector>>() }.expect("a view");
        assert_eq!(view[[0]].get(), Vector(expected));
    });
    accepts(&spec.data_shift(16), |tensor| {
        assert_eq!(read(&tensor), Ok(vec![Vector(expected)]));
    });
}

#[test]
fn h077_bool_is_no_element() {
    assert!(answers!(u8: Element) && answers!(Bool8: Element));
    assert!(!answers!(bool: Element));
    assert!(!answers!([bool; 4]: Element));
    assert!(!answers!(char: Element));
    assert!(!answers!(std::num::NonZeroU8: Element));
    assert!(!answers!(&'static u8: Element));
    assert!(!answers!(*const u8: Element));
    assert!(!answers!(std::cmp::Ordering: Element));
    assert!(!answers!((): Element));
}

#[test]
fn h078_truth_values_of_all_kinds() {
    let spec = Spec::new(dtype(6, 8, 1)).shape(&[4]).data(&[0_u8, 1, 2, 255]);
    accepts(&spec, |tensor| {
        let values = read::<Bool8>(&tensor).expect("truth values");
        let all = |f: fn(&Bool8) -> bool| values.iter().map(f).collect::<Vec<_>>();
        assert_eq!(all(|value| value.to_bool()), [false, true, true, true]);
        assert_eq!(all(|value| value.is_valid()), [true, true, false, false]);
        assert!(values.iter().map(|value| value.to_bits()).eq([0, 1, 2, 255]));
        assert!(mismatch::<u8>(&tensor) && mismatch::<i8>(&tensor));
    });
}

#[test]
fn h079_truth_values_of_other_widths() {
    accepts(&of(6, 1, 1, 6), |tensor| {
        assert!(mismatch::<Bool8>(&tensor));
        // SAFETY: C initialised the elements, and nobody writes them.
        let bits = unsafe { tensor.packed_view::<Bool1>() };
        assert_eq!(bits.map(|bits| bits.len()), Ok(6));
    });
    accepts(&of(6, 32, 1, 6), |tensor| {
        assert!(mismatch::<Bool8>(&tensor));
        // SAFETY: as above.
        let bits = unsafe { tensor.packed_view::<Bool1>() }.err();
        let found = data_type(6, 32, 1);
        assert_eq!(bits, Some(Error::DTypeMismatch { expected: data_type(6, 1, 1), found }));
    });
}

#[test]
fn h080_truth_values_declared_as_bytes() {
    accepts(&of(1, 8, 1, 6), |tensor| {
        assert!(mismatch::<Bool8>(&tensor));
        assert_eq!(read(&tensor), Ok(vec![0_u8, 1, 2, 3, 4, 5]));
    });
}

#[test]
fn h081_sign() {
    accepts(&of(0, 32, 1, 6), |tensor| {
        assert!(mismatch::<u32>(&tensor) && mismatch::<f32>(&tensor));
        assert!(mismatch::<i16>(&tensor) && mismatch::<[i16; 2]>(&tensor));
        assert_eq!(read::<i32>(&tensor).map(|elements| elements.len()), Ok(6));
    });
}

#[test]
fn h082_complex_is_no_double() {
    let spec = Spec::new(dtype(5, 64, 1)).shape(&[3]).data(&SIX);
    accepts(&spec, |tensor| {
        assert_eq!(tensor.nbytes(), 24);
        assert!(mismatch::<f64>(&tensor) && mismatch::<[f32; 2]>(&tensor));
        #[cfg(feature = "num-complex")]
        {
            use num_complex::Complex;

            let first = read::<Complex<f32>>(&tensor).map(|elements| elements[0]);
            assert_eq!(first, Ok(Complex::new(1.0, 2.0)));
            assert!(mismatch::<Complex<f64>>(&tensor));
        }
    });
}

#[test]
fn h083_complex_of_halves() {
    accepts(&of(5, 32, 1, 2), |tensor| {
        assert_eq!((tensor.dtype(), tensor.nbytes()), (data_type(5, 32, 1), 8));
        assert!(mismatch::<f32>(&tensor) && mismatch::<u32>(&tensor));
    });
    #[cfg(all(feature = "num-complex", feature = "half"))]
    {
        use half::f16;
        use num_complex::Complex;

        // 1.0 and -2.0, by the definition of IEEE 754.
        let spec = Spec::new(dtype(5, 32, 1)).shape(&[1]).data(&[0x3c00_u16, 0xc000]);
        accepts(&spec, |tensor| {
            let expected = Complex::new(f16::from_f32(1.0), f16::from_f32(-2.0));
            assert_eq!(read(&tensor), Ok(vec![expected]));
        });
    }
}

#[test]
fn h090_opaque_handles() {
    accepts(&of(3, 64, 1, 2), |tensor| {
        assert_eq!(tensor.dtype(), data_type(3, 64, 1));
        assert!(mismatch::<u64>(&tensor) && mismatch::<i64>(&tensor) && mismatch::<f64>(&tensor));
    });
}

#[test]
fn h075_lanes_are_not_an_axis() {
    accepts(&six(), |tensor| assert!(mismatch::<[f32; 3]>(&tensor)));
}
