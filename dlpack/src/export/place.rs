//! Where the header of an export lies: on the global heap, in memory of the caller's allocator, or in the block it describes.

use core::alloc::Layout as Bytes;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::block;

/// Gives memory for tensors: for headers, with [`Exporter::header_in`](crate::Exporter::header_in).
///
/// [`Heap`] is the global allocator and the default. Implement it for a handle of an allocator of your own: a `&'static`
/// reference, an `Arc`, a type of size zero. The handle moves into the header and is dropped after it has given the
/// header back. If its `Drop` panics when a consumer calls the deleter, the process aborts.
///
/// `Send`, because consumers run deleters on any thread.
///
/// # Safety
///
/// - A block that [`allocate`](Self::allocate) returns has at least the size and the alignment of the layout, is memory that
///   the host reads and writes, and is nobody else's until it is given to [`deallocate`](Self::deallocate), on whatever
///   thread, also when the handle moves.
/// - Both may be called from any thread that holds the handle, and neither unwinds.
///
/// # Examples
///
/// An allocator that counts what is out:
///
/// ```
/// use core::alloc::Layout;
/// use core::ptr::NonNull;
/// use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use dlpack::{Allocator, Exporter, Heap};
///
/// static OUT: AtomicUsize = AtomicUsize::new(0);
///
/// struct Counting;
///
/// // SAFETY: all memory is that of `Heap`.
/// unsafe impl Allocator for Counting {
///     fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
///         OUT.fetch_add(1, Relaxed);
///         Heap.allocate(layout)
///     }
///
///     unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
///         OUT.fetch_sub(1, Relaxed);
///         // SAFETY: the caller's promise.
///         unsafe { Heap.deallocate(block, layout) }
///     }
/// }
///
/// let tensor = Exporter::new([1_u8, 2]).header_in(Counting).build()?;
/// assert_eq!(OUT.load(Relaxed), 1);
/// drop(tensor);
/// assert_eq!(OUT.load(Relaxed), 0);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an allocator",
    note = "without the feature `alloc` there is no global heap: choose where the header goes with `header_in` or `header_at`"
)]
pub unsafe trait Allocator: Send + 'static {
    /// Returns a block of at least this size (in bytes, never 0) and alignment, or `None` if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use dlpack::{Allocator, Heap};
    ///
    /// let layout = Layout::new::<[u64; 4]>();
    /// let block = Heap.allocate(layout).expect("32 bytes");
    /// // SAFETY: the block is that of the line above.
    /// unsafe { Heap.deallocate(block, layout) };
    /// ```
    fn allocate(&self, layout: Bytes) -> Option<NonNull<u8>>;

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// The block was allocated by this allocator, with this layout, and is not used again.
    ///
    /// # Examples
    ///
    /// As for [`allocate`](Self::allocate).
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Bytes);
}

/// The global heap, which needs the feature `alloc`.
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, Heap};
///
/// assert_eq!(Exporter::new([1_u8, 2]).header_in(Heap).build()?.numel(), 2);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Heap;

#[cfg(feature = "alloc")]
// SAFETY: the global allocator's own contract.
unsafe impl Allocator for Heap {
    #[inline]
    fn allocate(&self, layout: Bytes) -> Option<NonNull<u8>> {
        if layout.size() == 0 {
            return None;
        }
        // SAFETY: the size is not 0.
        NonNull::new(unsafe { alloc::alloc::alloc(layout) })
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Bytes) {
        // SAFETY: the caller's promise.
        unsafe { alloc::alloc::dealloc(block.as_ptr(), layout) }
    }
}

/// Memory for a header that belongs to the owner of the export; made by
/// [`Exporter::header_at`](crate::Exporter::header_at).
#[derive(Debug)]
pub struct InBlock {
    room: NonNull<[MaybeUninit<u8>]>,
}

// SAFETY: an address; who made it has promised that nobody else uses the memory, on any thread.
unsafe impl Send for InBlock {}

