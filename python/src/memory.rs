//! Memory that numbers describe.

use core::ops::Range;
use core::ptr;

use dlpack_pyo3::dlpack::layout::Layout;
use dlpack_pyo3::dlpack::{DataType, Device, Error, Exporter, ManagedTensorVersioned};
use pyo3::prelude::*;

use crate::errors::{LayoutError, raise};

/// The description of a tensor by numbers, as other protocols than DLPack give it.
#[derive(Debug)]
pub(crate) struct Memory {
    /// The address of the first element; on devices with handles, the handle of a buffer.
    pub(crate) address: usize,
    pub(crate) dtype: DataType,
    pub(crate) shape: Vec<i64>,
    /// In elements; `None` for contiguous elements in row-major order.
    pub(crate) strides: Option<Vec<i64>>,
    pub(crate) device: Device,
    pub(crate) is_read_only: bool,
}

impl Memory {
    /// Returns the bytes that the elements take, counted from the first element.
    pub(crate) fn reach(
        dtype: DataType,
        shape: &[i64],
        strides: Option<&[i64]>,
    ) -> PyResult<Range<isize>> {
        let mut row_major = vec![0; shape.len()];
        let strides = strides.unwrap_or_else(|| {
            Layout::write_row_major_strides(shape, &mut row_major);
            &row_major
        });
        Ok(Layout::new(shape, strides, dtype, false).map_err(raise)?.byte_extents())
    }

    /// Makes a tensor of the memory, whose deleter drops the owner.
    ///
    /// All numbers are checked first: sizes, extents, the range of addresses.
    ///
    /// # Errors
    ///
    /// `LayoutError` for numbers that describe no tensor. The owner is dropped then.
    ///
    /// # Safety
    ///
    /// Until the owner is dropped, on whatever thread, the memory is as described: the bytes that shape and strides reach lie in
    /// one live allocation on that device, and can be written unless it is read-only.
    pub(crate) unsafe fn into_tensor(
        self,
        owner: impl Send + 'static,
    ) -> PyResult<ManagedTensorVersioned> {
        let Self { address, dtype, shape, strides, device, is_read_only } = self;
        let strides = match strides {
            Some(strides) if strides.len() == shape.len() => strides,
            Some(strides) => {
                let (expected, found) = (shape.len(), strides.len());
                return Err(raise(Error::StridesLenMismatch { expected, found }));
            }
            None => {
                let mut strides = vec![0; shape.len()];
                Layout::write_row_major_strides(&shape, &mut strides);
                strides
            }
        };
        let layout = Layout::new(&shape, &strides, dtype, false).map_err(raise)?;
        let bytes = layout.byte_extents();
        if device.is_handle() && bytes.start < 0 {
            return Err(LayoutError::new_err("a buffer has no elements before its start"));
        }
        if layout.numel() > 0 {
            if address == 0 {
                return Err(LayoutError::new_err("the memory is not there: its address is null"));
            }
            let ends = [bytes.start, bytes.end].map(|end| address.checked_add_signed(end));
            if ends.iter().any(Option::is_none) {
                return Err(raise(Error::AddressOverflow));
            }
        }
        let first = layout.extents().start().unsigned_abs();
        let data = ptr::with_exposed_provenance_mut(address.wrapping_add_signed(bytes.start));
        let nbytes = bytes.end.wrapping_sub(bytes.start).unsigned_abs();
        let (shape, strides) = native(&shape, &strides).map_err(raise)?;
        // SAFETY: these are the bytes of the extents, for which the caller promises all that is asked.
        let exporter = unsafe { Exporter::from_raw_parts(owner, data, nbytes, device) };
        let exporter = exporter.dtype(dtype).shape(&shape).strides(&strides).offset(first);
        let exporter = if is_read_only { exporter.read_only() } else { exporter };
        exporter.build().map_err(raise)
    }
}

/// Converts shape and strides to the machine's own integers.
pub(crate) fn native(shape: &[i64], strides: &[i64]) -> Result<(Vec<usize>, Vec<isize>), Error> {
    let shape: Result<_, _> = shape.iter().map(|&size| usize::try_from(size)).collect();
    let strides: Result<_, _> = strides.iter().map(|&stride| isize::try_from(stride)).collect();
    Ok((shape.map_err(|_| Error::ShapeOverflow)?, strides.map_err(|_| Error::ExtentOverflow)?))
}

/// Converts strides of bytes to strides of elements. An axis of one element has no stride, and neither has an empty tensor.
pub(crate) fn in_elements(strides: &[i64], shape: &[i64], dtype: DataType) -> PyResult<Vec<i64>> {
    let itemsize = dtype.itemsize().and_then(|size| i64::try_from(size).ok()).unwrap_or(1);
    let is_empty = shape.contains(&0);
    let strides = strides.iter().zip(shape.iter().chain(core::iter::repeat(&2)));
    let strides = strides.map(|(&bytes, &size)| match bytes % itemsize {
        0 => Ok(bytes / itemsize),
        _ if size == 1 || is_empty => Ok(0),
        _ => Err(LayoutError::new_err(format!(
            "a stride of {bytes} bytes is not a whole number of elements of {itemsize} bytes"
        ))),
    });
    strides.collect()
}
