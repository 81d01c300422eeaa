//! Memory of a custom allocator is exported to C, including the header, without the global heap.
//!
//! The allocator is an arena of pages in a `static`. One page holds the elements, another one the header.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::error::Error;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use dlpack::{DataType, Device, Exporter, allocator::Allocator, sys::DLManagedTensorVersioned};

static ARENA: Arena = Arena::new();

fn main() -> Result<(), Box<dyn Error>> {
    let (exported, allocations) = count(export);
    let raw = exported?;
    println!("two pages are out, and the heap was asked {allocations} times");
    assert_eq!((ARENA.pages_out(), allocations), (2, 0));
    assert_eq!(raw.addr() % PAGE, 0);

    // SAFETY: the tensor is alive. C reads the element of the second row and the third column.
    let element = unsafe {
        let tensor = (*raw).dl_tensor;
        let offset = tensor.strides.read() + 2 * tensor.strides.add(1).read();
        tensor.data.cast::<f32>().offset(offset.try_into()?).read()
    };
    assert_eq!(element, 6.0);

    delete(raw);
    println!(
        "C has called the deleter on a thread of its own: {} pages are out",
        ARENA.pages_out()
    );
    assert_eq!(ARENA.pages_out(), 0);

    out_of_memory()
}

/// Exports two rows of three numbers in a page of the arena, with the header in another page.
fn export() -> Result<*mut DLManagedTensorVersioned, dlpack::Error> {
    let page = Page::new().ok_or(dlpack::Error::AllocationFailed)?;
    let data = page.start.as_ptr();
    for (index, number) in [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0].into_iter().enumerate() {
        // SAFETY: a page is larger than six numbers.
        unsafe { data.cast::<f32>().add(index).write(number) };
    }

    // The contract of `Exporter::from_raw_parts`, point by point:
    // - "until the owner is dropped": a page is returned to the arena only when its `Page` is dropped.
    // - "on whatever thread that is": returning it is one atomic operation, and `Page` is `Send`.
    // - "also when the owner is moved": a `Page` holds the address of its memory as a pointer.
    // - "`nbytes` bytes long": PAGE.
    // - "the device is what it says": a `static` is memory of the CPU.
    // - "in one live allocation": the arena's array, which lives as long as the program.
    // - "can be read, and also written": it is in an `UnsafeCell`, and nobody else uses a page that is taken.
    // Initialised elements are not part of the contract: `assume_frozen` promises them to read the tensor in Rust.
    // SAFETY: see above.
    let exporter = unsafe { Exporter::from_raw_parts(page, data.cast(), PAGE, Device::CPU) };
    Ok(exporter.dtype(DataType::F32).shape(&[2, 3]).header_in(Headers).into_raw()?)
}

/// If no page is left, the export fails and returns the owner.
fn out_of_memory() -> Result<(), Box<dyn Error>> {
    let mut pages: Vec<Page> = std::iter::from_fn(Page::new).collect();
    println!("all {} pages are taken", pages.len());
    let page = pages.pop().ok_or("expected a page")?;
    let data = page.start.as_ptr();
    // SAFETY: as above. No other page is free for the header.
    let exporter = unsafe { Exporter::from_raw_parts(page, data.cast(), PAGE, Device::CPU) };
    let refused = exporter.header_in(Headers).into_raw().err();
    let refused = refused.ok_or("expected a refusal")?;
    println!("an export is refused: {refused}");
    assert_eq!(refused.error(), dlpack::Error::AllocationFailed);
    let page = refused.into_inner();
    assert_eq!((page.start.as_ptr(), ARENA.pages_out()), (data, PAGES));
    Ok(())
}

const PAGE: usize = 4096;
const PAGES: u32 = u32::BITS;

/// The pages, and which of them are taken. In C's order, so that the pages are aligned.
#[repr(C, align(4096))]
struct Arena {
    memory: UnsafeCell<[[u8; PAGE]; PAGES as usize]>,
    out: AtomicU32,
}

// SAFETY: each page has one owner at a time.
unsafe impl Sync for Arena {}

impl Arena {
    const fn new() -> Self {
        Self { memory: UnsafeCell::new([[0; PAGE]; PAGES as usize]), out: AtomicU32::new(0) }
    }

    fn pages_out(&self) -> u32 {
        self.out.load(Ordering::Acquire).count_ones()
    }

    fn take(&self) -> Option<NonNull<u8>> {
        let first_free = |out: u32| (out != u32::MAX).then(|| out | (out + 1));
        let before =
            self.out.fetch_update(Ordering::Acquire, Ordering::Relaxed, first_free).ok()?;
        let index = before.trailing_ones() as usize;
        NonNull::new(self.memory.get().cast::<u8>().wrapping_add(index * PAGE))
    }

    fn give_back(&self, page: NonNull<u8>) {
        let index = (page.addr().get() - self.memory.get().addr()) / PAGE;
        self.out.fetch_and(!(1 << index), Ordering::Release);
    }
}

/// A page, which returns to the arena when it is dropped.
struct Page {
    start: NonNull<u8>,
}

// SAFETY: a page has one owner, and can be returned on any thread.
unsafe impl Send for Page {}

impl Page {
    fn new() -> Option<Self> {
        Some(Self { start: ARENA.take()? })
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        ARENA.give_back(self.start);
    }
}

/// The arena as an allocator of headers.
struct Headers;

// SAFETY: a page is aligned to its size, has one owner at a time, and is not returned for a larger layout.
unsafe impl Allocator for Headers {
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        let fits = layout.size() <= PAGE && layout.align() <= PAGE;
        if fits { ARENA.take() } else { None }
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, _: Layout) {
        ARENA.give_back(block);
    }
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
