//! The elements of a tensor as objects of Python.

use alloc::sync::Arc;

use dlpack::types::{
    F4E2m1fn, F6E2m3fn, F6E3m2fn, F8E3m4, F8E4m3, F8E4m3b11fnuz, F8E4m3fn, F8E4m3fnuz, F8E5m2,
    F8E5m2fnuz, F8E8m0fnu,
};
use dlpack::{DataType, DataTypeCode, Device, Error, ManagedTensorVersioned};
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList};

use super::copy;
use crate::import::{Text, to_py_err};
use crate::raw::ffi;

/// Makes nested lists of the elements, one level for each axis. An element without axes stands for itself.
pub(super) fn list_of<'py>(
    py: Python<'py>,
    tensor: &Arc<ManagedTensorVersioned>,
) -> PyResult<Bound<'py, PyAny>> {
    if lists_without_elements(tensor.shape()).is_none() {
        return Err(to_py_err(Error::AllocationFailed));
    }
    let copy = copy::shared_to_host(py, tensor, Device::CPU).map_err(to_py_err)?;
    let dtype = copy.dtype();
    let bytes = if copy.is_empty() {
        &[]
    } else {
        // SAFETY: a copy is contiguous and packed, and its bytes were written when it was made. Nobody else has it.
        unsafe { core::slice::from_raw_parts(copy.data().cast::<u8>(), copy.nbytes()) }
    };
    let mut elements = Elements { bytes, dtype, next: 0 };
    nest(py, copy.shape(), &mut elements)
}

/// The greatest number of empty lists in a list.
const EMPTY_LISTS: i64 = 1 << 20;

/// Returns the number of empty lists for a tensor without elements, which may be more than anybody has memory for. Returns 0
/// for a tensor with elements.
fn lists_without_elements(shape: &[i64]) -> Option<i64> {
    let Some(empty) = shape.iter().position(|&n| n == 0) else { return Some(0) };
    let mut sizes = shape.iter().take(empty);
    let count = sizes.try_fold(1, |product: i64, &n| product.checked_mul(n))?;
    (count <= EMPTY_LISTS).then_some(count)
}

/// Takes as many elements as there are in this shape.
fn nest<'py>(
    py: Python<'py>,
    shape: &[i64],
    elements: &mut Elements<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some((&rows, shape)) = shape.split_first() else { return elements.next(py) };
    // SAFETY: the thread is attached, and the result is a new reference, or null with an exception set.
    let list = unsafe { made(py, ffi::PyList_New(0)) }?.cast_into::<PyList>()?;
    for _ in 0..rows {
        list.append(nest(py, shape, elements)?)?;
    }
    Ok(list.into_any())
}

/// Packed elements.
struct Elements<'a> {
    bytes: &'a [u8],
    dtype: DataType,
    next: usize,
}

