//! Shapes and strides of other crates' arrays, checked.

use core::ops::Range;

use crate::dims::Dims;
use crate::error::Error;
use crate::layout::Layout;
use crate::vocabulary::Element;

/// A shape and strides in elements, checked for elements of one type.
pub(super) struct Parts {
    dims: Dims<isize>,
    layout: Layout,
}

impl Parts {
    /// Creates the parts of the sizes and strides of all axes.
    pub(super) fn new<T: Element>(
        axes: impl ExactSizeIterator<Item = (usize, isize)>,
    ) -> Result<Self, Error> {
        let mut dims = Dims::zeroed(axes.len())?;
        let (sizes, strides) = dims.both_mut();
        for ((to_size, to_stride), (size, stride)) in sizes.iter_mut().zip(strides).zip(axes) {
            *to_size = isize::try_from(size).map_err(|_| Error::ShapeOverflow)?;
            *to_stride = stride;
        }
        let layout = Layout::of::<T>(bytemuck::cast_slice(dims.shape()), dims.strides())?;
        Ok(Self { dims, layout })
    }

    /// Returns the byte range of the elements, relative to the element with index 0 on all axes.
    pub(super) const fn byte_extents(&self) -> Range<isize> {
        self.layout.byte_extents()
    }

    pub(super) fn native(&self) -> Result<Dims<isize>, Error> {
        Ok(self.dims.clone())
    }
}
