//! Devices, dtypes and shapes as Python writes them.

use dlpack_pyo3::dlpack::layout::Layout;
use dlpack_pyo3::dlpack::{DataType, DataTypeCode, Device, DeviceType};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString, PyTuple, PyType};

use crate::errors::{DTypeError, TypeError, ValueError, brief, class_of, tried};
use crate::typestr;

/// Reads a device: `"cpu"`, `"cuda:1"`, a pair as `__dlpack_device__` returns it, or an object with `type` and `index`, such as a
/// `torch.device`.
pub(crate) fn device(value: &Bound<'_, PyAny>) -> PyResult<Device> {
    if let Ok(text) = value.cast::<PyString>() {
        return device_named(text.to_cow()?.as_ref());
    }
    if let Some((kind, id)) = numbers::<(i32, Option<i32>)>(value)? {
        return Ok(Device::new(DeviceType::new(kind), id.unwrap_or(0)));
    }
    let (kind, index) = (value.getattr_opt("type")?, value.getattr_opt("index")?);
    if let (Some(kind), Some(index)) = (kind, index) {
        let kind = kind.cast::<PyString>().ok();
        let index = tried(value.py(), index.extract::<Option<i32>>())?;
        if let (Some(kind), Some(index)) = (kind, index) {
            let device = device_named(&kind.to_cow()?)?;
            return Ok(Device::new(device.device_type, index.unwrap_or(device.device_id)));
        }
    }
    Err(TypeError::new_err(format!(
        "expected a device such as \"cpu\", \"cuda:0\" or (2, 0), found {}",
        class_of(value)?
    )))
}

/// Reads a tuple of numbers. Returns `None` for anything else.
fn numbers<'py, T: FromPyObjectOwned<'py, Error = PyErr>>(
    value: &Bound<'py, PyAny>,
) -> PyResult<Option<T>> {
    // Of another object, PyO3 would make a message with the whole name of its class.
    if !value.is_instance_of::<PyTuple>() {
        return Ok(None);
    }
    tried(value.py(), value.extract::<T>())
}

fn device_named(name: &str) -> PyResult<Device> {
    name.parse().map_err(|_| {
        ValueError::new_err(format!(
            "expected a device such as \"cpu\" or \"cuda:0\", found {:?}",
            brief(name)
        ))
    })
}

/// Reads a dtype: a name such as `"float32"`, a typestr such as `"<f4"` or `"f4"`, a triple of code, bits and lanes, or the dtype of another
/// library.
pub(crate) fn dtype(value: &Bound<'_, PyAny>) -> PyResult<DataType> {
    if let Ok(text) = value.cast::<PyString>() {
        let text = text.to_cow()?;
        return named(&text).map_or_else(|| Err(refuse_dtype(&text)), |dtype| check(dtype, &text));
    }
    if let Some((code, bits, lanes)) = numbers::<(u8, u8, u16)>(value)? {
        let dtype = DataType::new(DataTypeCode::new(code), bits, lanes);
        return check(dtype, &dtype.to_string());
    }
    // A `numpy.dtype`; a class of NumPy's scalars; whatever prints as its name, as `torch.float32` does.
    let typestr = value.getattr_opt("str")?.and_then(|text| text.cast_into::<PyString>().ok());
    let of_typestr = typestr.and_then(|text| typestr::parse(&text.to_cow().ok()?).ok());
    let name = match value.cast::<PyType>() {
        Ok(class) => class.name()?,
        Err(_) => {
            let name =
                value.getattr_opt("name")?.and_then(|name| name.cast_into::<PyString>().ok());
            name.map_or_else(|| value.str(), Ok)?
        }
    };
    // Not copied, since it may be as long as there is memory.
    let name = name.to_cow()?;
    match of_typestr.or_else(|| of_library(name.rsplit('.').next().unwrap_or(&name))) {
        Some(dtype) => check(dtype, &name),
        None => Err(refuse_dtype(&name)),
    }
}

/// Reads a name such as `float32` or a typestr. A letter and a number are a typestr without a byte order, whose number counts
/// bytes, as in NumPy: `i8` is `int64`, and `i16`, which Rust would read as `int16`, is refused.
fn named(text: &str) -> Option<DataType> {
    if is_short(text) { typestr::parse_native(text) } else { of_library(text) }
}

/// Reads a name such as `float32`, or a typestr with a byte order. This is for the names of libraries' own dtypes too, some of which
/// are a letter and a number of bits, such as `i16`. Those whose number may count bits or bytes, such as `i8`, are not read.
fn of_library(name: &str) -> Option<DataType> {
    name.parse().ok().or_else(|| typestr::parse(name).ok())
}

/// Returns `true` for a letter and a number.
fn is_short(text: &str) -> bool {
    text.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
}

fn check(dtype: DataType, text: &str) -> PyResult<DataType> {
    // Nobody has numbers of other widths; there are floats of 6 bits.
    let is_known = dtype.is_valid() && (dtype.bits.is_power_of_two() || dtype.bits == 6);
    if is_known { Ok(dtype) } else { Err(refuse_dtype(text)) }
}

fn refuse_dtype(text: &str) -> PyErr {
    let way_out = match text.parse::<DataType>() {
        Ok(dtype) if is_short(text) => format!(": write {:?}", dtype.to_string()),
        _ => String::new(),
    };
    DTypeError::new_err(format!(
        "expected a dtype such as \"float32\" or \"<f4\", in this machine's byte order, found {:?}{way_out}",
        brief(text)
    ))
}

/// Reads integers: those of a sequence that is the only argument, or the arguments themselves.
pub(crate) fn integers(arguments: &Bound<'_, PyTuple>) -> PyResult<Vec<i64>> {
    match arguments.len() {
        1 => {
            let only = arguments.get_item(0)?;
            match tried(only.py(), only.extract::<i64>())? {
                Some(_) => Ok(vec![integer(&only)?]),
                None => sizes(&only),
            }
        }
        // More than there are axes is refused later.
        _ => arguments.iter().take(Layout::MAX_NDIM + 1).map(|value| integer(&value)).collect(),
    }
}

/// Reads the integers of a sequence, or a single one.
pub(crate) fn sizes(value: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    match tried(value.py(), value.try_iter())? {
        // There may be no end of them.
        Some(items) => items.take(Layout::MAX_NDIM + 1).map(|item| integer(&item?)).collect(),
        None => Ok(vec![integer(value)?]),
    }
}

fn integer(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if value.is_instance_of::<PyBool>() {
        return Err(TypeError::new_err("expected an integer, found a bool"));
    }
    value.extract()
}