impl Elements<'_> {
    fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let DataType { code, bits, lanes } = self.dtype;
        if lanes != 1 {
            return Err(refuse(self.dtype));
        }
        let index = self.next;
        self.next += 1;
        if code == DataTypeCode::COMPLEX {
            let part = |index| self.real(DataTypeCode::FLOAT, bits / 2, index);
            let (Some(re), Some(im)) = (part(2 * index), part(2 * index + 1)) else {
                return Err(refuse(self.dtype));
            };
            // SAFETY: the thread is attached, and the result is a new reference, or null with an exception set.
            return unsafe { made(py, ffi::PyComplex_FromDoubles(re, im)) };
        }
        if !matches!(code, DataTypeCode::BOOL | DataTypeCode::INT | DataTypeCode::UINT) {
            let real = self.real(code, bits, index).ok_or_else(|| refuse(self.dtype))?;
            // SAFETY: the thread is attached, and the result is a new reference, or null with an exception set.
            return unsafe { made(py, ffi::PyFloat_FromDouble(real)) };
        }
        let word = self.word(bits, index).ok_or_else(|| refuse(self.dtype))?;
        let rest = 64 - u32::from(bits);
        // SAFETY: the thread is attached, and each result is a new reference, or null with an exception set.
        unsafe {
            match code {
                DataTypeCode::BOOL => Ok(PyBool::new(py, word != 0).to_owned().into_any()),
                DataTypeCode::INT => {
                    let number = i64::from_ne_bytes((word << rest).to_ne_bytes());
                    made(py, ffi::PyLong_FromLongLong(number >> rest))
                }
                _ => made(py, ffi::PyLong_FromUnsignedLongLong(word)),
            }
        }
    }

    /// Decodes a floating-point number. Returns `None` for another format than those of DLPack.
    fn real(&self, code: DataTypeCode, bits: u8, index: usize) -> Option<f64> {
        let word = self.word(bits, index)?;
        if let Ok(byte) = u8::try_from(word) {
            let small: Option<f32> = match (code, bits) {
                (DataTypeCode::FLOAT8_E3M4, 8) => Some(F8E3m4::from_bits(byte).to_f32()),
                (DataTypeCode::FLOAT8_E4M3, 8) => Some(F8E4m3::from_bits(byte).to_f32()),
                (DataTypeCode::FLOAT8_E4M3B11FNUZ, 8) => {
                    Some(F8E4m3b11fnuz::from_bits(byte).to_f32())
                }
                (DataTypeCode::FLOAT8_E4M3FN, 8) => Some(F8E4m3fn::from_bits(byte).to_f32()),
                (DataTypeCode::FLOAT8_E4M3FNUZ, 8) => Some(F8E4m3fnuz::from_bits(byte).to_f32()),
                (DataTypeCode::FLOAT8_E5M2, 8) => Some(F8E5m2::from_bits(byte).to_f32()),
                (DataTypeCode::FLOAT8_E5M2FNUZ, 8) => Some(F8E5m2fnuz::from_bits(byte).to_f32()),
                (DataTypeCode::FLOAT8_E8M0FNU, 8) => Some(F8E8m0fnu::from_bits(byte).to_f32()),
                (DataTypeCode::FLOAT6_E2M3FN, 6) => Some(F6E2m3fn::from_bits(byte).to_f32()),
                (DataTypeCode::FLOAT6_E3M2FN, 6) => Some(F6E3m2fn::from_bits(byte).to_f32()),
                (DataTypeCode::FLOAT4_E2M1FN, 4) => Some(F4E2m1fn::from_bits(byte).to_f32()),
                _ => None,
            };
            if let Some(small) = small {
                return Some(small.into());
            }
        }
        match (code, bits) {
            (DataTypeCode::FLOAT, 64) => Some(f64::from_bits(word)),
            (DataTypeCode::FLOAT, 32) => Some(f32::from_bits(u32::try_from(word).ok()?).into()),
            (DataTypeCode::FLOAT, 16) => Some(half(u16::try_from(word).ok()?)),
            // The upper half of a float32.
            (DataTypeCode::BFLOAT, 16) => {
                Some(f32::from_bits(u32::try_from(word).ok()? << 16).into())
            }
            _ => None,
        }
    }

    /// Returns the bits of a number of up to 64 bits.
    fn word(&self, bits: u8, index: usize) -> Option<u64> {
        let bits = usize::from(bits);
        if bits % 8 != 0 {
            // Smaller numbers lie side by side, from the lowest bit on. They may start in one byte and end in the next.
            let first = index.checked_mul(bits)?;
            let low = u64::from(*self.bytes.get(first / 8)?);
            let high = u64::from(self.bytes.get(first / 8 + 1).copied().unwrap_or(0));
            return (bits < 8).then(|| ((low | high << 8) >> (first % 8)) & ((1 << bits) - 1));
        }
        let size = bits / 8;
        let start = index.checked_mul(size)?;
        let bytes = self.bytes.get(start..start + size)?;
        let mut word = [0; 8];
        let place = if cfg!(target_endian = "little") { 0 } else { 8_usize.checked_sub(size)? };
        word.get_mut(place..place + size)?.copy_from_slice(bytes);
        Some(u64::from_ne_bytes(word))
    }
}

/// Takes an object that a function of Python's C API has made, where PyO3's own functions panic if there is no memory for it.
///
/// # Safety
///
/// The pointer is a new reference, or null with an exception set.
pub(super) unsafe fn made(py: Python<'_>, raw: *mut ffi::PyObject) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: a new reference, or null with an exception set, as the caller promises; the thread is attached, as `py` proves.
    unsafe { Bound::from_owned_ptr_or_err(py, raw) }
}

/// Decodes a float16.
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff) / 1024.0;
    let magnitude = match i32::from(bits >> 10 & 0x1f) {
        0 => fraction * 2_f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1.0 + fraction) * 2_f64.powi(exponent - 15),
    };
    if bits >> 15 == 0 { magnitude } else { -magnitude }
}

#[cold]
fn refuse(dtype: DataType) -> PyErr {
    let text = format!("expected a dtype whose elements are numbers of Python, found {dtype}");
    PyBufferError::new_err(Text(text))
}
