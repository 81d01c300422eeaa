//! Devices: those the host can read, those it cannot, and those nobody has heard of.

use std::ptr;

use dlpack::{Descriptor, Error, view::Unaligned};

use crate::support::{SIX, accepts, read, six};

/// That every way to the elements is closed, and says which device it is.
fn assert_closed(tensor: &Descriptor) {
    let error = Error::NotHostAccessible { device: tensor.device() };
    assert_eq!(read::<f32>(tensor), Err(error));
    // SAFETY: refused.
    assert_eq!(unsafe { tensor.as_slice::<f32>() }, Err(error));
    // SAFETY: refused.
    assert_eq!(unsafe { tensor.view_as::<Unaligned<f32>>() }.err(), Some(error));
    // SAFETY: refused.
    assert_eq!(unsafe { tensor.packed_view::<dlpack::types::U4>() }.err(), Some(error));
    #[cfg(feature = "alloc")]
    // SAFETY: refused.
    assert_eq!(unsafe { tensor.to_copy() }.map(drop), Err(error));
}

#[test]
fn h091_processors_with_numbers() {
    for id in [0, 7, -1, i32::MIN] {
        accepts(&six().device(1, id), |tensor| {
            assert_eq!(tensor.device().device_id, id);
            assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
        });
    }
}

#[test]
fn h092_pinned_memory() {
    for code in [3, 11] {
        accepts(&six().device(code, 0), |tensor| {
            assert_eq!(tensor.device().device_type.code(), code);
            assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
        });
    }
}

#[test]
fn h093_managed_memory() {
    accepts(&six().device(13, 0), |tensor| {
        assert_closed(&tensor);
        // SAFETY: it is host memory, and no device works on it.
        let tensor = unsafe { tensor.assume_host_accessible() };
        assert_eq!(tensor.device().device_type.code(), 13);
        assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
    });
}

#[test]
fn h094_other_memory() {
    for code in [2, 8, 14] {
        accepts(&six().device(code, 0), |tensor| {
            assert_eq!((tensor.shape(), tensor.numel()), (&[2, 3][..], 6));
            assert_closed(&tensor);
        });
    }
}

#[test]
fn h095_unknown_devices() {
    for (code, name) in
        [(0, "device(0):0"), (99, "device(99):0"), (-1, "device(-1):0"), (i32::MIN, "")]
    {
        accepts(&six().device(code, 0), |tensor| {
            let device = tensor.device();
            assert_eq!((device.device_type.code(), device.device_id), (code, 0));
            assert!(!device.device_type.is_known() && !device.is_handle());
            assert!(name.is_empty() || device.to_string() == name, "{device}");
            assert_eq!(device.to_string().parse(), Ok(device));
            assert_closed(&tensor);
        });
    }
}

#[test]
fn h096_a_handle_and_an_offset() {
    const HANDLE: usize = 0x1001;
    for code in [4, 7, 8, 15] {
        let spec = six().device(code, 0).byte_offset(66);
        accepts(&spec.borrow(ptr::without_provenance_mut(HANDLE)), |tensor| {
            assert!(tensor.device().is_handle());
            assert_eq!((tensor.data().addr(), tensor.byte_offset()), (HANDLE, 66));
            assert_closed(&tensor);
            #[cfg(feature = "alloc")]
            {
                let tensor = tensor.into_versioned().expect("memory for a header");
                assert_eq!((tensor.data().addr(), tensor.byte_offset()), (HANDLE, 66));
                let tensor = std::sync::Arc::new(tensor);
                let shared = tensor.share().expect("memory for a header");
                assert_eq!((shared.data().addr(), shared.byte_offset()), (HANDLE, 66));
            }
        });
    }
}
