//! What a consumer asks an allocator for, as the tensor that describes it.

use core::ptr;

use crate::dims::{CAPACITY, Dims};
use crate::error::Error;
use crate::layout::Layout;
use crate::sys;
use crate::vocabulary::{DataType, Device};

/// A checked request for a new tensor.
pub(super) struct Prototype {
    pub(super) dtype: DataType,
    pub(super) device: Device,
    ndim: usize,
    shape: [usize; CAPACITY],
}

impl Prototype {
    /// Reads the four fields that count: of the others not even the bytes need be initialised.
    ///
    /// # Safety
    ///
    /// `raw` is null or points to a tensor whose dtype, device, number of dimensions and shape can be read; its shape is
    /// null or can be read for so many numbers.
    pub(super) unsafe fn read(raw: *const sys::DLTensor) -> Result<Self, Error> {
        if raw.is_null() {
            return Err(Error::NullTensor);
        }
        // SAFETY: the caller's promise.
        let ndim = unsafe { &raw const (*raw).ndim };
        // SAFETY: the caller's promise.
        let ndim = unsafe { ptr::read_unaligned(ndim) };
        // SAFETY: the caller's promise.
        let shape = unsafe { &raw const (*raw).shape };
        // SAFETY: the caller's promise.
        let shape = unsafe { ptr::read_unaligned(shape) };
        // SAFETY: the caller's promise.
        let dtype = unsafe { &raw const (*raw).dtype };
        // SAFETY: the caller's promise.
        let dtype = DataType::from(unsafe { ptr::read_unaligned(dtype) });
        // SAFETY: the caller's promise.
        let device = unsafe { &raw const (*raw).device };
        // SAFETY: the caller's promise.
        let device = Device::from(unsafe { ptr::read_unaligned(device) });
        // SAFETY: the caller's promise.
        let dims = unsafe { read_shape(ndim, shape) }?;
        Layout::new(dims.shape(), dims.strides(), dtype, false)?;
        let mut sizes = [0; CAPACITY];
        for (to, &from) in sizes.iter_mut().zip(dims.shape()) {
            *to = usize::try_from(from).map_err(|_| Error::ShapeOverflow)?;
        }
        Ok(Self { dtype, device, ndim: dims.ndim(), shape: sizes })
    }

    pub(super) fn shape(&self) -> &[usize] {
        &self.shape[..self.ndim]
    }
}

/// The shape as C has it, and row-major strides, which the standard does not ask for but some allocators may read.
pub(super) fn row_major(dtype: DataType, shape: &[usize]) -> Result<(Dims<i64>, Layout), Error> {
    if shape.len() > CAPACITY {
        return Err(Error::TooManyAxes { ndim: shape.len(), max: CAPACITY });
    }
    let mut dims = Dims::zeroed(shape.len())?;
    let (sizes, strides) = dims.both_mut();
    for (to, &from) in sizes.iter_mut().zip(shape) {
        *to = i64::try_from(from).map_err(|_| Error::ShapeOverflow)?;
    }
    Layout::write_row_major_strides(sizes, strides);
    let layout = Layout::new(sizes, strides, dtype, false)?;
    Ok((dims, layout))
}

/// Copies a shape, and makes it row-major.
///
/// # Safety
///
/// `shape` is null or can be read for `ndim` numbers.
unsafe fn read_shape(ndim: i32, shape: *const i64) -> Result<Dims<i64>, Error> {
    let count = usize::try_from(ndim).map_err(|_| Error::NegativeNdim { ndim })?;
    if count > CAPACITY {
        return Err(Error::TooManyAxes { ndim: count, max: CAPACITY });
    }
    if shape.is_null() && count > 0 {
        return Err(Error::NullShape { ndim: count });
    }
    let mut dims = Dims::zeroed(count)?;
    let (sizes, strides) = dims.both_mut();
    for (axis, size) in sizes.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        let from = unsafe { shape.add(axis) };
        // SAFETY: the caller's promise.
        *size = unsafe { from.read_unaligned() };
    }
    Layout::write_row_major_strides(sizes, strides);
    Ok(dims)
}
