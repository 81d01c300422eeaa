//! tvm-ffi 0.1.
//!
//! | | mistake | here |
//! | --- | --- | --- |
//! | 1 | a mutable slice from a shared reference | does not compile |
//! | 2 | views without a lifetime | does not compile |
//! | 3 | safe methods on the C struct that follow its pointers | does not compile |
//! | 4 | a closed enum for devices; ignored offsets; null strides, shape and data; a safe element trait | test, does not compile |

use dlpack::{Device, DeviceType, view::Unaligned};
use harness::{Spec, dtype};

use crate::support::{guarded_end, imported, imported_legacy};

#[test]
fn tvm_ffi_e4_devices_are_open_numbers() {
    let (tensor, _record) = imported_legacy(&Spec::of(&[1_u8]).device(4711, -1));
    assert_eq!(tensor.device(), Device::new(DeviceType::new(4711), -1));
    assert!(!tensor.device().device_type.is_known());
}

#[test]
fn tvm_ffi_e4_the_byte_offset_counts() {
    let spec = guarded_end(Spec::of(&[1_i16, 2, 3, 4, 5, 6]).shape(&[2, 2]).byte_offset(4));
    let (tensor, _record) = imported_legacy(&spec);
    // SAFETY: C wrote the elements, and nobody writes them now.
    let tensor = unsafe { tensor.assume_frozen() };
    assert_eq!(tensor.as_slice::<i16>().unwrap(), [3, 4, 5, 6]);
    assert_eq!(tensor.view::<i16>().unwrap()[[1, 0]], 5);
    assert_eq!(tensor.view_as::<Unaligned<i16>>().unwrap()[[0, 1]].get(), 4);
}

#[test]
fn tvm_ffi_e4_null_strides_are_row_major() {
    let spec = Spec::of(&[1_i16, 2, 3, 4, 5, 6]).shape(&[2, 3]).null_strides();
    let (tensor, _record) = imported_legacy(&spec);
    assert_eq!(tensor.strides(), [3, 1]);
    // SAFETY: C wrote the elements, and nobody writes them now.
    let tensor = unsafe { tensor.assume_frozen() };
    assert_eq!(tensor.view::<i16>().unwrap()[[1, 0]], 4);
}

/// The address is looked at as a number: of a reference the compiler would take it for granted.
fn is_proper_and_empty<T>(slice: &[T]) -> bool {
    let address = std::hint::black_box(slice.as_ptr().addr());
    slice.is_empty() && address != 0 && slice.as_ptr().is_aligned()
}

/// A Rust slice is never null, also where the tensor's data is, or points nowhere.
#[test]
fn tvm_ffi_e4_empty_slices_are_not_null() {
    let empty = Spec::new(dtype(2, 64, 1)).shape(&[3, 0]);
    let nowhere = std::ptr::without_provenance_mut(3);
    for spec in [empty.clone().null_data(), empty.clone().borrow(nowhere), empty.byte_offset(5)] {
        let (tensor, _record) = imported(&spec);
        // SAFETY: there are no elements.
        let mut tensor = unsafe { tensor.assume_exclusive() };
        let slice = tensor.as_slice::<f64>().unwrap();
        assert!(is_proper_and_empty(slice));
        let slice = tensor.view::<f64>().unwrap().as_slice().unwrap();
        assert!(is_proper_and_empty(slice));
        let mut view = tensor.view_mut::<f64>().unwrap();
        let slice = view.as_mut_slice().unwrap();
        assert!(is_proper_and_empty(slice));
    }
}

/// Exports and copies of nothing ask the allocator for no zero bytes and give consumers no dangling pointer.
#[cfg(feature = "alloc")]
#[test]
fn tvm_ffi_e4_empty_exports() {
    use dlpack::Exporter;

    let tensor = Exporter::new(Vec::<f64>::new()).shape(&[3, 0]).build().unwrap();
    assert!(tensor.data().is_null());
    assert_eq!((tensor.strides(), tensor.byte_offset()), (&[1, 1][..], 0));
    let copy = tensor.to_copy().unwrap();
    assert!(copy.data().is_null());
    assert_eq!(copy.shape(), [3, 0]);
    let copy = tensor.view::<f64>().unwrap().to_tensor().unwrap();
    assert_eq!(copy.shape(), [3, 0]);
}