impl InBlock {
    #[inline]
    pub(super) const fn new(room: NonNull<[MaybeUninit<u8>]>) -> Self {
        Self { room }
    }
}

/// Where a header may go: every [`Allocator`], and [`InBlock`].
///
/// # Examples
///
/// ```
/// use dlpack::{Error, Exporter, Exclusive, ManagedTensorVersioned, Place};
///
/// fn export<P: Place>(place: Exporter<'_, [u8; 2], P>) -> Result<usize, Error> {
///     Ok(place.build()?.numel())
/// }
///
/// assert_eq!(export(Exporter::new([1, 2]))?, 2);
/// # Ok::<(), Error>(())
/// ```
pub trait Place: sealed::Place {}

pub(super) mod sealed {
    use core::alloc::Layout as Bytes;
    use core::ptr::NonNull;

    /// # Safety
    ///
    /// What [`reserve`](Self::reserve) returns holds the contract of [`Allocator::allocate`](super::Allocator::allocate).
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is no place for a header",
        note = "without the feature `alloc` there is no global heap: choose a place with `header_in` or `header_at`"
    )]
    pub unsafe trait Place: Send + 'static {
        /// Whether dropping the owner frees the header with it.
        const IN_BLOCK: bool;

        /// What of this is needed to give memory back, and stays in the header until then.
        type Kept: Send + 'static;

        fn reserve(&self, bytes: Bytes) -> Option<NonNull<u8>>;

        fn into_kept(self) -> Self::Kept;

        /// # Safety
        ///
        /// `at` was reserved with these bytes by the place that has become `kept`, and is not used again.
        unsafe fn release(kept: &Self::Kept, at: NonNull<u8>, bytes: Bytes);
    }
}

impl<A: Allocator> Place for A {}

// SAFETY: the contract of `Allocator`.
unsafe impl<A: Allocator> sealed::Place for A {
    const IN_BLOCK: bool = false;

    type Kept = A;

    #[inline]
    fn reserve(&self, bytes: Bytes) -> Option<NonNull<u8>> {
        self.allocate(bytes)
    }

    #[inline]
    fn into_kept(self) -> A {
        self
    }

    #[inline]
    unsafe fn release(kept: &A, at: NonNull<u8>, bytes: Bytes) {
        // SAFETY: the caller's promise.
        unsafe { kept.deallocate(at, bytes) }
    }
}

impl Place for InBlock {}

// SAFETY: the memory is that of `header_at`'s promise, and used for one header only.
unsafe impl sealed::Place for InBlock {
    const IN_BLOCK: bool = true;

    type Kept = ();

    #[inline]
    fn reserve(&self, bytes: Bytes) -> Option<NonNull<u8>> {
        let start = self.room.cast::<u8>();
        let skipped = start.as_ptr().align_offset(bytes.align());
        if skipped.checked_add(bytes.size())? > self.room.len() {
            return None;
        }
        NonNull::new(start.as_ptr().wrapping_add(skipped))
    }

    #[inline]
    fn into_kept(self) {}

    #[inline]
    unsafe fn release((): &(), _: NonNull<u8>, _: Bytes) {}
}

/// Returns the room that a header needs, for [`Exporter::header_at`](crate::Exporter::header_at) or an allocator of fixed
/// blocks.
///
/// In bytes, for an owner of type `O`, a tensor of `ndim` axes and either ABI, in a place of the type `P`. Room of any
/// alignment does if it is longer by the alignment less 1. Axes above [`MAX_NDIM`](crate::layout::MAX_NDIM), which the exporter
/// refuses, are not counted.
///
/// # Examples
///
/// ```
/// use dlpack::{Heap, header_layout};
///
/// let room = header_layout::<Vec<f32>, Heap>(2);
/// assert!(room.size() >= size_of::<dlpack::sys::DLManagedTensorVersioned>() + 4 * size_of::<i64>());
/// ```
#[must_use]
pub const fn header_layout<O: 'static, P: Place>(ndim: usize) -> Bytes {
    block::largest::<O, P>(ndim)
}
