//! Tensors that are dropped in all the places where that can happen.

use core::ffi::{c_int, c_void};
use core::time::Duration;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use dlpack::{DataType, Device, Exporter, ManagedTensorVersioned, sys};
use dlpack_pyo3::{PyOwner, PyTensor, Tensor};
use pyo3::exceptions::{PyBufferError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};

use crate::memory::{Counted, live};

/// The memory of all tensors here, which nobody writes.
static BYTES: [u8; 4] = [1, 2, 3, 4];

/// Makes a tensor that keeps a Python object alive.
#[pyfunction]
pub(crate) fn keeping(object: Bound<'_, PyAny>) -> PyResult<Tensor> {
    tensor_of(PyOwner::from(object))
}

/// Makes a tensor whose owner, when it is dropped, clears the exception that is set. It should not, but it can.
#[pyfunction]
pub(crate) fn sloppy() -> PyResult<Tensor> {
    struct Sloppy(#[expect(dead_code, reason = "held until it is dropped")] Counted);

    impl Drop for Sloppy {
        fn drop(&mut self) {
            Python::try_attach(|py| drop(PyErr::take(py)));
        }
    }

    // Not read-only, so that either ABI can express it.
    let memory = Counted::new(&BYTES);
    let start = memory.start();
    // SAFETY: the owner has at least so many bytes in main memory, which nobody else has.
    let exporter =
        unsafe { Exporter::from_raw_parts(Sloppy(memory), start, BYTES.len(), Device::CPU) };
    let tensor = exporter.dtype(DataType::U8).shape(&[BYTES.len()]).build();
    tensor.map(Tensor::from).map_err(|e| PyBufferError::new_err(e.to_string()))
}

/// Makes a tensor of the bytes that drops `owner` in its deleter.
fn tensor_of(owner: impl Send + 'static) -> PyResult<Tensor> {
    let start: *mut c_void = BYTES.as_ptr().cast_mut().cast();
    // SAFETY: the bytes are those of a static, and the tensor is read-only.
    let exporter = unsafe { Exporter::from_raw_parts(owner, start, BYTES.len(), Device::CPU) };
    let tensor = exporter.dtype(DataType::U8).shape(&[4]).read_only().build();
    let tensor = tensor.map_err(|e| PyBufferError::new_err(e.to_string()))?;
    Ok(Tensor::new(tensor))
}

/// Passes a tensor to a library that puts it under a struct of its own, as one in C does, and makes a `Tensor` of what comes back.
#[pyfunction]
pub(crate) fn passed(tensor: PyTensor) -> PyResult<Tensor> {
    struct Passed {
        managed: sys::DLManagedTensorVersioned,
        _tensor: ManagedTensorVersioned,
    }

    unsafe extern "C" fn delete(managed: *mut sys::DLManagedTensorVersioned) {
        // SAFETY: the context is the box of below, which nobody uses again.
        drop(unsafe { Box::<Passed>::from_raw((*managed).manager_ctx.cast()) });
    }

    let tensor = tensor.into_managed()?;
    // SAFETY: the tensor keeps its struct, and with it the arrays and the memory, and the box keeps the tensor until the deleter is
    // called.
    let made = unsafe {
        let managed = tensor.as_raw().read();
        let passed = Box::into_raw(Box::new(Passed { managed, _tensor: tensor }));
        (*passed).managed.manager_ctx = passed.cast();
        (*passed).managed.deleter = Some(delete);
        ManagedTensorVersioned::from_raw(&raw mut (*passed).managed)
    };
    made.map(Tensor::new).map_err(dlpack_pyo3::to_py_err)
}

/// An imported tensor, until a test says how to drop it.
#[pyclass(frozen)]
pub(crate) struct Holder(Mutex<Option<PyTensor>>);

impl Holder {
    fn take(&self) -> Option<PyTensor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[pymethods]
impl Holder {
    #[new]
    fn new(tensor: PyTensor) -> Self {
        Self(Mutex::new(Some(tensor)))
    }

    fn release(&self) {
        drop(self.take());
    }

    /// Drops the tensor on this thread, detached.
    fn release_detached(&self, py: Python<'_>) {
        let tensor = self.take();
        py.detach(|| drop(tensor));
    }

    /// Drops the tensor on a thread that Python does not know, and waits for it.
    fn release_on_thread(&self, py: Python<'_>) -> PyResult<()> {
        let tensor = self.take();
        py.detach(|| thread::spawn(move || drop(tensor)).join())
            .map_err(|_| PyRuntimeError::new_err("the thread panicked"))
    }

    /// Drops the tensor on a thread that Python does not know, some time later.
    fn release_later(&self, milliseconds: u64) {
        let tensor = self.take();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(milliseconds));
            drop(tensor);
        });
    }

    /// Drops the tensor while a panic unwinds.
    fn release_by_panic(&self) {
        let _tensor = self.take();
        panic!("on purpose");
    }

    /// Drops the tensor on a thread that Python does not know and that holds a lock, while this thread waits for the lock
    /// without detaching. Returns `true` if it did not get the lock within this time.
    fn release_under_lock(&self, milliseconds: u64) -> PyResult<bool> {
        let tensor = self.take();
        let (locked, is_locked) = mpsc::channel();
        let (release, is_released) = mpsc::channel();
        thread::spawn(move || {
            // The two channels stand for the lock, which is held from here on.
            let _ = locked.send(());
            drop(tensor);
            let _ = release.send(());
        });
        let waited = is_locked.recv();
        waited.map_err(|_| PyRuntimeError::new_err("the thread panicked"))?;
        Ok(is_released.recv_timeout(Duration::from_millis(milliseconds)).is_err())
    }

    /// Drops the tensor in a handler of C's `atexit`, after the interpreter is gone.
    #[pyo3(signature = (*, on_thread=false))]
    fn release_at_exit(&self, on_thread: bool) -> PyResult<()> {
        let tensor = self.take();
        let list = if on_thread { &AT_EXIT_ON_THREAD } else { &AT_EXIT };
        list.lock().unwrap_or_else(PoisonError::into_inner).extend(tensor);
        // SAFETY: the function stays loaded, since Python does not unload extensions.
        if unsafe { atexit(release_all) } != 0 {
            return Err(PyRuntimeError::new_err("no room for a handler"));
        }
        Ok(())
    }

    /// Drops the tensor when the calling thread ends.
    fn release_with_thread(&self) {
        END_OF_THREAD.with(|end| end.set(self.take()));
    }
}

