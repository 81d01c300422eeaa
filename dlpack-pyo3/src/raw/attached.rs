//! The proof that a thread may call Python.

use core::marker::PhantomData;

/// Proves that this thread is attached to the interpreter for the lifetime `'py`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attached<'py>(
    /// Neither `Send` nor `Sync`: it is about this thread.
    PhantomData<(&'py (), *mut ())>,
);

impl Attached<'_> {
    /// # Safety
    ///
    /// This thread is attached to the interpreter, and stays so for the lifetime.
    #[inline]
    pub(crate) const unsafe fn assume() -> Self {
        Self(PhantomData)
    }
}
