//! The shape that a caller asks for, drawn into a block and checked against the memory there is.

use core::ffi::c_void;
use core::num::NonZero;

use super::adopted::Memory;
use super::block::{Draft, Exported, Shaped};
use super::place::Place;
use super::record::Fields;
use crate::error::{Error, Rejected};
use crate::layout::{self, Layout};
use crate::vocabulary::{DataType, Flags};

/// Shape, strides and first element, as the caller gave them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline<'a> {
    /// `None` is one axis with all elements that are left after the offset.
    pub(super) shape: Option<&'a [usize]>,
    /// In elements; `None` is row-major.
    pub(super) strides: Option<&'a [isize]>,
    /// In elements.
    pub(super) offset: usize,
}

/// A block with a shape and strides, and what else the tensor says of itself.
pub(super) type Drawn<A, O, P> = (Shaped<A, O, P>, Fields);

impl Outline<'_> {
    #[inline]
    pub(super) fn ndim(&self) -> usize {
        self.shape.map_or(1, <[usize]>::len)
    }

    /// Draws the usual: a shape with elements of whole bytes in row-major order, at an address.
    ///
    /// `Err` if there is an error to tell, or more to do; [`draw`](Self::draw) does it then.
    #[inline(always)]
    pub(super) fn draw_quickly<A: Exported, O: Send + 'static, P: Place>(
        self,
        draft: Draft<A, O, P>,
        memory: Memory,
        dtype: DataType,
        flags: Flags,
    ) -> Result<Drawn<A, O, P>, Draft<A, O, P>> {
        let device = memory.device.canonical();
        let (Some(shape), None, Some(size)) = (self.shape, self.strides, whole_bytes(dtype)) else {
            return Err(draft);
        };
        if !device.device_type.is_address() || memory.data.is_null() || self.offset != 0 {
            return Err(draft);
        }
        let mut numel = 1_usize;
        let shaped = draft.try_with_dims(shape, |&size| {
            let stride = numel;
            numel = numel.checked_mul(size)?;
            // Nobody sees numbers that wrap, since there cannot be so many elements.
            #[expect(clippy::cast_possible_wrap, reason = "see above")]
            Some((size as i64, stride as i64))
        })?;
        // At least one element, and no more than there are; 0 wraps to more than that.
        if numel.wrapping_sub(1) >= memory.nbytes / size {
            return Err(shaped.into_draft());
        }
        Ok((shaped, Fields { data: memory.data, byte_offset: 0, device, dtype, flags }))
    }

    /// Draws what is asked for, and checks it.
    ///
    /// # Errors
    ///
    /// Hands the owner back.
    pub(super) fn draw<A: Exported, O: Send + 'static, P: Place>(
        self,
        draft: Draft<A, O, P>,
        memory: Memory,
        dtype: DataType,
        flags: Flags,
    ) -> Result<Drawn<A, O, P>, Rejected<O>> {
        let all = match self.all(&memory, dtype, flags) {
            Ok(all) => [all],
            Err(error) => return Err(Rejected::new(draft.into_owner(), error)),
        };
        // There are as many axes as the draft was made for, so that what fails is a size.
        let sizes = draft.try_with_dims(self.shape.unwrap_or(&all), |&size| {
            Some((i64::try_from(size).ok()?, 0))
        });
        let mut shaped = match sizes {
            Ok(shaped) => shaped,
            Err(draft) => return Err(Rejected::new(draft.into_owner(), Error::ShapeOverflow)),
        };
        match self.check(&mut shaped, &memory, dtype, flags) {
            Ok(fields) => Ok((shaped, fields)),
            Err(error) => Err(Rejected::new(shaped.into_owner(), error)),
        }
    }

    /// The size of the one axis of a tensor that was given no shape; 0 if it was.
    fn all(&self, memory: &Memory, dtype: DataType, flags: Flags) -> Result<usize, Error> {
        if self.shape.is_some() {
            return Ok(0);
        }
        let all = elements(memory.nbytes, dtype, flags)?;
        all.checked_sub(self.offset).ok_or(Error::OutOfBounds { available: memory.nbytes })
    }

    /// Fills in the strides, checks the layout, and finds the first element.
    fn check<A: Exported, O: Send + 'static, P: Place>(
        &self,
        shaped: &mut Shaped<A, O, P>,
        memory: &Memory,
        dtype: DataType,
        flags: Flags,
    ) -> Result<Fields, Error> {
        let (shape, steps) = shaped.strides_mut();
        match self.strides {
            None => layout::write_row_major_strides(shape, steps),
            Some(strides) => write_strides(shape, steps, strides)?,
        }
        let padded = flags.is_padded();
        let layout = Layout::new(shaped.shape(), shaped.strides(), dtype, padded)?;
        let (data, byte_offset) = self.first(memory, dtype, padded, &layout)?;
        Ok(Fields { data, byte_offset, device: memory.device.canonical(), dtype, flags })
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
fn write_strides(shape: &[i64], steps: &mut [i64], strides: &[isize]) -> Result<(), Error> {
    if strides.len() != shape.len() {
        return Err(Error::StridesLenMismatch { expected: shape.len(), found: strides.len() });
    }
    for (to, &from) in steps.iter_mut().zip(strides) {
        *to = i64::try_from(from).map_err(|_| Error::ExtentOverflow)?;
    }
    layout::normalize_strides(shape, steps);
    Ok(())
}

/// How many elements `nbytes` bytes hold.
fn elements(nbytes: usize, dtype: DataType, flags: Flags) -> Result<usize, Error> {
    let bits = usize::try_from(dtype.element_bits(flags.is_padded()));
    let invalid = Error::InvalidDType { found: dtype };
    let bits = bits.ok().filter(|&bits| bits != 0).ok_or(invalid)?;
    // `bits` bytes hold eight elements, so that nothing overflows here but the result.
    let whole = (nbytes / bits).checked_mul(8);
    whole.and_then(|n| n.checked_add(nbytes % bits * 8 / bits)).ok_or(Error::ShapeOverflow)
}