/// Drops its tensor when the garbage collector looks at it. It should not, but it can.
#[pyclass(frozen)]
pub(crate) struct Traversed(Holder);

#[pymethods]
impl Traversed {
    #[new]
    fn new(tensor: PyTensor) -> Self {
        Self(Holder::new(tensor))
    }

    fn __traverse__(&self, _visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.release();
        Ok(())
    }
}

thread_local! {
    static END_OF_THREAD: core::cell::Cell<Option<PyTensor>> =
        const { core::cell::Cell::new(None) };
}

static AT_EXIT: Mutex<Vec<PyTensor>> = Mutex::new(Vec::new());
static AT_EXIT_ON_THREAD: Mutex<Vec<PyTensor>> = Mutex::new(Vec::new());

unsafe extern "C" {
    fn atexit(handler: extern "C" fn()) -> c_int;
}

extern "C" fn release_all() {
    let here = core::mem::take(&mut *AT_EXIT.lock().unwrap_or_else(PoisonError::into_inner));
    let there = &mut *AT_EXIT_ON_THREAD.lock().unwrap_or_else(PoisonError::into_inner);
    let there = core::mem::take(there);
    if here.is_empty() && there.is_empty() {
        return;
    }
    drop(here);
    let _ = thread::spawn(move || drop(there)).join();
    println!("at exit: {} live", live());
}
