//! Where the header of an export lies: on the global heap, in memory of another allocator, or in the owner's own memory.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// Allocates the headers of tensors; see [`Exporter::header_in`](crate::Exporter::header_in).
///
/// [`Global`] is the global allocator and the default. Implement it for a handle of an allocator of your own: a `&'static`
/// reference, a type of your own around an `Arc`, a type of size zero. The handle moves into the header and is dropped after
/// it has given the header back. If its `Drop` panics when a consumer calls the deleter, the process aborts.
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
/// An allocator that counts what is out. Rust does not let other crates implement `Allocator` for an `Arc`, so that the handle
/// is a type around one:
///
/// ```
/// use core::alloc::Layout;
/// use core::ptr::NonNull;
/// use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use std::sync::Arc;
/// use dlpack::Exporter;
/// use dlpack::allocator::{Allocator, Global};
///
/// #[derive(Clone, Default)]
/// struct Counting(Arc<AtomicUsize>);
///
/// // SAFETY: all memory is that of `Global`.
/// unsafe impl Allocator for Counting {
///     fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
///         self.0.fetch_add(1, Relaxed);
///         Global.allocate(layout)
///     }
///
///     unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
///         self.0.fetch_sub(1, Relaxed);
///         // SAFETY: `allocate` got the block from `Global`, with this layout.
///         unsafe { Global.deallocate(block, layout) }
///     }
/// }
///
/// let counting = Counting::default();
/// let tensor = Exporter::new([1_u8, 2]).header_in(counting.clone()).build()?;
/// assert_eq!(counting.0.load(Relaxed), 1);
/// drop(tensor);
/// assert_eq!(counting.0.load(Relaxed), 0);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an allocator",
    note = "without the feature `alloc` there is no global heap: choose where the header goes with `header_in` or `header_in_place`"
)]
pub unsafe trait Allocator: Send + 'static {
    /// Whether the memory belongs to the owner of the export, so that the owner is moved out of it before it is dropped, and
    /// nothing is given back. The handle is dropped as soon as there is a block then: this is for [`InPlace`] alone.
    #[doc(hidden)]
    const IN_OWNER: bool = false;

    /// Returns a block of at least this size (in bytes, never 0) and alignment, or `None` if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use dlpack::allocator::{Allocator, Global};
    ///
    /// let layout = Layout::new::<[u64; 4]>();
    /// let block = Global.allocate(layout).expect("32 bytes");
    /// // SAFETY: the block is that of the line above.
    /// unsafe { Global.deallocate(block, layout) };
    /// ```
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>>;

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// The block was allocated by this allocator, with this layout, and is not used again.
    ///
    /// # Examples
    ///
    /// As for [`allocate`](Self::allocate).
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout);
}

/// The global heap, which needs the feature `alloc`.
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, allocator::Global};
///
/// assert_eq!(Exporter::new([1_u8, 2]).header_in(Global).build()?.numel(), 2);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Global;

#[cfg(feature = "alloc")]
// SAFETY: the global allocator's own contract.
unsafe impl Allocator for Global {
    #[inline]
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        if layout.size() == 0 {
            return None;
        }
        // SAFETY: the size is not 0.
        NonNull::new(unsafe { alloc::alloc::alloc(layout) })
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: `allocate` got the block from the global allocator, with this layout.
        unsafe { alloc::alloc::dealloc(block.as_ptr(), layout) }
    }
}

/// Memory for one header that belongs to the owner of the export; made by
/// [`Exporter::header_in_place`](crate::Exporter::header_in_place).
#[derive(Debug)]
pub struct InPlace {
    room: NonNull<[MaybeUninit<u8>]>,
}

// SAFETY: whoever made this has promised that nobody else uses the memory, on any thread.
unsafe impl Send for InPlace {}

impl InPlace {
    #[inline]
    pub(super) const fn new(room: NonNull<[MaybeUninit<u8>]>) -> Self {
        Self { room }
    }
}

// SAFETY: the memory is that of the promise of `header_in_place`. It is used for one header only, since an exporter makes
// no more and nobody else can make a value of this type.
unsafe impl Allocator for InPlace {
    const IN_OWNER: bool = true;

    #[inline]
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        let start = self.room.cast::<u8>();
        let skipped = start.as_ptr().align_offset(layout.align());
        if skipped.checked_add(layout.size())? > self.room.len() {
            return None;
        }
        NonNull::new(start.as_ptr().wrapping_add(skipped))
    }

    #[inline]
    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
}
