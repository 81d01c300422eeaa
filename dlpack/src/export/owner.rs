//! Who can own exported memory, and who else may see it.

use core::ops::Deref;

use crate::managed::{Descriptor, Exclusive, Frozen, Tensor};
use crate::vocabulary::Element;

/// An owner of initialised elements that stay where they are while the owner does.
///
/// Implemented for `Vec<T>`, `Box<[T]>`, `Box<[T; N]>`, `[T; N]` and `&'static mut [T]`, which are [`Unique`]; for `Arc<[T]>`,
/// `Arc<[T; N]>`, `Arc<Vec<T>>`, `Arc<Box<[T]>>`, `Cow<'static, [T]>` and `&'static [T]`, which are [`Shared`]; and for what
/// [`loan()`](crate::loan()) makes of any of these. Implement it to export memory of your own types;
/// [`Exporter`](crate::Exporter) does the rest.
///
/// `Send`, because consumers run deleters on any thread.
///
/// # Safety
///
/// The slice that [`memory`](Self::memory) returns is one live allocation of initialised elements, properly aligned,
/// until the owner is next moved, dropped or borrowed; and until then
///
/// - if `Sharing` is [`Unique`], it can be written, and nobody else reads or writes it;
/// - if `Sharing` is [`Shared`], nobody writes it.
///
/// Both hold for all threads.
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, Owner, Unique};
///
/// struct Samples(Box<[i16]>);
///
/// // SAFETY: the box is the only way to its elements, and it is private and never replaced.
/// unsafe impl Owner for Samples {
///     type Element = i16;
///     type Sharing = Unique;
///
///     fn memory(&mut self) -> *mut [i16] {
///         &raw mut *self.0
///     }
/// }
///
/// let tensor = Exporter::new(Samples(Box::new([1, 2, 3]))).build()?;
/// assert_eq!(tensor.as_slice::<i16>()?, [1, 2, 3]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub unsafe trait Owner: Send + 'static {
    /// The type of the elements.
    type Element: Element;
    /// [`Unique`] or [`Shared`].
    type Sharing: Sharing;

    /// Returns the elements.
    ///
    /// Called once, after the owner has come to its final place.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Owner;
    ///
    /// assert_eq!(vec![1_u8, 2].memory().len(), 2);
    /// ```
    fn memory(&mut self) -> *mut [Self::Element];
}

/// Whether the elements of an owner can be reached by others; [`Unique`] or [`Shared`].
///
/// # Examples
///
/// ```
/// use dlpack::{Exclusive, ManagedTensorVersioned, Sharing, Unique};
///
/// type Tensor = <Unique as Sharing>::Tensor<ManagedTensorVersioned>;
/// let tensor: Tensor = dlpack::Exporter::new(vec![1_u8]).build()?;
/// let tensor: Exclusive<ManagedTensorVersioned> = tensor;
/// assert_eq!(tensor.numel(), 1);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub trait Sharing: sealed::Sharing {
    /// What the exporter returns: the promise that can be made of such memory.
    type Tensor<O: Tensor>: Deref<Target = Descriptor>;

    /// Takes the promise back and returns the tensor, for code that is generic over owners.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, Exporter, Owner, Sharing, sys};
    ///
    /// fn give<O: Owner>(owner: O) -> Result<*mut sys::DLManagedTensorVersioned, Error> {
    ///     let tensor = Exporter::new(owner).build()?;
    ///     Ok(O::Sharing::into_inner(tensor).into_raw())
    /// }
    ///
    /// let raw = give(vec![1_u8, 2])?;
    /// # // SAFETY: just passed on.
    /// # drop(unsafe { dlpack::ManagedTensorVersioned::from_raw(raw) }?);
    /// # Ok::<(), Error>(())
    /// ```
    fn into_inner<O: Tensor>(tensor: Self::Tensor<O>) -> O;
}

/// Nobody else reaches the elements: they can be written.
///
/// # Examples
///
/// ```
/// let mut tensor = dlpack::Exporter::new(vec![1_u8, 2]).build()?;
/// tensor.view_mut::<u8>()?.fill(0);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Unique {}

/// Others may read the elements, and nobody writes them: they are exported read-only.
///
/// The legacy ABI has no way to say so, hence no way to export such memory.
///
/// # Examples
///
/// ```
/// use dlpack::{Access, Error, Exporter};
///
/// static TABLE: [u8; 2] = [1, 2];
/// assert_eq!(Exporter::new(&TABLE[..]).build()?.access(), Access::ReadOnly);
/// let refused = Exporter::new(&TABLE[..]).build_legacy().unwrap_err();
/// assert_eq!(refused.error(), Error::ReadOnlyNotExpressible);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Shared {}

pub(super) mod sealed {
    use crate::managed::Tensor;

    pub trait Sharing {
        const READ_ONLY: bool;

        /// # Safety
        ///
        /// The elements of `tensor` are those of an owner with this sharing, which it owns.
        unsafe fn promise<O: Tensor>(tensor: O) -> <Self as super::Sharing>::Tensor<O>
        where
            Self: super::Sharing;
    }
}

impl Sharing for Unique {
    type Tensor<O: Tensor> = Exclusive<O>;

    fn into_inner<O: Tensor>(tensor: Exclusive<O>) -> O {
        tensor.into_inner()
    }
}

impl sealed::Sharing for Unique {
    const READ_ONLY: bool = false;

    unsafe fn promise<O: Tensor>(tensor: O) -> Exclusive<O> {
        // SAFETY: the caller's promise, and the contract of `Owner`.
        unsafe { tensor.assume_exclusive() }
    }
}

impl Sharing for Shared {
    type Tensor<O: Tensor> = Frozen<O>;

    fn into_inner<O: Tensor>(tensor: Frozen<O>) -> O {
        tensor.into_inner()
    }
}

impl sealed::Sharing for Shared {
    const READ_ONLY: bool = true;

    unsafe fn promise<O: Tensor>(tensor: O) -> Frozen<O> {
        // SAFETY: the caller's promise, and the contract of `Owner`.
        unsafe { tensor.assume_frozen() }
    }
}
