//! The data pointer, the byte offset, alignment, and the edges of the memory.

use std::mem::MaybeUninit;
use std::ptr;
#[cfg(feature = "alloc")]
use std::sync::Arc;

#[cfg(feature = "alloc")]
use dlpack::AnyManagedTensor;
use dlpack::sys::DLDataType;
use dlpack::{
    Descriptor, Element, Error,
    view::{ReadCell, Unaligned},
};
use harness::{Plain, Spec, dtype};

use crate::support::{SIX, accepts, guarded, read, six};

const FLOAT: DLDataType = dtype(2, 32, 1);

/// The first error of all ways to look at the elements; they must agree.
fn error_of_all<T: Element>(tensor: &Descriptor) -> Option<Error> {
    // SAFETY: refused, or C initialised the elements and nobody writes them.
    let view = unsafe { tensor.view::<T>() }.err();
    // SAFETY: the same.
    let slice = unsafe { tensor.as_slice::<T>() }.err();
    // SAFETY: the same.
    let uninit = unsafe { tensor.view_as::<MaybeUninit<T>>() }.err();
    // SAFETY: the same.
    let cells = unsafe { tensor.view_as::<ReadCell<T>>() }.err();
    assert_eq!([slice, uninit, cells], [view; 3]);
    view
}

/// The elements, wherever they lie.
fn read_unaligned<T: Element>(tensor: &Descriptor) -> Result<Vec<T>, Error> {
    // SAFETY: C initialised the elements, and nobody writes them.
    Ok(unsafe { tensor.view_as::<Unaligned<T>>() }?.iter().map(Unaligned::get).collect())
}

#[test]
fn h059_no_data() {
    accepts(&six().null_data(), |tensor| {
        assert_eq!((tensor.numel(), tensor.data()), (6, ptr::null_mut()));
        assert_eq!(error_of_all::<f32>(&tensor), Some(Error::NullData));
        assert_eq!(read_unaligned::<f32>(&tensor), Err(Error::NullData));
    });
    // Also where the offset would make an address of it.
    accepts(&six().null_data().byte_offset(4096), |tensor| {
        assert_eq!(error_of_all::<f32>(&tensor), Some(Error::NullData));
    });
}

#[test]
#[cfg(feature = "alloc")]
fn h059_no_data_is_passed_on_by_no_safe_function() {
    let refused = |result: Result<(), Error>| assert_eq!(result, Err(Error::NullData));
    accepts(&six().null_data(), |tensor| {
        refused(tensor.as_dl_tensor().map(drop));
        match tensor {
            AnyManagedTensor::Legacy(tensor) => {
                refused(tensor.into_versioned().map(drop).map_err(|rejected| rejected.error()));
            }
            AnyManagedTensor::Versioned(tensor) => {
                refused(tensor.into_legacy().map(drop).map_err(|rejected| rejected.error()));
            }
            _ => unreachable!("there is no third ABI"),
        }
    });
    accepts(&six().null_data().byte_offset(4096), |tensor| {
        let rejected = match tensor {
            AnyManagedTensor::Legacy(tensor) => {
                tensor.into_opaque().map(drop).map_err(|rejected| rejected.error())
            }
            AnyManagedTensor::Versioned(tensor) => {
                let tensor = Arc::new(tensor);
                refused(tensor.share().map(drop));
                refused(tensor.share_opaque().map(drop));
                let tensor = Arc::into_inner(tensor).expect("nobody shares it");
                tensor.into_opaque().map(drop).map_err(|rejected| rejected.error())
            }
            _ => unreachable!("there is no third ABI"),
        };
        refused(rejected);
    });
}

#[test]
fn h060_no_data_and_no_elements_at_an_offset() {
    accepts(&Spec::of::<f32>(&[]).shape(&[3, 0]).null_data().byte_offset(64), |tensor| {
        assert_eq!(tensor.byte_offset(), 64);
        assert_eq!(error_of_all::<f32>(&tensor), None);
        assert_eq!(read::<f32>(&tensor), Ok(vec![]));
    });
    accepts(&Spec::of::<f32>(&[]).null_data().byte_offset(u64::MAX), |tensor| {
        assert_eq!(read::<f32>(&tensor), Ok(vec![]));
    });
}

