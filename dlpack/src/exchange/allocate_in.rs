//! New tensors in the memory of any allocator: elements and header in one block.

use core::alloc::Layout as Bytes;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::prototype::row_major;
use crate::error::Error;
use crate::export::{Allocator, Exporter, InPlace, header_layout};
use crate::managed::{ExclusiveUninit, ManagedTensorVersioned};
use crate::vocabulary::{DataType, Device};

/// What the standard asks of elements, in bytes.
const ALIGNMENT: usize = 256;

/// Makes a new tensor in one block of an allocator, for [`Library::allocate`](super::Library::allocate).
///
/// The elements lie in row-major order from the start of the block, at an address that is a multiple of 256, and are
/// uninitialised. The header lies behind them, so that nothing else is allocated up to 8 axes. A tensor without
/// elements has a null pointer for data. The handle of the allocator moves into the block.
///
/// `device` says what the allocator's memory is: that of a CPU, or memory that is pinned for a device.
///
/// # Errors
///
/// - [`Error::NotHostAccessible`]: on other devices a header could not be written.
/// - Any error of [`Layout::new`](crate::layout::Layout::new) for the shape.
/// - [`Error::AllocationFailed`] if the allocator has no such block.
///
/// # Examples
///
/// ```
/// use dlpack::{DataType, Device, Error, Heap, exchange::allocate_in};
///
/// let tensor = allocate_in(Heap, DataType::F32, &[2, 3], Device::CPU)?.fill(1.5_f32)?;
/// assert_eq!(tensor.as_slice::<f32>()?, [1.5; 6]);
/// assert_eq!(tensor.data().addr() % 256, 0);
///
/// let refused = allocate_in(Heap, DataType::F32, &[usize::MAX], Device::CPU);
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
    // SAFETY: invariant 1 of the block: it begins with so many bytes, and lives as long as its owner. The room is in it,
    // behind the elements.
    let exporter =
        unsafe { Exporter::from_raw_parts(block, data, nbytes, device).header_in_place(room) };
    let tensor = exporter.dtype(dtype).shape(shape).build()?;
    // SAFETY: invariant 2 of the block.
    Ok(unsafe { ExclusiveUninit::new(tensor) })
}

/// Where a header goes.
type Room = NonNull<[MaybeUninit<u8>]>;

/// A block of an allocator, to which it goes back.
struct Block<A: Allocator> {
    /// # Invariants
    ///
    /// 1. Is a block of `allocator`, of `bytes`.
    /// 2. Nobody else knows of it, but for the tensor that owns this.
    at: NonNull<u8>,
    bytes: Bytes,
    allocator: A,
}

// SAFETY: blocks may be given back on any thread that holds the allocator's handle.
unsafe impl<A: Allocator> Send for Block<A> {}

impl<A: Allocator> Block<A> {
    /// Gets a block for `nbytes` bytes of elements and the header of a tensor of `ndim` axes, and says where that goes.
    fn new(allocator: A, nbytes: usize, ndim: usize) -> Result<(Self, Room), Error> {
        let header = header_layout::<Self, InPlace>(ndim);
        let alignment = if nbytes == 0 { 1 } else { ALIGNMENT };
        let (bytes, start) = Bytes::from_size_align(nbytes, alignment)
            .and_then(|elements| elements.extend(header))
            .map_err(|_| Error::AllocationFailed)?;
        let at = allocator.allocate(bytes).ok_or(Error::AllocationFailed)?;
        let block = Self { at, bytes, allocator };
        // SAFETY: invariant 1: the header is within the block.
        let room = unsafe { at.add(start) }.cast();
        Ok((block, NonNull::slice_from_raw_parts(room, header.size())))
    }
}

impl<A: Allocator> Drop for Block<A> {
    fn drop(&mut self) {
        // SAFETY: invariants 1 and 2.
        unsafe { self.allocator.deallocate(self.at, self.bytes) }
    }
}
