//! The one place that calls a deleter.

use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use super::abi::Abi;
use super::block_header::{self, Found};
use crate::error::Error;

/// Owns a C struct and calls its deleter once, on drop.
///
/// The struct stays where the producer put it, since the deleter expects it there.
pub(crate) struct Handle<A: Abi> {
    /// # Invariants
    ///
    /// 1. Points to a live struct, which need not be aligned, and whose deleter and context can be read. Of a
    ///    foreign major version nothing else can.
    /// 2. Nobody else calls the deleter.
    raw: NonNull<A>,
}

// SAFETY: clause S3 of the import contract: the deleter may be called from any thread.
unsafe impl<A: Abi> Send for Handle<A> {}
// SAFETY: a shared handle gives the address away, and reads the deleter and the context, which by clause S1 of the import contract
// nobody writes while the struct is owned.
unsafe impl<A: Abi> Sync for Handle<A> {}

/// Refuses a struct that is null or misaligned.
#[inline(always)]
pub(super) fn present<S>(raw: *mut S) -> Result<NonNull<S>, Error> {
    match NonNull::new(raw) {
        Some(at) if at.is_aligned() => Ok(at),
        Some(_) => Err(Error::MisalignedHeader { required: align_of::<S>() }),
        None => Err(Error::NullTensor),
    }
}

impl<A: Abi> Handle<A> {
    /// # Safety
    ///
    /// `raw` holds the invariants of [`Handle`].
    #[inline]
    pub(crate) const unsafe fn new(raw: NonNull<A>) -> Self {
        Self { raw }
    }

    /// Takes over a struct, unless the pointer is null. A misaligned struct is deleted.
    ///
    /// # Safety
    ///
    /// Clauses S1 and S3 of the import contract.
    #[inline(always)]
    pub(super) unsafe fn take(raw: *mut A) -> Result<Self, Error> {
        let raw = NonNull::new(raw).ok_or(Error::NullTensor)?;
        // SAFETY: clauses S1 and S3 are the invariants. From here on every way out calls the deleter.
        let handle = unsafe { Self::new(raw) };
        present(raw.as_ptr())?;
        Ok(handle)
    }

    #[inline]
    pub(crate) const fn as_ptr(&self) -> *mut A {
        self.raw.as_ptr()
    }

    #[inline]
    pub(crate) fn into_raw(self) -> *mut A {
        ManuallyDrop::new(self).raw.as_ptr()
    }

    /// The owner of a struct that this crate exported, if it is an `O`.
    ///
    /// Of all that consumers can write, only the deleter and the context are believed, and not even that the struct is
    /// where it was made.
    pub(super) fn owner<O: 'static>(&self) -> Option<Found<O>> {
        // SAFETY: invariant 1. With our deleter, the context is that of a struct of ours, and invariant 2 says that
        // the deleter has not run.
        unsafe {
            let deleter = A::deleter(self.as_ptr()).read_unaligned()?;
            if !ptr::fn_addr_eq(deleter, A::DELETER) {
                return None;
            }
            block_header::find::<A, O>(A::manager_ctx(self.as_ptr()).read_unaligned())
        }
    }
}

impl<A: Abi> Drop for Handle<A> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: invariants 1 and 2, and clauses S1 and S3 of the import contract. The field is read without
        // alignment, since a misaligned struct is refused through here. Nothing is read after the call.
        unsafe {
            if let Some(delete) = A::deleter(self.as_ptr()).read_unaligned() {
                delete(self.as_ptr());
            }
        }
    }
}
