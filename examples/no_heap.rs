//! Firmware without a heap exports a tensor in a `static`, which an interrupt frees.
//!
//! The interrupt is another thread here. `tests/bare_metal` does the same without an operating system.

use std::hint;

use dlpack::{Error, Exporter, allocator::Slot, sys::DLManagedTensorVersioned};
use harness::alloc::{CountingAllocator, count};
use harness::{consumer, release};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

/// Room for one tensor of six numbers and two axes, including its header.
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

        // While the tensor is in use, the next export is refused, and the error returns the reading.
        let refused = Exporter::new([-round; 6]).header_in(&SLOT).into_raw().map(drop);
        let Err(refused) = refused else { return Err(Error::AllocationFailed) };
        assert_eq!(refused.error(), Error::AllocationFailed);
        assert_eq!(refused.into_inner(), [-round; 6]);

        // SAFETY: the tensor is alive.
        assert!(unsafe { consumer::is_row_major(&raw const (*raw).dl_tensor) });

        interrupted_by_a_deleter(raw);
        assert!(SLOT.is_free());
    }
    println!("three tensors, one after the other, deleted elsewhere");
    Ok(())
}

/// Waits, as firmware does, until the slot is free.
fn interrupted_by_a_deleter(raw: *mut DLManagedTensorVersioned) {
    // SAFETY: C takes ownership of the tensor.
    let deleting = unsafe { release::start_delete(raw) };
    while !SLOT.is_free() {
        hint::spin_loop();
    }
    drop(deleting);
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
        // SAFETY: C takes ownership of the tensor.
        unsafe { release::delete_on_thread(raw) };
        assert!(SLOT.is_free());
    }
    println!("and three more without compare-and-swap");
    Ok(())
}
