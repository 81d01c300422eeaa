//! A tensor of one element as a number of Python.
//!
//! Without these methods, `int` and `float` would parse the buffer of a tensor as text.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyComplex, PyFloat, PyInt};

use crate::errors::TypeError;
use crate::tensor::Tensor;

#[pymethods]
impl Tensor {
    fn __int__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.get_type::<PyInt>().call1((self.element(py, "int")?,))
    }

    fn __float__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.get_type::<PyFloat>().call1((self.element(py, "float")?,))
    }

    fn __complex__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.get_type::<PyComplex>().call1((self.element(py, "complex")?,))
    }

    fn __bool__(&self, py: Python<'_>) -> PyResult<bool> {
        self.element(py, "bool")?.is_truthy()
    }

    /// Of a tensor without axes only, as for NumPy: `bytes` and `bytearray` take whatever has an index for a length.
    fn __index__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.tensor.ndim() != 0 {
            let text = "only a tensor without axes is an index: call int(t), or t.tolist() for the elements";
            return Err(TypeError::new_err(text));
        }
        let element = self.element(py, "an index")?;
        if element.is_instance_of::<PyInt>() && !element.is_instance_of::<PyBool>() {
            return Ok(element);
        }
        let dtype = self.tensor.dtype();
        let text =
            format!("expected integers for an index, found a tensor of {dtype}: call int(t)");
        Err(TypeError::new_err(text))
    }

    /// The bytes of the elements, also of one that is an index, which `bytes` would take for a length.
    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.tobytes(py)
    }

    /// Python would compare tensors, which are equal to nothing but themselves.
    fn __contains__(&self, _item: &Bound<'_, PyAny>) -> PyResult<bool> {
        Err(TypeError::new_err(
            "a dlpack.Tensor does not compare its elements: search t.tolist() or numpy.from_dlpack(t)",
        ))
    }

    fn __setitem__(&self, _index: &Bound<'_, PyAny>, _value: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(TypeError::new_err(
            "a dlpack.Tensor does not write its elements: numpy.from_dlpack(t)[0] = 1 writes the same memory",
        ))
    }
}

impl Tensor {
    /// Returns the only element.
    fn element<'py>(&self, py: Python<'py>, what: &str) -> PyResult<Bound<'py, PyAny>> {
        let numel = self.tensor.numel();
        if numel != 1 {
            return Err(TypeError::new_err(format!(
                "expected a tensor of one element for {what}, found {numel}: call t.tolist() for all of them"
            )));
        }
        let (_, mut numbers) = self.elements(py)?;
        match (numbers.pop(), numbers.is_empty()) {
            (Some(number), true) => Ok(number),
            _ => Err(TypeError::new_err(format!(
                "expected an element that is a number for {what}, found one of {}: call t.tolist()",
                self.tensor.dtype()
            ))),
        }
    }
}
