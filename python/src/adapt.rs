//! What `dlpack/_adapt.py` and `dlpack/_explain.py` need besides the methods of tensors.

use core::ffi::CStr;
use core::ptr::NonNull;

use dlpack_pyo3::__private::guarded;
use dlpack_pyo3::dlpack::exchange::ExchangeApi;
use dlpack_pyo3::dlpack::{Access, Descriptor, sys};
use dlpack_pyo3::{PyTensor, to_py_err};
use pyo3::exceptions::PyBufferError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyCapsule, PyCapsuleMethods, PyDict, PyList, PyTuple, PyType};

use crate::arguments::sizes;
use crate::tensor::{Claim, Part, Tensor};

/// Takes a capsule, and returns what its struct says, as a dictionary.
///
/// `version` is None for the legacy ABI, and `readonly` is None if the ABI cannot tell.
#[pyfunction]
pub(crate) fn look<'py>(capsule: &Bound<'py, PyCapsule>) -> PyResult<Bound<'py, PyDict>> {
    // As it is taken, so that no other thread does meanwhile, and deletes the struct.
    let has_strides = with_critical_section(capsule.as_any(), || has_strides(capsule))?;
    let taken: PyTensor = capsule.extract()?;
    describe(capsule.py(), &taken, has_strides)
}

/// As [`look`], for what the exchange table of an object's class gives, to libraries that ask no other way.
#[pyfunction]
pub(crate) fn look_by_table<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let py = object.py();
    check_before_table(object)?;
    let table = object.get_type().getattr(intern!(py, "__dlpack_c_exchange_api__"))?;
    let raw = table.cast::<PyCapsule>()?.pointer_checked(Some(c"dlpack_exchange_api"))?;
    // SAFETY: clauses E1 to E4 hold for what a class has in a capsule of this name, by the protocol. Classes of such libraries are
    // never unloaded, and this one is alive.
    let table = unsafe { ExchangeApi::from_raw(raw.as_ptr().cast_const().cast()) };
    let table = table.map_err(to_py_err)?;
    // SAFETY: an object of the class with that table, on an attached thread. No element is accessed.
    let take = || unsafe { table.tensor_from_object(object.as_ptr().cast()) };
    match guarded(take) {
        Ok(tensor) => describe(py, &tensor, true),
        // The library has set an exception, unless it breaks the protocol.
        Err(error) => Err(PyErr::take(py).unwrap_or_else(|| to_py_err(error))),
    }
}

/// Refuses an object for which the table of its class may follow a null pointer.
///
/// The table of Paddle takes each tensor for a dense one, also one without contents. A method in C says which it is; code of Python could
/// say anything. A class that TVM FFI has for its tests has a table also where it holds nothing.
fn check_before_table(object: &Bound<'_, PyAny>) -> PyResult<()> {
    let (py, class) = (object.py(), object.get_type());
    // As `type` says, and not the metaclass, which may be code of Python.
    let module =
        py.get_type::<PyType>().call_method1("__getattribute__", (&class, "__module__"))?;
    if module.to_string().split('.').next() == Some("tvm_ffi") {
        return Err(PyBufferError::new_err(
            "expected a tensor, found an object of a test of TVM FFI",
        ));
    }
    let Some(method) = class.getattr_opt(intern!(py, "is_dense"))?.filter(|it| it.is_callable())
    else {
        return Ok(());
    };
    let is_in_c = method.get_type().name()? == "method_descriptor";
    if is_in_c && method.call1((object,))?.is_truthy()? {
        return Ok(());
    }
    let text = "expected a dense tensor, since the exchange table of its class takes it for one";
    Err(PyBufferError::new_err(text))
}

fn describe<'py>(
    py: Python<'py>,
    taken: &Descriptor,
    has_strides: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let readonly = match taken.access() {
        Access::ReadOnly => Some(true),
        Access::Writable => Some(false),
        _ => None,
    };
    let dict = PyDict::new(py);
    dict.set_item("version", taken.version().map(|version| (version.major, version.minor)))?;
    dict.set_item("readonly", readonly)?;
    dict.set_item("is_copied", taken.flags().is_copied())?;
    dict.set_item("is_padded", taken.flags().is_padded())?;
    dict.set_item("device", (taken.device().device_type.code(), taken.device().device_id))?;
    dict.set_item("dtype_name", taken.dtype().to_string())?;
    dict.set_item("shape", PyTuple::new(py, taken.shape())?)?;
    dict.set_item("strides", PyTuple::new(py, taken.strides())?)?;
    dict.set_item("has_strides", has_strides)?;
    dict.set_item("data", taken.data().expose_provenance())?;
    dict.set_item("byte_offset", taken.byte_offset())?;
    dict.set_item("is_row_major", taken.is_contiguous())?;
    dict.set_item("is_dense", taken.is_dense())?;
    Ok(dict)
}

/// Returns `true` if the struct in a capsule has strides, or has no axes that would have some, or is one that nobody takes.
fn has_strides(capsule: &Bound<'_, PyCapsule>) -> PyResult<bool> {
    let get = |name: &'static CStr| capsule.pointer_checked(Some(name));
    let tensor: *const sys::DLTensor = if let Ok(raw) = get(c"dltensor_versioned") {
        let raw: NonNull<sys::DLManagedTensorVersioned> = raw.cast();
        // SAFETY: by the protocol, a capsule of this name holds such a struct, which nobody has taken. It is aligned, and its version
        // lies at the start in every major version.
        if !raw.is_aligned() || unsafe { (*raw.as_ptr()).version.major } != 1 {
            return Ok(true);
        }
        // SAFETY: as above, and the rest of the struct is that of this major version.
        unsafe { &raw const (*raw.as_ptr()).dl_tensor }
    } else {
        let raw: NonNull<sys::DLManagedTensor> = get(c"dltensor")?.cast();
        if !raw.is_aligned() {
            return Ok(true);
        }
        // SAFETY: as above, for the legacy struct.
        unsafe { &raw const (*raw.as_ptr()).dl_tensor }
    };
    // SAFETY: fields of the struct, which lives as long as the capsule. They are copied, since others may write them.
    let (ndim, strides) = unsafe { ((*tensor).ndim, (*tensor).strides) };
    Ok(ndim <= 0 || !strides.is_null())
}

/// Returns the same elements under other strides, as writable ones if the caller says so, and with notes on what was done.
///
/// By `writable` the caller promises what `trust` of `dlpack.adapt` asks for.
#[pyfunction]
pub(crate) fn adapted(
    tensor: &Bound<'_, Tensor>,
    strides: &Bound<'_, PyAny>,
    writable: bool,
    notes: &Bound<'_, PyList>,
) -> PyResult<Tensor> {
    let (strides, this) = (sizes(strides)?, tensor.get());
    let notes = notes.iter().map(|note| note.extract()).collect::<PyResult<Vec<String>>>()?;
    let (dtype, shape) = (this.tensor.dtype(), this.tensor.shape());
    let part = Part { dtype, shape, strides: &strides, first: 0, is_read_only: false };
    let claim = if writable { Claim::Writable } else { Claim::Nothing };
    // SAFETY: who passes `writable` says that no consumer writes the memory, or that it can be written, as `dlpack.adapt` asks.
    let part = unsafe { this.part_as(&part, claim) }?;
    // All of it, and so its producer can still answer for it.
    Ok(Tensor { origin: this.origin.clone(), adapted: Some(notes.into()), ..part })
}
