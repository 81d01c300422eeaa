//! `__array_interface__`, versions 2 and 3.

use dlpack_pyo3::dlpack::{DataType, Device};
use dlpack_pyo3::{PyOwner, PyTensor};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMemoryView, PyTuple};

use super::expect;
use crate::errors::{DTypeError, LayoutError, NotATensorError};
use crate::memory::{Memory, in_elements};
use crate::tensor::Tensor;
use crate::typestr;

/// Takes the tensor of an object. Returns `None` if it has no such interface.
pub(super) fn take(object: &Bound<'_, PyAny>) -> PyResult<Option<Tensor>> {
    let Some(value) = object.getattr_opt("__array_interface__")? else { return Ok(None) };
    let Ok(interface) = value.cast::<PyDict>() else { return Ok(None) };
    let fields = Fields::of(interface)?;
    let start = match interface.get_item("data")?.filter(|data| !data.is_none()) {
        Some(data) => match data.cast::<PyTuple>() {
            Ok(pair) => {
                let (address, is_read_only) =
                    expect::<(usize, bool)>(pair.clone().into_any(), "data")?;
                Start::At { address, is_read_only }
            }
            Err(_) => Start::In(data),
        },
        None => Start::In(object.clone()),
    };
    let (address, is_read_only, owner) = match start {
        // The interface may hold what its address depends on.
        Start::At { address, is_read_only } => (
            address,
            is_read_only,
            PyTuple::new(object.py(), [object.clone(), value.clone()])?.into_any(),
        ),
        Start::In(buffer) => {
            let offset = match interface.get_item("offset")? {
                Some(offset) => expect::<usize>(offset, "offset")?,
                None => 0,
            };
            let (address, is_read_only, view) = in_buffer(&buffer, &fields, offset)?;
            (address, is_read_only, view)
        }
    };
    let Fields { dtype, shape, strides } = fields;
    let memory = Memory { address, dtype, shape, strides, device: Device::CPU, is_read_only };
    // SAFETY: by this protocol the memory is as it is described for as long as the object lives; or it lies within a buffer, which
    // was checked, and which is not released before its view is dropped.
    let tensor = unsafe { memory.into_tensor(PyOwner::from(owner)) }?;
    Ok(Some(Tensor::ready(tensor)))
}

enum Start<'py> {
    At {
        address: usize,
        is_read_only: bool,
    },
    /// In the buffer of this object.
    In(Bound<'py, PyAny>),
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
        let typestr: String = expect(get("typestr")?, "typestr")?;
        let dtype = typestr::parse(&typestr).map_err(DTypeError::new_err)?;
        let shape: Vec<i64> = expect(get("shape")?, "shape")?;
        let strides = match interface.get_item("strides")?.filter(|strides| !strides.is_none()) {
            Some(strides) => {
                let strides: Vec<i64> = expect(strides, "strides")?;
                Some(in_elements(&strides, &shape, dtype)?)
            }
            None => None,
        };
        Ok(Self { dtype, shape, strides })
    }
}

/// Returns the address of the first element in the buffer of an object, and what keeps the buffer.
fn in_buffer<'py>(
    buffer: &Bound<'py, PyAny>,
    fields: &Fields,
    offset: usize,
) -> PyResult<(usize, bool, Bound<'py, PyAny>)> {
    let view = PyMemoryView::from(buffer)?;
    if !view.getattr("c_contiguous")?.extract::<bool>()? {
        return Err(LayoutError::new_err("the buffer of the array interface is not contiguous"));
    }
    let bytes = view.call_method1("cast", ("B",))?;
    let whole: PyTensor<u8> = bytes.extract()?;
    let address = whole.data().expose_provenance();
    let reach = Memory::reach(fields.dtype, &fields.shape, fields.strides.as_deref())?;
    let inside = isize::try_from(offset).ok().is_some_and(|offset| {
        let ends = (offset.checked_add(reach.start), offset.checked_add(reach.end));
        let len = isize::try_from(whole.numel()).unwrap_or(isize::MAX);
        matches!(ends, (Some(start), Some(end)) if start >= 0 && end <= len)
    });
    if !inside {
        let len = whole.numel();
        let text =
            format!("the array interface describes elements outside its buffer of {len} bytes");
        return Err(LayoutError::new_err(text));
    }
    let is_read_only = view.getattr("readonly")?.extract()?;
    Ok((address.wrapping_add(offset), is_read_only, bytes))
}
