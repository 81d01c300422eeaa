//! Copies of elements whose Rust type nobody names.

use super::descriptor::Descriptor;
use crate::copy::copy_strided;
use crate::dims::RowMajor;
use crate::error::Error;

impl Descriptor {
    /// Copies all elements, in row-major order.
    ///
    /// # Errors
    ///
    /// [`Error::NotHostAccessible`], [`Error::NullData`], [`Error::ByteOffsetOverflow`], [`Error::AddressOverflow`];
    /// [`Error::NotContiguous`] for packed elements in another order.
    ///
    /// # Safety
    ///
    /// The elements are initialised and no other thread writes them; `to` can be written for `nbytes` bytes of other
    /// memory.
    pub(crate) unsafe fn copy_bytes(&self, to: *mut u8) -> Result<(), Error> {
        self.check_host()?;
        let start = self.address()?.as_ptr();
        if self.is_contiguous() {
            // SAFETY: clause S5, and the caller's promise.
            unsafe { to.copy_from_nonoverlapping(start, self.nbytes()) };
            return Ok(());
        }
        let bits = self.dtype().element_bits(self.flags().is_padded());
        if bits % 8 != 0 {
            return Err(Error::NotContiguous);
        }
        match bits / 8 {
            // SAFETY: the caller's promise; the size of an element is that of the chunk.
            2 => unsafe { self.copy_chunks::<2>(start, to) },
            // SAFETY: the same.
            4 => unsafe { self.copy_chunks::<4>(start, to) },
            // SAFETY: the same.
            8 => unsafe { self.copy_chunks::<8>(start, to) },
            // SAFETY: the same.
            16 => unsafe { self.copy_chunks::<16>(start, to) },
            // SAFETY: the caller's promise.
            size => unsafe { self.copy_elements(start, to, size) },
        }
    }

    /// # Safety
    ///
    /// As for [`copy_bytes`](Self::copy_bytes), where elements have `SIZE` bytes.
    unsafe fn copy_chunks<const SIZE: usize>(
        &self,
        from: *const u8,
        to: *mut u8,
    ) -> Result<(), Error> {
        let dims = self.native_dims()?;
        // SAFETY: clause S5, and the caller's promise; chunks of bytes need no alignment.
        unsafe {
            copy_strided::<[u8; SIZE], true>(
                from.cast(),
                dims.strides(),
                to.cast(),
                RowMajor::of(dims.shape()).strides(),
                bytemuck::cast_slice(dims.shape()),
            );
        }
        Ok(())
    }

    /// # Safety
    ///
    /// As for [`copy_bytes`](Self::copy_bytes), where elements have `size` bytes.
    unsafe fn copy_elements(&self, from: *const u8, to: *mut u8, size: u32) -> Result<(), Error> {
        let size = isize::try_from(size).map_err(|_| Error::ExtentOverflow)?;
        let dims = self.native_dims()?.in_parts(size)?;
        // SAFETY: clause S5, and the caller's promise: the bytes of an element are one more axis.
        unsafe {
            copy_strided::<u8, true>(
                from,
                dims.strides(),
                to,
                RowMajor::of(dims.shape()).strides(),
                bytemuck::cast_slice(dims.shape()),
            );
        }
        Ok(())
    }
}
