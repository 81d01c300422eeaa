//! What the other crates check of a foreign tensor, check by check: here all of it, for both ABIs.
//!
//! Each of these is missing, or wrong, in at least one of them.

use dlpack::{DataType, Device, Error, ManagedTensorVersioned, types::Bool8, view::Unaligned};
use harness::{Spec, dtype};

use crate::support::{assert_refused, guarded_end, imported, imported_legacy};

#[test]
fn validation_of_the_number_of_axes() {
    let spec = Spec::of(&[1_u8]);
    assert_refused(&spec.clone().ndim(-3), Error::NegativeNdim { ndim: -3 });
    let most = if cfg!(feature = "alloc") { 64 } else { 8 };
    assert_refused(&spec.ndim(i32::MAX), Error::TooManyAxes { ndim: 0x7fff_ffff, max: most });
    assert_eq!(imported(&Spec::of(&[1_u8]).shape(&vec![1; most])).0.ndim(), most);
    let spec = Spec::of(&[1_u8]).shape(&vec![1; most + 1]);
    assert_refused(&spec, Error::TooManyAxes { ndim: most + 1, max: most });
}

#[test]
fn validation_of_null_shapes() {
    assert_refused(&Spec::of(&[1_u8]).null_shape(), Error::NullShape { ndim: 1 });
    let scalar = Spec::of(&[1_u8]).shape(&[]).null_shape();
    assert_eq!(imported(&scalar).0.numel(), 1);
    assert_eq!(imported_legacy(&scalar).0.numel(), 1);
}

