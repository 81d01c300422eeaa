//! Two lines turn a pointer from a C library into an owned, checked value.

use dlpack::{DataType, Device, Error, ManagedTensorVersioned};
use dlpack_sys::DLManagedTensorVersioned;
use harness::{Record, Spec, dtype};

fn main() -> Result<(), Error> {
    let (raw, record) = matrix_from_c();

    // SAFETY: the C library passes the tensor on, and keeps to the standard.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    // SAFETY: it has written all elements, and does not write them again.
    let tensor = unsafe { tensor.assume_frozen() };

    println!("{tensor:?}");
    assert_eq!(tensor.shape(), [2, 3]);
    assert_eq!(tensor.dtype(), DataType::F32);
    assert_eq!(tensor.device(), Device::CPU);

    let matrix = tensor.view::<f32>()?;
    println!("{matrix:?}");
    assert_eq!(matrix[[1, 2]], 6.0);
    assert_eq!(matrix.as_slice()?, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);

    // A view has exactly the dtype of the tensor.
    let error = tensor.view::<i32>().err();
    assert_eq!(error, Some(Error::DTypeMismatch { expected: DataType::I32, found: DataType::F32 }));

    assert!(record.is_alive());
    drop(tensor);
    assert_eq!(record.deleted(), 1);

    refused("a negative size", Spec::of(&[1.0_f32]).shape(&[-1]));
    refused("a shape without numbers", Spec::of(&[1.0_f32]).null_shape());
    refused("more elements than memory can hold", Spec::of(&[1.0_f32]).shape(&[1 << 40, 1 << 40]));
    refused("a dtype of no bits", Spec::new(dtype(2, 0, 1)));
    refused("a version of the future", Spec::of(&[1.0_f32]).version(2, 0));

    on_another_device()
}

/// Stands for a function of a C library that returns a tensor.
fn matrix_from_c() -> (*mut DLManagedTensorVersioned, Record) {
    Spec::of(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]).shape(&[2, 3]).make_versioned()
}

/// An invalid tensor results in an error, and its deleter is called.
fn refused(what: &str, spec: Spec) {
    let (raw, record) = spec.make_versioned();
    // SAFETY: the C library passes the tensor on, and its invalid field is one that is checked.
    let error = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect_err("a refusal");
    println!("{what}: {error}");
    assert_eq!(record.deleted(), 1);
}

/// A tensor in the memory of a GPU can be described and passed on, but not read.
fn on_another_device() -> Result<(), Error> {
    let (raw, record) = Spec::of(&[1.0_f32, 2.0]).device(2, 0).make_versioned();
    // SAFETY: the C library passes the tensor on, and keeps to the standard.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    assert_eq!((tensor.device(), tensor.shape()), (Device::cuda(0), &[2][..]));

    // SAFETY: the elements are initialised, and nobody writes them.
    let error = unsafe { tensor.view::<f32>() }.err();
    assert_eq!(error, Some(Error::NotHostAccessible { device: Device::cuda(0) }));

    drop(tensor);
    assert_eq!(record.deleted(), 1);
    Ok(())
}
