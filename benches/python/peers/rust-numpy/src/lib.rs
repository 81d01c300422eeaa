//! The module `peer_rust_numpy`.

use numpy::{PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;

/// The address of the first element plus the number of elements.
#[pyfunction]
fn take(array: PyReadonlyArrayDyn<'_, f32>) -> usize {
    (array.as_array().as_ptr() as usize).wrapping_add(array.len())
}

#[pymodule]
fn peer_rust_numpy(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(take, module)?)
}
