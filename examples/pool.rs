//! A steady stream of small tensors with headers from a pool, which allocates nothing once the pool is made.

use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use dlpack::{Exporter, allocator::Pool, sys::DLManagedTensorVersioned};

/// A reading of a sensor, which is stored in the header itself.
type Reading = [f32; 6];

fn main() -> Result<(), Box<dyn Error>> {
    // Room for 8 tensors at a time, of two axes at most.
    let pool = Arc::new(Pool::new::<Reading>(8, 2)?);
    stream(&pool)?;
    across_threads(&pool)?;
    exhausted(pool)
}

fn export(pool: &Arc<Pool>, reading: Reading) -> Result<Passed, dlpack::Error> {
    let exporter = Exporter::new(reading).shape(&[2, 3]).header_in(Arc::clone(pool));
    Ok(Passed(exporter.into_raw()?))
}

/// Exports readings, of which the last four are in use.
fn stream(pool: &Arc<Pool>) -> Result<(), dlpack::Error> {
    let mut out = [const { None }; 4];
    let (streamed, allocations) = count(|| {
        for (reading, place) in (0_u16..10_000).zip([0, 1, 2, 3].into_iter().cycle()) {
            let passed = export(pool, [f32::from(reading); 6])?;
            if let Some(done) = out[place].replace(passed) {
                Passed::consume(done);
            }
        }
        Ok::<_, dlpack::Error>(())
    });
    streamed?;
    println!("10000 tensors, {} of them still out: {allocations} allocations", pool.in_use());
    assert_eq!((pool.in_use(), allocations), (4, 0));
    out.into_iter().flatten().for_each(Passed::consume);
    assert_eq!(pool.in_use(), 0);
    Ok(())
}

/// Producers and consumer run on different threads.
fn across_threads(pool: &Arc<Pool>) -> Result<(), Box<dyn Error>> {
    let (sender, receiver) = mpsc::sync_channel::<Passed>(8);
    let consumer = thread::spawn(move || receiver.into_iter().map(Passed::consume).count());
    thread::scope(|scope| {
        for producer in 0..4_u8 {
            let sender = sender.clone();
            scope.spawn(move || {
                for _ in 0..1000 {
                    let passed = export(pool, [f32::from(producer); 6]).expect("a header");
                    sender.send(passed).expect("the consumer is there");
                }
            });
        }
    });
    drop(sender);
    let consumed = consumer.join().map_err(|_| "expected no panic")?;
    println!("{consumed} tensors from 4 threads, deleted by a fifth: {} are out", pool.in_use());
    assert_eq!((consumed, pool.in_use()), (4000, 0));
    Ok(())
}

/// When a pool is full, headers go to the heap. A pool lives as long as its headers.
fn exhausted(pool: Arc<Pool>) -> Result<(), Box<dyn Error>> {
    let (passed, allocations) = count(|| {
        let mut out = [const { None }; 10];
        for place in &mut out {
            *place = export(&pool, [0.5; 6]).ok();
        }
        out
    });
    println!("10 at a time: {} in the pool, {allocations} on the heap", pool.in_use());
    assert_eq!((pool.in_use(), allocations), (8, 2));
    let gone = Arc::downgrade(&pool);
    drop(pool);
    assert_eq!(gone.strong_count(), 10, "each header keeps it");
    assert_eq!(passed.into_iter().flatten().map(Passed::consume).count(), 10);
    assert!(gone.upgrade().is_none());
    println!("the last header took the pool with it");
    Ok(())
}

/// A tensor on its way to a C consumer.
struct Passed(*mut DLManagedTensorVersioned);

// SAFETY: the pointer owns the tensor, whose deleter may be called on any thread.
unsafe impl Send for Passed {}

impl Passed {
    fn consume(self) {
        // C reads the last element, and calls the deleter.
        // SAFETY: the tensor was passed on, has six elements, and is deleted once.
        unsafe {
            let tensor = (*self.0).dl_tensor;
            assert!(tensor.data.cast::<f32>().add(5).read() >= 0.0);
            (*self.0).deleter.expect("a deleter")(self.0);
        }
    }
}

/// The heap, which counts what is asked of it.
struct Heap;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does all the work.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the contract is the same.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static HEAP: Heap = Heap;

/// Returns how often the heap was asked for memory during a call.
fn count<R>(call: impl FnOnce() -> R) -> (R, usize) {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let result = call();
    (result, ALLOCATIONS.load(Ordering::Relaxed) - before)
}
