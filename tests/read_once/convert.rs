//! Conversions between the ABIs, both ways.

use dlpack::{AnyManagedTensor, ManagedTensor, ManagedTensorVersioned};

use crate::scene::{legacy_row, row, six};

#[test]
fn into_legacy() {
    row(&six(), |tensor, scene| {
        let tensor = tensor.into_legacy().expect("memory for a struct");
        scene.is_six(&tensor);
        scene.arrives_legacy(tensor.into_raw());
    });
}

#[test]
fn into_versioned() {
    for spec in [six(), six().null_strides()] {
        legacy_row(&spec, |tensor, scene| {
            let tensor = tensor.into_versioned().expect("memory for a struct");
            scene.is_six(&tensor);
            scene.arrives(tensor.into_raw());
        });
    }
}

#[test]
fn there_and_back() {
    row(&six(), |tensor, scene| {
        let tensor = tensor.into_legacy().expect("memory for a struct");
        scene.change();
        let tensor = tensor.into_versioned().expect("memory for a struct");
        scene.arrives(tensor.into_raw());
    });
}

#[test]
fn a_tensor_in_either_abi() {
    legacy_row(&six(), |tensor, scene| {
        let tensor = AnyManagedTensor::from(tensor).into_versioned().expect("memory for a struct");
        scene.arrives(tensor.into_raw());
    });
    row(&six(), |tensor, scene| {
        let tensor = AnyManagedTensor::from(tensor).into_versioned().expect("it is one");
        scene.change();
        scene.arrives(tensor.into_opaque().expect("memory for a struct").into_raw());
    });
}

/// The producer's own struct comes back, and is still one that does not leave as it is.
#[test]
fn downcast() {
    row(&six(), |tensor, scene| {
        let tensor = tensor.into_legacy().expect("memory for a struct");
        scene.change();
        let tensor = tensor.downcast::<ManagedTensorVersioned>().expect("what was converted");
        scene.is_six(&tensor);
        scene.arrives(tensor.into_opaque().expect("memory for a struct").into_raw());
    });
    row(&six(), |tensor, scene| {
        let raw = tensor.into_opaque().expect("memory for a struct").into_raw();
        // SAFETY: a struct of this crate, just passed on.
        let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
        scene.change();
        let tensor = tensor.downcast::<ManagedTensorVersioned>().expect("what was passed on");
        scene.arrives(tensor.into_opaque().expect("memory for a struct").into_raw());
    });
    legacy_row(&six(), |tensor, scene| {
        let tensor = tensor.into_versioned().expect("memory for a struct");
        scene.change();
        let tensor = tensor.downcast::<ManagedTensor>().expect("what was converted");
        scene.is_six(&tensor);
        scene.arrives(tensor.into_versioned().expect("memory for a struct").into_raw());
    });
}
