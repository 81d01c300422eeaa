//! One vector, many consumers: who may write, who gets a copy, and how the owner comes back.

use std::error::Error;
use std::sync::Arc;

use dlpack::{Access, Exporter, Flags, ManagedTensor, ManagedTensorVersioned, loan::Loaned};
use harness::alloc::{CountingAllocator, count};
use harness::{consumer, release};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

fn main() -> Result<(), Box<dyn Error>> {
    many_consumers()?;
    a_legacy_consumer()?;
    parts()?;
    reclaimed()
}

fn weights() -> Vec<f32> {
    vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
}

/// What is shared can be read by all and written by none.
fn many_consumers() -> Result<(), Box<dyn Error>> {
    let weights = Arc::new(weights());
    let mut held = release::Bag::new();
    for _ in 0..5 {
        let raw = Exporter::of(Arc::clone(&weights), |w| &w[..]).shape(&[2, 3]).into_raw()?;
        // SAFETY: the tensor is alive.
        let (data, flags) = unsafe { ((*raw).dl_tensor.data, (*raw).flags) };
        assert_eq!((data.cast_const(), flags), (weights.as_ptr().cast(), Flags::READ_ONLY.bits()));
        // SAFETY: C takes the tensor over.
        unsafe { held.hold(raw) };
    }
    println!("{} consumers look at one vector, read-only", held.len());
    assert_eq!(Arc::strong_count(&weights), 6);

    drop(held);
    let weights = Arc::into_inner(weights).ok_or("expected the last one")?;
    println!("they are done, and the vector is ours alone: {weights:?}");
    Ok(())
}

/// The legacy ABI cannot say "read-only", so that its consumer gets a copy, which it may write.
fn a_legacy_consumer() -> Result<(), Box<dyn Error>> {
    let weights = Arc::<[f32]>::from(weights());
    let refused = Exporter::shared(Arc::clone(&weights)).into_raw_legacy().map(drop);
    let refused = refused.err().ok_or("expected a refusal")?;
    println!("a legacy consumer: {refused}");

    let tensor = Exporter::shared(refused.into_inner()).build()?;
    let raw = tensor.to_copy()?.into_inner().into_legacy()?.into_raw();
    drop(tensor);
    // SAFETY: the tensor is alive, and the pointer stays within it.
    let copy = unsafe { &raw const (*raw).dl_tensor };
    // SAFETY: the same; it is the consumer's copy.
    assert!(unsafe { consumer::write(copy, 0, &[0], &9.0_f32.to_ne_bytes()) });
    // SAFETY: C hands the tensor back.
    let copy = unsafe { ManagedTensor::from_raw(raw) }?;
    // SAFETY: a copy that nobody else has.
    let copy = unsafe { copy.as_slice::<f32>() }?;
    println!("it has written into its copy, {copy:?}, and not into ours, {weights:?}");
    assert_eq!((copy[0], weights[0], Arc::strong_count(&weights)), (9.0, 1.0, 1));
    Ok(())
}

/// A consumer that wants a column gets a column, which keeps the whole alive.
fn parts() -> Result<(), Box<dyn Error>> {
    let weights = Arc::<[f32]>::from(weights());
    let tensor = Exporter::shared(Arc::clone(&weights)).shape(&[2, 3]).build()?;
    let tensor = Arc::new(tensor);
    let column = tensor.share_view::<f32>(|all| all.select(1, 2))?;
    drop(tensor);
    println!("a column: {:?}, strides {:?}", column.view::<f32>()?.to_vec(), column.strides());
    assert_eq!(column.view::<f32>()?.to_vec(), [3.0, 6.0]);
    assert_eq!(Arc::strong_count(&weights), 2);
    // SAFETY: C takes the tensor over.
    unsafe { release::delete_on_thread(column.into_raw()) };
    assert_eq!(Arc::strong_count(&weights), 1);
    Ok(())
}

/// Who owns a vector alone gets that very vector back: from a tensor that is handed back, or after the deleter has run.
fn reclaimed() -> Result<(), Box<dyn Error>> {
    let weights = weights();
    let start = weights.as_ptr();
    let raw = Exporter::new(weights).into_raw()?;
    // SAFETY: C hands the tensor back.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    assert_eq!(tensor.access(), Access::Writable);
    let weights = tensor.downcast::<Vec<f32>>().map_err(|_| "expected the vector")?;
    assert_eq!(weights.as_ptr(), start);
    println!("handed back, the tensor gives the vector back");

    let (loaned, claim) = Loaned::new(weights)?;
    let raw = Exporter::new(loaned).into_raw()?;
    let claim = claim.try_take().err().ok_or("expected the consumer to be busy")?;
    // SAFETY: C takes the tensor over.
    unsafe { release::delete_on_thread(raw) };
    let (weights, allocations) = count(|| claim.try_take());
    let weights = weights.map_err(|_| "expected the consumer to be done")?;
    println!("deleted elsewhere, a loan gives the vector back: {weights:?}");
    assert_eq!((weights.as_ptr(), allocations), (start, 0));
    Ok(())
}
