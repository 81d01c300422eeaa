//! Headers that are used again and again.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::allocator::{Allocator, Global};
use super::block::largest;
use crate::error::Error;

/// Keeps room for headers, so that a steady stream of exports allocates nothing.
///
/// All room is allocated at the start. Exports take it and deleters give it back, from any thread, without locks. What does
/// not fit, or comes when all room is taken, goes to [`Global`], and [`in_use`](Self::in_use) does not count it. Use it through an `Arc`, which every header out holds a
/// clone of, or as a `&'static` reference.
///
/// An owner is dropped before its header comes back. Whoever exports an owner's memory again as soon as that owner has been
/// dropped may thus find its header still taken: a pool for `n` buffers that return to one exporting thread needs `n` rooms
/// and one more for each thread that runs deleters.
///
/// The next free room is found at once, as long as headers come back in about the order in which they went out or in the
/// reverse of it. To find that all is taken, each room is looked at, so that a large pool should be large enough.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use dlpack::{Exporter, allocator::Pool};
///
/// // 64 tensors of up to 4 axes at a time, each of which owns a vector.
/// let pool = Arc::new(Pool::new::<Vec<f32>>(64, 4)?);
/// for frame in 0..1000 {
///     let pixels = vec![frame as f32; 6];
///     let tensor = Exporter::new(pixels).shape(&[2, 3]).header_in(Arc::clone(&pool)).build()?;
///     assert_eq!((tensor.numel(), pool.in_use()), (6, 1));
/// }
/// assert_eq!(pool.in_use(), 0);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct Pool {
    /// # Invariants
    ///
    /// 1. Blocks of `each`, side by side, as many as there are flags in `taken`, allocated together as `all`; dangling if the
    ///    size of `all` is 0.
    /// 2. A block is in use by one header while its flag in `taken` is set, and by nobody otherwise.
    slab: NonNull<u8>,
    each: Layout,
    all: Layout,
    /// A flag for each block: a word with a bit for each would take two locked instructions for a header, this takes one.
    taken: Vec<AtomicBool>,
    /// The block at which to look first.
    hint: AtomicUsize,
}

// SAFETY: invariant 2; nothing is bound to a thread.
unsafe impl Send for Pool {}
// SAFETY: invariant 2: blocks are taken and given back by atomic flags.
unsafe impl Sync for Pool {}

impl Pool {
    /// Makes room for `count` headers at a time, each of an owner of type `O` and up to `ndim` axes, of which that of arrays in
    /// a slice is one.
    ///
    /// If the memory of owners is exported again as soon as they are dropped, as in a ring of buffers, count one header for
    /// each buffer and one for each thread that runs deleters; see [`Pool`].
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = dlpack::allocator::Pool::new::<Vec<f32>>(64, 4)?;
    /// assert_eq!(pool.capacity(), 64);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn new<O: Send + 'static>(count: usize, ndim: usize) -> Result<Self, Error> {
        Self::with_layout(count, largest::<O, Arc<Self>>(ndim))
    }

    /// Makes room for `count` headers at a time of up to this layout; see [`Exporter::header_layout`](crate::Exporter::header_layout).
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use dlpack::allocator::Pool;
    ///
    /// let pool = Pool::with_layout(8, Layout::new::<[u64; 64]>())?;
    /// assert_eq!((pool.capacity(), pool.in_use()), (8, 0));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn with_layout(count: usize, layout: Layout) -> Result<Self, Error> {
        let each = layout.pad_to_align();
        let size = each.size().checked_mul(count).ok_or(Error::AllocationFailed)?;
        let all =
            Layout::from_size_align(size, each.align()).map_err(|_| Error::AllocationFailed)?;
        let mut taken = Vec::new();
        taken.try_reserve_exact(count).map_err(|_| Error::AllocationFailed)?;
        taken.resize_with(count, AtomicBool::default);
        let slab = match size {
            0 => NonNull::dangling(),
            _ => Global.allocate(all).ok_or(Error::AllocationFailed)?,
        };
        Ok(Self { slab, each, all, taken, hint: AtomicUsize::new(0) })
    }

    /// Returns how many headers there is room for.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(dlpack::allocator::Pool::new::<Vec<u8>>(3, 1)?.capacity(), 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn capacity(&self) -> usize {
        self.taken.len()
    }

    /// Returns how many headers are out, apart from those that went to the heap.
    ///
    /// Other threads may change that at any time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::{Exporter, allocator::Pool};
    ///
    /// let pool = Arc::new(Pool::new::<Vec<u8>>(3, 1)?);
    /// let tensor = Exporter::new(vec![1_u8]).header_in(Arc::clone(&pool)).build()?;
    /// assert_eq!(pool.in_use(), 1);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn in_use(&self) -> usize {
        self.taken.iter().filter(|taken| taken.load(Ordering::Acquire)).count()
    }

    /// Takes a free block.
    #[inline]
    fn take(&self) -> Option<NonNull<u8>> {
        let hint = self.hint.load(Ordering::Relaxed);
        if self.try_take(hint) { self.block(hint) } else { self.search(hint) }
    }

    /// Looks at all blocks, from `first` on.
    #[inline(never)]
    fn search(&self, first: usize) -> Option<NonNull<u8>> {
        let first = first.min(self.taken.len());
        let index =
            (first..self.taken.len()).chain(0..first).find(|&index| self.try_take(index))?;
        // Blocks that are taken one after the other are next to each other.
        self.hint.store(index + 1, Ordering::Relaxed);
        self.block(index)
    }

    /// Takes this block, unless it is in use or there is none.
    #[inline]
    fn try_take(&self, index: usize) -> bool {
        self.taken.get(index).is_some_and(|taken| {
            // First without a locked instruction.
            !taken.load(Ordering::Relaxed) && !taken.swap(true, Ordering::Acquire)
        })
    }

    #[inline]
    fn block(&self, index: usize) -> Option<NonNull<u8>> {
        let offset = index.checked_mul(self.each.size())?;
        // SAFETY: invariant 1; there is a flag for the block.
        Some(unsafe { self.slab.add(offset) })
    }

    /// Gives a block back; `false` if it is none of the pool's.
    #[inline]
    fn give_back(&self, block: NonNull<u8>) -> bool {
        // Wraps to more than any index if the block lies before the slab.
        let offset = block.addr().get().wrapping_sub(self.slab.addr().get());
        let index = offset.checked_div(self.each.size()).unwrap_or(usize::MAX);
        let Some(taken) = self.taken.get(index) else { return false };
        taken.store(false, Ordering::Release);
        self.hint.store(index, Ordering::Relaxed);
        true
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.all.size() != 0 {
            // SAFETY: invariant 1; every header that is out holds the pool.
            unsafe { Global.deallocate(self.slab, self.all) }
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("capacity", &self.capacity())
            .field("in_use", &self.in_use())
            .finish_non_exhaustive()
    }
}

macro_rules! handle_of_a_pool {
    ($handle:ty) => {
        // SAFETY: a block is one header's at a time, large enough, and stays while the pool does, which the handle keeps.
        unsafe impl Allocator for $handle {
            fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
                let (sizes, most) = (1..=self.each.size(), self.each.align());
                let fits = sizes.contains(&layout.size()) && layout.align() <= most;
                let block = if fits { self.take() } else { None };
                block.or_else(|| Global.allocate(layout))
            }

            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                if !self.give_back(block) {
                    // SAFETY: a block that is not in the slab was allocated by `Global`.
                    unsafe { Global.deallocate(block, layout) }
                }
            }
        }
    };
}

handle_of_a_pool!(Arc<Pool>);
handle_of_a_pool!(&'static Pool);
