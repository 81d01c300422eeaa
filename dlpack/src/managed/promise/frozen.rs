//! The promise that elements stay as they are.

use super::{Tensor, behaves_as_its_tensor};
use crate::error::Error;
use crate::managed::Descriptor;
use crate::view::{PackedView, TensorView, Unaligned};
use crate::vocabulary::{Element, SubByte};

/// A tensor whose elements are initialised and stay as they are.
///
/// Made by [`Tensor::assume_frozen`], by exporting shared Rust memory, or by [`Exclusive::freeze`](crate::Exclusive::freeze).
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use dlpack::Exporter;
///
/// let tensor = Exporter::new(Arc::<[i32]>::from([1, 2, 3])).build()?;
/// assert_eq!(tensor.view::<i32>()?.iter().sum::<i32>(), 6);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct Frozen<O>(O);

/// # Reading
///
/// The errors of all of these are those of [`Descriptor::view`] and its siblings.
impl<O: Tensor> Frozen<O> {
    /// The promise has been made.
    #[inline]
    pub(super) const fn new(tensor: O) -> Self {
        Self(tensor)
    }

    /// Views the elements; see [`Descriptor::view`].
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::view`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![1_u8, 2]).build()?.freeze();
    /// assert_eq!(tensor.view::<u8>()?[[1]], 2);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn view<T: Element>(&self) -> Result<TensorView<'_, T>, Error> {
        // SAFETY: the promise that the type stands for.
        unsafe { self.0.view() }
    }

    /// Views the elements at any alignment; see [`Descriptor::unaligned_view`].
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::unaligned_view`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![1_u32, 2]).build()?.freeze();
    /// assert_eq!(tensor.unaligned_view::<u32>()?[[1]].get(), 2);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn unaligned_view<T: Element>(&self) -> Result<TensorView<'_, Unaligned<T>>, Error> {
        // SAFETY: the promise that the type stands for.
        unsafe { self.0.unaligned_view() }
    }

    /// Views elements that are smaller than a byte; see [`Descriptor::packed_view`].
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::packed_view`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{DataType, Exporter, types::U4};
    /// # let bytes = Exporter::new(vec![0x21_u8]).dtype(DataType::U4).shape(&[2]);
    /// # let tensor = bytes.build()?.freeze();
    /// assert_eq!(tensor.packed_view::<U4>()?.get(1).map(U4::to_u8), Some(2));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn packed_view<T: SubByte>(&self) -> Result<PackedView<'_, T>, Error> {
        // SAFETY: the promise that the type stands for.
        unsafe { self.0.packed_view() }
    }

    /// Returns the elements as a slice, in row-major order; see [`Descriptor::as_slice`].
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::as_slice`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![1_u8, 2]).build()?.freeze();
    /// assert_eq!(tensor.as_slice::<u8>()?, [1, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn as_slice<T: Element>(&self) -> Result<&[T], Error> {
        // SAFETY: the promise that the type stands for.
        unsafe { self.0.as_slice() }
    }

    /// Takes the promise back and returns the tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// # let tensor = dlpack::Exporter::new(vec![1_u8, 2]).build()?.freeze();
    /// let raw = tensor.into_inner().into_raw();
    /// # // SAFETY: just passed on.
    /// # drop(unsafe { dlpack::ManagedTensorVersioned::from_raw(raw) }?);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn into_inner(self) -> O {
        self.0
    }
}

behaves_as_its_tensor!(Frozen);
