//! The routes from an object to a tensor.

mod array_interface;
mod array_struct;
mod arrow;
pub(crate) mod cuda;

use std::sync::Arc;

use dlpack_pyo3::dlpack::negotiate::CopyPolicy;
use dlpack_pyo3::dlpack::{Access, Descriptor, Device, DeviceType};
use dlpack_pyo3::{Import, PyOwner, PyTensor};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyMemoryView, PyString, PyTuple};
use pyo3::{ffi, intern};

use crate::arguments;
use crate::errors::{
    DeviceError, NotATensorError, ReadOnlyError, TypeError, ValueError, brief, check, class_of,
    is_final, made, raise, refuse, refuse_all, tried,
};
use crate::kept::Kept;
use crate::memory::Memory;
use crate::tensor::{Origin, Part, Tensor, default_stream};

/// A protocol by which an object describes its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    DLPack,
    Buffer,
    ArrayStruct,
    ArrayInterface,
    CudaArrayInterface,
    Arrow,
}

impl Route {
    /// All routes, in the order in which they are looked for.
    const ALL: [Self; 6] = [
        Self::DLPack,
        Self::Buffer,
        Self::ArrayStruct,
        Self::ArrayInterface,
        Self::CudaArrayInterface,
        Self::Arrow,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::DLPack => "dlpack",
            Self::Buffer => "buffer",
            Self::ArrayStruct => "array_struct",
            Self::ArrayInterface => "array_interface",
            Self::CudaArrayInterface => "cuda_array_interface",
            Self::Arrow => "arrow",
        }
    }

    pub(crate) fn names(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(py, Self::ALL.map(Self::name))
    }

    fn named(name: &Bound<'_, PyAny>) -> PyResult<Self> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let Ok(text) = name.cast::<PyString>() else {
            let (names, found) = (names(), class_of(name)?);
            return Err(TypeError::new_err(format!(
                "expected a route, one of {names}, found {found}"
            )));
        };
        let name = text.to_cow()?;
        Self::ALL.into_iter().find(|route| route.name() == name).ok_or_else(|| {
            let names = names();
            ValueError::new_err(format!(
                "expected a route, one of {names}, found {:?}",
                brief(&name)
            ))
        })
    }

    /// Reads one name or several.
    fn several(value: &Bound<'_, PyAny>) -> PyResult<Vec<Self>> {
        if value.is_instance_of::<PyString>() {
            return Ok(vec![Self::named(value)?]);
        }
        let most = Self::ALL.len();
        // There may be no end of them.
        let names = value.try_iter()?.take(most + 1).map(|name| Self::named(&name?));
        let names = names.collect::<PyResult<Vec<_>>>()?;
        if names.len() > most {
            let text = format!("expected at most {most} routes, each once, found more");
            return Err(ValueError::new_err(text));
        }
        Ok(names)
    }
}

/// What a caller asks for.
struct Options {
    routes: Vec<Route>,
    device: Option<Device>,
    copy: Option<bool>,
    readonly: Option<bool>,
}

