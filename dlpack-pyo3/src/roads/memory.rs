//! Memory as C libraries of Python describe it: strides in bytes, numbers of the machine's own size.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;

use dlpack::layout::MAX_NDIM;
use dlpack::{BorrowedTensor, DataType, Device, Error, Flags, sys};

use crate::raw::{Attached, Kind, Raised, raise, raise_error};

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
        if self.ndim > MAX_NDIM {
            return Err(Unfit::Error(Error::TooManyAxes { ndim: self.ndim, max: MAX_NDIM }));
        }
        let mut sizes = [MaybeUninit::uninit(); MAX_NDIM];
        let mut steps = [MaybeUninit::uninit(); MAX_NDIM];
        let shape = if size_of::<isize>() == size_of::<i64>() {
            self.shape.cast::<i64>().cast_mut()
        } else {
            // SAFETY: the caller's promise.
            unsafe { copy(self.shape, self.ndim, &mut sizes, Some) }?
        };
        // Of elements of 2^n bytes.
        let shift = (u32::from(self.dtype.bits) >> 3).trailing_zeros();
        let rest = (1 << shift) - 1;
        let in_elements = |bytes: isize| (bytes & rest == 0).then_some(bytes >> shift);
        let strides = if self.strides.is_null() {
            ptr::null_mut()
        } else {
            // SAFETY: the caller's promise.
            unsafe { copy(self.strides, self.ndim, &mut steps, in_elements) }?
        };
        let tensor = sys::DLTensor {
            data: self.data,
            device: Device::CPU.into(),
            ndim: c_int::try_from(self.ndim).unwrap_or(c_int::MAX),
            dtype: self.dtype.into(),
            shape,
            strides,
            byte_offset: 0,
        };
        let flags = if self.is_read_only { Flags::READ_ONLY } else { Flags::NONE };
        // SAFETY: as many sizes and strides were written as there are axes; the caller's promise for the memory.
        unsafe { BorrowedTensor::from_raw_with_flags(&raw const tensor, flags) }
            .map_err(Unfit::Error)
    }
}

/// Writes as many numbers, each as the function turns it, and returns where they are.
///
/// # Safety
///
/// There are as many numbers, and no more than there is room for.
#[inline(always)]
unsafe fn copy(
    from: *const isize,
    count: usize,
    to: &mut [MaybeUninit<i64>; MAX_NDIM],
    turn: impl Fn(isize) -> Option<isize>,
) -> Result<*mut i64, Unfit> {
    for (axis, to) in to.iter_mut().enumerate().take(count) {
        // SAFETY: the caller's promise.
        let from = unsafe { from.add(axis) };
        // SAFETY: the caller's promise.
        let number = unsafe { from.read() };
        let turned = turn(number).ok_or(Unfit::Stride(number))?;
        // No machine has wider addresses.
        to.write(i64::try_from(turned).unwrap_or(i64::MAX));
    }
    Ok(to.as_mut_ptr().cast())
}

impl Unfit {
    /// Sets the exception for it.
    #[cold]
    pub(super) fn raise(self, py: Attached<'_>) -> Raised {
        match self {
            Self::Error(error) => raise_error(py, error),
            Self::Stride(bytes) => raise(
                py,
                Kind::Buffer,
                format_args!("expected strides of whole elements, found one of {bytes} bytes"),
            ),
        }
    }
}
