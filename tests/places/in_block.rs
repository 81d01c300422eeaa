//! Headers in the memory of the owner itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{Device, Error, Exporter};
use harness::abi::Abi;
use harness::export;

use crate::end::End;

const ELEMENTS: usize = 6;

/// The block of an allocator: elements, then room. Freed, and spoilt before, when this is dropped.
struct Block {
    start: NonNull<u8>,
    room: usize,
    drops: Arc<AtomicUsize>,
}

// SAFETY: the only one that knows of the block.
unsafe impl Send for Block {}

impl Block {
    fn new(room: usize) -> Self {
        let layout = Self::layout(room);
        // SAFETY: the size is not 0.
        let start = NonNull::new(unsafe { System.alloc(layout) }).expect("memory");
        // SAFETY: the block is as large.
        unsafe { start.write_bytes(0xaa, layout.size()) };
        for index in 0..ELEMENTS {
            // SAFETY: the elements come first.
            let to = unsafe { start.cast::<u32>().add(index) };
            // SAFETY: the same.
            unsafe { to.write(7) };
        }
        Self { start, room, drops: Arc::default() }
    }

    fn layout(room: usize) -> Layout {
        Layout::from_size_align(4 * ELEMENTS + room, 4096).expect("not too large")
    }

    /// All behind the elements but the first bytes.
    fn room(&self, skipped: usize) -> NonNull<[MaybeUninit<u8>]> {
        // SAFETY: the block is larger than that.
        let start = unsafe { self.start.add(4 * ELEMENTS + skipped) };
        NonNull::slice_from_raw_parts(start.cast(), self.room - skipped)
    }

    /// How many of the bytes of the room were never written.
    fn untouched(&self) -> usize {
        let room = self.room(0);
        // SAFETY: all bytes were written when the block was made.
        let bytes = unsafe { std::slice::from_raw_parts(room.cast::<u8>().as_ptr(), room.len()) };
        bytes.iter().filter(|&&byte| byte == 0xaa).count()
    }

    fn elements(&self) -> *mut std::ffi::c_void {
        self.start.as_ptr().cast()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::Relaxed);
        let layout = Self::layout(self.room);
        // SAFETY: the block is as large.
        unsafe { self.start.write_bytes(0xdd, layout.size()) };
        // SAFETY: made with this layout.
        unsafe { System.dealloc(self.start.as_ptr(), layout) }
    }
}

impl AsMut<[u32]> for Block {
    fn as_mut(&mut self) -> &mut [u32] {
        // SAFETY: the elements were initialised and nobody else knows of them.
        unsafe { std::slice::from_raw_parts_mut(self.elements().cast(), ELEMENTS) }
    }
}

/// Exports a block whose room starts so many bytes behind the elements.
fn exported<A: Abi>(block: Block, skipped: usize) -> Result<*mut A, dlpack::RejectedError<Block>> {
    let room = block.room(skipped);
    // SAFETY: the block's own memory, which is used for nothing else.
    export!(A, unsafe { Exporter::new(block).shape(&[2, 3]).header_in_place(room) })
}