/// Makes a tensor of any object that describes its memory. Nothing is copied unless that is asked for.
///
/// The routes, in the order in which they are looked for, are those in `dlpack.ROUTES`: DLPack (an array of any library, or a
/// capsule), the buffer protocol (bytes, bytearray, memoryview, array.array, mmap, ctypes), `__array_struct__`,
/// `__array_interface__`, `__cuda_array_interface__`, and `__arrow_c_array__`. The first that the object offers decides.
///
/// The object is kept alive, and locked if it can be locked, for as long as the tensor or any consumer of it lives: a bytearray
/// cannot be resized, and an mmap cannot be closed.
///
/// - `route`: a route, or several; no other is taken. `avoid`: those that are not taken.
/// - `device`: where the tensor is to be, such as "cpu" or "cuda:0". The library that the object comes from copies it there.
/// - `copy`: True for a copy, False to raise CopyError rather than to get one.
/// - `readonly`: True for a tensor that consumers must not write. False for one that they may write: ReadOnlyError if the memory
///   is known to be read-only. Older libraries do not say whether it is, and their tensors are read-only unless the caller says
///   False.
///
/// An object that is not a tensor raises NotATensorError; one that cannot be exchanged DTypeError, LayoutError or DeviceError, with
/// its class and the call that helps. What a library itself raises is passed on.
///
/// >>> import dlpack
/// >>> data = bytearray(b"abc")
/// >>> t = dlpack.asdlpack(data)
/// >>> data[0] = 0x41
/// >>> t.tolist()
/// [65, 98, 99]
/// >>> data.append(0)
/// Traceback (most recent call last):
///     ...
/// BufferError: Existing exports of data: object cannot be re-sized
#[pyfunction]
#[pyo3(signature = (obj, /, *, route=None, avoid=None, device=None, copy=None, readonly=None))]
pub(crate) fn asdlpack<'py>(
    obj: &Bound<'py, PyAny>,
    route: Option<&Bound<'py, PyAny>>,
    avoid: Option<&Bound<'py, PyAny>>,
    device: Option<&Bound<'py, PyAny>>,
    copy: Option<bool>,
    readonly: Option<bool>,
) -> PyResult<Bound<'py, Tensor>> {
    let is_plain = route.is_none()
        && avoid.is_none()
        && device.is_none()
        && copy.is_none()
        && readonly.is_none();
    if is_plain {
        if let Ok(tensor) = obj.cast_exact::<Tensor>() {
            return Ok(tensor.clone());
        }
        match obj.extract::<PyTensor>() {
            Ok(tensor) => {
                let mut tensor = accept(obj, tensor)?;
                if let Ok(view) = obj.cast_exact::<PyMemoryView>() {
                    tensor = keeping_lender(tensor, view)?;
                }
                return Bound::new(obj.py(), tensor);
            }
            Err(raised) => after_failure(obj, raised)?,
        }
    }
    let mut routes = match route {
        Some(route) => Route::several(route)?,
        None => Route::ALL.to_vec(),
    };
    let avoided = avoid.map(Route::several).transpose()?.unwrap_or_default();
    routes.retain(|route| !avoided.contains(route));
    let device = device.map(arguments::device).transpose()?;
    let options = Options { routes, device, copy, readonly };
    Bound::new(obj.py(), take(obj, &options)?)
}

/// Passes an exception on, unless the object offers none of the routes that were tried.
#[cold]
fn after_failure(object: &Bound<'_, PyAny>, raised: PyErr) -> PyResult<()> {
    let raised = made(object.py(), raised);
    // An interrupt is raised only once, so that asking the object again would lose it.
    if is_final(object.py(), &raised) {
        return Err(raised);
    }
    let route = if object.is_instance_of::<PyCapsule>() || has_dlpack(object)? {
        Route::DLPack
    } else if has_buffer(object) {
        Route::Buffer
    } else {
        return Ok(());
    };
    Err(refuse(object, route.name(), raised))
}

/// Makes a tensor of an array of any library, as the array API standard spells it.
///
/// This is `asdlpack` by the route "dlpack" alone: `x` has `__dlpack__`, or is a capsule.
///
/// >>> import dlpack
/// >>> t = dlpack.from_dlpack(dlpack.asdlpack(b"abc"), copy=True)
/// >>> t.tolist(), t.readonly
/// ([97, 98, 99], False)
#[pyfunction]
#[pyo3(signature = (x, /, *, device=None, copy=None))]
pub(crate) fn from_dlpack<'py>(
    x: &Bound<'py, PyAny>,
    device: Option<&Bound<'py, PyAny>>,
    copy: Option<bool>,
) -> PyResult<Bound<'py, Tensor>> {
    let device = device.map(arguments::device).transpose()?;
    let options = Options { routes: vec![Route::DLPack], device, copy, readonly: None };
    Bound::new(x.py(), take(x, &options)?)
}

fn take(object: &Bound<'_, PyAny>, options: &Options) -> PyResult<Tensor> {
    for &route in &options.routes {
        match take_by(route, object, options) {
            Ok(Some(tensor)) => {
                let met = tensor.meet(object.py(), options);
                return met.map_err(|raised| refuse(object, route.name(), raised));
            }
            Ok(None) => {}
            Err(raised) => return Err(refuse(object, route.name(), raised)),
        }
    }
    let tried: Vec<_> = options.routes.iter().map(|route| route.name()).collect();
    Err(refuse_all(object, &tried))
}

/// Takes the tensor of an object by one route. Returns `None` if the object does not offer it.
fn take_by(route: Route, object: &Bound<'_, PyAny>, options: &Options) -> PyResult<Option<Tensor>> {
    if matches!(route, Route::Buffer | Route::ArrayStruct | Route::ArrayInterface) {
        // Masked arrays of NumPy have these, too, and none of them tells the mask.
        if object.hasattr(intern!(object.py(), "filled"))? {
            check(object)?;
        }
    }
    // PyTorch's interface tells neither that elements are conjugated or negated when they are read, nor that there is no memory.
    if route == Route::CudaArrayInterface && object.hasattr(intern!(object.py(), "is_conj"))? {
        check(object)?;
    }
    match route {
        Route::DLPack => {
            let is_offered = object.is_instance_of::<PyCapsule>() || has_dlpack(object)?;
            is_offered.then(|| by_dlpack(object, options)).transpose()
        }
        Route::Buffer => {
            if !has_buffer(object) {
                return Ok(None);
            }
            // A view has no other route, whatever the object has besides its buffer.
            let view = PyMemoryView::from(object)?;
            keeping_lender(accept_as(&view, view.extract()?, options)?, &view).map(Some)
        }
        Route::ArrayStruct => array_struct::take(object),
        Route::ArrayInterface => array_interface::take(object),
        Route::CudaArrayInterface => cuda::take(object, options.device),
        Route::Arrow => arrow::take(object),
    }
}

