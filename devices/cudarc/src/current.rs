//! The calling thread's CUDA context, put back as it was.

use std::sync::Arc;

use cudarc::driver::sys::CUcontext;
use cudarc::driver::{CudaContext, DriverError, result};

/// Makes a context current until it is dropped.
///
/// A deleter runs on a thread of the consumer's, where another context may be current, or none. And where an error was
/// kept for whoever asks for it next, cudarc would fail with that instead of what it is asked for: it is put aside, too.
pub(crate) struct Current {
    before: CUcontext,
    /// There until the drop.
    context: Option<Arc<CudaContext>>,
    error: Result<(), DriverError>,
}

impl Current {
    pub(crate) fn enter(context: &Arc<CudaContext>) -> Self {
        let error = context.check_err();
        let before = result::ctx::get_current().ok().flatten();
        // SAFETY: the context is live.
        let entered = unsafe { result::ctx::set_current(context.cu_ctx()) };
        context.record_err(entered);
        let before = before.unwrap_or(core::ptr::null_mut());
        Self { before, context: Some(Arc::clone(context)), error }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        // If this is the last that knows the context, it makes itself current to end.
        if let Some(context) = self.context.take() {
            context.record_err(self.error);
        }
        // SAFETY: it was current before. If it has ended meanwhile, the driver says so and nothing changes.
        let _ = unsafe { result::ctx::set_current(self.before) };
    }
}