#[test]
fn h061_dangling_data_and_no_elements() {
    fn row<T: Element + Plain>() {
        for address in [1, 8] {
            let spec = Spec::of::<T>(&[]).borrow(ptr::without_provenance_mut(address));
            accepts(&spec, |tensor| {
                assert_eq!(tensor.data().addr(), address);
                // SAFETY: there are no elements.
                let slice = unsafe { tensor.as_slice::<T>() }.expect("a slice");
                assert!(slice.is_empty() && slice.as_ptr().is_aligned());
                // SAFETY: the same.
                let view = unsafe { tensor.view::<T>() }.expect("a view");
                assert!(view.is_empty() && view.as_ptr().is_aligned());
                assert_eq!(view.iter().count(), 0);
            });
        }
    }
    row::<u8>();
    row::<f32>();
    row::<f64>();
}

#[test]
fn h062_offset() {
    accepts(&Spec::of(&SIX[..2]).data(&SIX).byte_offset(16), |tensor| {
        assert_eq!(tensor.byte_offset(), 16);
        assert_eq!(read(&tensor), Ok(vec![5_f32, 6.0]));
        // SAFETY: C initialised the elements, and nobody writes them.
        let first = unsafe { tensor.as_slice::<f32>() }.expect("a slice").as_ptr();
        assert_eq!(first.addr(), tensor.data().addr() + 16);
    });
}

#[test]
fn h063_offset_below_zero() {
    let byte_offset = u64::MAX - 7;
    accepts(&six().origin(8).byte_offset(byte_offset), |tensor| {
        assert_eq!(tensor.byte_offset(), byte_offset);
        let error = Error::ByteOffsetOverflow { byte_offset };
        assert_eq!(error_of_all::<f32>(&tensor), Some(error));
        assert_eq!(read_unaligned::<f32>(&tensor), Err(error));
    });
}

#[test]
fn h064_offset_of_half_the_address_space() {
    for byte_offset in [1 << 63, u64::try_from(isize::MAX).expect("at most 64 bits") + 1] {
        accepts(&six().byte_offset(byte_offset), |tensor| {
            let error = Error::ByteOffsetOverflow { byte_offset };
            assert_eq!(error_of_all::<f32>(&tensor), Some(error));
        });
    }
}

#[test]
fn h064_offset_that_wraps_around_the_address_space() {
    // Both are in the upper half, as negative numbers would be, and their sum is not.
    let byte_offset = u64::try_from(isize::MAX).expect("at most 64 bits") + 1;
    let data = ptr::without_provenance_mut(usize::MAX - 7);
    accepts(&Spec::new(FLOAT).shape(&[1]).borrow(data).byte_offset(byte_offset), |tensor| {
        let error = Error::ByteOffsetOverflow { byte_offset };
        assert_eq!(error_of_all::<f32>(&tensor), Some(error));
        assert_eq!(tensor.start(), Err(error));
    });
}

#[test]
fn h064_addresses_beyond_the_last() {
    let last = ptr::without_provenance_mut(usize::MAX - 7);
    // The second element would end where the address space does, the third would wrap around.
    accepts(&Spec::new(FLOAT).shape(&[3]).borrow(last), |tensor| {
        assert_eq!(error_of_all::<f32>(&tensor), Some(Error::AddressOverflow));
    });
    accepts(&Spec::new(FLOAT).shape(&[2]).borrow(last).byte_offset(8), |tensor| {
        assert_eq!(error_of_all::<f32>(&tensor), Some(Error::AddressOverflow));
    });
    // The first element would begin behind the last address, and not at 0.
    accepts(&Spec::new(FLOAT).shape(&[1]).borrow(last).byte_offset(16), |tensor| {
        assert_eq!(error_of_all::<f32>(&tensor), Some(Error::AddressOverflow));
        assert_eq!(tensor.start(), Err(Error::AddressOverflow));
    });
    // The last elements would wrap around, though neither the address nor the offset is in the upper half.
    let half = usize::MAX / 2 - 7;
    let data = ptr::without_provenance_mut(half);
    let offset = u64::try_from(half).expect("at most 64 bits");
    accepts(&Spec::new(FLOAT).shape(&[5]).borrow(data).byte_offset(offset), |tensor| {
        assert_eq!(error_of_all::<f32>(&tensor), Some(Error::AddressOverflow));
    });
    let first = ptr::without_provenance_mut(8);
    for stride in [-2, -3] {
        // The second element would begin at address 0, where nothing can lie, or before it.
        accepts(&Spec::new(FLOAT).shape(&[2]).strides(&[stride]).borrow(first), |tensor| {
            assert_eq!(error_of_all::<f32>(&tensor), Some(Error::AddressOverflow));
        });
    }
}

