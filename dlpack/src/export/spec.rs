//! The tensor that a caller asks for, written into a block and checked against the memory there is.

use core::ffi::c_void;
use core::num::NonZero;

use super::block::DimsMut;
use super::source::Memory;
use crate::error::Error;
use crate::layout::Layout;
use crate::managed::Fields;
use crate::vocabulary::{DataType, Flags};

/// What the caller said of the tensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec<'a> {
    /// `None` is one axis with all elements that are left after the offset.
    pub(super) shape: Option<&'a [usize]>,
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
        Self { shape: None, strides: None, offset: 0, dtype: None, flags: Flags::NONE };

    #[inline]
    pub(super) fn ndim(&self) -> usize {
        self.shape.map_or(1, <[usize]>::len)
    }

    /// Fast path: writes shape and strides of a row-major tensor of whole-byte elements from the start of memory that has an
    /// address. Returns `None` for all other tensors and for errors.
    #[inline(always)]
    pub(super) fn write_fast(
        &self,
        (sizes, steps): DimsMut<'_>,
        memory: &Memory,
        dtype: DataType,
    ) -> Option<(Fields, Layout)> {
        let (Some(shape), None, Some(size)) = (self.shape, self.strides, whole_bytes(dtype)) else {
            return None;
        };
        let device = memory.device.canonical();
        if !device.device_type.is_address() || memory.data.is_null() || self.offset != 0 {
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
        // At least one element, and no more than there are; 0 wraps to more than that.
        if numel.wrapping_sub(1) >= memory.nbytes / size {
            return None;
        }
        let fields = Fields { data: memory.data, byte_offset: 0, device, dtype };
        Some((fields, Layout::dense(numel, numel * size.get())))
    }

    /// Writes shape and strides of any tensor, and checks that it lies within the memory.
    ///
    /// All sizes and strides are written when it succeeds.
    #[cold]
    #[inline(never)]
    pub(super) fn write(
        &self,
        (sizes, steps): DimsMut<'_>,
        memory: &Memory,
        dtype: DataType,
        flags: Flags,
    ) -> Result<(Fields, Layout), Error> {
        let all;
        let shape = match self.shape {
            Some(shape) => shape,
            None => {
                let out = Error::OutOfBounds { available: memory.nbytes };
                let found = elements(memory.nbytes, dtype, flags)?;
                all = [found.checked_sub(self.offset).ok_or(out)?];
                &all
            }
        };
        // There are as many axes as the block was made for, at most 64.
        let (mut shape_here, mut strides_here) = ([0; Layout::MAX_NDIM], [0; Layout::MAX_NDIM]);
        let (shape_here, strides_here) =
            (&mut shape_here[..shape.len()], &mut strides_here[..shape.len()]);
        for (to, &size) in shape_here.iter_mut().zip(shape) {
            *to = i64::try_from(size).map_err(|_| Error::ShapeOverflow)?;
        }
        match self.strides {
            None => Layout::write_row_major_strides(shape_here, strides_here),
            Some(strides) => write_strides(shape_here, strides_here, strides)?,
        }
        let padded = flags.is_padded();
        let layout = Layout::new(shape_here, strides_here, dtype, padded)?;
        let (data, byte_offset) = self.first(memory, dtype, padded, &layout)?;
        for (to, &from) in
            sizes.iter_mut().chain(steps).zip(shape_here.iter().chain(&*strides_here))
        {
            to.write(from);
        }
        Ok((Fields { data, byte_offset, device: memory.device.canonical(), dtype }, layout))
    }

    /// The data pointer and the byte offset of the first element of a tensor with this layout.
    fn first(
        &self,
        memory: &Memory,
        dtype: DataType,
        padded: bool,
        layout: &Layout,
    ) -> Result<(*mut c_void, u64), Error> {
        if layout.numel() == 0 {
            return Ok((core::ptr::null_mut(), 0));
        }
        let out = Error::OutOfBounds { available: memory.nbytes };
        let bits = usize::try_from(dtype.element_bits(padded)).map_err(|_| out)?;
        let rest_bits = self.offset % 8 * bits;
        if rest_bits % 8 != 0 {
            return Err(Error::NotWholeBytes { found: dtype });
        }
        // Eight elements take `bits` bytes, so that nothing overflows here that would not overflow in bytes.
        let whole = (self.offset / 8).checked_mul(bits).ok_or(out)?;
        let first = whole.checked_add(rest_bits / 8).ok_or(out)?;
        let extents = layout.byte_extents();
        let low = first.checked_add_signed(extents.start);
        let high = first.checked_add_signed(extents.end);
        if low.is_none() || high.is_none_or(|high| high > memory.nbytes) {
            return Err(out);
        }
        let device = memory.device.device_type;
        if memory.data.is_null() && (device.is_address() || device.is_handle()) {
            return Err(Error::NullData);
        }
        if !device.is_address() {
            return Ok((memory.data, u64::try_from(first).map_err(|_| out)?));
        }
        Ok((memory.data.wrapping_byte_add(first), 0))
    }
}

/// The size of an element, if it is a number of whole bytes whatever the flags say.
#[inline(always)]
fn whole_bytes(dtype: DataType) -> Option<NonZero<usize>> {
    let bits = usize::from(dtype.bits) * usize::from(dtype.lanes);
    let whole = dtype.is_valid() && dtype.bits % 8 == 0;
    NonZero::new(bits / 8).filter(|_| whole)
}

/// Writes the caller's strides.
fn write_strides(sizes: &[i64], steps: &mut [i64], strides: &[isize]) -> Result<(), Error> {
    if strides.len() != sizes.len() {
        return Err(Error::StridesLenMismatch { expected: sizes.len(), found: strides.len() });
    }
    for (to, &from) in steps.iter_mut().zip(strides) {
        *to = i64::try_from(from).map_err(|_| Error::ExtentOverflow)?;
    }
    Layout::normalize_strides(sizes, steps);
    Ok(())
}

/// The number of elements that `nbytes` bytes hold.
fn elements(nbytes: usize, dtype: DataType, flags: Flags) -> Result<usize, Error> {
    let bits = usize::try_from(dtype.element_bits(flags.is_padded()));
    let invalid = Error::InvalidDType { found: dtype };
    let bits = bits.ok().filter(|&bits| bits != 0).ok_or(invalid)?;
    // `bits` bytes hold eight elements, so that nothing overflows here but the result.
    let whole = (nbytes / bits).checked_mul(8);
    whole.and_then(|n| n.checked_add(nbytes % bits * 8 / bits)).ok_or(Error::ShapeOverflow)
}
