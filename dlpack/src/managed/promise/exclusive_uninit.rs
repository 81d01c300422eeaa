//! The promise that nobody else reaches the elements, which may be uninitialised.

use core::mem::MaybeUninit;

use super::{Exclusive, Tensor, behaves_as_its_tensor};
use crate::error::{Error, Rejected};
use crate::managed::Descriptor;
use crate::view::{TensorView, TensorViewMut};
use crate::vocabulary::Element;

/// A tensor that nobody else reaches, and whose elements may be uninitialised.
///
/// Made by [`ManagedTensorVersioned::try_exclusive`](crate::ManagedTensorVersioned::try_exclusive).
///
/// # Examples
///
/// ```
/// # use dlpack::Exporter;
/// # let copy = Exporter::new(vec![1_u8, 2, 3]).is_copied().build()?.into_inner();
/// let tensor = copy.try_exclusive()?.fill(0_u8)?;
/// assert_eq!(tensor.as_slice::<u8>()?, [0, 0, 0]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct ExclusiveUninit<O>(O);

impl<O: Tensor> ExclusiveUninit<O> {
    /// # Safety
    ///
    /// Nobody else reads or writes the elements for as long as the returned value lives.
    pub(crate) const unsafe fn new(tensor: O) -> Self {
        Self(tensor)
    }

    /// Views the elements; see [`Descriptor::uninit_view`].
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::view`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let copy = dlpack::Exporter::new(vec![1_u8, 2, 3]).is_copied().build()?.into_inner();
    /// assert_eq!(copy.try_exclusive()?.uninit_view::<u8>()?.numel(), 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn uninit_view<T: Element>(&self) -> Result<TensorView<'_, MaybeUninit<T>>, Error> {
        // SAFETY: the promise that the type stands for; `self` writes nothing while it is borrowed.
        unsafe { self.0.uninit_view() }
    }

    /// Writes a value to all elements, which are initialised then.
    ///
    /// # Errors
    ///
    /// As for [`Tensor::view_mut`]; nothing is written then, and the tensor is handed back.
    ///
    /// # Examples
    ///
    /// ```
    /// # let copy = dlpack::Exporter::new(vec![1_u8, 2, 3]).is_copied().build()?.into_inner();
    /// let tensor = copy.try_exclusive()?.fill(7_u8)?;
    /// assert_eq!(tensor.as_slice::<u8>()?, [7, 7, 7]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn fill<T: Element>(self, value: T) -> Result<Exclusive<O>, Rejected<Self>> {
        self.write(|elements| {
            elements.fill(MaybeUninit::new(value));
            Ok(())
        })
    }

    /// Copies all elements of a view of the same shape, after which they are initialised.
    ///
    /// # Errors
    ///
    /// As for [`Tensor::view_mut`] and [`TensorViewMut::copy_from`]; nothing is written then, and the tensor is
    /// handed back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::TensorView;
    /// # let copy = dlpack::Exporter::new(vec![1_u8, 2, 3]).is_copied().build()?.into_inner();
    /// let source = TensorView::from_slice(&[4_u8, 5, 6], &[3])?;
    /// let tensor = copy.try_exclusive()?.copy_from(&source)?;
    /// assert_eq!(tensor.as_slice::<u8>()?, [4, 5, 6]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn copy_from<T: Element>(
        self,
        source: &TensorView<'_, T>,
    ) -> Result<Exclusive<O>, Rejected<Self>> {
        self.write(|elements| elements.init_from(source))
    }

    /// `init` initialises all elements, or fails.
    fn write<T: Element>(
        self,
        init: impl FnOnce(&mut TensorViewMut<'_, MaybeUninit<T>>) -> Result<(), Error>,
    ) -> Result<Exclusive<O>, Rejected<Self>> {
        // SAFETY: the promise that the type stands for. The view does not leave this function, so that no
        // element that is initialised can become uninitialised: the memory may belong to Rust.
        let written =
            unsafe { self.0.mutable_uninit_view() }.and_then(|mut elements| init(&mut elements));
        match written {
            Ok(()) => Ok(Exclusive::new(self.0)),
            Err(error) => Err(Rejected::new(self, error)),
        }
    }

    /// Promises that the elements are initialised.
    ///
    /// # Safety
    ///
    /// All elements are initialised.
    ///
    /// # Examples
    ///
    /// ```
    /// # let copy = dlpack::Exporter::new(vec![1_u8, 2, 3]).is_copied().build()?.into_inner();
    /// // SAFETY: the copy was made of an initialised vector.
    /// let tensor = unsafe { copy.try_exclusive()?.assume_init() };
    /// assert_eq!(tensor.as_slice::<u8>()?, [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn assume_init(self) -> Exclusive<O> {
        Exclusive::new(self.0)
    }

    /// Takes the promise back and returns the tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// # let copy = dlpack::Exporter::new(vec![1_u8, 2, 3]).is_copied().build()?.into_inner();
    /// assert_eq!(copy.try_exclusive()?.into_inner().numel(), 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_inner(self) -> O {
        self.0
    }
}

behaves_as_its_tensor!(ExclusiveUninit);
