//! The array interfaces by which libraries without DLPack read a tensor, where they are true.

use dlpack_pyo3::dlpack::DeviceType;
use dlpack_pyo3::to_py_err;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::AttributeError;
use crate::source::cuda;
use crate::tensor::{Origin, Tensor, default_stream};
use crate::typestr;

#[pymethods]
impl Tensor {
    /// The description that NumPy's array interface asks for: of main memory and dtypes that have a typestr only.
    #[getter]
    fn __array_interface__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        if !slf.get().is_on_the_host() {
            return Err(missing("__array_interface__", "its elements are not in main memory"));
        }
        interface(slf, "__array_interface__")
    }

    /// The description that Numba's CUDA array interface asks for: of memory of CUDA and dtypes that have a typestr only.
    #[getter]
    fn __cuda_array_interface__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let device = slf.get().tensor.device().device_type;
        if !matches!(device, DeviceType::CUDA | DeviceType::CUDA_MANAGED) {
            return Err(missing(
                "__cuda_array_interface__",
                "its elements are not in memory of CUDA",
            ));
        }
        let interface = interface(slf, "__cuda_array_interface__")?;
        let stream = match &slf.get().origin {
            Origin::Ready => None,
            // The consumer would take it for that of the device which it uses.
            Origin::On(stream) if cuda::is_of_this_thread(slf.get().tensor.device(), *stream) => {
                dlpack_pyo3::Export::wait_for_host(slf)?;
                None
            }
            Origin::On(stream) => stream.handle(),
            Origin::Producer { .. } => {
                let stream = default_stream(device);
                dlpack_pyo3::Export::synchronize(slf, stream)?;
                let device = slf.get().tensor.device();
                if cuda::is_of_this_thread(device, stream) {
                    // As above.
                    slf.py().detach(|| cuda::wait(device, stream)).map_err(to_py_err)?;
                    None
                } else {
                    stream.handle()
                }
            }
        };
        interface.set_item("stream", stream)?;
        Ok(interface)
    }
}

fn interface<'py>(slf: &Bound<'py, Tensor>, name: &str) -> PyResult<Bound<'py, PyDict>> {
    let tensor = &slf.get().tensor;
    let dtype = tensor.dtype();
    let typestr =
        typestr::of(dtype).ok_or_else(|| missing(name, &format!("{dtype} has no typestr")))?;
    let itemsize = dtype.itemsize().and_then(|size| i64::try_from(size).ok()).unwrap_or(1);
    let strides = tensor.strides().iter().map(|stride| stride.wrapping_mul(itemsize));
    let dict = PyDict::new(slf.py());
    dict.set_item("version", 3)?;
    dict.set_item("shape", PyTuple::new(slf.py(), tensor.shape())?)?;
    dict.set_item("typestr", typestr)?;
    dict.set_item("data", (slf.getattr("address")?, slf.getattr("readonly")?))?;
    dict.set_item("strides", PyTuple::new(slf.py(), strides.collect::<Vec<_>>())?)?;
    Ok(dict)
}

fn missing(name: &str, why: &str) -> PyErr {
    AttributeError::new_err(format!("'dlpack.Tensor' object has no attribute '{name}': {why}"))
}
