//! The calling thread's CUDA context, put back as it was.

use cudarc::driver::sys::CUcontext;
use cudarc::driver::{CudaContext, result};

/// Makes a context current until it is dropped.
///
/// A deleter runs on a thread of the consumer's, where another context may be current, or none.
pub(crate) struct Current {
    before: CUcontext,
}

impl Current {
    pub(crate) fn enter(context: &CudaContext) -> Self {
        let before = result::ctx::get_current().ok().flatten();
        // SAFETY: the context is live. Not `bind_to_thread`, which does nothing after an error.
        let entered = unsafe { result::ctx::set_current(context.cu_ctx()) };
        context.record_err(entered);
        Self { before: before.unwrap_or(core::ptr::null_mut()) }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        // SAFETY: it was current before. If it has ended meanwhile, the driver says so and nothing changes.
        let _ = unsafe { result::ctx::set_current(self.before) };
    }
}
