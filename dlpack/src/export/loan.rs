//! Owners that come back when the consumer is done.

use alloc::boxed::Box;
use core::alloc::Layout as Bytes;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

use super::allocator::{Allocator, Global};
use super::on_drop::OnDrop;
use crate::error::{Error, RejectedError};

/// Where an owner on loan stays. A [`Loaned`] and a [`Claim`] know of it; the second of them to leave clears it.
struct Desk<O> {
    /// Whether one of the two has left.
    one_left: AtomicBool,
    owner: O,
}

/// Notes that one of the two has left a desk. If the other had left before, drops the owner, and gives the memory back.
///
/// # Safety
///
/// The desk has not been cleared, and the one that leaves does not use it any more.
unsafe fn leave<O>(desk: NonNull<Desk<O>>) {
    // SAFETY: the desk is there; the flag is only ever reached like this.
    if unsafe { &(*desk.as_ptr()).one_left }.swap(true, Ordering::AcqRel) {
        // SAFETY: the memory is that of `Loaned::new`, which a box of a desk would have, and both have left, so that nobody
        // could use it; all that the other did has happened. It is dropped in place, since an owner may be too large for
        // the stack.
        drop(unsafe { Box::from_raw(desk.as_ptr()) });
    }
}

/// An owner on loan, to be exported; its [`Claim`] gets the owner back.
///
/// This is for memory that is to be used again when the consumer is done, on whatever thread that is: a frame of a camera,
/// a page of a cache, a buffer of a ring. Dropping it, as the deleter does, only marks the loan as returned, without a lock.
/// The owner is not dropped before its claim has taken it. If the claim is dropped first, the deleter drops the owner as
/// usual. [`on_return`](Self::on_return) tells when that is.
///
/// It can be exported as the owner can: it is `AsMut` and `AsRef` if the owner is, and [`owner`](Self::owner) and
/// [`owner_mut`](Self::owner_mut) reach the owner for [`Exporter::of`](crate::Exporter::of) and
/// [`Exporter::of_mut`](crate::Exporter::of_mut).
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, loan::Loaned};
///
/// let frame = vec![0_u8; 640 * 480];
/// let address = frame.as_ptr();
/// let (loaned, claim) = Loaned::new(frame)?;
/// let tensor = Exporter::new(loaned).shape(&[480, 640]).build()?;
///
/// let claim = claim.try_take().unwrap_err(); // Too early.
/// std::thread::spawn(move || drop(tensor)).join().unwrap(); // The consumer is done, on a thread of its own.
/// let frame = claim.try_take().unwrap();
/// assert_eq!((frame.as_ptr(), frame.len()), (address, 640 * 480));
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct Loaned<O, N = ()> {
    /// # Invariant
    ///
    /// Not cleared, and the owner is used by nobody else: the claim keeps off until this has left.
    desk: NonNull<Desk<O>>,
    /// Invariant in `O`: an owner of a shorter lifetime, written here, would be taken back by the claim as one of a longer.
    owner: PhantomData<fn(O) -> O>,
    /// Dropped after this has left the desk.
    _notice: N,
}

// SAFETY: it stands for an owner that it may drop.
unsafe impl<O: Send, N: Send> Send for Loaned<O, N> {}
// SAFETY: a shared reference gives a shared reference to the owner.
unsafe impl<O: Send + Sync, N: Sync> Sync for Loaned<O, N> {}

impl<O: Send + 'static> Loaned<O> {
    /// Lends an owner out: the first part is exported, and the second part gets the owner back.
    ///
    /// This makes one allocation, in which the owner stays until it is taken.
    ///
    /// # Errors
    ///
    /// Hands the owner back with [`Error::AllocationFailed`].
    pub fn new(owner: O) -> Result<(Self, Claim<O>), RejectedError<O>> {
        let block = Global.allocate(Bytes::new::<Desk<O>>()).ok_or(Error::AllocationFailed);
        let (owner, block) = RejectedError::unless_ok(owner, block)?;
        let desk = block.cast::<Desk<O>>();
        // SAFETY: the memory is that of a desk.
        unsafe { desk.write(Desk { one_left: AtomicBool::new(false), owner }) };
        Ok((Self { desk, owner: PhantomData, _notice: () }, Claim { desk }))
    }
}

impl<O> Loaned<O> {
    /// Calls a function when the consumer is done, from when on the claim can take the owner.
    ///
    /// It runs on whatever thread that is, and the process aborts if it panics when a consumer drops the tensor. Such a
    /// function may own the claim, send on a channel, or wake a task.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use dlpack::{Exporter, loan::Loaned};
    ///
    /// let (frames, returned) = mpsc::channel();
    /// let (loaned, claim) = Loaned::new(vec![0_u8; 4])?;
    /// let loaned = loaned.on_return(move || drop(frames.send(claim.try_take())));
    /// let tensor = Exporter::new(loaned).build()?;
    ///
    /// std::thread::spawn(move || drop(tensor));
    /// assert_eq!(returned.recv().unwrap().unwrap(), [0; 4]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn on_return<F: FnOnce()>(self, call: F) -> Loaned<O, OnDrop<F>> {
        let desk = ManuallyDrop::new(self).desk;
        Loaned { desk, owner: PhantomData, _notice: OnDrop::new(call) }
    }
}

