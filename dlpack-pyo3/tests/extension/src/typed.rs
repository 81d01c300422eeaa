//! Functions with requirements on their arguments.

use dlpack::Device;
use dlpack::negotiate::Stream;
use dlpack_pyo3::{
    Import, OnHost, PyOwner, PyTensor, Rank, ReadOnlyAsLegacy, RowMajor, Tensor, Writable,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::describe::with_route;

/// Takes a tensor of `float32`.
#[pyfunction]
pub(crate) fn typed_f32<'py>(py: Python<'py>, x: PyTensor<f32>) -> PyResult<Bound<'py, PyDict>> {
    with_route(py, &x)
}

/// Takes what many kernels need: a row-major matrix in main memory.
#[pyfunction]
pub(crate) fn typed_matrix<'py>(
    py: Python<'py>,
    x: PyTensor<f32, (Rank<2>, RowMajor, OnHost)>,
) -> PyResult<Bound<'py, PyDict>> {
    with_route(py, &x)
}

/// Adds 1 to each element in place.
#[pyfunction]
pub(crate) fn typed_writable<'py>(
    py: Python<'py>,
    mut x: PyTensor<f64, Writable>,
) -> PyResult<Bound<'py, PyDict>> {
    // SAFETY: the tests initialise all elements, and none of their threads uses them now.
    let mut elements = unsafe { x.view_mut() }?;
    for element in elements.iter_mut() {
        *element += 1.0;
    }
    with_route(py, &x)
}

/// Returns the elements of a tensor of `float64`.
#[pyfunction]
pub(crate) fn typed_list(py: Python<'_>, x: PyTensor<f64>) -> PyResult<Vec<f64>> {
    x.to_vec(py)
}

/// Returns the mean of each row, as in the README.
#[pyfunction]
#[expect(clippy::cast_precision_loss, reason = "nobody has so many columns")]
pub(crate) fn typed_means(py: Python<'_>, matrix: PyTensor<f32, Rank<2>>) -> PyResult<Tensor> {
    let [rows, columns] = matrix.sizes()?;
    let elements = matrix.to_vec(py)?;
    let row = |i: usize| &elements[i * columns..(i + 1) * columns];
    let means = (0..rows).map(|i| row(i).iter().sum::<f32>() / columns as f32).collect();
    Tensor::from_vec(means, &[rows])
}

/// Returns the number of elements of a tensor that the host can access.
#[pyfunction]
pub(crate) fn typed_cells(py: Python<'_>, x: PyTensor<f32, OnHost>) -> PyResult<usize> {
    Ok(x.cells(py)?.iter().len())
}

/// Returns the shape of a tensor's cells, and its elements, one after another by their indices. The dtype is `uint8`, `uint16`,
/// `float32` or `float64`.
#[pyfunction]
pub(crate) fn cells_by_index(py: Python<'_>, x: PyTensor) -> PyResult<(Vec<usize>, Vec<f64>)> {
    fn all<T: Copy + Into<f64>>(
        shape: &[usize],
        get: impl Fn(&[usize]) -> Option<T>,
    ) -> (Vec<usize>, Vec<f64>) {
        let [rows, columns] = [shape.first(), shape.get(1)].map(|n| n.copied().unwrap_or(0));
        let indices = (0..rows).flat_map(|i| (0..columns).map(move |j| [i, j]));
        (shape.to_vec(), indices.filter_map(|index| get(&index)).map(Into::into).collect())
    }

    macro_rules! try_as {
        ($($dtype:ty),*) => {
            $(if let Ok(typed) = x.as_typed::<$dtype>() {
                let cells = typed.cells(py)?;
                return Ok(all(cells.shape(), |index| cells.get(index)));
            })*
        };
    }
    try_as!(u8, u16, f32, f64);
    Err(PyValueError::new_err("expected another dtype"))
}

/// Returns what is shown of a tensor, its cells and the options of an import to those who debug a program.
#[pyfunction]
pub(crate) fn debugged(py: Python<'_>, x: PyTensor<f32>) -> PyResult<Vec<String>> {
    let mut shown = vec![
        format!("{x:?}"),
        format!("{:?}", x.cells(py)?),
        format!("{:?}", Import::new()),
        format!("{:?}", ReadOnlyAsLegacy::REFUSE),
        format!("{:?}", PyOwner::from(py.None().into_bound(py))),
    ];
    shown.push(format!("{:?}", x.into_tensor()?));
    Ok(shown)
}

/// Imports a tensor for which nobody waits.
#[pyfunction]
pub(crate) fn unsynchronized<'py>(x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let tensor: PyTensor = Import::new().stream(Stream::NO_SYNC).of(x)?;
    with_route(x.py(), &tensor)
}

/// Returns the elements of a tensor of `float64`, which is asked for in main memory.
#[pyfunction]
pub(crate) fn typed_list_on_cpu(x: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let tensor: PyTensor<f64> = Import::new().device(Device::CPU).of(x)?;
    tensor.to_vec(x.py())
}

/// What a function finds out in its body, of an argument that may be any tensor.
#[pyfunction]
pub(crate) fn body(py: Python<'_>, step: &str, mut x: PyTensor) -> PyResult<()> {
    match step {
        "sizes" => x.sizes::<2>().map(drop),
        "size" => x.size(2).map(drop),
        "check_size" => x.check_size(0, 7),
        "as_typed" => x.as_typed::<f32>().map(drop),
        "as_typed_mut" => x.as_typed_mut::<f32>().map(drop),
        "cells" => x.as_typed::<f32>()?.cells(py).map(drop),
        "to_vec" => x.as_typed::<f32>()?.to_vec(py).map(drop),
        // SAFETY: nobody writes the elements, none of which are read.
        "view" => unsafe { x.as_typed::<f32>()?.view() }.map(drop),
        // SAFETY: nobody writes the elements, none of which are read.
        "as_slice" => unsafe { x.as_typed::<f32>()?.as_slice() }.map(drop),
        // SAFETY: nobody uses the elements, none of which are read or written.
        "view_mut" => unsafe { x.as_typed_mut::<f32>()?.view_mut() }.map(drop),
        _ => Err(PyValueError::new_err("expected the name of a step")),
    }
}

/// Imports a tensor in the strict mode.
#[pyfunction]
pub(crate) fn strict<'py>(x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let tensor: PyTensor = Import::new().strict().of(x)?;
    with_route(x.py(), &tensor)
}
