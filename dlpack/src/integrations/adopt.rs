//! Tensors of arrays that have their elements on the heap.

use super::into_tensor::Axes;
use crate::dims::Dims;
use crate::error::{Error, RejectedError};
use crate::export::Exporter;
use crate::layout::Layout;
use crate::managed::ManagedTensorVersioned;
use crate::vocabulary::{Device, Element};

/// The access of consumers to the elements of an array.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Writing {
    Allowed,
    Forbidden,
}

/// Exports an array, which becomes the owner of the tensor.
///
/// `origin` is the address of the element with index 0 on all axes; `dims`, or the error that is passed on, are the shape and
/// the strides of the array.
///
/// # Safety
///
/// Unless there are no elements, `origin` is aligned, and until `owner` is dropped, also when it is moved, the extents of
/// `dims` lie in one live allocation, which can be written unless that is forbidden.
pub(super) unsafe fn adopt<T: Element, O: Send + 'static>(
    owner: O,
    origin: *mut T,
    dims: Result<Dims<isize>, Error>,
    axes: Axes,
    writing: Writing,
) -> Result<ManagedTensorVersioned, RejectedError<O>> {
    let checked = dims.and_then(|dims| {
        let layout = Layout::of::<T>(bytemuck::cast_slice(dims.shape()), dims.strides())?;
        Ok((in_lanes(dims, axes, T::DTYPE.split().1)?, layout.byte_extents()))
    });
    let (owner, (dims, extents)) = RejectedError::unless_ok(owner, checked)?;
    let low = origin.wrapping_byte_offset(extents.start);
    let nbytes = extents.end.abs_diff(extents.start);
    // SAFETY: from `low` on there are `nbytes` bytes, the extents of `dims`, in an allocation that lives as long as `owner`.
    let exporter = unsafe { Exporter::from_raw_parts(owner, low.cast(), nbytes, Device::CPU) }
        .dtype(T::DTYPE.split().0)
        .shape(bytemuck::cast_slice(dims.shape()))
        .strides(dims.strides())
        .offset(extents.start.unsigned_abs() / size_of::<T>() * usize::from(T::DTYPE.split().1));
    let exporter = if writing == Writing::Forbidden { exporter.read_only() } else { exporter };
    exporter.build()
}

/// The axes of the tensor: those of the array, and one more for the items of elements that are arrays themselves.
fn in_lanes(mut dims: Dims<isize>, axes: Axes, lanes: u16) -> Result<Dims<isize>, Error> {
    if let Axes::Reversed = axes {
        let (shape, strides) = dims.both_mut();
        shape.reverse();
        strides.reverse();
    }
    if lanes == 1 {
        return Ok(dims);
    }
    let (ndim, lanes) = (dims.ndim(), isize::try_from(lanes).map_err(|_| Error::ShapeOverflow)?);
    let mut split = Dims::zeroed(ndim + 1)?;
    let (shape, strides) = split.both_mut();
    shape[..ndim].copy_from_slice(dims.shape());
    for (to, &from) in strides.iter_mut().zip(dims.strides()) {
        // Wraps only where a stride leads nowhere.
        *to = from.wrapping_mul(lanes);
    }
    (shape[ndim], strides[ndim]) = (lanes, 1);
    Ok(split)
}
