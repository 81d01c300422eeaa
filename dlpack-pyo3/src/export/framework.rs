//! Results as arrays of the caller's own library.

use dlpack::exchange::ExchangeApi;
use dlpack::{DataTypeCode, Device, Flags, OpaqueTensor, sys};
use pyo3::prelude::*;
use pyo3::types::PyModule;

use super::array::{is_unready, numpy, pass_to};
use super::class::Export;
use super::tensor::Tensor;
use crate::import::{object, to_err, to_py_err};
use crate::raw::{Class, Object, Owned, Raised, loaded_by_text, names, raise, unwind};
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
/// The object stays as it is, and shares its memory with the result. NumPy, which waits for no device, gets memory of one as by
/// `__array__`: after a wait, or as a copy; see [`Export::wait_for_host`]. A library that passes tensors on to NumPy by itself, such as
/// `array_api_strict`, reads such memory at once.
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
/// fn zeros_like<'py>(array: Bound<'py, PyAny>, count: u16) -> PyResult<Bound<'py, PyAny>> {
///     let zeros = Exporter::new(vec![0.0_f32; count.into()]).build().map_err(to_py_err)?;
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
        Importer::Table(table, axes) if T::device(from).canonical() == Device::CPU => {
            let tensor = T::tensor(from)?;
            if is_common(&tensor, axes) {
                return by_table(&table, tensor, py);
            }
        }
        // To get the namespace of an array takes longer than the rest.
        Importer::NumPy => return numpy(from),
        Importer::Table(..) | Importer::Protocol => {}
    }
    by_protocol(from, like)
}

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

/// Returns `true` if every library whose table takes so many axes can be trusted to import such a tensor by it.
///
/// Some tables overlook flags and devices. And after a refusal nobody knows whether the tensor is leaked, so that nothing is
/// passed that may be refused.
fn is_common(tensor: &OpaqueTensor, axes: i32) -> bool {
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
        && has_common_layout(tensor, axes)
}

/// Returns `true` if there are no more axes than these, and no stride is negative, which PyTorch refuses unless the axis has one element.
#[inline]
fn has_common_layout(tensor: &OpaqueTensor, axes: i32) -> bool {
    // SAFETY: clauses S1 and S4 hold for the struct of an opaque tensor until its deleter runs: it can be read, and so can its
    // strides, of which there are `ndim`.
    unsafe {
        let sys::DLTensor { mut ndim, strides, .. } = (*tensor.as_raw()).dl_tensor;
        if ndim > axes {
            return false;
        }
        if strides.is_null() {
            return true;
        }
        while ndim > 0 {
            ndim -= 1;
            if *strides.offset(isize::try_from(ndim).unwrap_or(0)) < 0 {
                return false;
            }
        }
        true
    }
}

/// Passes the tensor to the library's table.
fn by_table<'py>(
    table: &ExchangeApi,
    tensor: OpaqueTensor,
    py: Python<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let guard = unwind::Guard::new();
    // SAFETY: the thread is attached, and the tensor is not read-only.
    let made = unsafe { table.object_from_tensor(tensor) };
    guard.end();
    match made {
        // SAFETY: the thread is attached. What the library returns is a new reference.
        Ok(object) => Ok(unsafe { Bound::from_owned_ptr(py, object.as_ptr().cast()) }),
        Err(rejected) => Err(PyErr::take(py).unwrap_or_else(|| to_py_err(rejected.error()))),
    }
}

/// Calls the library's `from_dlpack`.
fn by_protocol<'py, T: Export>(
    from: &Bound<'py, T>,
    like: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, array) = (like.py(), object(like.as_borrowed()));
    match from_dlpack_of(array, like.is_instance_of::<PyModule>()) {
        Ok(Some(from_dlpack)) => match is_of_numpy(from_dlpack.borrow()) {
            Ok(true) => numpy(from),
            Ok(false) => {
                let array = pass_to(from_dlpack.borrow(), from.as_any())?;
                // A function that has called NumPy's has not waited, either.
                if is_unready_array(&array)? { numpy(from) } else { Ok(array) }
            }
            Err(raised) => Err(to_err(py, raised)),
        },
        Ok(None) => {
            let found = array.class_name();
            let text = "expected an array of a library that imports DLPack tensors";
            let raised =
                raise(array.attached(), Class::Type, format_args!("{text}, found {found}"));
            Err(to_err(py, raised))
        }
        Err(raised) => Err(to_err(py, raised)),
    }
}

/// Returns `true` for NumPy's own function, which waits for no device. It is also that of the module and of derived classes.
fn is_of_numpy(from_dlpack: Object<'_>) -> Result<bool, Raised> {
    let Some(numpy) = loaded_by_text(from_dlpack.attached(), "numpy")? else { return Ok(false) };
    Ok(numpy.optional_attr(&names::FROM_DLPACK)?.is_some_and(|own| own.borrow().is(from_dlpack)))
}

/// Returns `true` for an array of NumPy, or of a derived class, in memory of a device.
fn is_unready_array(array: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_array = route::is_array_of_numpy(object(array.as_borrowed()));
    Ok(is_array.map_err(|raised| to_err(array.py(), raised))? && is_unready(array)?)
}

/// Returns the library's `from_dlpack`.
fn from_dlpack_of(like: Object<'_>, is_module: bool) -> Result<Option<Owned<'_>>, Raised> {
    if let Some(namespace) = like.optional_attr(&names::ARRAY_NAMESPACE)? {
        // SAFETY: a live object on an attached thread; the result is a new reference, or null with an exception set.
        let namespace = unsafe { Owned::or_raised(unwind::call_no_args(namespace.as_ptr())) }?;
        return namespace.optional_attr(&names::FROM_DLPACK);
    }
    if is_module {
        return like.optional_attr(&names::FROM_DLPACK);
    }
    let class = like.class().to_owned();
    if let Some(found) = class.optional_attr(&names::FROM_DLPACK)? {
        return Ok(Some(found));
    }
    // The package of the class has been imported if there are objects of the class.
    let Some(module) = class.optional_attr(&names::MODULE)? else { return Ok(None) };
    let package = module.borrow().text().and_then(|module| module.split('.').next());
    match loaded_by_text(like.attached(), package.unwrap_or_default())? {
        Some(package) => package.optional_attr(&names::FROM_DLPACK),
        None => Ok(None),
    }
}
