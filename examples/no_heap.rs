//! Firmware has no heap: a tensor in a `static`, which an interrupt gives back.
//!
//! The interrupt is another thread here. `tests/bare_metal` is the same for machines without an operating system.

use std::hint;

use dlpack::{Error, Exporter, allocator::Slot, sys::DLManagedTensorVersioned};
use harness::alloc::{CountingAllocator, count};
use harness::{consumer, release};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

/// Room for one tensor of six numbers on two axes, its header included.
static SLOT: Slot<[f32; 6], 2> = Slot::new();

fn main() -> Result<(), Error> {
    println!("{} bytes are set aside", size_of_val(&SLOT));
    let (result, allocations) = count(firmware);
    result?;
    println!("the heap was asked {allocations} times");
    assert_eq!(allocations, 0);
    without_compare_and_swap()
}

fn firmware() -> Result<(), Error> {
    for round in [1.0_f32, 2.0, 3.0] {
        let raw = Exporter::new([round; 6]).shape(&[2, 3]).header_in(&SLOT).into_raw()?;

        // The last reading is still out: the next one is refused, and not lost.
        let refused = Exporter::new([-round; 6]).header_in(&SLOT).into_raw().map(drop);
        let Err(refused) = refused else { return Err(Error::AllocationFailed) };
        assert_eq!(refused.error(), Error::AllocationFailed);
        assert_eq!(refused.into_inner(), [-round; 6]);

        // SAFETY: the tensor is alive.
        let tensor = unsafe { &raw const (*raw).dl_tensor };
        // SAFETY: the same.
        let is_row_major = unsafe { consumer::is_row_major(tensor) };
        assert!(is_row_major);

        interrupted_by_a_deleter(raw);
        assert!(SLOT.is_free());
    }
    println!("three tensors, one after the other, deleted elsewhere");
    Ok(())
}

/// Waits as firmware does: by looking at the slot.
fn interrupted_by_a_deleter(raw: *mut DLManagedTensorVersioned) {
    // SAFETY: C takes the tensor over.
    let deleting = unsafe { release::start_delete(raw) };
    while !SLOT.is_free() {
        hint::spin_loop();
    }
    drop(deleting);
}

/// Small processors have atomic loads and stores but no compare-and-swap. Then the program says that it exports from one place.
fn without_compare_and_swap() -> Result<(), Error> {
    static SLOT: Slot<[u8; 4], 1> = Slot::new();
    for round in 0..3_u8 {
        // SAFETY: nothing else exports into this slot.
        let place = unsafe { SLOT.single() };
        let raw = Exporter::new([round; 4]).header_in(place).into_raw()?;
        // SAFETY: as above.
        let place = unsafe { SLOT.single() };
        let refused = Exporter::new([9; 4]).header_in(place).into_raw().map(drop);
        assert_eq!(refused.map_err(Error::from), Err(Error::AllocationFailed));
        // SAFETY: C takes the tensor over.
        unsafe { release::delete_on_thread(raw) };
        assert!(SLOT.is_free());
    }
    println!("and three more without compare-and-swap");
    Ok(())
}
