//! The promise that nobody else reaches the elements.

use super::{Frozen, Tensor, behaves_as_its_tensor};
use crate::error::Error;
use crate::managed::Descriptor;
use crate::view::{PackedView, TensorView, TensorViewMut};
use crate::vocabulary::{Element, SubByte};

/// A tensor whose elements are initialised and that nobody else reaches.
///
/// Made by [`Tensor::assume_exclusive`], or by exporting Rust memory that has one owner.
///
/// # Examples
///
/// ```
/// use dlpack::Exporter;
///
/// let mut tensor = Exporter::new(vec![1, 2, 3]).build()?;
/// tensor.view_mut::<i32>()?.fill(5);
/// assert_eq!(tensor.as_slice::<i32>()?, [5, 5, 5]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct Exclusive<O>(O);

/// # Reading and writing
///
/// The errors of all of these are those of [`Descriptor::view`], [`Tensor::view_mut`] and their siblings.
impl<O: Tensor> Exclusive<O> {
    /// The promise has been made.
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
    /// # let tensor = dlpack::Exporter::new(vec![1_u8, 2]).build()?;
    /// assert_eq!(tensor.view::<u8>()?[[1]], 2);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn view<T: Element>(&self) -> Result<TensorView<'_, T>, Error> {
        // SAFETY: the promise that the type stands for; `self` writes nothing while it is borrowed.
        unsafe { self.0.view() }
    }

    /// Views the elements to write them; see [`Tensor::view_mut`].
    ///
    /// # Errors
    ///
    /// As for [`Tensor::view_mut`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let mut tensor = dlpack::Exporter::new(vec![1_u8, 2]).build()?;
    /// tensor.view_mut::<u8>()?[[0]] = 7;
    /// assert_eq!(tensor.as_slice::<u8>()?, [7, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn view_mut<T: Element>(&mut self) -> Result<TensorViewMut<'_, T>, Error> {
        // SAFETY: the promise that the type stands for; `self` is borrowed with the view.
        unsafe { self.0.view_mut() }
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
    /// let bytes = Exporter::new(vec![0x21_u8]);
    /// let tensor = bytes.dtype(DataType::U4).shape(&[2]).build()?;
    /// assert_eq!(tensor.packed_view::<U4>()?.get(1).map(U4::to_u8), Some(2));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn packed_view<T: SubByte>(&self) -> Result<PackedView<'_, T>, Error> {
        // SAFETY: the promise that the type stands for; `self` writes nothing while it is borrowed.
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
    /// # let tensor = dlpack::Exporter::new(vec![1_u8, 2]).build()?;
    /// assert_eq!(tensor.as_slice::<u8>()?, [1, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn as_slice<T: Element>(&self) -> Result<&[T], Error> {
        // SAFETY: the promise that the type stands for; `self` writes nothing while it is borrowed.
        unsafe { self.0.as_slice() }
    }

    /// Gives up writing.
    ///
    /// # Examples
    ///
    /// ```
    /// let tensor = dlpack::Exporter::new(vec![1_u8, 2]).build()?.freeze();
    /// assert_eq!(tensor.as_slice::<u8>()?, [1, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn freeze(self) -> Frozen<O> {
        Frozen::new(self.0)
    }

    /// Takes the promise back and returns the tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// let raw = dlpack::Exporter::new(vec![1_u8, 2]).build()?.into_inner().into_raw();
    /// # // SAFETY: just passed on.
    /// # drop(unsafe { dlpack::ManagedTensorVersioned::from_raw(raw) }?);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_inner(self) -> O {
        self.0
    }
}

behaves_as_its_tensor!(Exclusive);