fn has_dlpack(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let method = object.getattr_opt(intern!(object.py(), "__dlpack__"))?;
    Ok(method.is_some_and(|method| !method.is_none()))
}

fn has_buffer(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a live object on an attached thread.
    unsafe { ffi::PyObject_CheckBuffer(object.as_ptr()) != 0 }
}

fn by_dlpack(object: &Bound<'_, PyAny>, options: &Options) -> PyResult<Tensor> {
    let mut import = Import::new();
    if let Some(device) = options.device {
        import = import.device(device);
    }
    if options.copy == Some(false) {
        import = import.copy(CopyPolicy::NEVER);
    }
    let tensor: PyTensor = import.of(object)?;
    if tensor.device().device_type == DeviceType::CPU {
        return accept_as(object, tensor, options);
    }
    let mut taken = if options.copy == Some(true) {
        // Only the library can copy memory of a device. Main memory is copied here, which works with every library.
        let copy: PyTensor = import.copy(CopyPolicy::ALWAYS).of(object)?;
        accept_as(object, copy, options)?.marked_as_copy_of(&tensor)?
    } else {
        accept_as(object, tensor, options)?
    };
    let device = taken.tensor.device();
    if let Some(asked) = options.device {
        // An object copies its own elements, and orders the streams of its own device.
        if !is_on(object, device)? {
            taken.origin = match asked.canonical() {
                // Memory that the host can access, for which the object has waited.
                Device::CPU => Origin::Ready,
                _ => Origin::On(default_stream(device.device_type)),
            };
        }
    }
    Ok(taken)
}

/// Returns `true` if the object says that its memory is on this device. One that cannot say has not kept it from being imported.
#[cold]
fn is_on(object: &Bound<'_, PyAny>, device: Device) -> PyResult<bool> {
    let py = object.py();
    let method = object.getattr(intern!(py, "__dlpack_device__"));
    let own = method.and_then(|method| own_device(&method.call0()?));
    Ok(tried(py, own)?.is_some_and(|own| own.canonical() == device.canonical()))
}

/// Reads what `__dlpack_device__` returns: two integers, which may be members of an enumeration, and the second of which may be
/// missing.
fn own_device(pair: &Bound<'_, PyAny>) -> PyResult<Device> {
    let number = |item: Bound<'_, PyAny>| -> PyResult<i32> {
        match tried(pair.py(), item.extract())? {
            Some(number) => Ok(number),
            None => item.getattr(intern!(pair.py(), "value"))?.extract(),
        }
    };
    let (kind, id) = (pair.get_item(0)?, pair.get_item(1)?);
    let id = if id.is_none() { 0 } else { number(id)? };
    Ok(Device::new(DeviceType::new(number(kind)?), id))
}

/// Makes the object of a tensor that was imported, under the caller's options.
fn accept_as(object: &Bound<'_, PyAny>, tensor: PyTensor, options: &Options) -> PyResult<Tensor> {
    if options.readonly != Some(false) || options.copy == Some(true) {
        return accept(object, tensor);
    }
    match tensor.access() {
        Access::ReadOnly => Err(ReadOnlyError::new_err(
            "the memory is read-only: pass copy=True for a tensor that can be written",
        )),
        // SAFETY: the caller says that the memory can be written; the documentation of `asdlpack` asks for it.
        _ => accept(object, unsafe { tensor.assume_writable() }),
    }
}

#[inline]
fn accept(object: &Bound<'_, PyAny>, tensor: PyTensor) -> PyResult<Tensor> {
    let device = tensor.device();
    let is_copied = tensor.flags().is_copied();
    let tensor = tensor.into_managed()?;
    // What another `Tensor` has exported shares the memory of that one, and does not keep it and its export alive.
    let tensor = Kept::from(tensor.shared().unwrap_or_else(|| tensor.into()));
    let whole = match object.cast_exact::<Tensor>() {
        Ok(other) if Arc::ptr_eq(&other.get().tensor, &tensor) => other.get().whole.clone(),
        _ => None,
    };
    let origin = if device.device_type == DeviceType::CPU {
        Origin::Ready
    } else {
        origin_on(object, &tensor, is_copied)
    };
    let has_flag = tensor.flags().is_copied();
    let tensor = Tensor { tensor: tensor.into(), whole, origin, adapted: None };
    if has_flag || !is_copied {
        return Ok(tensor);
    }
    // SAFETY: its producer has said that it is a copy. In safe Rust that is not enough, but nothing here writes it.
    unsafe { tensor.marked() }
}

