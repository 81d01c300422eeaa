//! An owner that is nothing but the act of giving back.

use core::fmt;

/// Calls a function once, when it is dropped.
///
/// The owner of memory whose way back is a function rather than a type with a `Drop`; see [`Adopted`](crate::Adopted).
/// The function runs on whatever thread drops the tensor. If it panics when a consumer does that, the process aborts.
///
/// # Examples
///
/// ```
/// use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use dlpack::{Adopted, Device, Exporter, Release};
///
/// static RELEASED: AtomicUsize = AtomicUsize::new(0);
///
/// let owner = Release::new(|| {
///     RELEASED.fetch_add(1, Relaxed);
/// });
/// // SAFETY: on this device an address means nothing to the host.
/// let memory = unsafe { Adopted::new(owner, 0x1000 as *mut _, 64, Device::cuda(0)) };
/// let tensor = Exporter::new(memory).build()?;
/// assert_eq!(RELEASED.load(Relaxed), 0);
/// drop(tensor);
/// assert_eq!(RELEASED.load(Relaxed), 1);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct Release<F: FnOnce()> {
    /// `None` once it has run.
    call: Option<F>,
}

impl<F: FnOnce()> Release<F> {
    /// Calls `call` when this is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut released = false;
    /// drop(dlpack::Release::new(|| released = true));
    /// assert!(released);
    /// ```
    pub const fn new(call: F) -> Self {
        Self { call: Some(call) }
    }

    /// Returns the function without calling it.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut calls = 0;
    /// let release = dlpack::Release::new(|| calls += 1);
    /// if let Some(call) = release.cancel() {
    ///     call();
    /// }
    /// assert_eq!(calls, 1);
    /// ```
    pub fn cancel(mut self) -> Option<F> {
        self.call.take()
    }
}

impl<F: FnOnce()> Drop for Release<F> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            call();
        }
    }
}

impl<F: FnOnce()> fmt::Debug for Release<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Release").finish_non_exhaustive()
    }
}
