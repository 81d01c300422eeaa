//! Promises about the elements, made once in an `unsafe` call and kept by a type.

mod exclusive;
mod exclusive_uninit;
mod frozen;

use core::ops::Deref;

pub use exclusive::Exclusive;
pub use exclusive_uninit::ExclusiveUninit;
pub use frozen::Frozen;

use super::descriptor::{Access, Descriptor};
use crate::error::Error;
use crate::view::TensorViewMut;
use crate::vocabulary::Element;

pub(in crate::managed) mod sealed {
    /// What only this room can make.
    #[derive(Debug)]
    pub struct Key(pub(in crate::managed) ());

    pub trait Described {
        /// A bound on [`Tensor`](super::Tensor) lets anyone call this, but nobody outside has a key.
        fn descriptor_mut(&mut self, key: Key) -> &mut super::Descriptor;
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
    #[inline]
    unsafe fn assume_frozen(self) -> Frozen<Self> {
        Frozen::new(self)
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
    #[inline]
    unsafe fn assume_exclusive(self) -> Exclusive<Self> {
        Exclusive::new(self)
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
    #[inline]
    unsafe fn assume_writable(mut self) -> Self {
        self.descriptor_mut(sealed::Key(())).access = Access::Writable;
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
    #[inline]
    unsafe fn assume_host_accessible(mut self) -> Self {
        self.descriptor_mut(sealed::Key(())).host = true;
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
        unsafe { (**self).mutable_view() }
    }
}

/// What a promise around a tensor passes on to it.
macro_rules! behaves_as_its_tensor {
    ($name:ident) => {
        impl<O: Tensor> core::ops::Deref for $name<O> {
            type Target = Descriptor;

            #[inline]
            fn deref(&self) -> &Descriptor {
                &self.0
            }
        }

        impl<O: Tensor> core::fmt::Debug for $name<O> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Debug::fmt(&**self, f)
            }
        }

        impl $name<crate::managed::ManagedTensorVersioned> {
            /// Returns the struct to be passed on to a consumer, who must call its deleter; see
            /// [`ManagedTensorVersioned::into_raw`](crate::ManagedTensorVersioned::into_raw).
            ///
            /// # Examples
            ///
            /// ```
            /// # use dlpack::{Exporter, ManagedTensorVersioned};
            /// let raw = Exporter::new([1_u8, 2]).build()?.into_raw();
            /// // SAFETY: a struct of this crate, just passed on.
            /// drop(unsafe { ManagedTensorVersioned::from_raw(raw) }?);
            /// # Ok::<(), dlpack::Error>(())
            /// ```
            #[must_use = "the deleter must be called"]
            pub fn into_raw(self) -> *mut crate::sys::DLManagedTensorVersioned {
                self.0.into_raw()
            }
        }

        impl $name<crate::managed::ManagedTensor> {
            /// Returns the struct to be passed on to a consumer, who must call its deleter; see
            /// [`ManagedTensorVersioned::into_raw`](crate::ManagedTensorVersioned::into_raw).
            ///
            /// # Examples
            ///
            /// ```
            /// # use dlpack::{Exporter, ManagedTensor};
            /// let raw = Exporter::new([1_u8, 2]).build_legacy()?.into_raw();
            /// // SAFETY: a struct of this crate, just passed on.
            /// drop(unsafe { ManagedTensor::from_raw(raw) }?);
            /// # Ok::<(), dlpack::Error>(())
            /// ```
            #[must_use = "the deleter must be called"]
            pub fn into_raw(self) -> *mut crate::sys::DLManagedTensor {
                self.0.into_raw()
            }
        }
    };
}

use behaves_as_its_tensor;
