//! An object whose buffers are described by structs that point into themselves, as the C API lets objects do.

use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

static BYTES: [u8; 8] = *b"12345678";

/// Eight bytes. The object notes where the struct of a buffer was filled, and compares when the buffer is released.
#[pyclass(frozen)]
pub(crate) struct OwnBuffer {
    filled: AtomicUsize,
    released: AtomicUsize,
    moved: AtomicUsize,
}

#[pymethods]
impl OwnBuffer {
    #[new]
    fn new() -> Self {
        let [filled, released, moved] = [const { AtomicUsize::new(0) }; 3];
        Self { filled, released, moved }
    }

    /// Returns how many buffers were released, and how many of them elsewhere than they were filled.
    fn counts(&self) -> (usize, usize) {
        (self.released.load(Ordering::Relaxed), self.moved.load(Ordering::Relaxed))
    }

    unsafe fn __getbuffer__(
        slf: &Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        _flags: c_int,
    ) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("expected a place for the buffer"));
        }
        slf.get().filled.store(view.addr(), Ordering::Relaxed);
        // SAFETY: Python calls this to fill the struct, whose size and stride are its own length and item size.
        unsafe {
            (*view).buf = BYTES.as_ptr().cast_mut().cast::<c_void>();
            (*view).obj = slf.clone().into_ptr();
            (*view).len = 8;
            (*view).itemsize = 1;
            (*view).readonly = 1;
            (*view).ndim = 1;
            (*view).format = c"B".as_ptr().cast_mut();
            (*view).shape = &raw mut (*view).len;
            (*view).strides = &raw mut (*view).itemsize;
            (*view).suboffsets = ptr::null_mut();
            (*view).internal = ptr::null_mut();
        }
        Ok(())
    }

    unsafe fn __releasebuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer) {
        let this = slf.get();
        // SAFETY: Python calls this with a struct that was filled above.
        let points_into_itself = unsafe { (*view).shape == &raw mut (*view).len };
        let stayed = view.addr() == this.filled.load(Ordering::Relaxed) && points_into_itself;
        this.released.fetch_add(1, Ordering::Relaxed);
        this.moved.fetch_add(usize::from(!stayed), Ordering::Relaxed);
    }
}
