//! Memory of Rust as Python's tensors, counted.

use core::ffi::c_void;
use core::ptr::NonNull;
use core::slice;
use core::sync::atomic::{AtomicUsize, Ordering};

use dlpack::{DataType, Device, Exporter};
use dlpack_pyo3::Tensor;
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::prelude::*;

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// Bytes at an address that is a multiple of 64, counted as long as they live.
pub(crate) struct Counted {
    /// # Invariants
    ///
    /// The elements of a vector of `count` lines, and of that capacity, which is this value's.
    lines: NonNull<Line>,
    count: usize,
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

// SAFETY: bytes, which this value owns.
unsafe impl Send for Counted {}
// SAFETY: a shared reference gives no more than their address.
unsafe impl Sync for Counted {}

impl Counted {
    pub(crate) fn new(data: &[u8]) -> Self {
        let lines = data.chunks(64).map(|chunk| {
            let mut line = Line([0; 64]);
            line.0[..chunk.len()].copy_from_slice(chunk);
            line
        });
        let lines = Box::leak(lines.collect::<Box<[Line]>>());
        LIVE.fetch_add(1, Ordering::SeqCst);
        Self { lines: NonNull::from(&mut *lines).cast(), count: lines.len() }
    }

    pub(crate) fn start(&self) -> *mut c_void {
        self.lines.as_ptr().cast()
    }

    /// As they are now.
    pub(crate) fn copy(&self) -> Self {
        let len = self.count * size_of::<Line>();
        // SAFETY: so many bytes, which nobody writes meanwhile, since the thread is attached.
        Self::new(unsafe { slice::from_raw_parts(self.start().cast_const().cast(), len) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::SeqCst);
        // SAFETY: the invariant.
        drop(unsafe { Vec::from_raw_parts(self.lines.as_ptr(), self.count, self.count) });
    }
}

/// A tensor of memory that Rust owns and that holds these bytes.
#[pyfunction]
#[pyo3(signature = (data, dtype, shape, *, strides=None, read_only=false, is_copied=false))]
pub(crate) fn make(
    data: &[u8],
    dtype: &str,
    shape: Vec<usize>,
    strides: Option<Vec<isize>>,
    read_only: bool,
    is_copied: bool,
) -> PyResult<Tensor> {
    let dtype: DataType = dtype.parse().map_err(|_| PyValueError::new_err("no such dtype"))?;
    let memory = Counted::new(data);
    let start = memory.start();
    // SAFETY: the lines hold at least as many bytes, and nobody else knows them.
    let exporter = unsafe { Exporter::from_raw_parts(memory, start, data.len(), Device::CPU) };
    let mut exporter = exporter.dtype(dtype).shape(&shape);
    if let Some(strides) = &strides {
        exporter = exporter.strides(strides);
    }
    if read_only {
        exporter = exporter.read_only();
    }
    if is_copied {
        // SAFETY: nobody else knows the memory.
        exporter = unsafe { exporter.copied() };
    }
    let tensor = exporter.build().map_err(|e| PyBufferError::new_err(e.to_string()))?;
    Ok(Tensor::new(tensor))
}

/// How many memories have not been released yet.
#[pyfunction]
pub(crate) fn live() -> usize {
    LIVE.load(Ordering::SeqCst)
}
