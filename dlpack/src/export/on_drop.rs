//! An owner that is nothing but the act of giving back.

use core::fmt;

/// Calls a function once, when it is dropped.
///
/// It is the owner of memory that a function gives back, rather than a type with a `Drop`; see
/// [`Exporter::from_raw_parts`](crate::Exporter::from_raw_parts), which has an example. The function runs on whatever
/// thread drops the tensor. If it panics when a consumer does that, the process aborts.
pub struct OnDrop<F: FnOnce()> {
    /// `None` once it has run.
    call: Option<F>,
}

impl<F: FnOnce()> OnDrop<F> {
    /// Calls `call` when this is dropped.
    pub const fn new(call: F) -> Self {
        Self { call: Some(call) }
    }

    /// Returns the function without calling it.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut calls = 0;
    /// let release = dlpack::OnDrop::new(|| calls += 1);
    /// if let Some(call) = release.cancel() {
    ///     call();
    /// }
    /// assert_eq!(calls, 1);
    /// ```
    pub fn cancel(mut self) -> Option<F> {
        self.call.take()
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            call();
        }
    }
}

impl<F: FnOnce()> fmt::Debug for OnDrop<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDrop").finish_non_exhaustive()
    }
}
