//! Elements as Python objects.

use dlpack_pyo3::dlpack::types::{
    Bool8, F4E2m1fn, F6E2m3fn, F6E3m2fn, F8E3m4, F8E4m3, F8E4m3b11fnuz, F8E4m3fn, F8E4m3fnuz,
    F8E5m2, F8E5m2fnuz, F8E8m0fnu, I2, I4, U1, U2, U4,
};
use dlpack_pyo3::dlpack::{DataType, DataTypeCode, Descriptor, Element, Error};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyList};

use crate::errors::{DTypeError, not_on_the_host, raise};
use crate::tensor::{Part, Tensor};

#[pymethods]
impl Tensor {
    /// The elements as numbers of Python, in a list for each axis; without axes, a number.
    ///
    /// >>> import dlpack
    /// >>> dlpack.asdlpack(b"abcd").reshape(2, 2).tolist()
    /// [[97, 98], [99, 100]]
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (shape, numbers) = self.elements(py)?;
        nest(py, &shape, &numbers)
    }

    /// The elements as bytes, in row-major order and without gaps.
    ///
    /// >>> import dlpack
    /// >>> dlpack.asdlpack(b"abcdef").reshape(2, 3).permute().tobytes()
    /// b'adbecf'
    pub(crate) fn tobytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        if !self.is_on_the_host() {
            return Err(not_on_the_host(self.tensor.device()));
        }
        let copy = self.copy_on_the_host(py).map_err(raise)?;
        let bytes = copy.nbytes();
        if bytes == 0 {
            return Ok(PyBytes::new(py, &[]));
        }
        let start = copy.data().wrapping_byte_add(usize::try_from(copy.byte_offset())?);
        // SAFETY: the copy is contiguous, and so its elements are these bytes, which were all written and which nobody else
        // knows. The result is a new object, or null with an exception set where there is no memory for it.
        let made = unsafe {
            let raw = ffi::PyBytes_FromStringAndSize(start.cast(), isize::try_from(bytes)?);
            Bound::from_owned_ptr_or_err(py, raw)
        };
        Ok(made?.cast_into()?)
    }
}

impl Tensor {
    /// Returns the elements as numbers of Python, in row-major order, and their shape, which has one axis more for lanes.
    pub(crate) fn elements<'py>(&self, py: Python<'py>) -> PyResult<(Vec<i64>, Numbers<'py>)> {
        if !self.is_on_the_host() {
            return Err(not_on_the_host(self.tensor.device()));
        }
        let copy = Self::ready(self.copy_on_the_host(py).map_err(raise)?);
        let (dtype, mut shape) = (copy.tensor.dtype(), copy.tensor.shape().to_vec());
        let lanes = i64::from(dtype.lanes);
        if lanes > 1 {
            shape.push(lanes);
        }
        let numbers = if dtype.code == DataTypeCode::COMPLEX {
            let part = DataType::new(DataTypeCode::FLOAT, dtype.bits / 2, 1);
            pairs(py, &numbers(py, &copy.split(part, lanes.saturating_mul(2))?)?)?
        } else if lanes > 1 && !dtype.is_sub_byte() {
            numbers(py, &copy.split(dtype.scalar(), lanes)?)?
        } else {
            numbers(py, &copy)?
        };
        Ok((shape, numbers))
    }

    /// Returns a contiguous tensor with each element as `count` elements of another dtype.
    fn split(&self, dtype: DataType, count: i64) -> PyResult<Self> {
        let mut shape = self.tensor.shape().to_vec();
        let mut strides = self.tensor.strides().to_vec();
        strides.iter_mut().for_each(|stride| *stride = stride.saturating_mul(count));
        shape.push(count);
        strides.push(1);
        let (shape, strides) = (&shape, &strides);
        self.part(&Part { dtype, shape, strides, first: 0, is_read_only: true })
    }

    /// Returns elements of two bytes as integers.
    fn bits(&self) -> PyResult<Self> {
        let (shape, strides) = (self.tensor.shape(), self.tensor.strides());
        self.part(&Part { dtype: DataType::U16, shape, strides, first: 0, is_read_only: true })
    }
}

