//! The parts of `dlpack` in which threads meet, with loom's atomics: slots, pools and loans, from their own sources.
//!
//! What they use of the rest of the crate is here in its simplest form: blocks of memory, and errors.

/// Where a header lies.
#[allow(
    missing_debug_implementations,
    missing_docs,
    clippy::all,
    unused,
    reason = "sources of `dlpack`"
)]
mod export {
    pub mod slot {
        use crate::Take;
        include!(concat!(env!("OUT_DIR"), "/slot.rs"));
    }

    pub mod pool {
        use crate::Take;
        include!(concat!(env!("OUT_DIR"), "/pool.rs"));
    }

    pub mod loan {
        include!(concat!(env!("OUT_DIR"), "/loan.rs"));
    }

    pub mod on_drop {
        include!(concat!(env!("OUT_DIR"), "/on_drop.rs"));
    }

    pub mod allocator {
        use core::alloc::Layout;
        use core::ptr::NonNull;

        /// As in `dlpack`.
        ///
        /// # Safety
        ///
        /// As in `dlpack`.
        pub unsafe trait Allocator: Send + 'static {
            fn allocate(&self, layout: Layout) -> Option<NonNull<u8>>;

            /// # Safety
            ///
            /// As in `dlpack`.
            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout);
        }

        /// The heap.
        #[derive(Clone, Copy, Debug)]
        pub struct Global;

        // SAFETY: the heap's own contract.
        unsafe impl Allocator for Global {
            fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
                // SAFETY: the size is not 0.
                NonNull::new(unsafe { std::alloc::alloc(layout) })
            }

            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                // SAFETY: a block of the heap, with its layout.
                unsafe { std::alloc::dealloc(block.as_ptr(), layout) }
            }
        }
    }

    pub mod block {
        use core::alloc::Layout;

        /// Room for a block.
        pub struct Room<O, const NDIM: usize> {
            _owner: O,
            _dims: [[i64; NDIM]; 2],
        }

        pub fn largest<O, A>(_: usize) -> Layout {
            Layout::new::<[u64; 16]>()
        }
    }
}

/// Sets a flag, and returns what it was.
///
/// A swap that finds a flag set writes the same value again. Nobody may see that write after the flag has been cleared, since a swap
/// reads what was written just before it; but loom lets a later load see it. So a flag that is set is left alone here.
trait Take {
    fn take(&self, order: loom::sync::atomic::Ordering) -> bool;
}

impl Take for loom::sync::atomic::AtomicBool {
    fn take(&self, order: loom::sync::atomic::Ordering) -> bool {
        let failure = loom::sync::atomic::Ordering::Relaxed;
        self.compare_exchange(false, true, order, failure).is_err()
    }
}

mod error {
    /// Why something was refused.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Error {
        /// There is no memory.
        AllocationFailed,
    }

    /// An owner that comes back.
    #[derive(Debug)]
    pub struct RejectedError<O>(O);

    impl<O> RejectedError<O> {
        /// The owner and the value, or the owner back.
        pub(crate) fn unless_ok<T>(owner: O, result: Result<T, Error>) -> Result<(O, T), Self> {
            match result {
                Ok(value) => Ok((owner, value)),
                Err(_) => Err(Self(owner)),
            }
        }
    }
}

pub use error::{Error, RejectedError};
pub use export::allocator::Allocator;
pub use export::loan::{Claim, Loaned};
pub use export::pool::Pool;
pub use export::slot::{SingleSlot, Slot};
