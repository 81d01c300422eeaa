//! `__array_interface__`, versions 2 and 3.

use dlpack_pyo3::dlpack::layout::Layout;
use dlpack_pyo3::dlpack::{Access, DataType, Device, ManagedTensorVersioned};
use dlpack_pyo3::{PyOwner, PyTensor};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMemoryView, PyString, PyTuple};

use super::expect;
use crate::errors::{DTypeError, LayoutError, NotATensorError, tried};
use crate::memory::{Memory, in_elements};
use crate::tensor::Tensor;
use crate::typestr;

/// Takes the tensor of an object. Returns `None` if it has no such interface.
pub(super) fn take(object: &Bound<'_, PyAny>) -> PyResult<Option<Tensor>> {
    // NumPy refuses to resize an array with a second reference. A finalizer that the garbage collector runs could call `resize`
    // after NumPy has said where the elements are, as in `owner`.
    let _second = object.clone();
    let Some(value) = object.getattr_opt("__array_interface__")? else { return Ok(None) };
    let Ok(interface) = value.cast::<PyDict>() else { return Ok(None) };
    let fields = Fields::of(interface)?;
    let data = interface.get_item("data")?.filter(|data| !data.is_none());
    let tensor = match data {
        Some(data) if data.is_instance_of::<PyTuple>() => {
            let (address, is_read_only) = expect::<(usize, bool)>(data, "data")?;
            let memory = fields.at(address, Device::CPU, is_read_only);
            // SAFETY: by this protocol the memory is as it is described for as long as the object lives.
            unsafe { memory.into_tensor(owner(object, &value)?) }?
        }
        data => {
            let offset = match interface.get_item("offset")? {
                Some(offset) => expect::<usize>(offset, "offset")?,
                None => 0,
            };
            in_buffer(data.as_ref().unwrap_or(object), fields, offset)?
        }
    };
    Ok(Some(Tensor::ready(tensor)))
}

/// Returns what keeps the memory of an object and what described it, which may hold what the address depends on.
///
/// The object is kept twice: an array of NumPy to which there is one other reference only, that of who calls its method `resize`,
/// frees its memory.
pub(super) fn owner(object: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<PyOwner> {
    let kept = PyTuple::new(object.py(), [object, object, value])?;
    Ok(PyOwner::from(kept.into_any()))
}

/// What this interface and that of CUDA have in common.
pub(super) struct Fields {
    pub(super) dtype: DataType,
    pub(super) shape: Vec<i64>,
    pub(super) strides: Option<Vec<i64>>,
}

impl Fields {
    pub(super) fn of(interface: &Bound<'_, PyDict>) -> PyResult<Self> {
        let get = |name: &str| {
            let missing = || {
                NotATensorError::new_err(format!("the object's array interface has no {name:?}"))
            };
            interface.get_item(name)?.ok_or_else(missing)
        };
        let version: i64 = expect(get("version")?, "version")?;
        if !(2..=3).contains(&version) {
            return Err(NotATensorError::new_err(format!(
                "expected an array interface of version 2 or 3, found version {version}"
            )));
        }
        if interface.get_item("mask")?.is_some_and(|mask| !mask.is_none()) {
            return Err(LayoutError::new_err(
                "the elements have a mask, which DLPack cannot express",
            ));
        }
        let typestr: Bound<'_, PyString> = expect(get("typestr")?, "typestr")?;
        let dtype = typestr::parse(&typestr.to_cow()?).map_err(DTypeError::new_err)?;
        let shape = integers(get("shape")?, "shape")?;
        let strides = match interface.get_item("strides")?.filter(|strides| !strides.is_none()) {
            Some(strides) => {
                let strides = integers(strides, "strides")?;
                Some(in_elements(&strides, &shape, dtype)?)
            }
            None => None,
        };
        Ok(Self { dtype, shape, strides })
    }

    /// Returns the memory that these fields describe.
    pub(super) fn at(self, address: usize, device: Device, is_read_only: bool) -> Memory {
        let Self { dtype, shape, strides } = self;
        Memory { address, dtype, shape, strides, device, is_read_only }
    }
}

/// Reads a tuple of sizes or strides. Its length is not believed: room is made for as many as there are.
fn integers(value: Bound<'_, PyAny>, what: &str) -> PyResult<Vec<i64>> {
    let Some(items) = tried(value.py(), value.try_iter())? else { return expect(value, what) };
    let mut integers = Vec::new();
    for item in items {
        if integers.len() == Layout::MAX_NDIM {
            let text = format!("expected at most {} axes, found a longer {what}", Layout::MAX_NDIM);
            return Err(LayoutError::new_err(text));
        }
        integers.push(expect(item?, what)?);
    }
    Ok(integers)
}

/// Makes a tensor of elements in the buffer of an object, from this byte on.
fn in_buffer(
    buffer: &Bound<'_, PyAny>,
    fields: Fields,
    offset: usize,
) -> PyResult<ManagedTensorVersioned> {
    let view = PyMemoryView::from(buffer)?;
    if !view.getattr("c_contiguous")?.extract::<bool>()? {
        return Err(LayoutError::new_err("the buffer of the array interface is not contiguous"));
    }
    let whole: PyTensor<u8> = view.call_method1("cast", ("B",))?.extract()?;
    let (address, len) = (whole.data().expose_provenance(), whole.numel());
    let is_read_only = whole.access() != Access::Writable;
    let reach = Memory::reach(fields.dtype, &fields.shape, fields.strides.as_deref())?;
    let inside = isize::try_from(offset).ok().is_some_and(|offset| {
        let ends = (offset.checked_add(reach.start), offset.checked_add(reach.end));
        let len = isize::try_from(len).unwrap_or(isize::MAX);
        matches!(ends, (Some(start), Some(end)) if start >= 0 && end <= len)
    });
    if !inside {
        let text =
            format!("the array interface describes elements outside its buffer of {len} bytes");
        return Err(LayoutError::new_err(text));
    }
    let memory = fields.at(address.wrapping_add(offset), Device::CPU, is_read_only);
    // The tensor of the whole buffer is the owner: no program can find it and release it, as it could a memoryview. What lends the
    // buffer is kept beside it, as in `owner`.
    let owner = (whole.into_managed()?, PyOwner::from(view.getattr("obj")?));
    // SAFETY: the elements lie within the buffer, as was checked, and the buffer stays until its tensor is dropped.
    unsafe { memory.into_tensor(owner) }
}
