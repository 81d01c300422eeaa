//! The tensor that a caller asks for, written into a block and checked against the memory there is.

use core::num::NonZero;
use core::ops::Range;
use core::ptr;

use super::block::DimsMut;
use super::source::Memory;
use crate::error::Error;
use crate::layout::Layout;
use crate::managed::{Descriptor, Fields};
use crate::vocabulary::{DataType, Flags};

/// The shape that the caller asked for.
///
/// As large as a slice, so that the fast path looks at as much as if there were no other shapes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape<'a> {
    Sizes(&'a [usize]),
    /// That of a tensor, or `None` for one axis with all elements that are left after the offset.
    Of(Option<&'a Descriptor>),
}

/// What the caller said of the tensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec<'a> {
    pub(super) shape: Shape<'a>,
    /// In elements; `None` is row-major.
    pub(super) strides: Option<&'a [isize]>,
    /// In elements.
    pub(super) offset: usize,
    /// `None` is the dtype of the memory.
    pub(super) dtype: Option<DataType>,
    pub(super) flags: Flags,
}

impl Spec<'_> {
    pub(super) const NEW: Self =
        Self { shape: Shape::Of(None), strides: None, offset: 0, dtype: None, flags: Flags::NONE };

    #[inline]
    pub(super) fn ndim(&self) -> usize {
        match self.shape {
            Shape::Sizes(sizes) => sizes.len(),
            Shape::Of(tensor) => tensor.map_or(1, Descriptor::ndim),
        }
    }

    /// Fast path: writes shape and strides of a row-major tensor of whole-byte elements that is all of a memory that has an
    /// address. Returns `None` for all other tensors and for errors.
    #[inline(always)]
    pub(super) fn write_fast(
        &self,
        (sizes, steps): DimsMut<'_>,
        memory: &Memory,
        dtype: DataType,
        lanes: u16,
    ) -> Option<(Fields, Layout)> {
        let (Shape::Sizes(shape), None, Some(size)) =
            (self.shape, self.strides, whole_bytes(dtype))
        else {
            return None;
        };
        let device = memory.device.canonical();
        let count = memory.nbytes / size;
        let odd = count == 0 || memory.nbytes % size != 0;
        let nowhere = !device.device_type.is_address() || memory.data.is_null();
        if odd || nowhere || self.offset != 0 || lanes != 1 {
            return None;
        }
        let mut numel = 1_usize;
        for ((to, step), &size) in sizes.iter_mut().zip(steps).zip(shape).rev() {
            // Nobody sees numbers that wrap, since there cannot be so many elements.
            #[expect(clippy::cast_possible_wrap, reason = "see above")]
            let (this, stride) = (size as i64, numel as i64);
            to.write(this);
            step.write(stride);
            numel = numel.checked_mul(size)?;
        }
        if numel != count {
            return None;
        }
        let fields = Fields { data: memory.data, byte_offset: 0, device, dtype };
        Some((fields, Layout::dense(numel, numel * size.get())))
    }

    /// Writes shape and strides of any tensor, and checks that it lies within the memory. The last axis has `lanes` elements,
    /// of which the caller counts all at once, unless that is 1.
    ///
    /// All sizes and strides are written when it succeeds. The result also says whether the tensor is all of the memory.
    #[cold]
    #[inline(never)]
    pub(super) fn write(
        &self,
        (sizes, steps): DimsMut<'_>,
        memory: &Memory,
        dtype: DataType,
        lanes: u16,
        flags: Flags,
    ) -> Result<(Fields, Layout, bool), Error> {
        // There are as many axes as the block was made for, at most 64.
        let mut here = [[0; Layout::MAX_NDIM]; 2];
        let [shape_here, strides_here] = here.each_mut().map(|room| &mut room[..sizes.len()]);
        // What the caller counts.
        let bits = u128::from(dtype.element_bits(flags.is_padded())) * u128::from(lanes);
        match self.shape {
            Shape::Sizes(shape) => {
                for (to, &size) in shape_here.iter_mut().zip(shape) {
                    *to = i64::try_from(size).map_err(|_| Error::ShapeOverflow)?;
                }
            }
            Shape::Of(Some(it)) => shape_here[..it.ndim()].copy_from_slice(it.shape()),
            Shape::Of(None) => {
                let found = (memory.nbytes as u128 * 8).checked_div(bits);
                let found = found.ok_or(Error::InvalidDType { found: dtype })?;
                let rest = found.saturating_sub(self.offset as u128);
                shape_here[0] = i64::try_from(rest).map_err(|_| Error::ShapeOverflow)?;
            }
        }
        if let (Some(last), true) = (shape_here.last_mut(), lanes != 1) {
            *last = lanes.into();
        }
        Layout::write_row_major_strides(shape_here, strides_here);
        if let Some(strides) = self.strides {
            let expected = shape_here.len() - usize::from(lanes != 1);
            if strides.len() != expected {
                return Err(Error::StridesLenMismatch { expected, found: strides.len() });
            }
            for (to, &from) in strides_here.iter_mut().zip(strides) {
                let from = i64::try_from(from).ok().and_then(|n| n.checked_mul(lanes.into()));
                *to = from.ok_or(Error::ExtentOverflow)?;
            }
            Layout::normalize_strides(shape_here, strides_here);
        }
        let layout = Layout::new(shape_here, strides_here, dtype, flags.is_padded())?;
        // No elements are nowhere, unless they are what is left after the offset.
        let nowhere = layout.numel() == 0 && !matches!(self.shape, Shape::Of(None));
        let bits = if nowhere { 0 } else { self.offset as u128 * bits };
        if bits % 8 != 0 && layout.numel() != 0 {
            return Err(Error::NotWholeBytes { found: dtype });
        }
        // As far away as memory goes, if it is further.
        let first = isize::try_from(bits / 8).unwrap_or(isize::MAX);
        let Range { start, end } = layout.within(first, memory.nbytes)?;
        let whole = start == 0 && end.unsigned_abs() == memory.nbytes;
        let (data, byte_offset) = match memory.device.device_type {
            _ if layout.numel() == 0 => (ptr::null_mut(), 0),
            device if memory.data.is_null() && (device.is_address() || device.is_handle()) => {
                return Err(Error::NullData);
            }
            device if device.is_address() => (memory.data.wrapping_byte_offset(first), 0),
            _ => (memory.data, first.unsigned_abs() as u64),
        };
        for (to, &from) in
            sizes.iter_mut().chain(steps).zip(shape_here.iter().chain(&*strides_here))
        {
            to.write(from);
        }
        Ok((Fields { data, byte_offset, device: memory.device.canonical(), dtype }, layout, whole))
    }
}

/// The size of an element, if it is a number of whole bytes whatever the flags say.
#[inline(always)]
fn whole_bytes(dtype: DataType) -> Option<NonZero<usize>> {
    let bits = usize::from(dtype.bits) * usize::from(dtype.lanes);
    let whole = dtype.is_valid() && dtype.bits % 8 == 0;
    NonZero::new(bits / 8).filter(|_| whole)
}
