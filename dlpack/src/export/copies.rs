//! New tensors with copies of elements.

use alloc::vec::Vec;
use core::ops::Deref;

use super::exporter::Exporter;
use crate::error::Error;
use crate::managed::{Descriptor, Exclusive, Frozen, ManagedTensorVersioned};
use crate::view::{TensorView, ViewElement};
use crate::vocabulary::{DataType, Element};

/// What copies of tensors of any dtype are allocated in: aligned for all Rust elements, and for consumers such as JAX, which
/// make a copy of their own of what is aligned less.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Block([u8; 64]);

impl Block {
    const ZERO: Self = Self([0; 64]);
}

// SAFETY: as for the array in it.
unsafe impl bytemuck::Zeroable for Block {}

// SAFETY: the same; its size is its alignment, so that nothing is between two of them.
unsafe impl bytemuck::Pod for Block {}

// SAFETY: so many bytes.
unsafe impl Element for Block {
    const DTYPE: DataType = DataType::U8.with_lanes(64);
}

impl<I: ViewElement<Value: Element>> TensorView<'_, I> {
    /// Copies the elements into a new, row-major tensor, which is marked as a copy.
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
        let elements = self.try_to_vec()?;
        Ok(Exporter::new(elements).shape(self.shape()).copied().build()?)
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
    /// All elements are initialised, and no other thread writes them during this call.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::Exporter;
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
        let mut blocks = Vec::<Block>::new();
        let count = self.nbytes().div_ceil(size_of::<Block>());
        blocks.try_reserve_exact(count).map_err(|_| Error::AllocationFailed)?;
        if let Some(last) = blocks.spare_capacity_mut()[..count].last_mut() {
            // The bytes after the last element.
            last.write(Block::ZERO);
        }
        let start = blocks.spare_capacity_mut().as_mut_ptr().cast::<u8>();
        // SAFETY: there is room for all bytes, in new memory; the caller's promise for the rest.
        unsafe { self.copy_bytes(start) }?;
        // SAFETY: all of them have been written, the last block also where no element is.
        unsafe { blocks.set_len(count) };
        let shape = self.native_dims()?;
        let exporter = Exporter::new(blocks).dtype(self.dtype()).copied();
        let exporter = exporter.shape(bytemuck::cast_slice(shape.shape()));
        let exporter = if self.flags().is_padded() { exporter.padded() } else { exporter };
        Ok(exporter.build()?)
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
    /// # let tensor = dlpack::Exporter::new(vec![1_u8, 2]).build()?.freeze();
    /// assert_eq!(tensor.to_copy()?.as_slice::<u8>()?, [1, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn to_copy(&self) -> Result<Exclusive<ManagedTensorVersioned>, Error> {
        // SAFETY: the promise that the type stands for.
        unsafe { Descriptor::to_copy(self) }
    }
}
