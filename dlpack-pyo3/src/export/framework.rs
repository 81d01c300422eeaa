//! Results as arrays of the caller's own library.

use dlpack::exchange::ExchangeApi;
use dlpack::{DataTypeCode, Device, Flags, OpaqueTensor};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule, PyType};

use super::class::Export;
use super::tensor::Tensor;
use crate::import::{object, to_err, to_py_err};
use crate::route::{self, Importer};

/// Imports an object of an exported class into the library to which `like` belongs, and returns that library's array.
///
/// Use this for functions that return a PyTorch tensor to a caller with PyTorch tensors, and a NumPy array to a caller with
/// NumPy arrays. `like` is any array of the library, or the library itself as a module. This calls, in this order,
///
/// 1. the table of C functions of the array's class, such as that of PyTorch, which takes a third of the time of
///    `torch.from_dlpack`. It is used for writable memory of the CPU and the common dtypes;
/// 2. the function `from_dlpack` of the array's `__array_namespace__`, of its class, or of the package of its class.
///
/// The object stays as it is, and shares its memory with the result.
///
/// # Errors
///
/// `TypeError` if `like` does not belong to such a library, and what the library raises. Nothing is leaked, unless the
/// library's table refuses a tensor and forgets it.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::dlpack::Exporter;
/// use dlpack_pyo3::{Tensor, to_framework_of, to_py_err};
/// use pyo3::prelude::*;
///
/// /// Returns `count` zeros as an array of the same library.
/// #[pyfunction]
/// fn zeros_like<'py>(array: Bound<'py, PyAny>, count: usize) -> PyResult<Bound<'py, PyAny>> {
///     let zeros = Exporter::new(vec![0.0_f32; count]).build().map_err(to_py_err)?;
///     Tensor::from(zeros).into_framework_of(&array)
/// }
///
/// Python::attach(|py| {
///     let tensor = Exporter::new(vec![1.0_f32, 2.0]).build().map_err(to_py_err)?;
///     let array = Bound::new(py, Tensor::from(tensor))?;
///     let zeros = zeros_like(array.clone().into_any(), 3)?;
///     assert_eq!(zeros.cast::<Tensor>()?.get().shape(), [3]);
///     assert!(to_framework_of(&array, &py.None().into_bound(py)).is_err());
///     PyResult::Ok(())
/// })?;
/// # PyResult::Ok(())
/// ```
pub fn to_framework_of<'py, T: Export>(
    from: &Bound<'py, T>,
    like: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = like.py();
    match importer_of(like)? {
        Importer::Table(table) if T::device(from).canonical() == Device::CPU => {
            let tensor = T::tensor(from)?;
            if is_common(&tensor) {
                return by_table(&table, tensor, py);
            }
        }
        // To get the namespace of an array takes longer than the rest.
        Importer::NumPy => return NUMPY.import(py, "numpy", "from_dlpack")?.call1((from,)),
        Importer::Table(_) | Importer::Protocol => {}
    }
    by_protocol(from.as_any(), like)
}

static NUMPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

impl Tensor {
    /// Imports the tensor into the library to which an array belongs, as [`to_framework_of`] does.
    ///
    /// # Errors
    ///
    /// As for [`to_framework_of`]. The tensor is dropped then.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::dlpack::Exporter;
    /// use dlpack_pyo3::{Tensor, to_py_err};
    /// use pyo3::prelude::*;
    ///
    /// Python::attach(|py| {
    ///     let tensor = || Exporter::new(vec![1_u8, 2]).build().map_err(to_py_err);
    ///     let like = Bound::new(py, Tensor::from(tensor()?))?;
    ///     let result = Tensor::from(tensor()?).into_framework_of(&like)?;
    ///     assert_eq!(result.cast::<Tensor>()?.get().shape(), [2]);
    ///     PyResult::Ok(())
    /// })?;
    /// # PyResult::Ok(())
    /// ```
    pub fn into_framework_of<'py>(self, like: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        to_framework_of(&Bound::new(like.py(), self)?, like)
    }
}

fn importer_of(like: &Bound<'_, PyAny>) -> PyResult<Importer> {
    let class = object(like.as_borrowed()).class();
    route::importer_of(class).map_err(|raised| to_err(like.py(), raised))
}

/// Returns `true` if every library can be trusted to import such a tensor by its table.
///
/// Some tables overlook flags and devices. And after a refusal nobody knows whether the tensor is leaked, so that nothing is
/// passed that may be refused.
fn is_common(tensor: &OpaqueTensor) -> bool {
    let dtype = tensor.dtype();
    let has_common_dtype = match dtype.code {
        DataTypeCode::INT | DataTypeCode::UINT => matches!(dtype.bits, 8 | 16 | 32 | 64),
        DataTypeCode::FLOAT => matches!(dtype.bits, 16 | 32 | 64),
        DataTypeCode::BFLOAT => dtype.bits == 16,
        DataTypeCode::COMPLEX => matches!(dtype.bits, 64 | 128),
        DataTypeCode::BOOL => dtype.bits == 8,
        _ => false,
    };
    has_common_dtype
        && dtype.lanes == 1
        && tensor.device() == Device::CPU
        && tensor.flags() == Flags::NONE
}

/// Passes the tensor to the library's table.
fn by_table<'py>(
    table: &ExchangeApi,
    tensor: OpaqueTensor,
    py: Python<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the thread is attached, and the tensor is not read-only. What the library returns is a new reference.
    unsafe {
        match table.object_from_tensor(tensor) {
            Ok(object) => Ok(Bound::from_owned_ptr(py, object.as_ptr().cast())),
            Err(rejected) => Err(PyErr::take(py).unwrap_or_else(|| to_py_err(rejected.error()))),
        }
    }
}

/// Calls the library's `from_dlpack`.
fn by_protocol<'py>(
    from: &Bound<'py, PyAny>,
    like: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    match from_dlpack_of(like)? {
        Some(from_dlpack) => from_dlpack.call1((from,)),
        None => {
            let text = format!(
                "expected an array of a library that imports DLPack tensors, found {}",
                like.get_type().fully_qualified_name()?
            );
            Err(PyTypeError::new_err(text))
        }
    }
}

/// Returns the library's `from_dlpack`.
fn from_dlpack_of<'py>(like: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let from_dlpack = intern!(like.py(), "from_dlpack");
    if let Some(namespace) = like.getattr_opt(intern!(like.py(), "__array_namespace__"))? {
        return namespace.call0()?.getattr_opt(from_dlpack);
    }
    if like.is_instance_of::<PyModule>() {
        return like.getattr_opt(from_dlpack);
    }
    let class = like.get_type();
    if let Some(found) = class.getattr_opt(from_dlpack)? {
        return Ok(Some(found));
    }
    match package_of(&class)? {
        Some(package) => package.getattr_opt(from_dlpack),
        None => Ok(None),
    }
}

/// Returns the package of the class, which has been imported if there are objects of the class.
fn package_of<'py>(class: &Bound<'py, PyType>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let module = class.module()?;
    let module = module.to_str()?;
    let package = module.split_once('.').map_or(module, |(package, _)| package);
    let modules = class.py().import(intern!(class.py(), "sys"))?.getattr("modules")?;
    modules.cast::<PyDict>()?.get_item(package)
}
