//! One function for tensors in both ABIs, and conversions between them.

use std::error::Error;
use std::sync::Arc;

use dlpack::{Access, AnyManagedTensor, Exporter, ManagedTensor, ManagedTensorVersioned, sys};

fn main() -> Result<(), Box<dyn Error>> {
    let library = Library::default();

    let raw = library.legacy()?;
    // SAFETY: the library passes the tensor on, and keeps to the standard.
    let old = unsafe { ManagedTensor::from_raw(raw) }?;
    let raw = library.versioned()?;
    // SAFETY: as above.
    let new = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    assert_eq!(library.alive(), 2);

    assert_eq!(sum(old.into())?, 10);
    assert_eq!(sum(new.into())?, 10);
    assert_eq!(library.alive(), 0, "both deleters have been called");

    from_legacy(&library)?;
    to_legacy(&library)
}

/// Returns the sum of a tensor in either ABI.
fn sum(tensor: AnyManagedTensor) -> Result<i32, dlpack::Error> {
    match tensor.version() {
        Some(version) => println!("version {version}: {tensor:?}"),
        None => println!("legacy: {tensor:?}"),
    }
    // SAFETY: the library has written all elements, and does not write them again.
    let tensor = unsafe { tensor.assume_frozen() };
    Ok(tensor.view::<i32>()?.iter().sum())
}

/// The legacy struct has no flags. Since the memory may not be writable, the new struct is read-only.
fn from_legacy(library: &Library) -> Result<(), Box<dyn Error>> {
    let raw = library.legacy()?;
    // SAFETY: the library passes the tensor on, and keeps to the standard.
    let tensor = unsafe { ManagedTensor::from_raw(raw) }?;
    assert_eq!(tensor.access(), Access::Unknown);
    assert_eq!(tensor.into_versioned()?.access(), Access::ReadOnly);

    let raw = library.legacy()?;
    // SAFETY: as above.
    let tensor = unsafe { ManagedTensor::from_raw(raw) }?;
    // SAFETY: the manual of the library says that the memory may be written.
    let tensor = unsafe { tensor.assume_writable() }.into_versioned()?;
    assert_eq!(tensor.access(), Access::Writable);

    // The new struct owns the old one.
    assert_eq!(library.alive(), 1);
    drop(tensor);
    assert_eq!(library.alive(), 0);
    Ok(())
}

/// A tensor can be converted to the legacy ABI unless it is read-only, which that ABI cannot express.
fn to_legacy(library: &Library) -> Result<(), Box<dyn Error>> {
    let raw = library.versioned()?;
    // SAFETY: the library passes the tensor on, and keeps to the standard.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    let raw: *mut sys::DLManagedTensor = tensor.into_legacy()?.into_raw();
    // A consumer of the legacy ABI reads the last element, and calls the deleter.
    // SAFETY: the tensor is alive, has four elements, and is deleted once.
    unsafe {
        assert_eq!((*raw).dl_tensor.data.cast::<i32>().add(3).read(), 4);
        (*raw).deleter.ok_or("expected a deleter")?(raw);
    }
    assert_eq!(library.alive(), 0);

    let raw = library.read_only()?;
    // SAFETY: as above.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    let rejected = tensor.into_legacy().err().ok_or("a consumer could write read-only memory")?;
    println!("read-only to legacy: {rejected}");
    assert_eq!(rejected.error(), dlpack::Error::ReadOnlyNotExpressible);

    // The error returns the tensor.
    assert_eq!(rejected.into_inner().shape(), [2, 2]);
    assert_eq!(library.alive(), 0);
    Ok(())
}

/// Stands for a C library that makes tensors of two by two, and counts them.
#[derive(Default)]
struct Library {
    count: Arc<()>,
}

/// The elements of a tensor, which are counted as long as they live.
struct Elements {
    values: [i32; 4],
    _count: Arc<()>,
}

impl Library {
    fn alive(&self) -> usize {
        Arc::strong_count(&self.count) - 1
    }

    fn elements(&self) -> Elements {
        Elements { values: [1, 2, 3, 4], _count: Arc::clone(&self.count) }
    }

    fn legacy(&self) -> Result<*mut sys::DLManagedTensor, dlpack::Error> {
        let exporter = Exporter::of_mut(self.elements(), |elements| &mut elements.values[..]);
        Ok(exporter.shape(&[2, 2]).into_raw_legacy()?)
    }

    fn versioned(&self) -> Result<*mut sys::DLManagedTensorVersioned, dlpack::Error> {
        let exporter = Exporter::of_mut(self.elements(), |elements| &mut elements.values[..]);
        Ok(exporter.shape(&[2, 2]).into_raw()?)
    }

    fn read_only(&self) -> Result<*mut sys::DLManagedTensorVersioned, dlpack::Error> {
        let exporter = Exporter::of(self.elements(), |elements| &elements.values[..]);
        Ok(exporter.shape(&[2, 2]).into_raw()?)
    }
}
