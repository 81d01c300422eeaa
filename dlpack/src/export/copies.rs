//! New tensors with copies of elements.

use alloc::vec::Vec;
use core::ops::Deref;

use super::exporter::Exporter;
use crate::error::Error;
use crate::managed::{Descriptor, Exclusive, Frozen, ManagedTensorVersioned};
use crate::view::{TensorView, ViewElement, write_row_major};
use crate::vocabulary::{Device, Element};

/// What copies are allocated in: aligned for all elements, by clause 4 of [`Element`], and for consumers such as JAX, which make a
/// copy of their own of what is aligned less.
#[repr(align(64))]
struct Block(#[expect(dead_code, reason = "only its size and alignment matter")] [u8; 64]);

/// An exporter of new memory that `write` has written.
///
/// # Safety
///
/// If it succeeds, `write` has initialised `nbytes` bytes from its argument on, which can be written.
unsafe fn copied<'a>(
    nbytes: usize,
    write: impl FnOnce(*mut u8) -> Result<(), Error>,
) -> Result<Exporter<'a, Vec<Block>>, Error> {
    let mut blocks = Vec::<Block>::new();
    let count = nbytes.div_ceil(size_of::<Block>());
    blocks.try_reserve_exact(count).map_err(|_| Error::AllocationFailed)?;
    let start = blocks.as_mut_ptr();
    write(start.cast())?;
    // SAFETY: there is room for so many bytes in the vector, whose memory stays where it is when the vector moves. Nobody
    // else knows of it.
    Ok(unsafe { Exporter::from_raw_parts(blocks, start.cast(), nbytes, Device::CPU).copied() })
}

impl<I: ViewElement<Value: Element>> TensorView<'_, I> {
    /// Copies the elements into a new, row-major tensor, which is marked as a copy.
    ///
    /// The elements of the copy are aligned to 64 bytes, which some consumers want. Arrays stay lanes, as they are in the
    /// view.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Flags, TensorView};
    ///
    /// let columns = TensorView::from_slice(&[1, 2, 3, 4], &[2, 2])?.transpose();
    /// let tensor = columns.to_tensor()?;
    /// assert_eq!(tensor.as_slice::<i32>()?, [1, 3, 2, 4]);
    /// assert_eq!(tensor.flags(), Flags::IS_COPIED);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn to_tensor(&self) -> Result<Exclusive<ManagedTensorVersioned>, Error> {
        let nbytes = self.numel().checked_mul(size_of::<I::Value>()).ok_or(Error::ShapeOverflow)?;
        // SAFETY: there is room for all elements, in new memory that is aligned for them by clause 4 of `Element`, and all of them
        // are written.
        let exporter = unsafe {
            copied(nbytes, |start| {
                write_row_major(self.strided(), start.cast::<I::Value>());
                Ok(())
            })
        }?;
        let tensor = exporter.dtype(<I::Value as Element>::DTYPE).shape(self.shape()).build()?;
        // SAFETY: the elements have been written, and nobody else knows of them.
        Ok(unsafe { tensor.assume_exclusive() })
    }
}

/// # Copies
impl Descriptor {
    /// Copies a tensor of any dtype into a new, row-major one, which is marked as a copy.
    ///
    /// The elements of the copy are aligned to 64 bytes, which some consumers want.
    ///
    /// # Errors
    ///
    /// - [`Error::NotHostAccessible`], [`Error::NullData`], [`Error::ByteOffsetOverflow`], [`Error::AddressOverflow`] as
    ///   for [`view`](Self::view).
    /// - [`Error::NotContiguous`] for packed elements that do not lie side by side in row-major order.
    /// - [`Error::AllocationFailed`].
    ///
    /// # Safety
    ///
    /// All elements are initialised, and no other thread writes them during this call. There is no `&mut` to any of them that
    /// was made before and is used again afterwards.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let tensor = Exporter::new(vec![1_u8, 2]).build()?.into_inner();
    /// // SAFETY: the vector was initialised, and nobody else knows of it.
    /// let copy = unsafe { tensor.to_copy() }?;
    /// assert_ne!(copy.data(), tensor.data());
    /// assert_eq!(copy.as_slice::<u8>()?, [1, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn to_copy(&self) -> Result<Exclusive<ManagedTensorVersioned>, Error> {
        self.check_host()?;
        self.address()?;
        // SAFETY: there is room for all bytes, in new memory, and all of them are written. The elements are initialised, and no
        // other thread writes them, as this function's contract says.
        let exporter = unsafe { copied(self.nbytes(), |start| self.copy_bytes(start)) }?;
        let exporter = exporter.dtype(self.dtype()).shape_of(self);
        let exporter = if self.flags().is_padded() { exporter.padded() } else { exporter };
        let tensor = exporter.build()?;
        // SAFETY: the elements have been written, and nobody else knows of them.
        Ok(unsafe { tensor.assume_exclusive() })
    }
}

impl<O: Deref<Target = Descriptor>> Frozen<O> {
    /// Copies a tensor of any dtype; see [`Descriptor::to_copy`].
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::to_copy`].
    ///
    /// # Examples
    ///
    /// ```
    /// let tensor = dlpack::Exporter::new(vec![1_u8, 2]).build()?.freeze();
    /// assert_eq!(tensor.to_copy()?.as_slice::<u8>()?, [1, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn to_copy(&self) -> Result<Exclusive<ManagedTensorVersioned>, Error> {
        // SAFETY: the invariant: all elements are initialised, and nobody writes them.
        unsafe { Descriptor::to_copy(self) }
    }
}
