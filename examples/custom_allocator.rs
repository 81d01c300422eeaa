//! Memory of an allocator of one's own goes to C, header and all: the global heap has no part in it.
//!
//! The allocator is an arena of pages in a `static`. One page has the elements, another one the header.

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::error::Error;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use dlpack::{DataType, Device, Exporter, allocator::Allocator, sys::DLManagedTensorVersioned};
use harness::alloc::{CountingAllocator, count};
use harness::{consumer, release};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

static ARENA: Arena = Arena::new();

fn main() -> Result<(), Box<dyn Error>> {
    let (exported, allocations) = count(export);
    let raw = exported?;
    println!("two pages are out, and the heap was asked {allocations} times");
    assert_eq!((ARENA.pages_out(), allocations), (2, 0));
    assert_eq!(raw.addr() % PAGE, 0);

    // SAFETY: the tensor is alive, and the pointer stays within it.
    let tensor = unsafe { &raw const (*raw).dl_tensor };
    // SAFETY: the same. C wants the element of the second row and the third column.
    let element = unsafe { consumer::read(tensor, 0, &[1, 2]) };
    assert_eq!(element, Some(6.0_f32.to_ne_bytes().to_vec()));

    // SAFETY: C takes the tensor over.
    unsafe { release::delete_on_thread(raw) };
    println!(
        "C has called the deleter on a thread of its own: {} pages are out",
        ARENA.pages_out()
    );
    assert_eq!(ARENA.pages_out(), 0);

    out_of_memory()
}

/// Two rows of three numbers in a page of the arena, under a header in another one.
fn export() -> Result<*mut DLManagedTensorVersioned, dlpack::Error> {
    let page = Page::new().ok_or(dlpack::Error::AllocationFailed)?;
    let data = page.start.as_ptr();
    for (index, number) in [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0].into_iter().enumerate() {
        // SAFETY: a page has room for many more.
        unsafe { data.cast::<f32>().add(index).write(number) };
    }

    // What `Exporter::from_raw_parts` asks for, point by point:
    // - "until the owner is dropped": the page is given back in `Page`'s `drop`, and nowhere else.
    // - "on whatever thread that is": giving it back is one atomic operation, and `Page` is `Send`.
    // - "also when the owner is moved": a `Page` has the address of its memory, not the memory itself.
    // - "`nbytes` bytes long": PAGE.
    // - "the device is what it says": a `static` is memory of the CPU.
    // - "in one live allocation": the arena's array, which is there for good.
    // - "can be read": reading needs no more than that. That the six elements are initialised is not asked for here; who
    //   looks at the tensor in Rust says it, with `assume_frozen`.
    // - "and written": the arena is not constant, and nobody else uses a page that is out.
    // SAFETY: see above.
    let exporter = unsafe { Exporter::from_raw_parts(page, data.cast(), PAGE, Device::CPU) };
    Ok(exporter.dtype(DataType::F32).shape(&[2, 3]).header_in(Headers).into_raw()?)
}

/// When no page is left, the owner comes back, and nothing is lost.
fn out_of_memory() -> Result<(), Box<dyn Error>> {
    let mut pages: Vec<Page> = std::iter::from_fn(Page::new).collect();
    println!("all {} pages are taken", pages.len());
    let page = pages.pop().ok_or("expected a page")?;
    let data = page.start.as_ptr();
    // SAFETY: as above; and no other page is free for the header.
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

/// Some pages, and which of them are out. In C's order, so that it is the pages that are aligned.
#[repr(C, align(4096))]
struct Arena {
    memory: UnsafeCell<[[u8; PAGE]; PAGES as usize]>,
    out: AtomicU32,
}

// SAFETY: each page is one owner's at a time.
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

/// A page that goes back to the arena when it is dropped.
struct Page {
    start: NonNull<u8>,
}

// SAFETY: a page is its owner's alone, and the arena takes it back from any thread.
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

/// The arena as the place of headers.
struct Headers;

// SAFETY: a page is aligned to its size, is as large as is asked for or is not given, and belongs to one owner at a time.
unsafe impl Allocator for Headers {
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        let fits = layout.size() <= PAGE && layout.align() <= PAGE;
        if fits { ARENA.take() } else { None }
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, _: Layout) {
        ARENA.give_back(block);
    }
}