/// Makes a number of Python of each element of a tensor that was just made by a copy, and that nobody else has.
fn numbers<'py>(py: Python<'py>, copy: &Tensor) -> PyResult<Numbers<'py>> {
    let tensor = &*copy.tensor;
    macro_rules! by_dtype {
        ($($dtype:ident: $type:ty => $convert:expr,)*) => {
            match tensor.dtype() {
                $(DataType::$dtype => whole::<$type>(tensor, $convert),)*
                DataType::F16 => whole::<u16>(&copy.bits()?.tensor, |v| float(py, half(v))),
                DataType::BF16 => whole::<u16>(&copy.bits()?.tensor, |v| {
                    float(py, f32::from_bits(u32::from(v) << 16))
                }),
                _ => parts_of_bytes(py, tensor),
            }
        };
    }
    by_dtype! {
        BOOL: Bool8 => |v| Ok(truth(py, v.to_bool())),
        I8: i8 => |v| integer(py, v),
        I16: i16 => |v| integer(py, v),
        I32: i32 => |v| integer(py, v),
        I64: i64 => |v| integer(py, v),
        U8: u8 => |v| integer(py, v),
        U16: u16 => |v| integer(py, v),
        U32: u32 => |v| integer(py, v),
        U64: u64 => |v| unsigned(py, v),
        F32: f32 => |v| float(py, v),
        F64: f64 => |v| double(py, v),
        F8_E3M4: F8E3m4 => |v| float(py, v.to_f32()),
        F8_E4M3: F8E4m3 => |v| float(py, v.to_f32()),
        F8_E4M3B11FNUZ: F8E4m3b11fnuz => |v| float(py, v.to_f32()),
        F8_E4M3FN: F8E4m3fn => |v| float(py, v.to_f32()),
        F8_E4M3FNUZ: F8E4m3fnuz => |v| float(py, v.to_f32()),
        F8_E5M2: F8E5m2 => |v| float(py, v.to_f32()),
        F8_E5M2FNUZ: F8E5m2fnuz => |v| float(py, v.to_f32()),
        F8_E8M0FNU: F8E8m0fnu => |v| float(py, v.to_f32()),
    }
}

pub(crate) type Numbers<'py> = Vec<Bound<'py, PyAny>>;

fn whole<'py, T: Element>(
    tensor: &Descriptor,
    convert: impl Fn(T) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Numbers<'py>> {
    // SAFETY: the elements of a copy, which were all written and which nobody writes.
    let elements = unsafe { tensor.as_slice::<T>() }.map_err(raise)?;
    collect(elements.len(), elements.iter().map(|&element| convert(element)))
}

/// As [`numbers`], for elements that are packed into bytes.
fn parts_of_bytes<'py>(py: Python<'py>, tensor: &Descriptor) -> PyResult<Numbers<'py>> {
    macro_rules! by_dtype {
        ($($dtype:ident: $type:ty => $convert:expr,)*) => {
            match tensor.dtype().scalar() {
                $(DataType::$dtype => {
                    // SAFETY: as in `whole`.
                    let elements = unsafe { tensor.packed_view::<$type>() }.map_err(raise)?;
                    collect(elements.len(), elements.iter().map($convert))
                })*
                dtype => Err(DTypeError::new_err(format!("{dtype} has no numbers in Python"))),
            }
        };
    }
    by_dtype! {
        U1: U1 => |v| integer(py, v.to_u8()),
        U2: U2 => |v| integer(py, v.to_u8()),
        U4: U4 => |v| integer(py, v.to_u8()),
        I2: I2 => |v| integer(py, v.to_i8()),
        I4: I4 => |v| integer(py, v.to_i8()),
        F4_E2M1FN: F4E2m1fn => |v| float(py, v.to_f32()),
        F6_E2M3FN: F6E2m3fn => |v| float(py, v.to_f32()),
        F6_E3M2FN: F6E3m2fn => |v| float(py, v.to_f32()),
    }
}

/// Makes complex numbers of pairs of floats.
fn pairs<'py>(py: Python<'py>, floats: &[Bound<'py, PyAny>]) -> PyResult<Numbers<'py>> {
    let pairs = floats.chunks_exact(2).map(|pair| match pair {
        [real, imag] => complex(py, real.extract()?, imag.extract()?),
        _ => Err(DTypeError::new_err("expected pairs")),
    });
    collect(floats.len() / 2, pairs)
}

/// Collects so many numbers, for which there may be no memory.
fn collect<'py>(
    count: usize,
    items: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>,
) -> PyResult<Numbers<'py>> {
    let mut numbers = Vec::new();
    numbers.try_reserve_exact(count).map_err(|_| raise(Error::AllocationFailed))?;
    for item in items.take(count) {
        numbers.push(item?);
    }
    Ok(numbers)
}

