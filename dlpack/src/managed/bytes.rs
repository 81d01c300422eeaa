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
            // SAFETY: invariant 2 of the descriptor: the bytes lie side by side. The caller vouches for the rest.
            unsafe { to.copy_from_nonoverlapping(start, self.nbytes()) };
            return Ok(());
        }
        let bits = self.dtype().element_bits(self.flags().is_padded());
        if bits % 8 != 0 {
            return Err(Error::NotContiguous);
        }
        // SAFETY: the elements are initialised, no other thread writes them, and there is room in `to`, as this function's
        // contract says; so many chunks are as large as an element.
        unsafe {
            match bits / 8 {
                1 => self.copy_chunks::<1>(start, to, 1),
                2 => self.copy_chunks::<2>(start, to, 1),
                4 => self.copy_chunks::<4>(start, to, 1),
                8 => self.copy_chunks::<8>(start, to, 1),
                16 => self.copy_chunks::<16>(start, to, 1),
                size => self.copy_chunks::<1>(start, to, size),
            }
        }
    }

    /// # Safety
    ///
    /// As for [`copy_bytes`](Self::copy_bytes), where elements have `count` chunks of `SIZE` bytes.
    unsafe fn copy_chunks<const SIZE: usize>(
        &self,
        from: *const u8,
        to: *mut u8,
        count: u32,
    ) -> Result<(), Error> {
        // The chunks of an element are one more axis, if there are several.
        let count = isize::try_from(count).map_err(|_| Error::ExtentOverflow)?;
        let dims = self.native_dims()?.in_parts(count)?;
        // SAFETY: invariant 2 of the descriptor for the source, the contract for the destination. Chunks of bytes need no
        // alignment.
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
}
