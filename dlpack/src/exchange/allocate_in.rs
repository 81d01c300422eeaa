//! New tensors with elements and header in one block of an allocator.

use core::alloc::Layout as Bytes;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::prototype::row_major;
use crate::error::Error;
use crate::export::{Allocator, Exporter, InPlace};
use crate::managed::{ExclusiveUninit, ManagedTensorVersioned};
use crate::vocabulary::{DataType, Device};

/// The alignment of elements that the standard requires, in bytes.
const ALIGNMENT: usize = 256;

impl ManagedTensorVersioned {
    /// Allocates a tensor in one block of an allocator, as memory for any consumer and for
    /// [`Library::allocate`](super::Library::allocate).
    ///
    /// The elements are in row-major order, and all their bytes are zero, so that safe code may pass the tensor to anybody who
    /// reads it, and [`assume_init`](ExclusiveUninit::assume_init) is right at once for every type of which zero is a value.
    /// This writes the zeros, which takes as long as writing all elements once.
    ///
    /// The elements start at the start of the block, at an address that is a
    /// multiple of 256. The header follows them, so that nothing else is allocated for up to 8 axes. A tensor without elements
    /// has a null data pointer. The handle of the allocator moves into the block.
    ///
    /// The allocator learns the size of the block from the layout that it is asked for: the bytes of the elements, and a header,
    /// which is 136 bytes and 16 more for each axis on 64-bit machines if the handle has size zero.
    /// [`header_layout`](Exporter::header_layout) is for owners of your own, and is not the size of this header.
    ///
    /// `device` is the device of the allocator's memory, either a CPU or one whose memory is pinned.
    ///
    /// # Errors
    ///
    /// - [`Error::NotHostAccessible`] for other devices, on which a header could not be written.
    /// - Any error of [`Layout::new`](crate::layout::Layout::new) for the shape.
    /// - [`Error::AllocationFailed`] if the allocator has no such block.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, Device, Error, ManagedTensorVersioned, allocator::Global};
    ///
    /// let tensor = ManagedTensorVersioned::allocate_in(Global, DataType::F32, &[2, 3], Device::CPU)?;
    /// let mut samples = tensor.fill(1.5_f32)?.into_slice::<f32>()?;
    /// samples[5] = 2.0;
    /// let tensor = samples.into_inner();
    /// assert_eq!(tensor.as_slice::<f32>()?, [1.5, 1.5, 1.5, 1.5, 1.5, 2.0]);
    /// assert!(tensor.is_aligned_to(256));
    ///
    /// let refused = ManagedTensorVersioned::allocate_in(Global, DataType::F32, &[usize::MAX], Device::CPU);
    /// assert_eq!(refused.unwrap_err(), Error::ShapeOverflow);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn allocate_in<A: Allocator>(
        allocator: A,
        dtype: DataType,
        shape: &[usize],
        device: Device,
    ) -> Result<ExclusiveUninit<ManagedTensorVersioned>, Error> {
        if !device.is_host_accessible() {
            return Err(Error::NotHostAccessible { device });
        }
        let nbytes = row_major(dtype, shape)?.1.nbytes();
        let (block, room) = Block::new(allocator, nbytes, shape.len())?;
        let data = block.at.as_ptr().cast();
        // SAFETY: invariant 1 of `Block`: the block starts with `nbytes` bytes for elements, ends with the room for the header,
        // and is live until its owner is dropped.
        let exporter =
            unsafe { Exporter::from_raw_parts(block, data, nbytes, device).header_in_place(room) };
        let tensor = exporter.dtype(dtype).shape(shape).build()?;
        // SAFETY: invariant 2 of `Block`: nobody else accesses the elements.
        Ok(unsafe { ExclusiveUninit::new(tensor) })
    }
}

/// The room for a header.
type Room = NonNull<[MaybeUninit<u8>]>;

/// A block that is returned to its allocator on drop.
struct Block<A: Allocator> {
    /// # Invariants
    ///
    /// 1. Points to a block of `allocator` of layout `bytes`.
    /// 2. Nobody accesses the block but the tensor that owns this value.
    at: NonNull<u8>,
    bytes: Bytes,
    allocator: A,
}

// SAFETY: invariant 2, and by the contract of `Allocator` any thread may return a block.
unsafe impl<A: Allocator> Send for Block<A> {}

impl<A: Allocator> Block<A> {
    /// Allocates a block for `nbytes` bytes of elements, which become zero, and the header of `ndim` axes, and returns the room for the header.
    fn new(allocator: A, nbytes: usize, ndim: usize) -> Result<(Self, Room), Error> {
        let header = Exporter::<Self, _, InPlace>::header_layout(ndim);
        let alignment = if nbytes == 0 { 1 } else { ALIGNMENT };
        let (bytes, start) = Bytes::from_size_align(nbytes, alignment)
            .and_then(|elements| elements.extend(header))
            .map_err(|_| Error::AllocationFailed)?;
        let at = allocator.allocate(bytes).ok_or(Error::AllocationFailed)?;
        // SAFETY: a new block, which has so many bytes.
        unsafe { at.write_bytes(0, nbytes) };
        let block = Self { at, bytes, allocator };
        // SAFETY: invariant 1: `start` is an offset within the block.
        let room = unsafe { at.add(start) }.cast();
        Ok((block, NonNull::slice_from_raw_parts(room, header.size())))
    }
}

impl<A: Allocator> Drop for Block<A> {
    fn drop(&mut self) {
        // SAFETY: invariants 1 and 2: the block is of this allocator and layout, and unused from here on.
        unsafe { self.allocator.deallocate(self.at, self.bytes) }
    }
}