/// The owner frees the block that the header is in; nothing may look at it afterwards.
#[test]
fn the_block_goes_with_its_owner() {
    fn each<A: Abi>() {
        for end in End::ALL {
            let block = Block::new(1024);
            let (drops, start) = (Arc::clone(&block.drops), block.start.addr().get());
            let raw = exported::<A>(block, 0).unwrap();
            let room = start + 4 * ELEMENTS;
            assert!((room..room + 1024).contains(&raw.addr()), "in the block");
            assert_eq!(drops.load(Ordering::Relaxed), 0);
            // SAFETY: just exported.
            unsafe { end.of(raw) };
            assert_eq!(drops.load(Ordering::Relaxed), 1);
        }
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

#[test]
fn raw_parts_have_room_too() {
    fn each<A: Abi>() {
        for end in End::ALL {
            let block = Block::new(1024);
            let (drops, room) = (Arc::clone(&block.drops), block.room(3));
            let data = block.elements();
            // SAFETY: the elements stay until the owner is dropped, and are 24 bytes.
            let exporter = unsafe { Exporter::from_raw_parts(block, data, 24, Device::CPU) };
            // SAFETY: the block's own memory, which is used for nothing else.
            let exporter = unsafe { exporter.header_in_place(room) };
            let raw = export!(A, exporter).unwrap();
            // SAFETY: just exported.
            unsafe { end.of(raw) };
            assert_eq!(drops.load(Ordering::Relaxed), 1);
        }
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// Room that starts anywhere: the header begins at the first address that will do, and one byte less is refused.
#[test]
fn room_of_any_alignment() {
    let layout = Exporter::<Block, _, dlpack::allocator::InPlace>::header_layout(2);
    for skipped in 0..=layout.align() + 1 {
        let block = Block::new(2048);
        let start = block.room(skipped).addr().get();
        let padding = start.next_multiple_of(layout.align()) - start;
        let enough = NonNull::slice_from_raw_parts(
            block.room(skipped).cast::<MaybeUninit<u8>>(),
            padding + layout.size(),
        );
        let short = NonNull::slice_from_raw_parts(enough.cast(), enough.len() - 1);

        // SAFETY: the block's own memory, which is used for nothing else.
        let exporter = unsafe { Exporter::new(block).shape(&[2, 3]).header_in_place(short) };
        let refused = exporter.into_raw().unwrap_err();
        assert_eq!(refused.error(), Error::AllocationFailed);
        let block = refused.into_inner();
        assert_eq!(block.untouched(), 2048, "nothing was written");

        // SAFETY: the same.
        let exporter = unsafe { Exporter::new(block).shape(&[2, 3]).header_in_place(enough) };
        let tensor = exporter.build().unwrap();
        assert_eq!(tensor.as_slice::<u32>().unwrap(), [7; ELEMENTS]);
        let tensor = tensor.into_inner();
        assert_eq!(tensor.as_raw().addr(), start + padding);
        let block = tensor.downcast::<Block>().unwrap();
        assert!(block.untouched() >= 2048 - layout.size());
    }
}

#[test]
fn no_room_at_all() {
    for len in [0, 1, 7, 64] {
        let block = Block::new(64);
        let room = NonNull::slice_from_raw_parts(block.room(0).cast(), len);
        // SAFETY: the block's own memory, which is used for nothing else.
        let exporter = unsafe { Exporter::new(block).header_in_place(room) };
        let refused = exporter.build_legacy().unwrap_err();
        assert_eq!(refused.error(), Error::AllocationFailed);
        assert_eq!(refused.into_inner().untouched(), 64);
    }
}

/// What comes back is whole, and its room can be used again and again.
#[test]
fn a_block_comes_back() {
    fn each<A: Abi>(mut block: Block) -> Block {
        for round in 0..5 {
            let raw = exported::<A>(block, round).unwrap();
            // SAFETY: just exported.
            let tensor = unsafe { A::import(raw) }.downcast::<Vec<u32>>().unwrap_err();
            block = tensor.downcast::<Block>().unwrap();
            assert_eq!(block.drops.load(Ordering::Relaxed), 0);
        }
        block
    }
    let block = each::<DLManagedTensor>(each::<DLManagedTensorVersioned>(Block::new(512)));
    let drops = Arc::clone(&block.drops);
    drop(block);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn a_refused_export_gives_the_room_back() {
    let block = Block::new(512);
    let room = block.room(0);
    // SAFETY: the block's own memory, which is used for nothing else.
    let exporter = unsafe { Exporter::new(block).shape(&[7]).header_in_place(room) };
    let refused = exporter.build().unwrap_err();
    assert!(matches!(refused.error(), Error::OutOfBounds { available: 24, .. }));
    let block = refused.into_inner();
    assert_eq!(block.drops.load(Ordering::Relaxed), 0);
    let drops = Arc::clone(&block.drops);
    let raw = exported::<DLManagedTensor>(block, 0).unwrap();
    // SAFETY: just exported.
    unsafe { End::Deleted.of(raw) };
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn sixty_four_axes() {
    let shape = [1; 64];
    let block =
        Block::new(Exporter::<Block, _, dlpack::allocator::InPlace>::header_layout(64).size() + 64);
    let room = block.room(0);
    // SAFETY: the block's own memory, which is used for nothing else.
    let exporter = unsafe { Exporter::new(block).shape(&shape).header_in_place(room) };
    let raw = exporter.into_raw().unwrap();
    // SAFETY: just exported.
    unsafe { End::Vandalised.of(raw) };
}

/// A place chosen and thought better of leaves the block alone.
#[cfg(feature = "alloc")]
#[test]
fn the_heap_after_all() {
    let block = Block::new(512);
    let room = block.room(0);
    // SAFETY: the block's own memory, which is used for nothing else.
    let exporter = unsafe { Exporter::new(block).header_in_place(room) };
    let block = exporter
        .header_in(dlpack::allocator::Global)
        .build()
        .unwrap()
        .into_inner()
        .downcast::<Block>()
        .unwrap();
    assert_eq!(block.untouched(), 512);
}

/// A header begins where its owner can lie, if that needs more than 8 bytes of alignment.
#[test]
fn room_for_an_owner_of_any_alignment() {
    #[repr(align(64))]
    struct Aligned(Block);

    impl AsMut<[u32]> for Aligned {
        fn as_mut(&mut self) -> &mut [u32] {
            self.0.as_mut()
        }
    }

    for skipped in [0, 8, 16, 56] {
        let block = Block::new(4096);
        let room = block.room(skipped);
        let owner = Aligned(block);
        // SAFETY: the owner's own memory, which is used for nothing else.
        let exporter = unsafe { Exporter::new(owner).header_in_place(room) };
        let tensor = exporter.build().unwrap();
        assert_eq!(tensor.as_slice::<u32>().unwrap(), [7; ELEMENTS]);
        let raw = tensor.into_inner();
        assert_eq!(raw.as_raw().addr() % 64, 0);
        let owner = raw.downcast::<Aligned>().map_err(drop).unwrap();
        assert_eq!((&raw const owner).addr() % 64, 0);
    }
}
