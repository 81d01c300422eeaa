//! Memory as C libraries of Python describe it: strides in bytes, numbers of the machine's own size.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;

use dlpack::layout::MAX_NDIM;
use dlpack::{BorrowedTensor, DataType, Device, Error, Flags, sys};

/// What an array or a buffer says of its memory, which is main memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// The first element.
    pub(super) data: *mut c_void,
    /// Its elements take whole bytes, as many as a power of two.
    pub(super) dtype: DataType,
    pub(super) ndim: usize,
    /// As many numbers as there are axes.
    pub(super) shape: *const isize,
    /// Null, or as many numbers.
    pub(super) strides: *const isize,
    pub(super) is_read_only: bool,
}

/// Why memory is no tensor.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unfit {
    /// A stride that is no whole number of elements.
    Stride(isize),
    Error(Error),
}

impl Memory {
    /// Makes a tensor of the memory.
    ///
    /// # Safety
    ///
    /// - The arrays can be read, and are not written meanwhile.
    /// - For the lifetime `'a`, the memory is as described.
    #[inline(always)]
    pub(super) unsafe fn tensor<'a>(self) -> Result<BorrowedTensor<'a>, Unfit> {
        let mut room = [MaybeUninit::<i64>::uninit(); 2 * MAX_NDIM];
        let (shape, strides) = room.split_at_mut(MAX_NDIM);
        let (Some(sizes), Some(steps)) = (shape.get_mut(..self.ndim), strides.get_mut(..self.ndim))
        else {
            return Err(Unfit::Error(Error::TooManyDims { ndim: self.ndim, max: MAX_NDIM }));
        };
        // Of elements of 2^n bytes.
        let shift = (u32::from(self.dtype.bits) >> 3).trailing_zeros();
        for (axis, size) in sizes.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            let from = unsafe { self.shape.add(axis) };
            // SAFETY: the caller's promise.
            size.write(widen(unsafe { from.read() }));
        }
        if !self.strides.is_null() {
            for (axis, step) in steps.iter_mut().enumerate() {
                // SAFETY: the caller's promise.
                let from = unsafe { self.strides.add(axis) };
                // SAFETY: the caller's promise.
                let bytes = unsafe { from.read() };
                if bytes & ((1 << shift) - 1) != 0 {
                    return Err(Unfit::Stride(bytes));
                }
                step.write(widen(bytes >> shift));
            }
        }
        let tensor = sys::DLTensor {
            data: self.data,
            device: Device::CPU.into(),
            ndim: c_int::try_from(self.ndim).unwrap_or(c_int::MAX),
            dtype: self.dtype.into(),
            shape: shape.as_mut_ptr().cast(),
            strides: if self.strides.is_null() {
                ptr::null_mut()
            } else {
                steps.as_mut_ptr().cast()
            },
            byte_offset: 0,
        };
        let flags = if self.is_read_only { Flags::READ_ONLY } else { Flags::NONE };
        // SAFETY: as many sizes and strides were written as there are axes; the caller's promise for the memory.
        unsafe { BorrowedTensor::from_raw_with_flags(&raw const tensor, flags) }
            .map_err(Unfit::Error)
    }
}

/// The same number: no machine has wider addresses.
#[inline(always)]
fn widen(number: isize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
