//! Functions after which the tensor is still the one that came in.

use dlpack::AnyManagedTensor;

use crate::scene::{SIX, copied, legacy_row, row, six};

#[test]
fn a_description_stays() {
    row(&six(), |tensor, scene| {
        scene.is_six(&tensor);
        let tensor = AnyManagedTensor::from(tensor);
        scene.is_six(&tensor);
    });
    legacy_row(&six(), |tensor, scene| scene.is_six(&tensor));
}

#[test]
fn frozen() {
    row(&six(), |tensor, scene| {
        // SAFETY: C has initialised the elements, and nobody writes them.
        let tensor = unsafe { tensor.assume_frozen() };
        scene.is_six(&tensor);
        assert_eq!(tensor.as_slice::<f32>(), Ok(&SIX[..]));
        scene.change();
        scene.is_six(&tensor.into_inner());
    });
}

#[test]
fn exclusive() {
    row(&six(), |tensor, scene| {
        // SAFETY: C has initialised the elements, and nobody else reaches them.
        let mut tensor = unsafe { tensor.assume_exclusive() };
        scene.change();
        assert_eq!(tensor.view_mut::<f32>().expect("writable").iter_mut().count(), 6);
        scene.is_six(&tensor);
    });
}

#[test]
fn try_exclusive() {
    row(&copied(), |tensor, scene| {
        let tensor = tensor.try_exclusive().expect("a copy");
        scene.change();
        let tensor = tensor.fill(7.0_f32).expect("writable");
        scene.change();
        assert_eq!(tensor.as_slice::<f32>(), Ok(&[7.0; 6][..]));
    });
}

/// What a storage type keeps of a tensor, to end it.
#[test]
#[cfg(feature = "alloc")]
fn kept_for_its_end() {
    row(&six(), |tensor, scene| {
        let kept = tensor.into_opaque().expect("memory for a struct");
        scene.change();
        drop(kept);
    });
    legacy_row(&six(), |tensor, scene| {
        let kept = tensor.into_opaque().expect("memory for a struct");
        scene.change();
        drop(kept);
    });
}

#[test]
fn downcast_to_what_it_is_not() {
    row(&six(), |tensor, scene| {
        scene.is_six(&tensor.downcast::<Box<[f32]>>().expect_err("not of this crate"));
    });
    legacy_row(&six(), |tensor, scene| {
        scene.is_six(&tensor.downcast::<Box<[f32]>>().expect_err("not of this crate"));
    });
}

/// The struct is the producer's own, and its arrays are not looked at.
#[test]
fn into_raw() {
    row(&six(), |tensor, scene| {
        let before = tensor.as_raw();
        let raw = tensor.into_raw();
        assert_eq!(raw, before);
        scene.change();
        // SAFETY: the tensor was passed on.
        unsafe { harness::release::delete(raw) };
    });
    legacy_row(&six(), |tensor, scene| {
        let raw = tensor.into_raw();
        scene.change();
        // SAFETY: the tensor was passed on.
        unsafe { harness::release::delete(raw) };
    });
}

/// Without a heap, there is no room for another struct.
#[cfg(not(feature = "alloc"))]
#[test]
fn into_parcel_without_a_heap() {
    row(&six(), |tensor, scene| {
        let refused = tensor.into_opaque().expect_err("no room");
        assert_eq!(refused.error(), dlpack::Error::AllocationFailed);
        scene.is_six(&refused.into_inner());
    });
}

#[cfg(feature = "alloc")]
#[test]
fn to_copy() {
    row(&six(), |tensor, scene| {
        // SAFETY: C has initialised the elements, and nobody writes them.
        let copy = unsafe { tensor.to_copy() }.expect("24 bytes");
        scene.change();
        drop(tensor);
        scene.is_six(&copy);
    });
}

#[cfg(feature = "bytes")]
#[test]
fn into_bytes() {
    row(&six(), |tensor, scene| {
        // SAFETY: C has initialised the elements, and nobody writes them.
        let bytes = unsafe { tensor.assume_frozen() };
        let bytes = bytes::Bytes::try_from(bytes).expect("contiguous");
        scene.change();
        assert_eq!(&bytes[..], harness::bytes_of(&SIX));
    });
}
