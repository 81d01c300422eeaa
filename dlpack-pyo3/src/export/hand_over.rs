//! Results in the form in which the caller's arguments came: arrays of the caller's own library.

use dlpack::exchange::ExchangeApi;
use dlpack::{DataTypeCode, Device, Flags, Parcel};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule, PyType};

use super::source::Export;
use super::tensor::Tensor;
use crate::import::{object, to_err, to_py_err};
use crate::roads::{self, Way};

/// Gives an object of an exported class to the library that another object is of, and returns what that makes of it.
///
/// For functions that answer a caller of PyTorch with a tensor of PyTorch, and a caller of NumPy with an array of NumPy.
/// `like` is any object of that library's array type, or the library itself as a module. In this order, there is asked
///
/// 1. the type's table of C functions, as PyTorch has it, which takes a third of the time of `torch.from_dlpack`. For
///    memory of a CPU that may be written, and dtypes that are nothing special;
/// 2. the function `from_dlpack` of the array's namespace, as `__array_namespace__` names it, of its class, or of the
///    package that its class is from.
///
/// The object stays as it is, and shares its memory with the result.
///
/// # Errors
///
/// A `TypeError` for an object of no such library; and whatever the library says. Nothing is lost then, unless its table
/// refuses a tensor and forgets it.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::dlpack::Exporter;
/// use dlpack_pyo3::{Tensor, hand_over, to_py_err};
/// use pyo3::prelude::*;
///
/// /// One value for each element of an array: an array of the same library.
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
///     assert!(hand_over(&array, &py.None().into_bound(py)).is_err());
///     PyResult::Ok(())
/// })?;
/// # PyResult::Ok(())
/// ```
pub fn hand_over<'py, T: Export>(
    from: &Bound<'py, T>,
    like: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = like.py();
    match way_to(like)? {
        Way::Table(table) if T::device(from).canonical() == Device::CPU => {
            let parcel = T::tensor(from)?;
            if is_ordinary(&parcel) {
                return through(&table, parcel, py);
            }
        }
        // Asking an array for its namespace takes longer than all the rest.
        Way::NumPy => return NUMPY.import(py, "numpy", "from_dlpack")?.call1((from,)),
        Way::Table(_) | Way::Protocol => {}
    }
    by_protocol(from.as_any(), like)
}

static NUMPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

impl Tensor {
    /// Gives the tensor to the library that an object is of, as [`hand_over`] does.
    ///
    /// # Errors
    ///
    /// As for [`hand_over`]. The tensor is dropped then.
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
        hand_over(&Bound::new(like.py(), self)?, like)
    }
}

fn way_to(like: &Bound<'_, PyAny>) -> PyResult<Way> {
    let class = object(like.as_borrowed()).class();
    roads::way_to(class).map_err(|raised| to_err(like.py(), raised))
}

/// Whether the tensor is one that every library can be trusted to take in by its table as it is.
///
/// Tables are known to overlook what a tensor says beyond its elements. And whether the tensor is lost with a refusal
/// nobody knows, so that none is asked for.
fn is_ordinary(parcel: &Parcel) -> bool {
    let dtype = parcel.dtype();
    let is_common = match dtype.code {
        DataTypeCode::INT | DataTypeCode::UINT => matches!(dtype.bits, 8 | 16 | 32 | 64),
        DataTypeCode::FLOAT => matches!(dtype.bits, 16 | 32 | 64),
        DataTypeCode::BFLOAT => dtype.bits == 16,
        DataTypeCode::COMPLEX => matches!(dtype.bits, 64 | 128),
        DataTypeCode::BOOL => dtype.bits == 8,
        _ => false,
    };
    is_common && dtype.lanes == 1 && parcel.device() == Device::CPU && parcel.flags() == Flags::NONE
}

fn through<'py>(
    table: &ExchangeApi,
    parcel: Parcel,
    py: Python<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the thread is attached. The tensor is not read-only.
    match unsafe { table.object_from_tensor(parcel) } {
        // SAFETY: the library has made an object, and passes a reference on.
        Ok(object) => Ok(unsafe { Bound::from_owned_ptr(py, object.as_ptr().cast()) }),
        Err(rejected) => Err(PyErr::take(py).unwrap_or_else(|| to_py_err(rejected.error()))),
    }
}

/// Has the library import the object.
fn by_protocol<'py>(
    from: &Bound<'py, PyAny>,
    like: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    match importer_of(like)? {
        Some(from_dlpack) => from_dlpack.call1((from,)),
        None => {
            let text = format!(
                "expected an array of a library that imports DLPack tensors, found {}",
                like.get_type().name()?
            );
            Err(PyTypeError::new_err(text))
        }
    }
}

/// The function by which the library imports tensors.
fn importer_of<'py>(like: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
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

/// The package that the class is from, which has been imported if there are objects of the class.
fn package_of<'py>(class: &Bound<'py, PyType>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let module = class.module()?;
    let module = module.to_str()?;
    let package = module.split_once('.').map_or(module, |(package, _)| package);
    let modules = class.py().import(intern!(class.py(), "sys"))?.getattr("modules")?;
    modules.cast::<PyDict>()?.get_item(package)
}
