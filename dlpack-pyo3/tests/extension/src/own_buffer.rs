//! An object whose buffers are described by structs that point into themselves, as the C API lets objects do.

use core::ffi::{CStr, c_int};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use dlpack::{Exporter, OpaqueTensor};
use dlpack_pyo3::{Export, to_py_err};
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

static BYTES: [u8; 8] = *b"12345678";

/// Eight bytes. The object notes where the struct of a buffer was filled, and compares when the buffer is released. The struct may
/// have a size of elements that is not that of the format, or no shape, or be of no memory, or name the order of bytes.
#[pyclass(frozen, subclass)]
pub(crate) struct OwnBuffer {
    itemsize: isize,
    shape: bool,
    memory: bool,
    format: &'static CStr,
    filled: AtomicUsize,
    released: AtomicUsize,
    moved: AtomicUsize,
}

#[pymethods]
impl OwnBuffer {
    #[new]
    #[pyo3(signature = (itemsize=1, *, shape=true, memory=true, ordered=false))]
    fn new(itemsize: isize, shape: bool, memory: bool, ordered: bool) -> Self {
        let [filled, released, moved] = [const { AtomicUsize::new(0) }; 3];
        let format = if ordered { c">B" } else { c"B" };
        Self { itemsize, shape, memory, format, filled, released, moved }
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
        let this = slf.get();
        this.filled.store(view.addr(), Ordering::Relaxed);
        let start = if this.memory { BYTES.as_ptr().cast_mut().cast() } else { ptr::null_mut() };
        // SAFETY: Python calls this to fill the struct, whose size and stride are its own length and item size.
        unsafe {
            (*view).buf = start;
            (*view).obj = slf.clone().into_ptr();
            (*view).len = if this.memory { 8 } else { 0 };
            (*view).itemsize = this.itemsize;
            (*view).readonly = 1;
            (*view).ndim = 1;
            (*view).format = this.format.as_ptr().cast_mut();
            (*view).shape = if this.shape { &raw mut (*view).len } else { ptr::null_mut() };
            (*view).strides = &raw mut (*view).itemsize;
            (*view).suboffsets = ptr::null_mut();
            (*view).internal = ptr::null_mut();
        }
        Ok(())
    }

    unsafe fn __releasebuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer) {
        let this = slf.get();
        // SAFETY: Python calls this with a struct that was filled above.
        let points_into_itself = unsafe { !this.shape || (*view).shape == &raw mut (*view).len };
        let stayed = view.addr() == this.filled.load(Ordering::Relaxed) && points_into_itself;
        this.released.fetch_add(1, Ordering::Relaxed);
        this.moved.fetch_add(usize::from(!stayed), Ordering::Relaxed);
    }
}

/// An object that has elements of its own beside the eight bytes of its base.
#[pyclass(frozen, extends = OwnBuffer)]
pub(crate) struct OwnExtending;

impl Export for OwnExtending {
    fn tensor(_: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
        Exporter::new([1_u8, 2]).into_opaque().map_err(to_py_err)
    }
}

dlpack_pyo3::export!(OwnExtending);

#[pymethods]
impl OwnExtending {
    #[new]
    fn new() -> PyClassInitializer<Self> {
        PyClassInitializer::from(OwnBuffer::new(1, true, true, false)).add_subclass(Self)
    }
}

/// Eight bytes, which need no fields. CPython may let an object of this class become one of another class without fields.
#[pyclass(frozen)]
pub(crate) struct OwnBytes;

#[pymethods]
impl OwnBytes {
    #[new]
    fn new() -> Self {
        Self
    }

    unsafe fn __getbuffer__(
        slf: &Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let start = BYTES.as_ptr().cast_mut().cast();
        // SAFETY: Python calls this to fill the struct with an object of the class.
        match unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, 8, 1, flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }
}

/// Makes an object of a static class, as most are that are written in C, which says when a buffer is released.
#[cfg(not(any(feature = "abi3", feature = "abi3-py311")))]
#[pyfunction]
pub(crate) fn static_buffer(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    use std::sync::OnceLock;

    unsafe extern "C" fn fill(
        object: *mut ffi::PyObject,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> c_int {
        let start = BYTES.as_ptr().cast_mut().cast::<core::ffi::c_void>();
        // SAFETY: Python calls this to fill the struct with an object of the class.
        unsafe { ffi::PyBuffer_FillInfo(view, object, start, 8, 1, flags) }
    }

    unsafe extern "C" fn release(_: *mut ffi::PyObject, _: *mut ffi::Py_buffer) {
        println!("released");
    }

    /// The address of the class.
    static CLASS: OnceLock<usize> = OnceLock::new();

    let class = *CLASS.get_or_init(|| {
        let procs =
            ffi::PyBufferProcs { bf_getbuffer: Some(fill), bf_releasebuffer: Some(release) };
        // SAFETY: all fields are numbers, pointers, and functions that there need not be.
        let mut class: ffi::PyTypeObject = unsafe { core::mem::zeroed() };
        class.ob_base = ffi::PyVarObject { ob_base: ffi::PyObject_HEAD_INIT, ob_size: 0 };
        class.tp_name = c"dlpack_pyo3_tests.Static".as_ptr();
        class.tp_basicsize = size_of::<ffi::PyObject>().try_into().unwrap_or(0);
        class.tp_as_buffer = Box::leak(Box::new(procs));
        let class = ptr::from_mut(Box::leak(Box::new(class)));
        // SAFETY: the thread is attached, and the class lives for ever.
        match unsafe { ffi::PyType_Ready(class) } {
            0 => class.expose_provenance(),
            _ => 0,
        }
    });
    // SAFETY: the thread is attached, and the class is ready. The result is a new reference, or null with an exception set.
    unsafe {
        let class = ptr::with_exposed_provenance_mut(class);
        Bound::from_owned_ptr_or_err(py, ffi::PyType_GenericAlloc(class, 0))
    }
}
