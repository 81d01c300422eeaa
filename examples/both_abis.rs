//! One function for tensors in both ABIs, and conversions between them.

use std::error::Error;

use dlpack::{Access, AnyManagedTensor, ManagedTensor, ManagedTensorVersioned};
use harness::{Spec, release};

fn main() -> Result<(), Box<dyn Error>> {
    let spec = Spec::of(&[1_i32, 2, 3, 4]).shape(&[2, 2]);

    let (raw, old_record) = spec.make_legacy();
    // SAFETY: the C library passes the tensor on, and keeps to the standard.
    let old = unsafe { ManagedTensor::from_raw(raw) }?;
    let (raw, new_record) = spec.make_versioned();
    // SAFETY: as above.
    let new = unsafe { ManagedTensorVersioned::from_raw(raw) }?;

    assert_eq!(sum(old.into())?, 10);
    assert_eq!(sum(new.into())?, 10);
    assert_eq!((old_record.deleted(), new_record.deleted()), (1, 1));

    from_legacy(&spec)?;
    to_legacy(&spec)
}

/// Returns the sum of a tensor in either ABI.
fn sum(tensor: AnyManagedTensor) -> Result<i32, dlpack::Error> {
    match tensor.version() {
        Some(version) => println!("version {version}: {tensor:?}"),
        None => println!("legacy: {tensor:?}"),
    }
    // SAFETY: the C library has written all elements, and does not write them again.
    let tensor = unsafe { tensor.assume_frozen() };
    Ok(tensor.view::<i32>()?.iter().sum())
}

/// The legacy struct has no flags. Since the memory may not be writable, the new struct is read-only.
fn from_legacy(spec: &Spec) -> Result<(), Box<dyn Error>> {
    let (raw, _record) = spec.make_legacy();
    // SAFETY: the C library passes the tensor on, and keeps to the standard.
    let tensor = unsafe { ManagedTensor::from_raw(raw) }?;
    assert_eq!(tensor.access(), Access::Unknown);
    assert_eq!(tensor.into_versioned()?.access(), Access::ReadOnly);

    let (raw, record) = spec.make_legacy();
    // SAFETY: as above.
    let tensor = unsafe { ManagedTensor::from_raw(raw) }?;
    // SAFETY: the manual of the C library says that the memory may be written.
    let tensor = unsafe { tensor.assume_writable() }.into_versioned()?;
    assert_eq!(tensor.access(), Access::Writable);

    // The new struct owns the old one.
    assert!(record.is_alive());
    drop(tensor);
    assert_eq!(record.deleted(), 1);
    Ok(())
}

/// A tensor can be converted to the legacy ABI unless it is read-only, which that ABI cannot express.
fn to_legacy(spec: &Spec) -> Result<(), Box<dyn Error>> {
    let (raw, record) = spec.make_versioned();
    // SAFETY: the C library passes the tensor on, and keeps to the standard.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    // SAFETY: C takes ownership of the tensor.
    let checksum = unsafe { release::consume(tensor.into_legacy()?.into_raw()) };
    assert!(checksum.is_some(), "C could read the tensor");
    assert_eq!(record.deleted(), 1);

    let (raw, record) = spec.clone().flags(1).make_versioned();
    // SAFETY: as above.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    let rejected = tensor.into_legacy().err().ok_or("a consumer could write read-only memory")?;
    println!("read-only to legacy: {rejected}");
    assert_eq!(rejected.error(), dlpack::Error::ReadOnlyNotExpressible);

    // The error returns the tensor.
    assert_eq!(rejected.into_inner().shape(), [2, 2]);
    assert_eq!(record.deleted(), 1);
    Ok(())
}
