//! A vector goes to C and comes back as the same memory.

use std::error::Error;
use std::sync::Arc;

use dlpack::{Exporter, ManagedTensorVersioned};
use harness::{consumer, release};

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

    // SAFETY: the tensor is alive and writable, and only C uses it.
    unsafe {
        let tensor = &raw const (*raw).dl_tensor;
        let seen = consumer::read(tensor, 0, &[1, 0]);
        assert_eq!(seen, Some(4.0_f32.to_ne_bytes().to_vec()));
        assert!(consumer::write(tensor, 0, &[1, 0], &9.0_f32.to_ne_bytes()));
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

    // SAFETY: C takes ownership of the tensor.
    unsafe { release::delete_on_thread(raw) };
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