impl<O, N> Loaned<O, N> {
    /// Returns the owner, to look at it.
    ///
    /// # Examples
    ///
    /// ```
    /// struct Frame { number: u32, samples: Vec<u8> }
    ///
    /// let (loaned, claim) = dlpack::loan::Loaned::new(Frame { number: 7, samples: vec![1, 2] })?;
    /// let tensor = dlpack::Exporter::of(loaned, |frame| &frame.owner().samples).build()?;
    /// assert_eq!(tensor.as_slice::<u8>()?, [1, 2]);
    /// drop(tensor);
    /// assert_eq!(claim.try_take().unwrap().number, 7);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn owner(&self) -> &O {
        // SAFETY: the invariant of `desk`: it is not cleared, and the claim keeps off the owner.
        unsafe { &(*self.desk.as_ptr()).owner }
    }

    /// Returns the owner, to change it.
    pub fn owner_mut(&mut self) -> &mut O {
        // SAFETY: the invariant of `desk`: it is not cleared, and the claim keeps off the owner.
        unsafe { &mut (*self.desk.as_ptr()).owner }
    }
}

impl<T, O: AsMut<[T]>, N> AsMut<[T]> for Loaned<O, N> {
    fn as_mut(&mut self) -> &mut [T] {
        self.owner_mut().as_mut()
    }
}

impl<T, O: AsRef<[T]>, N> AsRef<[T]> for Loaned<O, N> {
    fn as_ref(&self) -> &[T] {
        self.owner().as_ref()
    }
}

impl<O, N> Drop for Loaned<O, N> {
    fn drop(&mut self) {
        // SAFETY: the invariant of `desk`: it is not cleared, and this is the last use of it here.
        unsafe { leave(self.desk) }
    }
}

impl<O, N> fmt::Debug for Loaned<O, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaned").finish_non_exhaustive()
    }
}

/// The right to get an owner back from a [`Loaned`].
///
/// # Examples
///
/// Whoever does not want the owner back drops the claim:
///
/// ```
/// use std::sync::Arc;
/// use dlpack::{Exporter, loan::Loaned};
///
/// let numbers = Arc::<[f32]>::from([1.0, 2.0]);
/// let (loaned, claim) = Loaned::new(Arc::clone(&numbers))?;
/// let tensor = Exporter::shared(loaned).build()?;
/// drop(claim);
/// assert_eq!(Arc::strong_count(&numbers), 2);
/// drop(tensor);
/// assert_eq!(Arc::strong_count(&numbers), 1);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[must_use = "without its claim the owner is dropped when the consumer is done"]
pub struct Claim<O> {
    /// # Invariant
    ///
    /// Not cleared.
    desk: NonNull<Desk<O>>,
}

// SAFETY: it stands for an owner that it may take or drop.
unsafe impl<O: Send> Send for Claim<O> {}
// SAFETY: a shared reference only reads the flag.
unsafe impl<O: Send> Sync for Claim<O> {}

impl<O> Claim<O> {
    /// Says whether the consumer is done.
    ///
    /// Once that is so, it stays so, and [`try_take`](Self::try_take) succeeds.
    ///
    /// # Examples
    ///
    /// ```
    /// let (loaned, claim) = dlpack::loan::Loaned::new([1_u8, 2])?;
    /// assert!(!claim.is_returned());
    /// drop(loaned);
    /// assert!(claim.is_returned());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn is_returned(&self) -> bool {
        // SAFETY: the invariant; the flag is only ever reached like this.
        let one_left = unsafe { &(*self.desk.as_ptr()).one_left };
        // This has not left, so that it must be the other one.
        one_left.load(Ordering::Acquire)
    }

    /// Takes the owner back if the consumer is done; does not wait for it.
    ///
    /// All that the consumer did to the memory has happened then.
    ///
    /// # Errors
    ///
    /// Returns the claim if the consumer is not done yet.
    ///
    /// # Examples
    ///
    /// ```
    /// let (loaned, claim) = dlpack::loan::Loaned::new([1_u8, 2])?;
    /// let claim = claim.try_take().unwrap_err();
    /// drop(loaned);
    /// assert_eq!(claim.try_take().unwrap(), [1, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn try_take(self) -> Result<O, Self> {
        if !self.is_returned() {
            return Err(self);
        }
        let desk = ManuallyDrop::new(self).desk;
        // SAFETY: the invariant of `desk`: it is not cleared. The other one has left, and this is not used again.
        Ok(unsafe { Box::from_raw(desk.as_ptr()) }.owner)
    }
}

impl<O> Drop for Claim<O> {
    fn drop(&mut self) {
        // SAFETY: the invariant of `desk`: it is not cleared, and this is the last use of it here.
        unsafe { leave(self.desk) }
    }
}

impl<O> fmt::Debug for Claim<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("is_returned", &self.is_returned()).finish_non_exhaustive()
    }
}
