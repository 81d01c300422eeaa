//! Memory as the C libraries of Python describe it: strides in bytes, and numbers of the machine's own size.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;
use core::slice;

use dlpack::layout::Layout;
use dlpack::{BorrowedTensor, DataType, Device, Error, Flags, sys};

use crate::raw::{Attached, Class, Raised, raise, raise_error};

/// The main memory of an array or a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// The first element.
    pub(super) data: *mut c_void,
    /// Of elements whose size in bytes is a power of two.
    pub(super) dtype: DataType,
    pub(super) ndim: usize,
    /// `ndim` numbers.
    pub(super) shape: *const isize,
    /// Null, or `ndim` numbers of bytes.
    pub(super) strides: *const isize,
    pub(super) is_read_only: bool,
}

/// The number of axes that nearly no tensor exceeds.
const FEW: usize = 8;

/// The reason why memory is not a tensor.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unfit {
    /// A stride that is not a whole number of elements.
    Stride(isize),
    Error(Error),
}

impl Memory {
    /// Makes a tensor of the memory.
    ///
    /// # Safety
    ///
    /// - `shape` and `strides` can be read during the call, as S4 says of a struct.
    /// - For the lifetime `'a`, the memory is as described (S5, S6).
    #[inline(always)]
    pub(super) unsafe fn tensor<'a>(self) -> Result<BorrowedTensor<'a>, Unfit> {
        // Room for few axes, since it lies on the stack of an object that imports others in its `__dlpack__`.
        if self.ndim <= FEW {
            // SAFETY: the caller's promise: numbers that can be read, and memory as described.
            unsafe { self.tensor_within::<FEW>() }
        } else {
            // SAFETY: the caller's promise: numbers that can be read, and memory as described.
            unsafe { self.tensor_of_many_axes() }
        }
    }

    /// # Safety
    ///
    /// As for [`tensor`](Self::tensor).
    #[cold]
    #[inline(never)]
    unsafe fn tensor_of_many_axes<'a>(self) -> Result<BorrowedTensor<'a>, Unfit> {
        if self.ndim > Layout::MAX_NDIM {
            return Err(Unfit::Error(Error::TooManyAxes {
                ndim: self.ndim,
                max: Layout::MAX_NDIM,
            }));
        }
        // SAFETY: the caller's promise: numbers that can be read, and memory as described.
        unsafe { self.tensor_within::<{ Layout::MAX_NDIM }>() }
    }

    /// # Safety
    ///
    /// As for [`tensor`](Self::tensor); and there are at most `N` axes.
    #[inline(always)]
    unsafe fn tensor_within<'a, const N: usize>(self) -> Result<BorrowedTensor<'a>, Unfit> {
        let mut sizes = [MaybeUninit::uninit(); N];
        let mut steps = [MaybeUninit::uninit(); N];
        let shape = if size_of::<isize>() == size_of::<i64>() {
            self.shape.cast::<i64>().cast_mut()
        } else {
            // SAFETY: there are `ndim` sizes, and that is no more than `N`.
            unsafe { copy(self.shape, self.ndim, &mut sizes, Some) }?
        };
        // An element takes 2^shift bytes.
        let shift = (u32::from(self.dtype.bits) >> 3).trailing_zeros();
        let rest = (1 << shift) - 1;
        let in_elements = |bytes: isize| (bytes & rest == 0).then_some(bytes >> shift);
        let strides = if self.strides.is_null() {
            ptr::null_mut()
        } else {
            // SAFETY: there are `ndim` strides, and that is no more than `N`.
            match unsafe { copy(self.strides, self.ndim, &mut steps, in_elements) } {
                Ok(strides) => strides,
                // SAFETY: as above.
                Err(_) => unsafe { self.unusual_strides(&mut steps) }?,
            }
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
        // SAFETY: S4 holds, since `ndim` sizes and strides were written above; S5 and S6, as the caller promises.
        unsafe { BorrowedTensor::from_raw_with_flags(&raw const tensor, flags) }
            .map_err(Unfit::Error)
    }

    /// Writes strides in elements, 0 for those that mean nothing, since no two elements lie along their axes.
    ///
    /// # Safety
    ///
    /// `shape` and `strides` point to `ndim` numbers, for which there is room.
    #[cold]
    #[inline(never)]
    unsafe fn unusual_strides(&self, to: &mut [MaybeUninit<i64>]) -> Result<*mut i64, Unfit> {
        let size = isize::from(self.dtype.bits >> 3);
        // SAFETY: `ndim` sizes and strides, as the caller promises.
        let (shape, strides) = unsafe {
            (
                slice::from_raw_parts(self.shape, self.ndim),
                slice::from_raw_parts(self.strides, self.ndim),
            )
        };
        let is_empty = shape.contains(&0);
        for ((&bytes, &n), to) in strides.iter().zip(shape).zip(to.iter_mut()) {
            let stride = if is_empty || n == 1 {
                0
            } else if bytes % size == 0 {
                i64::try_from(bytes / size).unwrap_or(i64::MAX)
            } else {
                return Err(Unfit::Stride(bytes));
            };
            to.write(stride);
        }
        Ok(to.as_mut_ptr().cast())
    }
}

/// Writes `count` numbers, each converted by a function, and returns where they are.
///
/// # Safety
///
/// `from` points to `count` numbers.
#[inline(always)]
unsafe fn copy(
    from: *const isize,
    count: usize,
    to: &mut [MaybeUninit<i64>],
    convert: impl Fn(isize) -> Option<isize>,
) -> Result<*mut i64, Unfit> {
    for (axis, to) in to.iter_mut().enumerate().take(count) {
        // SAFETY: `axis` is below `count`.
        let number = unsafe { from.add(axis).read() };
        let converted = convert(number).ok_or(Unfit::Stride(number))?;
        // No machine has wider addresses.
        to.write(i64::try_from(converted).unwrap_or(i64::MAX));
    }
    Ok(to.as_mut_ptr().cast())
}

impl Unfit {
    /// Sets the exception.
    #[cold]
    pub(super) fn raise(self, py: Attached<'_>) -> Raised {
        match self {
            Self::Error(error) => raise_error(py, error),
            Self::Stride(bytes) => raise(
                py,
                Class::Buffer,
                format_args!("expected strides of whole elements, found one of {bytes} bytes"),
            ),
        }
    }
}
