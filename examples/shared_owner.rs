//! One vector, many consumers: which may write, which get a copy, and how the owner is returned.

use std::error::Error;
use std::sync::Arc;
use std::thread;

use dlpack::sys::DLManagedTensorVersioned;
use dlpack::{Access, Exporter, Flags, ManagedTensor, ManagedTensorVersioned, loan::Loaned};

fn main() -> Result<(), Box<dyn Error>> {
    many_consumers()?;
    a_legacy_consumer()?;
    parts()?;
    reclaimed()
}

fn weights() -> Vec<f32> {
    vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
}

/// All consumers can read a shared vector, and none can write it.
fn many_consumers() -> Result<(), Box<dyn Error>> {
    let weights = Arc::new(weights());
    let mut held = Vec::new();
    for _ in 0..5 {
        let raw = Exporter::of(Arc::clone(&weights), |w| &w[..]).shape(&[2, 3]).into_raw()?;
        // SAFETY: the tensor is alive.
        let (data, flags) = unsafe { ((*raw).dl_tensor.data, (*raw).flags) };
        assert_eq!((data.cast_const(), flags), (weights.as_ptr().cast(), Flags::READ_ONLY.bits()));
        held.push(raw);
    }
    println!("{} consumers read one vector", held.len());
    assert_eq!(Arc::strong_count(&weights), 6);

    held.into_iter().for_each(delete);
    let weights = Arc::into_inner(weights).ok_or("expected the last one")?;
    println!("they are done, and the vector has one owner: {weights:?}");
    Ok(())
}

/// The legacy ABI cannot express that memory is read-only, so its consumer gets a copy, which it may write.
fn a_legacy_consumer() -> Result<(), Box<dyn Error>> {
    let weights = Arc::<[f32]>::from(weights());
    let refused = Exporter::shared(Arc::clone(&weights)).into_raw_legacy().map(drop);
    let refused = refused.err().ok_or("expected a refusal")?;
    println!("a legacy consumer: {refused}");

    let tensor = Exporter::shared(refused.into_inner()).build()?;
    let raw = tensor.to_copy()?.into_inner().into_legacy()?.into_raw();
    drop(tensor);
    // SAFETY: the tensor is alive, and a copy that only its consumer uses.
    unsafe { (*raw).dl_tensor.data.cast::<f32>().write(9.0) };
    // SAFETY: C passes the tensor back.
    let copy = unsafe { ManagedTensor::from_raw(raw) }?;
    // SAFETY: the copy is initialised, and nobody else uses it.
    let copy = unsafe { copy.as_slice::<f32>() }?;
    println!("it has written its copy, {copy:?}, and not the original, {weights:?}");
    assert_eq!((copy[0], weights[0], Arc::strong_count(&weights)), (9.0, 1.0, 1));
    Ok(())
}

/// A consumer can get a part of a tensor, which keeps the whole alive.
fn parts() -> Result<(), Box<dyn Error>> {
    let weights = Arc::<[f32]>::from(weights());
    let tensor = Exporter::shared(Arc::clone(&weights)).shape(&[2, 3]).build()?;
    let tensor = Arc::new(tensor);
    let column = tensor.share_view::<f32>(|all| all.select(1, 2))?;
    drop(tensor);
    println!("a column: {:?}, strides {:?}", column.view::<f32>()?.to_vec(), column.strides());
    assert_eq!(column.view::<f32>()?.to_vec(), [3.0, 6.0]);
    assert_eq!(Arc::strong_count(&weights), 2);
    delete(column.into_raw());
    assert_eq!(Arc::strong_count(&weights), 1);
    Ok(())
}

/// The same vector is returned by a tensor that comes back, or by a loan after the deleter was called.
fn reclaimed() -> Result<(), Box<dyn Error>> {
    let weights = weights();
    let start = weights.as_ptr();
    let raw = Exporter::new(weights).into_raw()?;
    // SAFETY: C passes the tensor back.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    assert_eq!(tensor.access(), Access::Writable);
    let weights = tensor.downcast::<Vec<f32>>().map_err(|_| "expected the vector")?;
    assert_eq!(weights.as_ptr(), start);
    println!("a tensor that comes back returns the vector");

    let (loaned, claim) = Loaned::new(weights)?;
    let raw = Exporter::new(loaned).into_raw()?;
    let claim = claim.try_take().err().ok_or("expected the consumer to be busy")?;
    delete(raw);
    let weights = claim.try_take().map_err(|_| "expected the consumer to be done")?;
    println!("after the deleter was called, the loan returns the vector: {weights:?}");
    assert_eq!(weights.as_ptr(), start);
    Ok(())
}

/// Stands for a consumer in C, which calls the deleter on a thread of its own.
fn delete(raw: *mut DLManagedTensorVersioned) {
    let address = raw as usize; // A pointer cannot be sent to a thread.
    let consumer = thread::spawn(move || {
        let raw = address as *mut DLManagedTensorVersioned;
        // SAFETY: the tensor was passed on, and its deleter is called once.
        unsafe { (*raw).deleter.expect("a deleter")(raw) }
    });
    consumer.join().expect("no panic");
}
