//! Ends of tensors, in all the places where they may come.

use core::ffi::{c_int, c_void};
use core::time::Duration;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use dlpack::{DataType, Device, Exporter};
use dlpack_pyo3::{PyOwner, PyTensor, Tensor};
use pyo3::exceptions::{PyBufferError, PyRuntimeError};
use pyo3::prelude::*;

use crate::memory::{Counted, live};

/// Bytes that many tensors share, which nobody writes.
static BYTES: [u8; 4] = [1, 2, 3, 4];

/// A tensor that keeps a Python object alive.
#[pyfunction]
pub(crate) fn keeping(object: Bound<'_, PyAny>) -> PyResult<Tensor> {
    tensor_of(PyOwner::from(object))
}

/// A tensor whose owner forgets, when it is dropped, whatever exception is set: what it should not do, but may.
#[pyfunction]
pub(crate) fn sloppy() -> PyResult<Tensor> {
    struct Sloppy(#[expect(dead_code, reason = "to be dropped")] Counted);

    impl Drop for Sloppy {
        fn drop(&mut self) {
            Python::try_attach(|py| drop(PyErr::take(py)));
        }
    }

    // Not read-only, so that it goes out as it is in either ABI.
    let memory = Counted::new(&BYTES);
    let start = memory.start();
    // SAFETY: at least as many bytes, which nobody else knows.
    let exporter = unsafe {
        Exporter::from_raw_parts(Sloppy(memory), start, BYTES.len(), Device::CPU)
    };
    let tensor = exporter.dtype(DataType::U8).shape(&[BYTES.len()]).build();
    tensor.map(Tensor::from).map_err(|e| PyBufferError::new_err(e.to_string()))
}

/// A tensor of the bytes, which drops this when it ends.
fn tensor_of(owner: impl Send + 'static) -> PyResult<Tensor> {
    let start: *mut c_void = BYTES.as_ptr().cast_mut().cast();
    // SAFETY: the bytes are there for good, and are read only.
    let exporter = unsafe { Exporter::from_raw_parts(owner, start, BYTES.len(), Device::CPU) };
    let tensor = exporter.dtype(DataType::U8).shape(&[4]).read_only().build();
    let tensor = tensor.map_err(|e| PyBufferError::new_err(e.to_string()))?;
    Ok(Tensor::new(tensor))
}

/// Something that has come in, until it is told how to let go.
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

    /// On this thread, detached.
    fn release_detached(&self, py: Python<'_>) {
        let tensor = self.take();
        py.detach(|| drop(tensor));
    }

    /// On a thread that Python never saw, waiting for it.
    fn release_on_thread(&self, py: Python<'_>) -> PyResult<()> {
        let tensor = self.take();
        py.detach(|| thread::spawn(move || drop(tensor)).join())
            .map_err(|_| PyRuntimeError::new_err("the thread panicked"))
    }

    /// On such a thread that nobody waits for, some time later.
    fn release_later(&self, milliseconds: u64) {
        let tensor = self.take();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(milliseconds));
            drop(tensor);
        });
    }

    /// While a panic unwinds.
    fn release_by_panic(&self) {
        let _tensor = self.take();
        panic!("on purpose");
    }

    /// On such a thread, which holds a lock meanwhile that this thread waits for, attached. Says whether it waited in vain
    /// for as long as this.
    fn release_under_lock(&self, milliseconds: u64) -> PyResult<bool> {
        let tensor = self.take();
        let (locked, is_locked) = mpsc::channel();
        let (release, is_released) = mpsc::channel();
        thread::spawn(move || {
            // Received when the lock is held, as a lock would be.
            let _ = locked.send(());
            drop(tensor);
            let _ = release.send(());
        });
        let waited = is_locked.recv();
        waited.map_err(|_| PyRuntimeError::new_err("the thread panicked"))?;
        Ok(is_released.recv_timeout(Duration::from_millis(milliseconds)).is_err())
    }

    /// In a handler of C's `atexit`, after the interpreter is gone.
    #[pyo3(signature = (*, on_thread=false))]
    fn release_at_exit(&self, on_thread: bool) -> PyResult<()> {
        let tensor = self.take();
        let list = if on_thread { &AT_EXIT_ON_THREAD } else { &AT_EXIT };
        list.lock().unwrap_or_else(PoisonError::into_inner).extend(tensor);
        // SAFETY: the function stays where it is, since extensions are never unloaded.
        if unsafe { atexit(release_all) } != 0 {
            return Err(PyRuntimeError::new_err("no room for a handler"));
        }
        Ok(())
    }

    /// When the thread ends that calls this.
    fn release_with_thread(&self) {
        END_OF_THREAD.with(|end| end.set(self.take()));
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
