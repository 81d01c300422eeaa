//! Functions that pass the tensor on.

use std::ptr::NonNull;
use std::sync::Arc;

use dlpack::sys::DLPACK_FLAG_BITMASK_IS_COPIED;
use dlpack::{Flags, ManagedTensor, ManagedTensorVersioned, OpaqueTensor};

use crate::scene::{copied, legacy_row, row, six};

#[test]
fn into_opaque() {
    row(&six(), |tensor, scene| {
        let opaque = tensor.into_opaque().expect("memory for a struct");
        scene.change();
        scene.arrives(opaque.into_raw());
    });
}

#[test]
fn a_opaque_that_nobody_takes() {
    row(&six(), |tensor, scene| {
        let opaque = tensor.into_opaque().expect("memory for a struct");
        scene.change();
        drop(opaque);
    });
}

#[test]
fn the_words_of_an_opaque_tensor() {
    row(&copied(), |tensor, scene| {
        let opaque = tensor.into_opaque().expect("memory for a struct");
        scene.change();
        assert_eq!(opaque.flags().bits(), DLPACK_FLAG_BITMASK_IS_COPIED);
        assert_eq!((opaque.dtype(), opaque.device()), (dlpack::DataType::F32, dlpack::Device::CPU));
    });
}

/// Looked at again, what was marked as a copy can be filled: as many elements as there are.
#[test]
fn into_tensor() {
    row(&copied(), |tensor, scene| {
        let opaque = tensor.into_opaque().expect("memory for a struct");
        scene.change();
        // SAFETY: nobody has written the opaque's arrays, which are not the producer's.
        let tensor = unsafe { opaque.into_managed() }.expect("a valid tensor");
        scene.is_six(&tensor);
        let tensor = tensor.try_exclusive().expect("a copy").fill(7.0_f32).expect("writable");
        assert_eq!(tensor.as_slice::<f32>(), Ok(&[7.0; 6][..]));
    });
}

#[test]
fn opaque_from_raw() {
    row(&six(), |tensor, scene| {
        let raw = tensor.into_opaque().expect("memory for a struct").into_raw();
        scene.change();
        // SAFETY: just returned, and passed on to nobody.
        let opaque = unsafe { OpaqueTensor::from_raw(NonNull::new(raw).expect("a tensor")) };
        scene.arrives(opaque.into_raw());
    });
}

#[test]
fn into_legacy() {
    for spec in [six(), six().version(1, 0).null_strides()] {
        row(&spec, |tensor, scene| {
            let opaque = tensor.into_opaque().expect("memory for a struct");
            scene.change();
            let raw = opaque.into_legacy().expect("memory for a struct").into_raw();
            scene.arrives_legacy(raw);
        });
    }
}

#[test]
fn into_legacy_with_an_offset() {
    let spec = harness::Spec::of(&[0.0_f32, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).shape(&[2, 3]);
    row(&spec.byte_offset(4), |tensor, scene| {
        let opaque = tensor.into_opaque().expect("memory for a struct");
        scene.change();
        scene.arrives_legacy(opaque.into_legacy().expect("memory for a struct").into_raw());
    });
}

/// A producer's own struct, which is passed on by a promise, is not read by the function either.
#[test]
fn into_legacy_of_a_producers_own_struct() {
    for offset in [0, 4] {
        let spec = six().shape(&[1, 3]).strides(&[3, 1]).byte_offset(offset);
        row(&spec, |tensor, scene| {
            let raw = NonNull::new(tensor.into_raw()).expect("a tensor");
            // SAFETY: nobody who reads the arrays gets the struct.
            let opaque = unsafe { OpaqueTensor::from_raw(raw) };
            scene.change();
            let raw = opaque.into_legacy().expect("memory for a struct").into_raw();
            scene.change();
            // SAFETY: the tensor was passed on.
            unsafe { harness::release::delete(raw) };
        });
    }
}

/// A consumer may have written the arrays that the two structs share, so that the opaque is not to be had again.
#[test]
fn an_opaque_tensor_is_not_got_back_from_a_legacy_struct() {
    row(&copied(), |tensor, scene| {
        let opaque = tensor.into_opaque().expect("memory for a struct");
        let raw = opaque.into_legacy().expect("memory for a struct").into_raw();
        // SAFETY: the tensor was passed on.
        let shape = unsafe { (*raw).dl_tensor.shape };
        // SAFETY: the same.
        let tensor = unsafe { ManagedTensor::from_raw(raw) }.expect("a valid tensor");
        // SAFETY: a consumer that had the struct may write the array once it has been taken in.
        unsafe { shape.write(300) };
        scene.is_six(&tensor);
        let tensor = tensor.downcast::<OpaqueTensor>().expect_err("its arrays were in other hands");
        let tensor = tensor.downcast::<ManagedTensorVersioned>().expect_err("so were those");
        scene.is_six(&tensor);
    });
}

#[test]
fn share() {
    row(&six(), |tensor, scene| {
        let tensor = Arc::new(tensor);
        let child = tensor.share().expect("memory for a struct");
        scene.is_six(&child);
        drop(tensor);
        scene.arrives(child.into_raw());
    });
    legacy_row(&six(), |tensor, scene| {
        let child = Arc::new(tensor).share().expect("memory for a struct");
        scene.arrives(child.into_raw());
    });
}

#[test]
fn share_opaque() {
    row(&six(), |tensor, scene| {
        let tensor = Arc::new(tensor);
        let opaque = tensor.share_opaque().expect("memory for a struct");
        scene.change();
        drop(tensor);
        scene.arrives(opaque.into_raw());
    });
}

#[test]
fn share_and_share_view_of_a_frozen_tensor() {
    row(&six(), |tensor, scene| {
        // SAFETY: C has initialised the elements, and nobody writes them.
        let tensor = Arc::new(unsafe { tensor.assume_frozen() });
        let child = tensor.share().expect("memory for a struct");
        scene.is_six(&child);
        let part = tensor.share_view::<f32>(|view| view.slice(1, 1..3)).expect("two columns");
        scene.change();
        drop((tensor, child));
        assert_eq!((part.shape(), part.strides()), (&[2, 2][..], &[3, 1][..]));
        assert_eq!(part.view::<f32>().expect("floats").to_vec(), [2.0, 3.0, 5.0, 6.0]);
    });
}

#[test]
fn a_child_of_a_child() {
    row(&six(), |tensor, scene| {
        let child = Arc::new(tensor).share().expect("memory for a struct");
        scene.change();
        let child = Arc::new(child).share_opaque().expect("memory for a struct");
        scene.arrives(child.into_raw());
    });
}

#[test]
fn what_is_passed_on_twice() {
    row(&copied(), |tensor, scene| {
        let raw = tensor.into_opaque().expect("memory for a struct").into_raw();
        scene.change();
        // SAFETY: a struct of this crate, just passed on.
        let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
        let opaque = tensor.into_opaque().expect("memory for a struct");
        assert_eq!(opaque.flags(), Flags::IS_COPIED);
        assert_ne!(opaque.as_raw(), raw, "it has been out");
        scene.arrives(opaque.into_raw());
    });
}
