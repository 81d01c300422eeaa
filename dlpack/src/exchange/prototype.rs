//! The prototype with which a consumer requests a new tensor.

use crate::dims::{CAPACITY, Dims};
use crate::error::Error;
use crate::layout::Layout;
use crate::sys;
use crate::vocabulary::{DataType, Device};

/// The checked dtype, device and shape of a requested tensor.
pub(super) struct Prototype {
    pub(super) dtype: DataType,
    pub(super) device: Device,
    ndim: usize,
    shape: [usize; CAPACITY],
}

impl Prototype {
    /// Reads the four fields that matter. The other fields may be uninitialised.
    ///
    /// # Safety
    ///
    /// `raw` is null or points to a tensor whose `dtype`, `device`, `ndim` and `shape` can be read; its shape is null or can
    /// be read for `ndim` numbers.
    pub(super) unsafe fn read(raw: *const sys::DLTensor) -> Result<Self, Error> {
        if raw.is_null() {
            return Err(Error::NullTensor);
        }
        // SAFETY: `raw` is not null, so that these four fields can be read, and the shape for `ndim` numbers.
        let (dtype, device, dims) = unsafe {
            let ndim = (&raw const (*raw).ndim).read_unaligned();
            let shape = (&raw const (*raw).shape).read_unaligned();
            let dtype = (&raw const (*raw).dtype).read_unaligned();
            let device = (&raw const (*raw).device).read_unaligned();
            (DataType::from(dtype), Device::from(device), read_shape(ndim, shape)?)
        };
        Layout::new(dims.shape(), dims.strides(), dtype, false)?;
        let mut sizes = [0; CAPACITY];
        for (to, &from) in sizes.iter_mut().zip(dims.shape()) {
            *to = usize::try_from(from).map_err(|_| Error::ShapeOverflow)?;
        }
        Ok(Self { dtype, device, ndim: dims.ndim(), shape: sizes })
    }

    pub(super) fn shape(&self) -> &[usize] {
        self.shape.get(..self.ndim).unwrap_or_default()
    }
}

/// Converts a shape to C's integers, with row-major strides, which the standard does not require but allocators may read.
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

/// Copies a shape, with row-major strides.
///
/// # Safety
///
/// `shape` is null or can be read for `ndim` numbers, which need not be aligned.
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
        // SAFETY: the shape is not null, and `axis` is less than `ndim`.
        *size = unsafe { shape.add(axis).read_unaligned() };
    }
    Layout::write_row_major_strides(sizes, strides);
    Ok(dims)
}
