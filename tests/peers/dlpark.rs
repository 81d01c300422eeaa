//! dlpark 0.10.
//!
//! | | mistake | here |
//! | --- | --- | --- |
//! | 1 | owners that borrow are accepted and outlive what they borrow | does not compile |
//! | 2 | a file is mapped by a safe function | nothing here maps files |
//! | 3 | contiguity looks at the strides of axes of size 1, and allocates | test; `tests/allocations.rs` |
//! | 4 | producers without `max_version` cannot be imported | Python layer, not here yet |
//! | 5 | a copy is only believed with the flag that producers forget | test; `copy=`: Python layer, not here yet |
//! | 6 | `__cuda_stream__` read as a number | Python layer, not here yet |
//! | 7 | one 8-bit float exported under the code of another | test |
//! | 8 | strides that leave the address space; odd dtypes; padded sizes | test |
//! | 9 | the contract does not say that deleters run on any thread | test |
//! | 10 | a reference to a whole struct that may be shorter; unaligned shapes | test |
//! | 11 | two threads take one capsule | Python layer, not here yet |
//! | 12 | a legacy tensor with null strides cannot be passed on | test |
//! | 13 | a panicking owner aborts; a slice is not tied to the borrow that it is of | documented; does not compile |
//! | 14 | documents name other capsules than the code | Python layer, not here yet |

use dlpack::{BorrowedTensor, DataType, DataTypeCode, Error, Version, types::F8E4m3fn};
use dlpack_sys::{DLDataTypeCode, DLDevice, DLDeviceType, DLTensor};
use harness::{Spec, dtype, has_guard_pages};

#[cfg(feature = "alloc")]
use crate::support::imported_legacy;
use crate::support::{assert_refused, import, imported};

/// The stride of an axis of size 1 addresses nothing, and NumPy and PyTorch write what they like there.
#[test]
fn dlpark_a3_strides_of_single_axes_do_not_matter() {
    for (shape, strides) in [
        (&[1, 3][..], &[1, 1][..]),
        (&[1, 2], &[4, 1]),
        (&[3, 1], &[1, 77]),
        (&[1, 1, 3], &[i64::MIN, i64::MAX, 1]),
        (&[1], &[-5]),
    ] {
        let spec = Spec::of(&[1.0_f32, 2.0, 3.0]).shape(shape).strides(strides);
        let (tensor, _record) = imported(&spec);
        assert!(tensor.is_contiguous() && tensor.is_column_major() && tensor.is_dense());
        // SAFETY: C wrote the elements, and nobody else knows of them.
        let mut tensor = unsafe { tensor.assume_exclusive() };
        let numel = tensor.numel();
        assert_eq!(tensor.as_slice::<f32>().unwrap(), &[1.0, 2.0, 3.0][..numel]);
        assert_eq!(tensor.view::<f32>().unwrap().as_slice().unwrap().len(), numel);
        assert_eq!(tensor.view_mut::<f32>().unwrap().as_mut_slice().unwrap().len(), numel);
    }
}

/// Empty tensors have every order, whatever their strides.
#[test]
fn dlpark_a3_empty_tensors_are_contiguous() {
    for strides in [[0, 0], [3, 1], [-7, i64::MAX]] {
        let spec = Spec::new(dtype(2, 32, 1)).shape(&[0, 3]).strides(&strides).null_data();
        let (tensor, _record) = imported(&spec);
        assert!(tensor.is_contiguous() && tensor.is_column_major());
        // SAFETY: there are no elements.
        assert_eq!(unsafe { tensor.as_slice::<f32>() }.unwrap(), []);
    }
}

/// PyTorch copies and does not say so: a copy is made here without asking for the flag.
#[cfg(feature = "alloc")]
#[test]
fn dlpark_a5_a_copy_needs_no_flag() {
    let (tensor, _record) = imported(&Spec::of(&[1_u16, 2, 3]));
    // SAFETY: C wrote the elements, and nobody writes them now.
    let copy = unsafe { tensor.to_copy() }.unwrap();
    assert_eq!(copy.as_slice::<u16>().unwrap(), [1, 2, 3]);
    assert_ne!(copy.data(), tensor.data());
    assert!(copy.flags().is_copied());
}

/// The format with values up to 448 and no infinity is `fn`, number 10, not 8.
#[test]
fn dlpark_a7_the_code_of_an_eight_bit_float() {
    use dlpack::Element;

    assert_eq!(F8E4m3fn::DTYPE.code.code(), 10);
    assert_eq!(DLDataTypeCode::kDLFloat8_e4m3fn.0, 10);
    let spec = Spec::new(dtype(10, 8, 1)).shape(&[3]).data(&[0x78_u8, 0x7e, 0x7f]);
    let (tensor, _record) = imported(&spec);
    // SAFETY: C wrote the elements, and nobody writes them now.
    let view = unsafe { tensor.view::<F8E4m3fn>() }.unwrap();
    assert_eq!((view[[0]].to_f32(), view[[1]].to_f32()), (256.0, 448.0));
    assert!(view[[2]].to_f32().is_nan());

    let spec = Spec::new(dtype(8, 8, 1)).shape(&[3]).data(&[0x78_u8, 0x7e, 0x7f]);
    let (tensor, _record) = imported(&spec);
    // SAFETY: no view comes of it.
    let refused = unsafe { tensor.view::<F8E4m3fn>() }.unwrap_err();
    assert_eq!(
        refused,
        Error::DTypeMismatch { expected: DataType::F8_E4M3FN, found: DataType::F8_E4M3 }
    );
}