/// The greatest number of empty lists, of which a tensor without elements may have more than anybody has memory for.
const EMPTY_LISTS: i64 = 1 << 20;

/// Makes a list for each axis.
fn nest<'py>(
    py: Python<'py>,
    shape: &[i64],
    numbers: &[Bound<'py, PyAny>],
) -> PyResult<Bound<'py, PyAny>> {
    if numbers.is_empty() {
        let mut sizes = shape.iter().take_while(|&&size| size != 0);
        let lists = sizes.try_fold(1, |product: i64, &size| product.checked_mul(size));
        if lists.is_none_or(|lists| lists > EMPTY_LISTS) {
            return Err(raise(Error::AllocationFailed));
        }
    }
    nest_all(py, shape, numbers)
}

fn nest_all<'py>(
    py: Python<'py>,
    shape: &[i64],
    numbers: &[Bound<'py, PyAny>],
) -> PyResult<Bound<'py, PyAny>> {
    let Some((&size, inner)) = shape.split_first() else {
        let missing = || DTypeError::new_err("expected a number");
        return numbers.first().cloned().ok_or_else(missing);
    };
    // PyO3's own function would panic if there is no memory for the list.
    // SAFETY: the thread is attached, and the result is a new reference, or null with an exception set.
    let list = unsafe { made(py, ffi::PyList_New(0)) }?.cast_into::<PyList>()?;
    if inner.is_empty() {
        numbers.iter().try_for_each(|number| list.append(number))?;
        return Ok(list.into_any());
    }
    let size = usize::try_from(size)?;
    let each = numbers.len().checked_div(size).unwrap_or(0);
    for i in 0..size {
        let part = numbers.get(i * each..(i + 1) * each).unwrap_or_default();
        list.append(nest_all(py, inner, part)?)?;
    }
    Ok(list.into_any())
}

fn integer<'py>(py: Python<'py>, value: impl Into<i64>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the thread is attached, and the result is a new reference, or null with an exception set.
    unsafe { made(py, ffi::PyLong_FromLongLong(value.into())) }
}

fn unsigned(py: Python<'_>, value: u64) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: the thread is attached, and the result is a new reference, or null with an exception set.
    unsafe { made(py, ffi::PyLong_FromUnsignedLongLong(value)) }
}

fn float(py: Python<'_>, value: f32) -> PyResult<Bound<'_, PyAny>> {
    double(py, value.into())
}

fn double(py: Python<'_>, value: f64) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: the thread is attached, and the result is a new reference, or null with an exception set.
    unsafe { made(py, ffi::PyFloat_FromDouble(value)) }
}

fn complex(py: Python<'_>, real: f64, imag: f64) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: the thread is attached, and the result is a new reference, or null with an exception set.
    unsafe { made(py, ffi::PyComplex_FromDoubles(real, imag)) }
}

/// Takes an object that a function of Python's C API has made, where PyO3's own functions panic if there is no memory for it.
///
/// # Safety
///
/// The pointer is a new reference, or null with an exception set.
unsafe fn made(py: Python<'_>, raw: *mut ffi::PyObject) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: a new reference, or null with an exception set, as the caller promises; the thread is attached, as `py` proves.
    unsafe { Bound::from_owned_ptr_or_err(py, raw) }
}

fn truth(py: Python<'_>, value: bool) -> Bound<'_, PyAny> {
    PyBool::new(py, value).to_owned().into_any()
}

/// Decodes an IEEE 754 half.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, mantissa) = (u32::from(bits >> 10) & 0x1f, u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        // A multiple of 2^-24.
        0 => (f32::from(bits & 0x3ff) * f32::from_bits(0x3380_0000)).to_bits(),
        0x1f => 0x7f80_0000 | (mantissa << 13),
        _ => ((exponent + 112) << 23) | (mantissa << 13),
    };
    f32::from_bits(sign | magnitude)
}
