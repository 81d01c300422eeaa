//! Tensors given to several consumers, whole or in part.

use alloc::sync::Arc;
use core::ops::{Deref, Range};

use super::allocator::Global;
use super::block::{Described, Unpublished};
use super::reexport::{inherited, managed_under, under_header, write_canonical};
use crate::dims::signed;
use crate::error::Error;
use crate::layout::Layout;
use crate::managed::{
    Abi, Descriptor, Fields, Frozen, Managed, ManagedTensorVersioned, OpaqueTensor,
};
use crate::sys;
use crate::view::TensorView;
use crate::vocabulary::{Element, Flags};

impl<A: Abi> Managed<A> {
    /// Gives the tensor to one more consumer, in the current ABI.
    ///
    /// The new tensor keeps this one alive. This makes one allocation and no copy. The flag `IS_COPIED` is lost, and a
    /// legacy tensor becomes read-only unless it is known to be writable.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`], or [`Error::NullData`] if there are elements, but no data.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::Exporter;
    ///
    /// let tensor = Arc::new(Exporter::new([1_u8, 2, 3]).build()?.into_inner());
    /// let (one, two) = (tensor.share()?, tensor.share()?);
    /// assert_eq!(one.data(), two.data());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn share(self: &Arc<Self>) -> Result<ManagedTensorVersioned, Error> {
        let flags = inherited::<sys::DLManagedTensorVersioned>(self);
        Ok(managed_under(Shared(Arc::clone(self)), flags)?)
    }

    /// Returns the tensor of which this one is a share, if it came back from a consumer and still says the same.
    ///
    /// Whoever passes tensors on shares that one, so that shares of shares do not become a chain, which would grow with each
    /// time and be dropped by one deep recursion.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::{Exporter, ManagedTensorVersioned};
    ///
    /// let tensor = Arc::new(Exporter::new([1_u8, 2, 3]).build()?.into_inner());
    /// let raw = tensor.share_opaque()?.into_raw();
    /// // SAFETY: a consumer passes on what it got.
    /// let back = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    /// assert!(Arc::ptr_eq(&back.shared().unwrap(), &tensor));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[must_use]
    pub fn shared(&self) -> Option<Arc<Self>> {
        let Shared(whole) = self.imported_owner::<Shared<Self>>()?;
        says_same(whole, self).then(|| Arc::clone(whole))
    }

    /// Gives the tensor to one more consumer that is yet to get it; see [`share`](Self::share).
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`], or [`Error::NullData`] if there are elements, but no data.
    pub fn share_opaque(self: &Arc<Self>) -> Result<OpaqueTensor, Error> {
        let flags = inherited::<sys::DLManagedTensorVersioned>(self);
        let (block, fields) = under_header(Shared(Arc::clone(self)))?;
        // SAFETY: `under_header` holds the contract.
        Ok(unsafe { block.into_opaque(&fields, flags) })
    }
}

impl<O: Deref<Target = Descriptor> + Send + Sync + 'static> Frozen<O> {
    /// Gives the tensor to one more consumer, read-only; see [`Managed::share`].
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`], or [`Error::NullData`] if there are elements, but no data.
    pub fn share(self: &Arc<Self>) -> Result<Frozen<ManagedTensorVersioned>, Error> {
        let flags = inherited::<sys::DLManagedTensorVersioned>(self).with(Flags::READ_ONLY);
        let tensor: ManagedTensorVersioned = managed_under(Shared(Arc::clone(self)), flags)?;
        // SAFETY: the invariant of this type, which the new tensor keeps alive.
        Ok(unsafe { tensor.assume_frozen() })
    }

    /// Gives a part of the tensor to one more consumer, read-only: any view of it, such as a crop or a transpose.
    ///
    /// The new tensor keeps this one alive. This makes one allocation and no copy; above 8 axes a few more, for shape and
    /// strides of the view and of the tensor in Rust.
    ///
    /// # Errors
    ///
    /// - As for [`view`](Self::view), and what `choose` returns.
    /// - [`Error::OutOfBounds`] if it returns a view of other memory.
    /// - [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::Exporter;
    ///
    /// let picture = Exporter::new(vec![1_u8, 2, 3, 4, 5, 6]).shape(&[2, 3]).build()?;
    /// let picture = Arc::new(picture.freeze());
    /// let column = picture.share_view::<u8>(|pixels| pixels.select(1, 2))?;
    /// drop(picture);
    /// assert_eq!((column.shape(), column.strides()), (&[2][..], &[3][..]));
    /// assert_eq!(column.view::<u8>()?.to_vec(), [3, 6]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    ///
    /// A view of something that lives shorter cannot be returned:
    ///
    /// ```compile_fail,E0597
    /// use std::sync::Arc;
    /// use dlpack::{Exporter, TensorView};
    ///
    /// let tensor = Arc::new(Exporter::new(vec![1_u8, 2]).build()?.freeze());
    /// let other = vec![1_u8, 2];
    /// let view = TensorView::from_slice(&other, &[2])?;
    /// let child = tensor.share_view::<u8>(|_| Ok(view))?;
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn share_view<T: Element>(
        self: &Arc<Self>,
        choose: impl for<'v> FnOnce(TensorView<'v, T>) -> Result<TensorView<'v, T>, Error>,
    ) -> Result<Frozen<ManagedTensorVersioned>, Error> {
        let view = choose(self.view::<T>()?)?;
        let layout = Layout::of::<T>(view.shape(), view.strides())?;
        let mut data = core::ptr::null_mut();
        if !view.is_empty() {
            let first = view.as_ptr();
            let Range { start, end } = self.layout().byte_extents();
            let base = self.address()?.addr().get().wrapping_add_signed(start);
            layout.within(signed(first.addr().wrapping_sub(base)), end.abs_diff(start))?;
            data = first.cast_mut().cast();
        }
        let device = self.device().canonical();
        let fields = Fields { data, byte_offset: 0, device, dtype: T::DTYPE };
        let described = Described { fields, flags: Flags::READ_ONLY, layout };
        let mut block = Unpublished::new(Shared(Arc::clone(self)), Global, view.ndim())?;
        // Cannot fail: `Layout::of` has found that the numbers fit.
        let sizes = view.shape().iter().map(|&size| i64::try_from(size).unwrap_or(0));
        let strides = view.strides().iter().map(|&stride| i64::try_from(stride).unwrap_or(0));
        write_canonical(block.dims_mut(), view.is_empty(), sizes.zip(strides));
        // SAFETY: shape and strides are written, and describe some of the elements of this tensor, which the new one keeps
        // alive and may only read. The invariant of this type holds for them, and a view of this tensor has shown that
        // the host can follow its memory.
        unsafe {
            let tensor = block.into_managed(&described)?;
            Ok(tensor.assume_host_accessible().assume_frozen())
        }
    }
}

/// Returns `true` if two tensors name the same elements, with the same rights and promises.
fn says_same(one: &Descriptor, other: &Descriptor) -> bool {
    one.canonical_fields() == other.canonical_fields()
        && (one.flags(), one.access()) == (other.flags(), other.access())
        && (one.shape(), one.strides()) == (other.shape(), other.strides())
        && one.has_host_promise() == other.has_host_promise()
}

/// A tensor that is kept alive as the owner of others.
struct Shared<T>(Arc<T>);

impl<T: Deref<Target = Descriptor>> Deref for Shared<T> {
    type Target = Descriptor;

    fn deref(&self) -> &Descriptor {
        &self.0
    }
}