#[test]
fn dlpark_a8_strides_that_leave_the_address_space() {
    for strides in [[i64::MAX, i64::MIN], [i64::MAX, i64::MAX], [i64::MAX, -i64::MAX], [1, 1 << 62]]
    {
        let spec = Spec::of(&[1_f64; 4]).shape(&[2, 2]).strides(&strides);
        assert_refused(&spec, Error::ExtentOverflow);
    }
}

#[test]
fn dlpark_a8_dtypes_that_the_standard_forbids() {
    for (code, bits, lanes) in
        [(17, 9, 1), (17, 8, 1), (15, 8, 1), (16, 4, 1), (2, 0, 1), (2, 32, 0), (99, 0, 0)]
    {
        let found = DataType::new(DataTypeCode::new(code), bits, lanes);
        assert_refused(&Spec::new(dtype(code, bits, lanes)), Error::InvalidDType { found });
    }
}

/// Widths that no producer writes come in, since they can be passed on, and are no elements of any Rust type.
#[test]
fn dlpark_a8_odd_widths_are_never_viewed() {
    let (tensor, _record) = imported(&Spec::new(dtype(0, 77, 1)).shape(&[1]).data(&[0_u64; 2]));
    assert_eq!(tensor.dtype().to_string(), "int77");
    // SAFETY: no view comes of these.
    let refused = unsafe { [tensor.view::<i64>().is_err(), tensor.view::<i128>().is_err()] };
    assert_eq!(refused, [true, true]);
}

#[test]
fn dlpark_a8_padded_elements_take_a_byte_each() {
    let five = Spec::new(dtype(17, 4, 1)).shape(&[5]).data(&[0_u8; 5]);
    assert_eq!(imported(&five).0.nbytes(), 3);
    assert_eq!(imported(&five.flags(4)).0.nbytes(), 5);
}

/// Empty for certain, and so accepted, as long as the sizes that are not zero multiply to something that fits.
#[test]
fn dlpark_a8_empty_tensors_with_large_axes() {
    let large = i64::try_from(isize::MAX).unwrap();
    let (tensor, _record) = imported(&Spec::new(dtype(2, 64, 1)).shape(&[0, large]).null_data());
    assert_eq!((tensor.numel(), tensor.nbytes()), (0, 0));
    let spec = Spec::new(dtype(2, 64, 1)).shape(&[large, 4, 0]).strides(&[1, 1, 1]).null_data();
    assert_refused(&spec, Error::ShapeOverflow);
}

#[test]
fn dlpark_a9_the_contract_names_the_threads() {
    let source = include_str!("../../dlpack/src/managed/tensor.rs");
    let from_raw = source.split("pub unsafe fn from_raw(").next().unwrap();
    let (_, safety) = from_raw.rsplit_once("# Safety").unwrap();
    assert!(safety.contains("from any thread"), "{safety}");
}

/// A struct of another major version may end after its flags.
#[test]
fn dlpark_a10_a_short_struct_is_refused_by_its_prefix() {
    if !has_guard_pages() {
        return;
    }
    for flags in [0, u64::MAX] {
        let (result, record) = import(&Spec::of(&[1_u8]).version(3, 1).flags(flags).guard_header());
        assert_eq!(result.unwrap_err(), Error::UnsupportedVersion { found: Version::new(3, 1) });
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn dlpark_a10_shape_and_strides_need_no_alignment() {
    let mut data = [1_u8, 2, 3, 4, 5, 6];
    let mut numbers = [0_u8; 33];
    let odd = usize::from(numbers.as_ptr().addr() % 2 == 0);
    for (place, number) in numbers[odd..].chunks_exact_mut(8).zip([2_i64, 3, 1, 2]) {
        place.copy_from_slice(&number.to_ne_bytes());
    }
    let start = numbers.as_mut_ptr().wrapping_add(odd);
    let tensor = DLTensor {
        data: data.as_mut_ptr().cast(),
        device: DLDevice { device_type: DLDeviceType::kDLCPU, device_id: 0 },
        ndim: 2,
        dtype: dtype(1, 8, 1),
        shape: start.cast(),
        strides: start.wrapping_add(16).cast(),
        byte_offset: 0,
    };
    // SAFETY: the tensor is of `data` and `numbers`, which live on.
    let tensor = unsafe { BorrowedTensor::from_raw(&tensor) }.unwrap();
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[1, 2][..]));
    // SAFETY: initialised, and nobody writes it.
    let view = unsafe { tensor.view::<u8>() }.unwrap();
    assert!(view.iter().eq(&[1, 3, 5, 2, 4, 6]));
}

/// The versioned ABI forbids null strides since 1.2; a legacy tensor that has them gets them filled in.
#[cfg(feature = "alloc")]
#[test]
fn dlpark_a12_null_strides_are_filled_in() {
    use dlpack::ManagedTensorVersioned;

    let spec = Spec::of(&[1_i32, 2, 3, 4, 5, 6]).shape(&[2, 3]).null_strides();
    let (tensor, record) = imported_legacy(&spec);
    let raw = tensor.into_versioned().unwrap().into_raw();
    // SAFETY: just passed on.
    let strides = unsafe { (*raw).dl_tensor.strides };
    // SAFETY: two strides, one for each axis.
    assert_eq!(unsafe { strides.cast::<[i64; 2]>().read() }, [3, 1]);
    // SAFETY: just passed on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw_strict(raw) }.unwrap();
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}
