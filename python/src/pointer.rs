//! Memory of one's own extension as a tensor.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use dlpack_pyo3::PyOwner;
use dlpack_pyo3::dlpack::DeviceType;
use dlpack_pyo3::stream_from;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::arguments::{device, dtype, sizes};
use crate::errors::undisturbed;
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
/// If this function raises, the memory is still the caller's, and the deleter is not called.
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
    if deleter.is_some() {
        Pending::prepare(py)?;
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
    let call = match deleter {
        Some(_) => Some(Bound::new(py, Call { id: OnceLock::new() })?),
        None => None,
    };
    let owner = call.as_ref().map(|call| call.clone().into_any()).or(owner);
    // SAFETY: the caller says so, in the words of Python: the documentation of this function asks for it.
    let tensor = unsafe { memory.into_tensor(owner.map(PyOwner::from)) }?;
    // Only now is the memory the tensor's: after an exception it is still the caller's.
    if let (Some(call), Some(deleter)) = (call, deleter) {
        call.get().id.get_or_init(|| Pending::add(deleter.unbind(), address));
    }
    Ok(Tensor::new(tensor, origin))
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

    /// Makes sure that deleters are called when the interpreter ends.
    fn prepare(py: Python<'_>) -> PyResult<()> {
        static AT_THE_END: PyOnceLock<()> = PyOnceLock::new();
        AT_THE_END.get_or_try_init(py, || {
            // Python clears `sys` last, and in it the names that begin so first, when it can still do nearly everything.
            py.import("sys")?.setattr("_dlpack_at_the_end", Bound::new(py, AtTheEnd)?)
        })?;
        Ok(())
    }

    /// Keeps a deleter until it is called, which is at the end of the interpreter at the latest.
    fn add(deleter: Py<PyAny>, address: usize) -> u64 {
        let mut pending = Self::lock();
        let id = pending.next;
        pending.next += 1;
        pending.calls.insert(id, (deleter, address));
        id
    }

    /// Calls a deleter that is still to be called.
    fn call(py: Python<'_>, id: Option<u64>) -> Option<()> {
        let mut pending = Self::lock();
        let id = id.or_else(|| pending.calls.keys().next().copied())?;
        let (deleter, address) = pending.calls.remove(&id)?;
        drop(pending);
        undisturbed(py, || {
            let deleter = deleter.into_bound(py);
            if let Err(error) = deleter.call1((address,)) {
                error.write_unraisable(py, Some(&deleter));
            }
        });
        Some(())
    }
}

/// Calls a deleter when Python drops this object. That happens on a thread that is attached to the interpreter, which is where
/// `PyOwner` gives its reference back.
#[pyclass(frozen, module = "dlpack._core")]
struct Call {
    /// Not set until there is a tensor.
    id: OnceLock<u64>,
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(&id) = self.id.get() {
            Python::attach(|py| Pending::call(py, Some(id)));
        }
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
