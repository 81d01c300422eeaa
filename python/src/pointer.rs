//! Memory of one's own extension as a tensor.

use core::ptr;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dlpack_pyo3::PyOwner;
use dlpack_pyo3::dlpack::DeviceType;
use dlpack_pyo3::stream_from;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::arguments::{device, dtype, sizes};
use crate::memory::Memory;
use crate::tensor::{Origin, Tensor};

/// A tensor of the memory at an address, such as that of one's own extension by ctypes or cffi.
///
/// `strides` count elements, as those of DLPack do; without them the elements are contiguous. The memory is kept by exactly one of
///
/// - `owner`: any object, which is kept alive until no consumer is left;
/// - `deleter`: a function that is called with the address, once, when no consumer is left, on whatever thread that is, and at
///   the end of the interpreter at the latest, when all modules have been cleared;
/// - neither, for memory that is never freed.
///
/// `stream` is the stream of the device, as `__dlpack__` takes it, on which the elements are written; None if they are written.
///
/// The numbers are believed: a wrong address or shape is as bad as in C.
///
/// >>> import ctypes, dlpack
/// >>> block = (ctypes.c_float * 6)(*range(6))
/// >>> t = dlpack.from_pointer(ctypes.addressof(block), (2, 3), "float32", device="cpu", owner=block)
/// >>> t[1].tolist()
/// [3.0, 4.0, 5.0]
#[pyfunction]
#[pyo3(
    signature = (address, shape, dtype, strides=None, *, device, owner=None, deleter=None, readonly=false, stream=None),
)]
#[expect(clippy::too_many_arguments, reason = "each is one of Python's")]
pub(crate) fn from_pointer(
    address: &Bound<'_, PyAny>,
    shape: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
    strides: Option<&Bound<'_, PyAny>>,
    device: &Bound<'_, PyAny>,
    owner: Option<Bound<'_, PyAny>>,
    deleter: Option<Bound<'_, PyAny>>,
    readonly: bool,
    stream: Option<&Bound<'_, PyAny>>,
) -> PyResult<Tensor> {
    let py = address.py();
    let address: usize = address.extract().map_err(|error: PyErr| {
        if !error.is_instance_of::<PyTypeError>(py) {
            return error;
        }
        PyTypeError::new_err(
            "expected an address as an int: ctypes.addressof(x), or int(ffi.cast(\"uintptr_t\", x)) with cffi",
        )
    })?;
    if deleter.as_ref().is_some_and(|deleter| !deleter.is_callable()) {
        return Err(PyTypeError::new_err("expected a deleter that can be called with the address"));
    }
    if owner.is_some() && deleter.is_some() {
        return Err(PyValueError::new_err("expected an owner or a deleter, found both"));
    }
    let memory = Memory {
        address,
        dtype: self::dtype(dtype)?,
        shape: sizes(shape)?,
        strides: strides.map(sizes).transpose()?,
        device: self::device(device)?.canonical(),
        is_read_only: readonly,
    };
    let device = memory.device;
    let origin = match stream {
        _ if device.device_type == DeviceType::CPU => {
            stream.map(|stream| stream_from(stream, device)).transpose()?;
            Origin::Ready
        }
        None => Origin::Ready,
        Some(stream) => Origin::On(stream_from(stream, device)?.on(device.device_type)),
    };
    // From here on the deleter is called if anything fails.
    let owner = match deleter {
        Some(deleter) => {
            let call = Call { id: Pending::add(py, deleter.unbind(), address)? };
            Some(PyOwner::from(Bound::new(py, call)?.into_any()))
        }
        None => owner.map(PyOwner::from),
    };
    // SAFETY: the caller says so, in the words of Python: the documentation of this function asks for it.
    let tensor = unsafe { memory.into_tensor(owner) }?;
    Ok(Tensor { tensor: tensor.into(), origin })
}

/// The deleters that are yet to be called, and their addresses.
///
/// The lock is not held while Python runs.
struct Pending {
    next: u64,
    calls: BTreeMap<u64, (Py<PyAny>, usize)>,
}

static PENDING: Mutex<Pending> = Mutex::new(Pending { next: 0, calls: BTreeMap::new() });

impl Pending {
    fn lock() -> MutexGuard<'static, Self> {
        PENDING.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a deleter until it is called, which is at the end of the interpreter at the latest.
    fn add(py: Python<'_>, deleter: Py<PyAny>, address: usize) -> PyResult<u64> {
        static AT_THE_END: PyOnceLock<()> = PyOnceLock::new();
        AT_THE_END.get_or_try_init(py, || {
            // Python clears `sys` last, and in it the names that begin so first, when it can still do nearly everything.
            py.import("sys")?.setattr("_dlpack_at_the_end", Bound::new(py, AtTheEnd)?)
        })?;
        let mut pending = Self::lock();
        let id = pending.next;
        pending.next += 1;
        pending.calls.insert(id, (deleter, address));
        Ok(id)
    }

    /// Calls a deleter that is still to be called.
    #[allow(deprecated, reason = "what Python recommends instead is newer than the oldest one")]
    fn call(py: Python<'_>, id: Option<u64>) -> Option<()> {
        let mut pending = Self::lock();
        let id = id.or_else(|| pending.calls.keys().next().copied())?;
        let (deleter, address) = pending.calls.remove(&id)?;
        drop(pending);
        let [mut class, mut value, mut trace] = [ptr::null_mut(); 3];
        // SAFETY: the thread is attached. An exception that is set is kept, and set again below.
        unsafe { ffi::PyErr_Fetch(&raw mut class, &raw mut value, &raw mut trace) };
        let deleter = deleter.into_bound(py);
        if let Err(error) = deleter.call1((address,)) {
            error.write_unraisable(py, Some(&deleter));
        }
        drop(deleter);
        // SAFETY: these are the three that were fetched, of which the references are passed on.
        unsafe { ffi::PyErr_Restore(class, value, trace) };
        Some(())
    }
}

/// Calls a deleter when Python drops this object. That happens on a thread that is attached to the interpreter, which is where
/// `PyOwner` gives its reference back.
#[pyclass(frozen, module = "dlpack._core")]
struct Call {
    id: u64,
}

impl Drop for Call {
    fn drop(&mut self) {
        Python::attach(|py| Pending::call(py, Some(self.id)));
    }
}

/// Calls all deleters that are left when the interpreter ends: those of tensors in cycles that Python's garbage collector cannot
/// see, such as a global variable of a script whose deleter is a function of that script.
#[pyclass(frozen, module = "dlpack._core")]
struct AtTheEnd;

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        Python::attach(|py| while Pending::call(py, None).is_some() {});
    }
}
