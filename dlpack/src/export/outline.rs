//! The shape that a caller asks for, drawn into a block and checked against the memory there is.

use core::ffi::c_void;

use super::adopted::Memory;
use super::block::{Draft, Exported, Shaped};
use super::place::Place;
use super::record::Fields;
use crate::error::Error;
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

impl Outline<'_> {
    #[inline]
    pub(super) fn ndim(&self) -> usize {
        self.shape.map_or(1, <[usize]>::len)
    }

    /// The size of the one axis of a tensor that was given no shape; 0 if it was.
    #[inline]
    pub(super) fn all(
        &self,
        memory: &Memory,
        dtype: DataType,
        flags: Flags,
    ) -> Result<usize, Error> {
        if self.shape.is_some() {
            return Ok(0);
        }
        let all = elements(memory.nbytes, dtype, flags)?;
        all.checked_sub(self.offset).ok_or(Error::OutOfBounds { available: memory.nbytes })
    }

    /// Writes the shape, and the strides or row-major ones.
    ///
    /// What does not fit is written as the largest number, which [`check`](Self::check) refuses.
    #[inline]
    pub(super) fn draw<A: Exported, O: Send + 'static, P: Place>(
        &self,
        draft: Draft<A, O, P>,
        all: usize,
    ) -> Shaped<A, O, P> {
        let all = [all];
        let shape = self.shape.unwrap_or(&all);
        let strides = self.strides.filter(|strides| strides.len() == shape.len());
        let mut compact = 1_i64;
        draft.with_dims(|axis| {
            let size =
                shape.get(axis).map_or(i64::MAX, |&size| i64::try_from(size).unwrap_or(i64::MAX));
            let stride = match strides {
                None => compact,
                Some(strides) => {
                    strides.get(axis).map_or(0, |&stride| i64::try_from(stride).unwrap_or(0))
                }
            };
            compact = compact.saturating_mul(size.max(1));
            (size, stride)
        })
    }

    /// Checks what was drawn, and finds the first element.
    #[inline]
    pub(super) fn check<A: Exported, O: Send + 'static, P: Place>(
        &self,
        shaped: &mut Shaped<A, O, P>,
        memory: &Memory,
        dtype: DataType,
        flags: Flags,
    ) -> Result<Fields, Error> {
        if let Some(strides) = self.strides {
            let ndim = shaped.shape().len();
            if strides.len() != ndim {
                return Err(Error::RankMismatch { expected: ndim, found: strides.len() });
            }
            let (shape, strides) = shaped.strides_mut();
            layout::normalize_strides(shape, strides);
        }
        let padded = flags.is_padded();
        let layout = Layout::new(shaped.shape(), shaped.strides(), dtype, padded)?;
        let device = memory.device.canonical();
        let (data, byte_offset) = self.first(memory, dtype, padded, &layout)?;
        Ok(Fields { data, byte_offset, device, dtype, flags, layout })
    }

    /// The data pointer and the byte offset of the first element.
    #[inline]
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
        let first_bit = self.offset.checked_mul(bits).ok_or(out)?;
        if first_bit % 8 != 0 {
            return Err(Error::NotWholeBytes { found: dtype });
        }
        let first = first_bit / 8;
        let extents = layout.byte_extents();
        let low = first.checked_add_signed(extents.start);
        let high = first.checked_add_signed(extents.end);
        if low.is_none() || high.is_none_or(|high| high > memory.nbytes) {
            return Err(out);
        }
        if !memory.device.device_type.is_address() {
            return Ok((memory.data, u64::try_from(first).map_err(|_| out)?));
        }
        if memory.data.is_null() {
            return Err(Error::NullData);
        }
        Ok((memory.data.wrapping_byte_add(first), 0))
    }
}

/// How many elements `nbytes` bytes hold.
fn elements(nbytes: usize, dtype: DataType, flags: Flags) -> Result<usize, Error> {
    let bits = usize::try_from(dtype.element_bits(flags.is_padded()));
    let invalid = Error::InvalidDType { found: dtype };
    let bits = bits.ok().filter(|&bits| bits != 0).ok_or(invalid)?;
    if bits % 8 == 0 {
        return Ok(nbytes / (bits / 8));
    }
    nbytes.checked_mul(8).map(|n| n / bits).ok_or(Error::ShapeOverflow)
}