/// Makes the tensor of a view keep the object that lends the memory, beside its buffer, if its memory can be resized.
///
/// An array of NumPy to which there is one other reference only, that of who calls its method `resize`, frees its memory.
fn keeping_lender(tensor: Tensor, view: &Bound<'_, PyMemoryView>) -> PyResult<Tensor> {
    let lender = view.getattr(intern!(view.py(), "obj"))?;
    if !lender.hasattr(intern!(view.py(), "resize"))? {
        return Ok(tensor);
    }
    let tensor = tensor.tensor.into_kept();
    let memory = Memory {
        address: tensor.start().map_err(raise)?.expose_provenance(),
        dtype: tensor.dtype(),
        shape: tensor.shape().to_vec(),
        strides: Some(tensor.strides().to_vec()),
        device: tensor.device(),
        is_read_only: tensor.access() != Access::Writable,
    };
    // SAFETY: the memory is that of the tensor, which the owner keeps.
    let tensor = unsafe { memory.into_tensor((tensor, PyOwner::from(lender))) }?;
    Ok(Tensor::ready(tensor))
}

/// Returns who can say when the elements of memory of a device are written, and copy them: for a tensor of this package, whoever
/// that one asks. If it were asked itself, tensors that are passed on would form a chain, in which each asks the one before twice.
#[cold]
fn origin_on(object: &Bound<'_, PyAny>, tensor: &Descriptor, is_copied: bool) -> Origin {
    if object.is_instance_of::<PyCapsule>() {
        return Origin::On(default_stream(tensor.device().device_type));
    }
    // The object copies its own elements, and not those of a copy that it has made.
    let is_own = !is_copied;
    let Ok(other) = object.cast_exact::<Tensor>() else {
        return Origin::Producer { object: PyOwner::from(object.clone()).into(), is_whole: is_own };
    };
    match &other.get().origin {
        Origin::Producer { object, is_whole } => {
            Origin::Producer { object: Arc::clone(object), is_whole: *is_whole && is_own }
        }
        origin => origin.clone(),
    }
}

impl Tensor {
    /// Makes the tensor what the options ask for.
    fn meet(self, py: Python<'_>, options: &Options) -> PyResult<Self> {
        let found = self.tensor.device();
        if let Some(device) =
            options.device.filter(|device| device.canonical() != found.canonical())
        {
            // Memory that the host can access may be given for memory of the host.
            if !(device.canonical() == Device::CPU && found.is_host_accessible()) {
                let text = format!(
                    "its elements are on {found}, and only the library that they come from can copy them to {device}"
                );
                return Err(DeviceError::new_err(text));
            }
        }
        let mut tensor = self;
        if options.copy == Some(true) && !tensor.tensor.flags().is_copied() {
            if !tensor.is_on_the_host() {
                let text = format!("memory on {found} cannot be copied without its library");
                return Err(DeviceError::new_err(text));
            }
            tensor = Self::ready(tensor.copy_on_the_host(py).map_err(raise)?);
        }
        if options.readonly == Some(false) && tensor.tensor.access() != Access::Writable {
            return Err(ReadOnlyError::new_err(
                "the memory is read-only: pass copy=True for a tensor that can be written",
            ));
        }
        if options.readonly == Some(true) && tensor.tensor.access() == Access::Writable {
            let (shape, strides) = (tensor.tensor.shape(), tensor.tensor.strides());
            let dtype = tensor.tensor.dtype();
            let part =
                tensor.part(&Part { dtype, shape, strides, first: 0, is_read_only: true })?;
            tensor = Self { origin: tensor.origin, ..part };
        }
        Ok(tensor)
    }
}

/// Reads the type of an attribute that a protocol asks for.
fn expect<'py, T: FromPyObjectOwned<'py>>(value: Bound<'py, PyAny>, what: &str) -> PyResult<T> {
    if let Some(found) = tried(value.py(), value.extract::<T>())? {
        return Ok(found);
    }
    let text = tried(value.py(), value.str())?;
    let text = text.as_ref().and_then(|text| text.to_cow().ok()).unwrap_or_default();
    Err(NotATensorError::new_err(format!(
        "the object's {what} is not what the protocol says: {}",
        brief(&text)
    )))
}
