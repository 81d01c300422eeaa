//! Promises about the elements, made once in an `unsafe` call and kept by a type.

use core::fmt;
use core::mem::MaybeUninit;
use core::ops::Deref;

use super::descriptor::{Access, Descriptor};
use super::{ManagedTensor, ManagedTensorVersioned};
use crate::error::{Error, Rejected};
use crate::sys;
use crate::view::{PackedView, TensorView, TensorViewMut, Unaligned};
use crate::vocabulary::{Element, SubByte};

pub(super) mod sealed {
    pub trait Described {
        fn descriptor_mut(&mut self) -> &mut super::Descriptor;
    }
}

/// A tensor that came in, in whichever struct.
///
/// What the standard leaves open the caller can promise here, each time in one `unsafe` call.
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, Tensor};
///
/// let tensor = Exporter::new([1_u8, 2, 3]).build_legacy()?.into_inner();
/// // SAFETY: the array was initialised, and nobody writes it.
/// let tensor = unsafe { tensor.assume_frozen() };
/// assert_eq!(tensor.as_slice::<u8>()?, [1, 2, 3]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub trait Tensor: Deref<Target = Descriptor> + sealed::Described + Sized {
    /// Promises that the elements are initialised and stay as they are, so that they can be read safely.
    ///
    /// # Safety
    ///
    /// All elements are initialised, and nobody writes them for as long as the returned value lives.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{Exporter, Tensor};
    /// let tensor = Exporter::new([1_u8, 2, 3]).build()?.into_inner();
    /// // SAFETY: the array was initialised, and nobody else knows of it.
    /// let tensor = unsafe { tensor.assume_frozen() };
    /// assert_eq!(tensor.view::<u8>()?[[2]], 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    unsafe fn assume_frozen(self) -> Frozen<Self> {
        Frozen(self)
    }

    /// Promises that nobody else reaches the elements, so that they can be read and written safely.
    ///
    /// Does not make a read-only tensor writable.
    ///
    /// # Safety
    ///
    /// All elements are initialised, and nobody else reads or writes them for as long as the returned value lives.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{Exporter, Tensor};
    /// let tensor = Exporter::new([1_u8, 2, 3]).build()?.into_inner();
    /// // SAFETY: the array was initialised, and nobody else knows of it.
    /// let mut tensor = unsafe { tensor.assume_exclusive() };
    /// tensor.view_mut::<u8>()?[[2]] = 9;
    /// assert_eq!(tensor.as_slice::<u8>()?, [1, 2, 9]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    unsafe fn assume_exclusive(self) -> Exclusive<Self> {
        Exclusive(self)
    }

    /// Promises that the memory may be written, whatever the struct says or cannot say.
    ///
    /// # Safety
    ///
    /// Every byte of the tensor's extents can be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{Access, Exporter, ManagedTensor, Tensor};
    /// # let raw = Exporter::new([1_u8, 2, 3]).build_legacy()?.into_raw();
    /// // SAFETY: the producer passes the tensor on, and its documentation says that it may be written.
    /// let tensor = unsafe { ManagedTensor::from_raw(raw)?.assume_writable() };
    /// assert_eq!(tensor.access(), Access::Writable);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[must_use]
    unsafe fn assume_writable(mut self) -> Self {
        self.descriptor_mut().access = Access::Writable;
        self
    }

    /// Promises that the host can follow the data pointer, whatever the device.
    ///
    /// For CUDA managed memory, and for devices that this crate does not know.
    ///
    /// # Safety
    ///
    /// Clause S5 of [`ManagedTensorVersioned::from_raw`](crate::ManagedTensorVersioned::from_raw) holds for
    /// the tensor as if its device were the CPU, and work that the device still does on it has ended whenever a
    /// view is made.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{Exporter, Tensor};
    /// let tensor = Exporter::new([1_u8, 2, 3]).build()?.into_inner();
    /// // SAFETY: the device is the CPU.
    /// let tensor = unsafe { tensor.assume_host_accessible() };
    /// assert_eq!(tensor.numel(), 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[must_use]
    unsafe fn assume_host_accessible(mut self) -> Self {
        self.descriptor_mut().host = true;
        self
    }

    /// Views the elements to write them.
    ///
    /// # Errors
    ///
    /// As for [`Descriptor::view`], and [`Error::ReadOnly`] or [`Error::WritabilityUnknown`] unless the memory is known
    /// to be writable, [`Error::Overlapping`] if two indices may name the same element.
    ///
    /// # Safety
    ///
    /// While the view lives, all elements are initialised and nobody else reads or writes them.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{Exporter, Tensor};
    /// let mut tensor = Exporter::new([1_u8, 2, 3]).build()?.into_inner();
    /// // SAFETY: the array was initialised, and nobody else knows of it.
    /// unsafe { tensor.view_mut::<u8>() }?.fill(7);
    /// // SAFETY: the same.
    /// assert_eq!(unsafe { tensor.view::<u8>() }?[[1]], 7);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    unsafe fn view_mut<T: Element>(&mut self) -> Result<TensorViewMut<'_, T>, Error> {
        // SAFETY: the caller's promise.
        unsafe { (**self).view_mut() }
    }
}

