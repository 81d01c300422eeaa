//! Firmware without a heap exports a tensor in a `static`, which an interrupt frees.
//!
//! The interrupt is another thread here. `tests/bare_metal` does the same without an operating system.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::thread;

use dlpack::{Error, Exporter, allocator::Slot, sys::DLManagedTensorVersioned};

/// Room for one tensor of six numbers and two axes, including its header.
static SLOT: Slot<[f32; 6], 2> = Slot::new();

/// The tensor that the interrupt frees when it comes.
static DONE: AtomicPtr<DLManagedTensorVersioned> = AtomicPtr::new(ptr::null_mut());

fn main() -> Result<(), Error> {
    println!("{} bytes are set aside", size_of_val(&SLOT));
    thread::spawn(interrupts);
    firmware(0.0)?;

    let rounds = || [1.0, 2.0, 3.0].into_iter().try_for_each(firmware);
    let (result, allocations) = count(rounds);
    result?;
    println!("three tensors, one after the other, deleted elsewhere");
    println!("the heap was asked {allocations} times");
    assert_eq!(allocations, 0);
    without_compare_and_swap()
}

fn firmware(reading: f32) -> Result<(), Error> {
    let raw = Exporter::new([reading; 6]).shape(&[2, 3]).header_in(&SLOT).into_raw()?;

    // While the tensor is in use, the next export is refused, and the error returns the reading.
    let refused = Exporter::new([-reading; 6]).header_in(&SLOT).into_raw().map(drop);
    let Err(refused) = refused else { return Err(Error::AllocationFailed) };
    assert_eq!(refused.error(), Error::AllocationFailed);
    assert_eq!(refused.into_inner(), [-reading; 6]);

    // SAFETY: the tensor is alive, and has six elements.
    assert_eq!(unsafe { (*raw).dl_tensor.data.cast::<f32>().add(5).read() }, reading);

    delete(raw);
    Ok(())
}

/// Lets the interrupt free a tensor, and waits until the slot is free, as firmware does.
fn delete(raw: *mut DLManagedTensorVersioned) {
    DONE.store(raw, Ordering::Release);
    while !DONE.load(Ordering::Acquire).is_null() || !SLOT.is_free() {
        hint::spin_loop();
    }
}

/// Stands for the interrupts of a device that is done with a tensor.
fn interrupts() {
    loop {
        let raw = DONE.load(Ordering::Acquire);
        if raw.is_null() {
            thread::yield_now();
            continue;
        }
        // SAFETY: the tensor was passed on, and its deleter is called once.
        unsafe { (*raw).deleter.expect("a deleter")(raw) };
        DONE.store(ptr::null_mut(), Ordering::Release);
    }
}

/// Without compare-and-swap, as on small processors, the program promises that it exports from one place only.
fn without_compare_and_swap() -> Result<(), Error> {
    static SLOT: Slot<[u8; 4], 1> = Slot::new();
    for round in 0..3_u8 {
        // SAFETY: only this function exports into the slot.
        let single = unsafe { SLOT.single() };
        let raw = Exporter::new([round; 4]).header_in(single).into_raw()?;
        // SAFETY: as above.
        let single = unsafe { SLOT.single() };
        let refused = Exporter::new([9; 4]).header_in(single).into_raw().map(drop);
        assert_eq!(refused.map_err(Error::from), Err(Error::AllocationFailed));
        delete(raw);
        assert!(SLOT.is_free());
    }
    println!("and three more without compare-and-swap");
    Ok(())
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