#[test]
fn h065_misaligned_data() {
    for shift in [1, 2, 3] {
        accepts(&six().data_shift(shift), |tensor| {
            assert_eq!(tensor.data().addr() % 4, shift);
            assert_eq!(error_of_all::<f32>(&tensor), Some(Error::Misaligned { required: 4 }));
            assert_eq!(read_unaligned::<f32>(&tensor), Ok(SIX.to_vec()));
        });
    }
}

#[test]
fn h066_misaligned_offset() {
    let halves: Vec<u16> = (1..=13).collect();
    let spec = six().data(&halves).byte_offset(2);
    let expected: Vec<f32> = halves[1..]
        .chunks(2)
        .map(|pair| [pair[0].to_ne_bytes(), pair[1].to_ne_bytes()].concat())
        .map(|bytes| f32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    accepts(&spec, |tensor| {
        assert_eq!(error_of_all::<f32>(&tensor), Some(Error::Misaligned { required: 4 }));
        assert_eq!(read_unaligned::<f32>(&tensor).as_ref(), Ok(&expected));
    });
    // Two wrongs make a right.
    accepts(&six().data_shift(2).data(&halves).byte_offset(2), |tensor| {
        assert_eq!(error_of_all::<f32>(&tensor), None);
    });
}

#[test]
fn h067_bytes_anywhere() {
    for shift in 0..8 {
        accepts(&Spec::of(&[1_u8, 2, 3]).data_shift(shift), |tensor| {
            assert_eq!(read(&tensor), Ok(vec![1_u8, 2, 3]));
        });
    }
}

#[cfg(feature = "num-complex")]
#[test]
fn h068_complex_numbers_as_aligned_as_their_parts() {
    use num_complex::Complex;

    let spec = Spec::new(dtype(5, 64, 1)).shape(&[3]).data(&SIX).data_shift(4);
    accepts(&spec, |tensor| {
        assert_eq!(tensor.data().addr() % 8, 4);
        let expected = [Complex::new(1_f32, 2.0), Complex::new(3.0, 4.0), Complex::new(5.0, 6.0)];
        assert_eq!(read(&tensor), Ok(expected.to_vec()));
    });
}

#[test]
fn h068_lanes_as_aligned_as_one() {
    let spec = Spec::new(dtype(2, 32, 2)).shape(&[3]).data(&SIX).data_shift(4);
    accepts(&spec, |tensor| {
        assert_eq!(tensor.data().addr() % 8, 4);
        assert_eq!(read(&tensor), Ok(vec![[1_f32, 2.0], [3.0, 4.0], [5.0, 6.0]]));
    });
}

#[test]
fn h069_doubles_as_the_target_aligns_them() {
    accepts(&Spec::of(&[1.5_f64, 2.5]).data_shift(4), |tensor| {
        // 4 on i686 Linux, where C has it so, and 8 elsewhere.
        let required = align_of::<f64>();
        let expected = (required == 8).then_some(Error::Misaligned { required });
        assert_eq!(error_of_all::<f64>(&tensor), expected);
        assert_eq!(read_unaligned(&tensor), Ok(vec![1.5_f64, 2.5]));
    });
}

#[cfg(all(target_arch = "x86", unix))]
#[test]
fn h069_doubles_at_4_on_i686() {
    accepts(&Spec::of(&[1.5_f64, 2.5]).data_shift(4), |tensor| {
        assert_eq!(read(&tensor), Ok(vec![1.5_f64, 2.5]));
    });
}

#[test]
fn h070_up_to_the_edges() {
    let end = guarded(six(), |spec| spec.guard_data_end());
    accepts(&end, |tensor| {
        assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
        // SAFETY: C initialised the elements, and nobody writes them.
        assert_eq!(unsafe { tensor.as_slice::<f32>() }, Ok(&SIX[..]));
    });
    let start = guarded(Spec::of(&SIX).strides(&[-1]).origin(20), |spec| spec.guard_data_start());
    accepts(&start, |tensor| {
        assert_eq!(read(&tensor), Ok(vec![6_f32, 5.0, 4.0, 3.0, 2.0, 1.0]));
    });
    let sparse = Spec::of(&SIX[..5]).shape(&[3]).strides(&[2]);
    accepts(&guarded(sparse, |spec| spec.guard_data_end()), |tensor| {
        assert_eq!(read(&tensor), Ok(vec![1_f32, 3.0, 5.0]));
        // SAFETY: as above.
        let view = unsafe { tensor.view::<f32>() }.expect("a view");
        let mut copied = [0.0; 3];
        assert_eq!(view.copy_to(&mut copied), Ok(()));
        assert_eq!(copied, [1.0, 3.0, 5.0]);
    });
}
