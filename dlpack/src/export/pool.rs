//! Headers that are used again and again.

use alloc::alloc::{alloc, dealloc};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::alloc::Layout as Bytes;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::place::{Allocator, Heap, header_layout};
use crate::error::Error;

/// Keeps room for headers, so that a steady stream of exports allocates nothing.
///
/// All room is allocated at the start. Exports take it and deleters give it back, from any thread, without locks. What does
/// not fit, or comes when all room is taken, goes to the [`Heap`]. Use it through an `Arc`, which every header out
/// holds a clone of, or as a `&'static` reference.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use dlpack::{Exporter, Pool};
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
    /// 1. `count` blocks of `each`, side by side, allocated together; dangling if `count` is 0.
    /// 2. A block is in use by one header while its bit in `taken` is set, and by nobody otherwise.
    slab: NonNull<u8>,
    each: Bytes,
    count: usize,
    /// A bit for each block. The bits beyond the last block are set for good.
    taken: Vec<AtomicUsize>,
    /// The word in which to look first.
    hint: AtomicUsize,
}

const WORD: usize = usize::BITS as usize;

// SAFETY: invariant 2; nothing is bound to a thread.
unsafe impl Send for Pool {}
// SAFETY: the same.
unsafe impl Sync for Pool {}

impl Pool {
    /// Makes room for `count` headers at a time, each of an owner of type `O` and up to `ndim` axes.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = dlpack::Pool::new::<Vec<f32>>(64, 4)?;
    /// assert_eq!(pool.capacity(), 64);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn new<O: Send + 'static>(count: usize, ndim: usize) -> Result<Self, Error> {
        Self::with_layout(count, header_layout::<O, Arc<Self>>(ndim))
    }

    /// Makes room for `count` headers at a time of up to this layout; see [`header_layout`].
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use dlpack::Pool;
    ///
    /// let pool = Pool::with_layout(8, Layout::new::<[u64; 64]>())?;
    /// assert_eq!((pool.capacity(), pool.in_use()), (8, 0));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn with_layout(count: usize, layout: Bytes) -> Result<Self, Error> {
        let each = layout.pad_to_align();
        let all = slab(each, count)?;
        let words = count.div_ceil(WORD);
        let mut taken = Vec::new();
        taken.try_reserve_exact(words).map_err(|_| Error::AllocationFailed)?;
        for word in 0..words {
            let blocks = (count - word * WORD).min(WORD);
            // Shifted in two steps, since all bits of a full word cannot be shifted out at once.
            let beyond = if blocks == WORD { 0 } else { usize::MAX << blocks };
            taken.push(AtomicUsize::new(beyond));
        }
        let slab = match all {
            // SAFETY: the size is not 0.
            Some(bytes) => NonNull::new(unsafe { alloc(bytes) }).ok_or(Error::AllocationFailed)?,
            None => NonNull::dangling(),
        };
        Ok(Self { slab, each, count, taken, hint: AtomicUsize::new(0) })
    }

    /// Returns how many headers there is room for.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(dlpack::Pool::new::<Vec<u8>>(3, 1)?.capacity(), 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub const fn capacity(&self) -> usize {
        self.count
    }

    /// Returns how many headers are out, apart from those that went to the heap.
    ///
    /// Other threads may change that at any time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::{Exporter, Pool};
    ///
    /// let pool = Arc::new(Pool::new::<Vec<u8>>(3, 1)?);
    /// let tensor = Exporter::new(vec![1_u8]).header_in(Arc::clone(&pool)).build()?;
    /// assert_eq!(pool.in_use(), 1);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn in_use(&self) -> usize {
        let set = |word: &AtomicUsize| word.load(Ordering::Acquire).count_ones();
        let bits: usize = self.taken.iter().map(|word| set(word) as usize).sum();
        let beyond = self.taken.len() * WORD - self.count;
        bits - beyond
    }

    /// Takes a free block.
    fn take(&self) -> Option<NonNull<u8>> {
        let words = self.taken.len();
        let first = self.hint.load(Ordering::Relaxed);
        (first..words).chain(0..first.min(words)).find_map(|index| {
            let word = self.taken.get(index)?;
            let mut bits = word.load(Ordering::Relaxed);
            while bits != usize::MAX {
                let bit = bits.trailing_ones();
                let with = bits | (1 << bit);
                match word.compare_exchange_weak(bits, with, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => {
                        self.hint.store(index, Ordering::Relaxed);
                        let block = index * WORD + bit as usize;
                        // SAFETY: invariant 1: there are no free bits beyond the last block.
                        return Some(unsafe { self.slab.add(block * self.each.size()) });
                    }
                    Err(now) => bits = now,
                }
            }
            None
        })
    }

    /// Gives a block back; `false` if it is none of the pool's.
    fn give_back(&self, block: NonNull<u8>) -> bool {
        let Some(offset) = block.addr().get().checked_sub(self.slab.addr().get()) else {
            return false;
        };
        let index = offset.checked_div(self.each.size()).unwrap_or(usize::MAX);
        if index >= self.count {
            return false;
        }
        let Some(word) = self.taken.get(index / WORD) else { return false };
        word.fetch_and(!(1 << (index % WORD)), Ordering::Release);
        self.hint.store(index / WORD, Ordering::Relaxed);
        true
    }

    /// What is of no size is left to the heap, which refuses it.
    fn allocate(&self, layout: Bytes) -> Option<NonNull<u8>> {
        let fits =
            (1..=self.each.size()).contains(&layout.size()) && layout.align() <= self.each.align();
        let block = if fits { self.take() } else { None };
        block.or_else(|| Heap.allocate(layout))
    }

    /// # Safety
    ///
    /// `block` is of [`allocate`](Self::allocate), with this layout, and is not used again.
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Bytes) {
        if !self.give_back(block) {
            // SAFETY: what is not the pool's is the heap's.
            unsafe { Heap.deallocate(block, layout) }
        }
    }
}

/// The memory of all blocks; `None` for no bytes.
fn slab(each: Bytes, count: usize) -> Result<Option<Bytes>, Error> {
    let size = each.size().checked_mul(count).ok_or(Error::AllocationFailed)?;
    if size == 0 {
        return Ok(None);
    }
    Bytes::from_size_align(size, each.align()).map(Some).map_err(|_| Error::AllocationFailed)
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Ok(Some(bytes)) = slab(self.each, self.count) {
            // SAFETY: invariant 1; every header that is out holds the pool.
            unsafe { dealloc(self.slab.as_ptr(), bytes) }
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

// SAFETY: a block is one header's at a time, large enough, and stays while the pool does, which the `Arc` keeps.
unsafe impl Allocator for Arc<Pool> {
    fn allocate(&self, layout: Bytes) -> Option<NonNull<u8>> {
        Pool::allocate(self, layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Bytes) {
        // SAFETY: the caller's promise.
        unsafe { Pool::deallocate(self, block, layout) }
    }
}

// SAFETY: as for the `Arc`; the pool stays for good.
unsafe impl Allocator for &'static Pool {
    fn allocate(&self, layout: Bytes) -> Option<NonNull<u8>> {
        Pool::allocate(self, layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Bytes) {
        // SAFETY: the caller's promise.
        unsafe { Pool::deallocate(self, block, layout) }
    }
}
