//! The metadata of a tensor as a dictionary, for tests to compare.

use dlpack::negotiate::CopyPolicy;
use dlpack::{Access, BorrowedTensor, Descriptor, Device, DeviceType};
use dlpack_pyo3::{Import, PyTensor, to_py_err, with_borrowed};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

/// Imports a tensor, describes it and drops it.
#[pyfunction]
#[pyo3(signature = (tensor, /, *, copy=None, device=None, stream=None))]
pub(crate) fn describe<'py>(
    tensor: &Bound<'py, PyAny>,
    copy: Option<bool>,
    device: Option<(i32, i32)>,
    stream: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    with_route(tensor.py(), &take(tensor, copy, device, stream)?)
}

/// Imports a tensor, makes it one of `dlpack` and describes that, with whether the host can view its bytes.
#[pyfunction]
#[pyo3(signature = (tensor, /, *, device=None))]
pub(crate) fn describe_managed<'py>(
    tensor: &Bound<'py, PyAny>,
    device: Option<(i32, i32)>,
) -> PyResult<Bound<'py, PyDict>> {
    let managed = take(tensor, None, device, None)?.into_managed()?;
    let description = of(tensor.py(), &managed)?;
    // SAFETY: nobody looks at the elements.
    let view = unsafe { managed.view::<u8>() };
    description.set_item("is_viewed", view.is_ok())?;
    Ok(description)
}

/// Imports a tensor; without options, in the way that arguments of functions are.
pub(crate) fn take<'py>(
    object: &Bound<'py, PyAny>,
    copy: Option<bool>,
    device: Option<(i32, i32)>,
    stream: Option<&Bound<'py, PyAny>>,
) -> PyResult<PyTensor> {
    if copy.is_none() && device.is_none() && stream.is_none() {
        return object.extract();
    }
    let mut import = Import::new().copy(match copy {
        None => CopyPolicy::IF_NEEDED,
        Some(true) => CopyPolicy::ALWAYS,
        Some(false) => CopyPolicy::NEVER,
    });
    if let Some((kind, id)) = device {
        import = import.device(Device::new(DeviceType::new(kind), id));
    }
    if let Some(stream) = stream {
        import = import.stream_from(stream);
    }
    import.of(object)
}

/// Describes a borrowed tensor. The list is emptied, and what was in it ends with the function that describes.
#[pyfunction]
#[pyo3(signature = (tensor, ends=None))]
pub(crate) fn borrow<'py>(
    tensor: &Bound<'py, PyAny>,
    ends: Option<&Bound<'py, PyList>>,
) -> PyResult<Bound<'py, PyDict>> {
    let ends = ends.map(|ends| ends.call_method0("pop")).transpose()?;
    // SAFETY: describing a tensor makes a dictionary and numbers, which does not touch the memory of the object.
    unsafe {
        with_borrowed(tensor, move |borrowed| {
            let described = of(tensor.py(), &borrowed);
            drop(ends);
            described
        })
    }?
}

/// Returns the sum of the elements of a borrowed tensor of `float32`, and its address.
#[pyfunction]
pub(crate) fn borrowed_sum(tensor: &Bound<'_, PyAny>) -> PyResult<(f64, usize)> {
    let sum = |borrowed: BorrowedTensor<'_>| {
        // SAFETY: the tests initialise all elements, and nobody writes them while this thread is attached.
        let elements = unsafe { borrowed.view::<f32>() }?;
        Ok((elements.iter().map(|x| f64::from(*x)).sum(), borrowed.data().addr()))
    };
    // SAFETY: the function does not call Python, and the tests move memory only in code that Python runs.
    let result = unsafe { with_borrowed(tensor, sum) }?;
    result.map_err(|error: dlpack::Error| to_py_err(error))
}

/// Describes a tensor, with the route by which it was imported.
pub(crate) fn with_route<'py, T, R>(
    py: Python<'py>,
    tensor: &PyTensor<T, R>,
) -> PyResult<Bound<'py, PyDict>> {
    let description = of(py, tensor)?;
    description.set_item("route", tensor.route())?;
    Ok(description)
}

/// Describes a tensor without a route.
pub(crate) fn of<'py>(py: Python<'py>, tensor: &Descriptor) -> PyResult<Bound<'py, PyDict>> {
    let device = tensor.device();
    let offset = usize::try_from(tensor.byte_offset())?;
    let data = if tensor.data().is_null() { 0 } else { tensor.data().addr().wrapping_add(offset) };
    let access = match tensor.access() {
        Access::ReadOnly => "read-only",
        Access::Writable => "writable",
        _ => "unknown",
    };
    let description = PyDict::new(py);
    description.set_item("shape", PyTuple::new(py, tensor.shape())?)?;
    description.set_item("strides", PyTuple::new(py, tensor.strides())?)?;
    description.set_item("dtype", tensor.dtype().to_string())?;
    description.set_item("device", (device.device_type.code(), device.device_id))?;
    description.set_item("data", data)?;
    description.set_item("numel", tensor.numel())?;
    description.set_item("nbytes", tensor.nbytes())?;
    description.set_item("access", access)?;
    description.set_item("flags", tensor.flags().bits())?;
    description.set_item("version", tensor.version().map(|v| (v.major, v.minor)))?;
    Ok(description)
}
