//! pyo3-dlpack 0.3.
//!
//! | | mistake | here |
//! | --- | --- | --- |
//! | 1 | owners that borrow are accepted | does not compile |
//! | 2 | the owner is asked for its memory and moved afterwards | test |
//! | 3 | a safe trait hands out arbitrary pointers | does not compile |
//! | 4 | no shape where one is missing; unchecked products; contiguity of single axes | test |
//! | 5 | null strides on export | test; bare capsules, no negotiation: Python layer, not here yet |
//! | 6 | no stream for GPUs, races of free-threaded Python | Python layer, not here yet |

use dlpack::Error;
use harness::Spec;

use crate::support::{assert_refused, import, imported};

/// Elements within the owner move with it: the pointer is taken when it has come to its last place.
#[cfg(feature = "alloc")]
#[test]
fn pyo3_dlpack_c2_owners_are_asked_in_their_last_place() {
    use dlpack::Exporter;
    use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};
    use harness::consumer::gather_managed;
    use harness::release::delete;

    struct Inline {
        before: u16,
        numbers: [f32; 8],
    }

    impl AsMut<[f32]> for Inline {
        fn as_mut(&mut self) -> &mut [f32] {
            assert_eq!(self.before, 7, "the owner has come whole");
            &mut self.numbers
        }
    }

    let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    let tensors: Vec<*mut DLManagedTensorVersioned> = (0..10)
        .map(|_| Exporter::new(Inline { before: 7, numbers }).build().unwrap().into_raw())
        .collect();
    for raw in tensors {
        // SAFETY: just passed on.
        let bytes = unsafe { gather_managed(raw) }.unwrap();
        assert_eq!(bytes, harness::bytes_of(&numbers));
        // SAFETY: just passed on.
        unsafe { delete(raw) };
    }

    let legacy: *mut DLManagedTensor = Exporter::new(numbers).build_legacy().unwrap().into_raw();
    // SAFETY: just passed on.
    let bytes = unsafe { gather_managed(legacy) }.unwrap();
    assert_eq!(bytes, harness::bytes_of(&numbers));
    // SAFETY: just passed on.
    unsafe { delete(legacy) };
}

#[test]
fn pyo3_dlpack_c4_a_missing_shape_is_no_scalar() {
    let spec = Spec::of(&[1_u8, 2]).shape(&[2, 1]).null_shape();
    assert_refused(&spec, Error::NullShape { ndim: 2 });
}

#[test]
fn pyo3_dlpack_c4_products_are_checked() {
    for shape in [&[1 << 32, 1 << 32][..], &[i64::MAX, 2], &[1 << 21, 1 << 21, 1 << 21, 2]] {
        let strides = vec![0; shape.len()];
        let spec = Spec::of(&[1_u8]).shape(shape).strides(&strides);
        assert_refused(&spec, Error::ShapeOverflow);
    }
    // As many elements as fit, in more bytes than fit.
    let most = i64::try_from(isize::MAX).unwrap();
    let spec = Spec::of(&[1_f32]).shape(&[most]).strides(&[0]);
    assert_refused(&spec, Error::ShapeOverflow);
    let (bytes, record) = import(&Spec::of(&[1_u8]).shape(&[most]).strides(&[0]));
    assert_eq!(bytes.unwrap().nbytes(), isize::MAX.unsigned_abs());
    assert_eq!(record.deleted(), 1);
}

#[test]
fn pyo3_dlpack_c4_contiguity_of_single_axes() {
    let spec = Spec::of(&[1_u8, 2, 3]).shape(&[1, 3]).strides(&[-999, 1]);
    assert!(imported(&spec).0.is_contiguous());
}

/// Null strides are not allowed in what is written here, 1.3.
#[cfg(feature = "alloc")]
#[test]
fn pyo3_dlpack_c5_strides_are_always_written() {
    use dlpack::Exporter;
    use harness::release::delete;

    for (shape, expected) in [(&[2, 3][..], &[3, 1][..]), (&[6], &[1]), (&[1, 6], &[6, 1])] {
        let raw = Exporter::new(vec![0_u8; 6]).shape(shape).build().unwrap().into_raw();
        // SAFETY: just passed on.
        let (version, strides) = unsafe { ((*raw).version, (*raw).dl_tensor.strides) };
        assert_eq!((version.major, version.minor), (1, 3));
        // SAFETY: one stride for each axis.
        let strides = unsafe { std::slice::from_raw_parts(strides, shape.len()) };
        assert_eq!(strides, expected);
        // SAFETY: just passed on.
        unsafe { delete(raw) };
    }
}
