//! The producer: an owner of a `cl_mem`, which gives it back when it is dropped.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use cl3::memory::{
    CL_MEM_COPY_HOST_PTR, CL_MEM_READ_WRITE, cl_mem, create_buffer, release_mem_object,
    set_mem_object_destructor_callback,
};

use crate::runtime::context;

/// How often the runtime has destroyed the buffer.
#[derive(Debug, Default)]
pub struct Released(AtomicUsize);

impl Released {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// The only reference to a buffer.
#[derive(Debug)]
pub struct Buffer(cl_mem);

// SAFETY: OpenCL's functions may be called from any thread.
unsafe impl Send for Buffer {}

impl Buffer {
    /// Makes a buffer with these elements.
    pub fn new(elements: &[f32]) -> (Self, Arc<Released>) {
        let flags = CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR;
        let from = elements.as_ptr().cast::<c_void>().cast_mut();
        // SAFETY: the elements are copied during the call.
        let mem = unsafe { create_buffer(context(), flags, size_of_val(elements), from) };
        let mem = mem.expect("a buffer");
        let released = Arc::new(Released::default());
        let count = Arc::into_raw(Arc::clone(&released)).cast_mut().cast();
        // SAFETY: the callback gets the reference that was just made for it.
        unsafe { set_mem_object_destructor_callback(mem, destroyed, count) }.expect("a callback");
        (Self(mem), released)
    }

    pub fn handle(&self) -> *mut c_void {
        self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let handle = core::mem::replace(&mut self.0, ptr::null_mut());
        // SAFETY: the reference is the owner's, and is not used again.
        unsafe { release_mem_object(handle) }.expect("a live buffer");
    }
}

/// Called by the runtime when it destroys the buffer.
extern "C" fn destroyed(_: cl_mem, count: *mut c_void) {
    // SAFETY: the reference that `Buffer::new` made for this call.
    let released = unsafe { Arc::from_raw(count.cast::<Released>()) };
    released.0.fetch_add(1, Ordering::SeqCst);
}
