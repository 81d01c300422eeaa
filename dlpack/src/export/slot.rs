//! Room for one header, in a `static` or wherever the caller keeps it.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

use super::allocator::Allocator;
use super::block::Room;

/// Room for one header in a `static`, for programs without a heap.
///
/// One tensor at a time, of an owner of type `O` and up to `NDIM` axes, of which that of arrays in a slice is one; of another type too, if its header is no larger. When
/// its deleter has run, on whatever thread or in whatever interrupt, the owner has been dropped and the slot is free again.
/// An export while a tensor is out, or of what does not fit, is answered with
/// [`Error::AllocationFailed`](crate::Error::AllocationFailed) and hands the owner back.
///
/// The owner is dropped before the slot is free. An export that begins when the owner's `Drop` says that its memory is back may
/// therefore still be refused: wait until [`is_free`](Self::is_free) says so.
///
/// Taking the slot is one atomic compare-and-swap, giving it back one atomic store; nothing waits. On targets without
/// compare-and-swap a slot is no [`Allocator`] by itself; [`single`](Self::single) makes one from it that needs only atomic loads
/// and stores.
///
/// # Examples
///
/// ```
/// use dlpack::{Error, Exporter, allocator::Slot};
///
/// static SLOT: Slot<[f32; 6], 2> = Slot::new();
///
/// let raw = Exporter::new([1.0_f32; 6]).shape(&[2, 3]).header_in(&SLOT).into_raw()?;
/// assert!(!SLOT.is_free());
/// let refused = Exporter::new([2.0_f32; 6]).header_in(&SLOT).into_raw().unwrap_err();
/// assert_eq!((refused.error(), refused.into_inner()), (Error::AllocationFailed, [2.0; 6]));
///
/// // The consumer is done:
/// // SAFETY: the tensor from above, which nobody uses again.
/// unsafe { (*raw).deleter.unwrap()(raw) };
/// assert!(SLOT.is_free());
/// # Ok::<(), Error>(())
/// ```
pub struct Slot<O, const NDIM: usize> {
    taken: AtomicBool,
    /// # Invariant
    ///
    /// Used only by the one to whom `taken` was set, until it is cleared.
    room: UnsafeCell<MaybeUninit<Room<O, NDIM>>>,
}

// SAFETY: the room is one user's at a time, who may put an owner there on one thread and drop it on another.
unsafe impl<O: Send, const NDIM: usize> Sync for Slot<O, NDIM> {}
// SAFETY: while a slot can be moved nothing is in it.
unsafe impl<O: Send, const NDIM: usize> Send for Slot<O, NDIM> {}

impl<O, const NDIM: usize> Slot<O, NDIM> {
    /// A free slot.
    ///
    /// # Examples
    ///
    /// ```
    /// static SLOT: dlpack::allocator::Slot<[u8; 16], 1> = dlpack::allocator::Slot::new();
    /// assert!(SLOT.is_free());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { taken: AtomicBool::new(false), room: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// Says whether no tensor is out.
    ///
    /// If so, all that its consumer did to the owner has happened before.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, allocator::Slot};
    ///
    /// static SLOT: Slot<[u8; 2], 1> = Slot::new();
    /// let tensor = Exporter::new([1, 2]).header_in(&SLOT).build()?;
    /// assert!(!SLOT.is_free());
    /// drop(tensor);
    /// assert!(SLOT.is_free());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn is_free(&self) -> bool {
        !self.taken.load(Ordering::Acquire)
    }

    /// Makes an allocator of the slot that needs no compare-and-swap.
    ///
    /// # Safety
    ///
    /// No two exports into the slot, or other calls of its [`allocate`](Allocator::allocate), run at the same time, be it on two
    /// threads or in an interrupt: of any two, one happens before the other. So threads or processors that take turns do so by
    /// a lock, or by a store with `Release` that the next one loads with `Acquire`; a `Relaxed` flag is not enough. Deleters
    /// may run at any time.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, allocator::Slot};
    ///
    /// static SLOT: Slot<[u8; 2], 1> = Slot::new();
    /// // SAFETY: this is the only place that exports into the slot.
    /// let tensor = Exporter::new([1, 2]).header_in(unsafe { SLOT.single() }).build()?;
    /// assert!(!SLOT.is_free());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub const unsafe fn single(&'static self) -> SingleSlot<O, NDIM> {
        SingleSlot { slot: self }
    }

    /// The room, if a header of this layout fits into it.
    #[inline]
    fn room(&'static self, layout: Layout) -> Option<NonNull<u8>> {
        let room = Layout::new::<Room<O, NDIM>>();
        let fits = layout.size() <= room.size() && layout.align() <= room.align();
        NonNull::new(self.room.get().cast()).filter(|_| fits)
    }
}

impl<O, const NDIM: usize> Default for Slot<O, NDIM> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O, const NDIM: usize> fmt::Debug for Slot<O, NDIM> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("is_free", &self.is_free()).finish_non_exhaustive()
    }
}

#[cfg(target_has_atomic = "8")]
// SAFETY: the room is large enough, which is checked, never moves, since it is borrowed for good, and only one can take it.
unsafe impl<O: Send + 'static, const NDIM: usize> Allocator for &'static Slot<O, NDIM> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        let room = self.room(layout)?;
        // First without a locked instruction.
        let taken = self.taken.load(Ordering::Relaxed) || self.taken.swap(true, Ordering::Acquire);
        (!taken).then_some(room)
    }

    #[inline]
    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {
        self.taken.store(false, Ordering::Release);
    }
}

/// A [`Slot`] whose user has promised that no two headers are allocated at the same time; made by [`Slot::single`].
pub struct SingleSlot<O: 'static, const NDIM: usize> {
    slot: &'static Slot<O, NDIM>,
}

impl<O, const NDIM: usize> fmt::Debug for SingleSlot<O, NDIM> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slot.fmt(f)
    }
}

// SAFETY: the room is large enough, which is checked, and never moves. By the contract of `single`, of any two calls of `allocate`
// one happens before the other, so that the later one sees whether the room is taken.
unsafe impl<O: Send + 'static, const NDIM: usize> Allocator for SingleSlot<O, NDIM> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        let room = self.slot.room(layout).filter(|_| self.slot.is_free())?;
        self.slot.taken.store(true, Ordering::Relaxed);
        Some(room)
    }

    #[inline]
    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {
        self.slot.taken.store(false, Ordering::Release);
    }
}
