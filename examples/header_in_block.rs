//! A tensor library keeps elements and header in one block, so that an export allocates nothing.
//!
//! The block begins with room for the header, as the blocks of many allocators do for their own. Dropping the owner frees
//! the block, including the header.

use std::alloc::{GlobalAlloc, Layout, System, alloc, dealloc};
use std::error::Error;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};

use dlpack::allocator::InPlace;
use dlpack::{Exporter, ManagedTensorVersioned};

/// The layout of a header for a picture: three axes, and the owner.
const HEADER: Layout = Exporter::<Picture, _, InPlace>::header_layout(3);

/// The alignment of the pixels, for vector instructions.
const ALIGN: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let (raw, allocations) = count(|| {
        let mut picture = Picture::new(4, 6).ok_or("expected memory")?;
        picture.pixels().fill(7);
        let room = picture.room();
        let exporter = Exporter::of_mut(picture, Picture::pixels).shape(&[4, 6, 3]);
        // SAFETY: only this export uses the room, which lives until the picture is dropped, also when that is moved.
        let exporter = unsafe { exporter.header_in_place(room) };
        exporter.into_raw().map_err(|_| "expected room for a header")
    });
    let raw = raw?;
    println!("a picture with its header: {allocations} allocation");
    assert_eq!(allocations, 1);

    // SAFETY: the tensor is alive.
    let data = unsafe { (*raw).dl_tensor.data };
    let between = data.addr() - raw.addr();
    println!("the pixels begin {between} bytes behind the header");
    assert!(between < HEADER.size() + ALIGN && data.addr() % ALIGN == 0);

    // SAFETY: the tensor is alive.
    let last = unsafe { data.cast::<u8>().add(4 * 6 * 3 - 1).read() };
    assert_eq!(last, 7);

    // The picture comes back, and its room can hold the next header.
    // SAFETY: C passes the tensor back.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    let picture = tensor.downcast::<Picture>().map_err(|_| "expected the picture")?;
    let room = picture.room();
    // SAFETY: as above.
    let exporter = unsafe { Exporter::of_mut(picture, Picture::pixels).header_in_place(room) };
    let raw = exporter.into_raw()?;

    // Whatever a consumer writes into the struct, the deleter moves the owner out of the block and drops it.
    let before = DEALLOCATIONS.load(Ordering::Relaxed);
    // SAFETY: the tensor was passed on, and its deleter is called once.
    unsafe {
        let delete = (*raw).deleter.ok_or("expected a deleter")?;
        (*raw).dl_tensor = std::mem::zeroed();
        delete(raw);
    }
    let freed = DEALLOCATIONS.load(Ordering::Relaxed) - before;
    println!("one deallocation for both: {}", freed == 1);
    assert_eq!(freed, 1);
    Ok(())
}

/// A block with room for a header, and pixels.
struct Picture {
    block: NonNull<u8>,
    len: usize,
}

// SAFETY: nobody else has a pointer to the block.
unsafe impl Send for Picture {}

impl Picture {
    const PIXELS: usize = HEADER.size().next_multiple_of(ALIGN);

    fn new(height: usize, width: usize) -> Option<Self> {
        let len = height.checked_mul(width)?.checked_mul(3)?;
        let layout = Self::layout(len)?;
        // SAFETY: the size is not 0.
        let block = NonNull::new(unsafe { alloc(layout) })?;
        // SAFETY: the pixels lie within the block.
        unsafe { block.add(Self::PIXELS).write_bytes(0, len) };
        Some(Self { block, len })
    }

    fn layout(len: usize) -> Option<Layout> {
        Layout::from_size_align(Self::PIXELS.checked_add(len)?, ALIGN).ok()
    }

    fn room(&self) -> NonNull<[MaybeUninit<u8>]> {
        NonNull::slice_from_raw_parts(self.block.cast(), Self::PIXELS)
    }

    fn pixels(&mut self) -> &mut [u8] {
        // SAFETY: the pixels were initialised with the block, and nobody else uses them.
        unsafe { slice::from_raw_parts_mut(self.block.as_ptr().add(Self::PIXELS), self.len) }
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        if let Some(layout) = Self::layout(self.len) {
            // SAFETY: the block was allocated with this layout.
            unsafe { dealloc(self.block.as_ptr(), layout) }
        }
    }
}

/// The heap, which counts what is asked of it.
struct Heap;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static DEALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does all the work.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        DEALLOCATIONS.fetch_add(1, Ordering::Relaxed);
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
