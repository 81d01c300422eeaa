//! What an exporter can be given: an owner of Rust memory, or memory that was adopted.

use core::ops::Deref;

use super::adopted::{Adopted, Memory};
use super::owner::{Owner, Sharing, sealed::Sharing as _};
use crate::managed::{Descriptor, Tensor};
use crate::vocabulary::{DataType, Device, Element, assert_element};

/// What [`Exporter`](crate::Exporter) exports: every [`Owner`], and [`Adopted`] memory.
///
/// # Examples
///
/// ```
/// use dlpack::{Error, Exporter, Source};
///
/// fn rank(source: impl Source) -> Result<usize, Error> {
///     Ok(Exporter::new(source).build()?.ndim())
/// }
///
/// assert_eq!(rank(vec![1_u8, 2])?, 1);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an `Owner` nor `Adopted` memory",
    note = "implement `dlpack::Owner` for it, or wrap its memory in `dlpack::Adopted`"
)]
pub trait Source: sealed::Source {
    /// What is made of the exported tensor: for an [`Owner`] the promise that its [`Sharing`] allows, for [`Adopted`] memory
    /// the tensor as it is.
    type Tensor<T: Tensor>: Deref<Target = Descriptor>;
}

pub(super) mod sealed {
    use super::{DataType, Memory, Tensor};

    /// # Safety
    ///
    /// [`memory`](Self::memory) returns memory that holds the contract of
    /// [`Adopted::new`](super::Adopted::new).
    pub unsafe trait Source: Sized {
        /// What lies in the block, and comes back with `downcast`.
        type Owner: Send + 'static;
        /// What is left of the source beside the owner.
        type Rest: Copy;

        /// Whether consumers may not write.
        const READ_ONLY: bool;
        /// The dtype, unless the caller chooses one.
        const DTYPE: DataType;

        fn split(self) -> (Self::Owner, Self::Rest);

        fn join(owner: Self::Owner, rest: Self::Rest) -> Self;

        /// Called once, when the owner has come to its final place.
        fn memory(owner: &mut Self::Owner, rest: Self::Rest) -> Memory;

        /// # Safety
        ///
        /// `tensor` owns an owner of this source, and is of its elements.
        unsafe fn promise<T: Tensor>(tensor: T) -> <Self as super::Source>::Tensor<T>
        where
            Self: super::Source;
    }
}

impl<O: Owner> Source for O {
    type Tensor<T: Tensor> = <O::Sharing as Sharing>::Tensor<T>;
}

// SAFETY: the contract of `Owner`.
unsafe impl<O: Owner> sealed::Source for O {
    type Owner = O;
    type Rest = ();

    const READ_ONLY: bool = O::Sharing::READ_ONLY;
    const DTYPE: DataType = O::Element::DTYPE;

    #[inline]
    fn split(self) -> (O, ()) {
        (self, ())
    }

    #[inline]
    fn join(owner: O, (): ()) -> Self {
        owner
    }

    #[inline]
    fn memory(owner: &mut O, (): ()) -> Memory {
        const { assert_element::<O::Element>() };
        let elements = owner.memory();
        let nbytes = elements.len() * size_of::<O::Element>();
        Memory { data: elements.cast(), nbytes, device: Device::CPU }
    }

    #[inline]
    unsafe fn promise<T: Tensor>(tensor: T) -> <Self as Source>::Tensor<T> {
        // SAFETY: the caller's promise.
        unsafe { O::Sharing::promise(tensor) }
    }
}

impl<O: Send + 'static> Source for Adopted<O> {
    type Tensor<T: Tensor> = T;
}

// SAFETY: who made it has promised that.
unsafe impl<O: Send + 'static> sealed::Source for Adopted<O> {
    type Owner = O;
    type Rest = Memory;

    const READ_ONLY: bool = false;
    const DTYPE: DataType = DataType::U8;

    #[inline]
    fn split(self) -> (O, Memory) {
        (self.owner, self.memory)
    }

    #[inline]
    fn join(owner: O, memory: Memory) -> Self {
        Self { owner, memory }
    }

    #[inline]
    fn memory(_: &mut O, memory: Memory) -> Memory {
        memory
    }

    #[inline]
    unsafe fn promise<T: Tensor>(tensor: T) -> <Self as Source>::Tensor<T> {
        tensor
    }
}
