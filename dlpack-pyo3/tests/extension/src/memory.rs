//! Tensors of Rust's memory, which is counted.

use core::ffi::c_void;
use core::ptr::NonNull;
use core::slice;
use core::sync::atomic::{AtomicUsize, Ordering};

use dlpack::allocator::Global;
use dlpack::{DataType, Device, Exporter, ManagedTensorVersioned};
use dlpack_pyo3::{Tensor, to_py_err};
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::prelude::*;

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// Bytes at an address that is a multiple of 64. The values that are alive are counted.
pub(crate) struct Counted {
    /// # Invariants
    ///
    /// The elements of a vector whose length and capacity are `count`, which this value owns.
    lines: NonNull<Line>,
    count: usize,
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

// SAFETY: the value owns its bytes, as a vector does.
unsafe impl Send for Counted {}
// SAFETY: a shared reference only reads the bytes.
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

    /// Copies the bytes.
    pub(crate) fn copy(&self) -> Self {
        let len = self.count * size_of::<Line>();
        // SAFETY: the lines have so many bytes, and nobody writes them in this call, since the thread is attached.
        Self::new(unsafe { slice::from_raw_parts(self.start().cast_const().cast(), len) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::SeqCst);
        // SAFETY: the invariant of `lines`.
        drop(unsafe { Vec::from_raw_parts(self.lines.as_ptr(), self.count, self.count) });
    }
}

/// Makes a tensor of these bytes, in memory that Rust owns.
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
    // SAFETY: the owner has at least so many bytes in main memory, which nobody else has.
    let exporter = unsafe { Exporter::from_raw_parts(memory, start, data.len(), Device::CPU) };
    let mut exporter = exporter.dtype(dtype).shape(&shape);
    if let Some(strides) = &strides {
        exporter = exporter.strides(strides);
    }
    if read_only {
        exporter = exporter.read_only();
    }
    if is_copied {
        // SAFETY: nobody else has the memory.
        exporter = unsafe { exporter.copied() };
    }
    let tensor = exporter.build().map_err(|e| PyBufferError::new_err(e.to_string()))?;
    Ok(Tensor::new(tensor))
}

/// Makes a tensor of a vector.
#[pyfunction]
pub(crate) fn from_vec(elements: Vec<f32>, shape: Vec<usize>) -> PyResult<Tensor> {
    Tensor::from_vec(elements, &shape)
}

/// Makes a tensor of new memory, with safe code and without a promise.
#[pyfunction]
pub(crate) fn fresh(count: usize) -> PyResult<Tensor> {
    let new = ManagedTensorVersioned::allocate_in(Global, DataType::F32, &[count], Device::CPU);
    Ok(Tensor::new(new.map_err(to_py_err)?.into_inner()))
}

/// Returns how many tensors of this memory are alive.
#[pyfunction]
pub(crate) fn live() -> usize {
    LIVE.load(Ordering::SeqCst)
}
