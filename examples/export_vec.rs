//! A vector goes to C and comes back as the same memory.

use std::error::Error;
use std::sync::Arc;
use std::thread;

use dlpack::{Exporter, ManagedTensorVersioned, sys::DLManagedTensorVersioned};

fn main() -> Result<(), Box<dyn Error>> {
    there_and_back()?;
    dropped_by_c()?;
    refused();
    Ok(())
}

fn there_and_back() -> Result<(), Box<dyn Error>> {
    let data = vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0];
    let start = data.as_ptr();
    let raw = Exporter::new(data).shape(&[2, 3]).build()?.into_raw();

    // C finds the second row by the strides, and writes its first element.
    // SAFETY: the tensor is alive and writable, and only this uses it.
    unsafe {
        let tensor = &raw const (*raw).dl_tensor;
        let row = (*tensor).data.cast::<f32>().offset(isize::try_from(*(*tensor).strides)?);
        assert_eq!(row.read(), 4.0);
        row.write(9.0);
    }

    // SAFETY: C passes the tensor back.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    let Ok(data) = tensor.downcast::<Vec<f32>>() else {
        return Err("expected the vector".into());
    };
    println!("C wrote into the vector: {data:?}");
    assert_eq!(data, [1.0, 2.0, 3.0, 9.0, 5.0, 6.0]);
    assert_eq!(data.as_ptr(), start);
    Ok(())
}

/// Usually, the consumer calls the deleter, on any thread, and the deleter drops the owner.
fn dropped_by_c() -> Result<(), Box<dyn Error>> {
    let data = Arc::<[u16]>::from([1, 2, 3]);
    let raw = Exporter::shared(Arc::clone(&data)).build()?.into_raw();
    assert_eq!(Arc::strong_count(&data), 2);

    let address = raw as usize; // A pointer cannot be sent to a thread.
    let consumer = thread::spawn(move || {
        let raw = address as *mut DLManagedTensorVersioned;
        // SAFETY: the tensor was passed on, and its deleter is called once.
        unsafe { (*raw).deleter.expect("a deleter")(raw) }
    });
    consumer.join().map_err(|_| "expected no panic")?;
    println!("C has called the deleter on a thread of its own");
    assert_eq!(Arc::strong_count(&data), 1);
    Ok(())
}

/// A layout that does not fit is refused, and the error returns the owner.
fn refused() {
    let data = vec![1.0_f32; 6];
    let start = data.as_ptr();
    let rejected = Exporter::new(data).shape(&[2, 4]).build().expect_err("a refusal");
    println!("six elements are not two by four: {rejected}");
    assert!(matches!(rejected.error(), dlpack::Error::OutOfBounds { available: 24, .. }));
    let data = rejected.into_inner();
    assert_eq!(data.as_ptr(), start);
}
