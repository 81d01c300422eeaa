//! What the two C structs have in common, and the handle that calls their deleter once.

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use crate::sys;

/// # Safety
///
/// The functions point to the fields of their names.
pub(crate) unsafe trait Abi: Sized + 'static {
    /// # Safety
    ///
    /// `this` points to a live struct.
    unsafe fn deleter(this: *mut Self) -> *mut Option<unsafe extern "C" fn(*mut Self)>;

    /// # Safety
    ///
    /// `this` points to a live struct.
    unsafe fn manager_ctx(this: *mut Self) -> *mut *mut core::ffi::c_void;
}

// SAFETY: the fields are the ones named.
unsafe impl Abi for sys::DLManagedTensor {
    #[inline]
    unsafe fn deleter(this: *mut Self) -> *mut Option<unsafe extern "C" fn(*mut Self)> {
        // SAFETY: the caller's promise.
        unsafe { &raw mut (*this).deleter }
    }

    unsafe fn manager_ctx(this: *mut Self) -> *mut *mut core::ffi::c_void {
        // SAFETY: the caller's promise.
        unsafe { &raw mut (*this).manager_ctx }
    }
}

// SAFETY: the fields are the ones named.
unsafe impl Abi for sys::DLManagedTensorVersioned {
    #[inline]
    unsafe fn deleter(this: *mut Self) -> *mut Option<unsafe extern "C" fn(*mut Self)> {
        // SAFETY: the caller's promise.
        unsafe { &raw mut (*this).deleter }
    }

    unsafe fn manager_ctx(this: *mut Self) -> *mut *mut core::ffi::c_void {
        // SAFETY: the caller's promise.
        unsafe { &raw mut (*this).manager_ctx }
    }
}

/// Owns a C struct and calls its deleter once.
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
// SAFETY: a shared handle gives only the address away.
unsafe impl<A: Abi> Sync for Handle<A> {}

impl<A: Abi> Handle<A> {
    /// # Safety
    ///
    /// The pointer must hold the invariants of [`Handle`].
    #[inline]
    pub(crate) const unsafe fn new(raw: NonNull<A>) -> Self {
        Self { raw }
    }

    #[inline]
    pub(crate) const fn as_ptr(&self) -> *mut A {
        self.raw.as_ptr()
    }

    #[inline]
    pub(crate) fn into_raw(self) -> *mut A {
        ManuallyDrop::new(self).raw.as_ptr()
    }
}

impl<A: Abi> Drop for Handle<A> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: invariant 1.
        let deleter = unsafe { A::deleter(self.as_ptr()) };
        // SAFETY: invariant 1; read without alignment, since a misaligned struct is refused through here.
        if let Some(delete) = unsafe { deleter.read_unaligned() } {
            // SAFETY: invariant 2 and clauses S1 and S3 of the import contract. Nothing is read afterwards.
            unsafe { delete(self.as_ptr()) }
        }
    }
}