/// A tensor whose elements are initialised and stay as they are.
///
/// Made by [`Tensor::assume_frozen`], by exporting shared Rust memory, or by [`Exclusive::freeze`].
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

/// A tensor that nobody else reaches, and whose elements may be uninitialised.
///
/// Made by [`ManagedTensorVersioned::try_exclusive`].
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

/// # Reading
///
/// The errors of all of these are those of [`Descriptor::view`] and its siblings.
impl<O: Tensor> Frozen<O> {
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
    /// # use dlpack::{DataType, Exporter, U4};
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
    pub fn into_inner(self) -> O {
        self.0
    }
}

/// # Reading and writing
///
/// The errors of all of these are those of [`Descriptor::view`], [`Tensor::view_mut`] and their siblings.
impl<O: Tensor> Exclusive<O> {
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
    /// # use dlpack::{DataType, Exporter, U4};
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
        Frozen(self.0)
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
        self.write(|elements| elements.copy_from(&source.as_uninit()))
    }

    /// `init` initialises all elements, or fails.
    fn write<T: Element>(
        self,
        init: impl FnOnce(&mut TensorViewMut<'_, MaybeUninit<T>>) -> Result<(), Error>,
    ) -> Result<Exclusive<O>, Rejected<Self>> {
        // SAFETY: the promise that the type stands for. The view does not leave this function, so that no
        // element that is initialised can become uninitialised: the memory may belong to Rust.
        let written =
            unsafe { self.0.uninit_view_mut() }.and_then(|mut elements| init(&mut elements));
        match written {
            Ok(()) => Ok(Exclusive(self.0)),
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
        Exclusive(self.0)
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

macro_rules! behaves_as_its_tensor {
    ($name:ident) => {
        impl<O: Tensor> Deref for $name<O> {
            type Target = Descriptor;

            #[inline]
            fn deref(&self) -> &Descriptor {
                &self.0
            }
        }

        impl<O: Tensor> fmt::Debug for $name<O> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&**self, f)
            }
        }

        impl $name<ManagedTensorVersioned> {
            /// Passes the tensor on to a consumer, who must call its deleter.
            ///
            /// # Examples
            ///
            /// ```
            /// # use dlpack::{Exporter, ManagedTensorVersioned};
            /// let raw = Exporter::new([1_u8, 2]).build()?.into_raw();
            /// // SAFETY: just passed on.
            /// drop(unsafe { ManagedTensorVersioned::from_raw(raw) }?);
            /// # Ok::<(), dlpack::Error>(())
            /// ```
            #[must_use = "the deleter must be called"]
            pub fn into_raw(self) -> *mut sys::DLManagedTensorVersioned {
                self.0.into_raw()
            }
        }

        impl $name<ManagedTensor> {
            /// Passes the tensor on to a consumer, who must call its deleter.
            ///
            /// # Examples
            ///
            /// ```
            /// # use dlpack::{Exporter, ManagedTensor};
            /// let raw = Exporter::new([1_u8, 2]).build_legacy()?.into_raw();
            /// // SAFETY: just passed on.
            /// drop(unsafe { ManagedTensor::from_raw(raw) }?);
            /// # Ok::<(), dlpack::Error>(())
            /// ```
            #[must_use = "the deleter must be called"]
            pub fn into_raw(self) -> *mut sys::DLManagedTensor {
                self.0.into_raw()
            }
        }
    };
}

behaves_as_its_tensor!(Frozen);
behaves_as_its_tensor!(Exclusive);
behaves_as_its_tensor!(ExclusiveUninit);