#[test]
fn validation_of_null_strides() {
    let spec = Spec::of(&[1_u8; 6]).shape(&[2, 3]).null_strides();
    assert_eq!(imported_legacy(&spec).0.strides(), [3, 1]);
    for (minor, strict) in [(0, Ok(())), (1, Ok(())), (2, Err(Error::NullStrides { ndim: 2 }))] {
        let spec = spec.clone().version(1, minor);
        assert_eq!(imported(&spec).0.strides(), [3, 1]);
        let (raw, record) = spec.make_versioned();
        // SAFETY: C passes the tensor on.
        let tensor = unsafe { ManagedTensorVersioned::from_raw_strict(raw) };
        assert_eq!(tensor.map(drop), strict);
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn validation_of_sizes() {
    let spec = Spec::of(&[1_f32; 6]);
    for (shape, error) in [
        (&[2, -3][..], Error::NegativeSize { axis: 1, size: -3 }),
        (&[0, -3], Error::NegativeSize { axis: 1, size: -3 }),
        (&[1 << 40, 1 << 40], Error::ShapeOverflow),
        (&[1 << 62], Error::ShapeOverflow),
    ] {
        let strides = vec![0; shape.len()];
        assert_refused(&spec.clone().shape(shape).strides(&strides), error);
    }
}

#[test]
fn validation_of_extents() {
    let spec = Spec::of(&[1_u8; 6]).shape(&[2, 2]);
    assert_refused(&spec.clone().strides(&[i64::MAX, i64::MIN]), Error::ExtentOverflow);
    assert_refused(&spec.strides(&[i64::MAX, 1]), Error::ExtentOverflow);
}

#[test]
fn validation_of_dtypes() {
    for (code, bits, lanes) in [(2, 0, 1), (2, 32, 0), (17, 8, 1), (15, 8, 1), (16, 5, 1)] {
        let numbers = dtype(code, bits, lanes);
        assert_refused(&Spec::new(numbers), Error::InvalidDType { found: DataType::from(numbers) });
    }
}

#[test]
fn validation_of_sub_byte_sizes() {
    for (code, bits, lanes, count, packed, padded) in
        [(17, 4, 1, 5, 3, 5), (15, 6, 1, 4, 3, 4), (17, 4, 2, 4, 4, 8), (1, 1, 1, 9, 2, 9)]
    {
        let spec = Spec::new(dtype(code, bits, lanes)).shape(&[count]).data(&[0_u8; 9]);
        assert_eq!(imported(&spec).0.nbytes(), packed);
        assert_eq!(imported_legacy(&spec).0.nbytes(), packed);
        assert_eq!(imported(&spec.flags(4)).0.nbytes(), padded);
    }
}

/// What a view refuses of a tensor that is taken in, in either ABI.
#[track_caller]
fn assert_no_view(spec: &Spec, error: Error) {
    let (tensor, _record) = imported(spec);
    // SAFETY: no view comes of it.
    assert_eq!(unsafe { tensor.view::<f32>() }.unwrap_err(), error);
    // SAFETY: no slice comes of it.
    assert_eq!(unsafe { tensor.as_slice::<f32>() }.unwrap_err(), error);
    let (tensor, _record) = imported_legacy(spec);
    // SAFETY: no view comes of it.
    assert_eq!(unsafe { tensor.view::<f32>() }.unwrap_err(), error);
}

#[test]
fn validation_of_data() {
    assert_no_view(&Spec::of(&[1_f32, 2.0]).null_data(), Error::NullData);
    let (empty, _record) = imported(&Spec::of::<f32>(&[]).null_data());
    // SAFETY: there are no elements.
    assert_eq!(unsafe { empty.as_slice::<f32>() }.unwrap(), []);
}

#[test]
fn validation_of_addresses() {
    let spec = Spec::of(&[1_f32, 2.0]);
    let most = isize::MAX.unsigned_abs() as u64;
    for byte_offset in [u64::MAX, u64::MAX - 7, most + 1] {
        let error = Error::ByteOffsetOverflow { byte_offset };
        assert_no_view(&spec.clone().byte_offset(byte_offset), error);
    }
    let end = std::ptr::without_provenance_mut(usize::MAX - 3);
    assert_no_view(&spec.clone().borrow(end), Error::AddressOverflow);
    let start = std::ptr::without_provenance_mut(4);
    assert_no_view(&spec.borrow(start).strides(&[-4]), Error::AddressOverflow);
}

#[test]
fn validation_of_alignment() {
    let spec = Spec::of(&[1_f32, 2.0]);
    assert_no_view(&spec.clone().data_shift(1), Error::Misaligned { required: 4 });
    assert_no_view(&spec.clone().byte_offset(2).shape(&[1]), Error::Misaligned { required: 4 });
    let (tensor, _record) = imported(&guarded_end(spec).data_shift(0));
    // SAFETY: C wrote the elements, and nobody writes them now.
    assert_eq!(unsafe { tensor.view_as::<Unaligned<f32>>() }.unwrap()[[1]].get(), 2.0);
}

#[test]
fn validation_of_devices() {
    for code in [0, 2, 4, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 99, -1] {
        let spec = Spec::of(&[1_f32, 2.0]).device(code, 1);
        let device = Device::new(dlpack::DeviceType::new(code), 1);
        assert_no_view(&spec, Error::NotHostAccessible { device });
    }
    for code in [1, 3, 11] {
        let (tensor, _record) = imported(&Spec::of(&[1_f32, 2.0]).device(code, 1));
        // SAFETY: C wrote the elements, and nobody writes them now.
        assert_eq!(unsafe { tensor.as_slice::<f32>() }.unwrap(), [1.0, 2.0]);
    }
}

#[test]
fn validation_of_element_types() {
    for (code, bits, lanes) in [(2, 64, 1), (0, 32, 1), (4, 32, 1), (2, 32, 2), (3, 32, 1)] {
        let numbers = dtype(code, bits, lanes);
        let found = DataType::from(numbers);
        let spec = Spec::new(numbers).data(&[0_u64, 0]);
        assert_no_view(&spec, Error::DTypeMismatch { expected: DataType::F32, found });
    }
    for (code, bits) in [(6, 1), (6, 32), (1, 8)] {
        let (tensor, _record) = imported(&Spec::new(dtype(code, bits, 1)).data(&[0_u64]));
        // SAFETY: no view comes of it.
        let refused = unsafe { tensor.view::<Bool8>() }.unwrap_err();
        assert!(matches!(refused, Error::DTypeMismatch { expected: DataType::BOOL, .. }));
    }
}

#[test]
fn validation_of_slices() {
    for (shape, strides, contiguous) in [
        (&[2, 3][..], &[3, 1][..], true),
        (&[2, 3], &[1, 2], false),
        (&[2, 3], &[4, 1], false),
        (&[2, 3], &[0, 1], false),
        (&[6], &[-1], false),
        (&[1, 6], &[9, 1], true),
        (&[0, 6], &[9, 9], true),
    ] {
        let spec = Spec::of(&[0_f32; 16]).shape(shape).strides(strides).origin(5 * 4);
        let (tensor, _record) = imported(&spec);
        // SAFETY: C wrote the elements, and nobody else knows of them.
        let mut tensor = unsafe { tensor.assume_exclusive() };
        assert_eq!(tensor.as_slice::<f32>().is_ok(), contiguous);
        assert_eq!(tensor.view::<f32>().unwrap().as_slice().is_ok(), contiguous);
        match tensor.view_mut::<f32>() {
            Ok(mut view) => assert_eq!(view.as_mut_slice().is_ok(), contiguous),
            Err(error) => assert_eq!((error, strides), (Error::Overlapping, &[0, 1][..])),
        }
    }
}

#[test]
fn validation_of_access() {
    let spec = Spec::of(&[1_f32, 2.0]);
    let (mut tensor, _record) = imported_legacy(&spec);
    // SAFETY: no view comes of it.
    assert_eq!(unsafe { tensor.view_mut::<f32>() }.unwrap_err(), Error::WritabilityUnknown);
    let (mut tensor, _record) = imported(&spec.clone().flags(1));
    // SAFETY: no view comes of it.
    assert_eq!(unsafe { tensor.view_mut::<f32>() }.unwrap_err(), Error::ReadOnly);
    let (mut tensor, _record) = imported(&spec);
    // SAFETY: C wrote the elements, and nobody else knows of them.
    assert!(unsafe { tensor.view_mut::<f32>() }.is_ok());
}
