//! Tensors given to several consumers, whole or in part.

use alloc::sync::Arc;
use core::any::{Any, TypeId};
use core::ops::{Deref, Range};

use super::allocator::Global;
use super::block::Unpublished;
use super::reexport::{covers, inherited, write};
use super::whole::{Shared, Whole};
use crate::dims::signed;
use crate::error::Error;
use crate::layout::Layout;
use crate::managed::{
    Abi, Access, AnyManagedTensor, Descriptor, Fields, Frozen, Header, Managed,
    ManagedTensorVersioned, OpaqueTensor,
};
use crate::sys;
use crate::view::TensorView;
use crate::vocabulary::{Element, Flags};

impl<A: Abi> Managed<A> {
    /// Gives the tensor to one more consumer, in the current ABI.
    ///
    /// The new tensor keeps this one alive, or, if this one is a share, the tensor of which it is one. This makes one
    /// allocation and no copy. The flag `IS_COPIED` is lost, and a legacy tensor becomes read-only unless it is known to be
    /// writable.
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
        // SAFETY: what is kept alive is made of this tensor.
        unsafe { Shared::of(self, Some(self), false).managed(self, Flags::NONE) }
    }

    /// Returns the tensor of which this one is a share, if it came back from a consumer and still says the same.
    ///
    /// Whoever passes tensors on can go on with that one, and need not keep the header of the share.
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
        let (shared, untouched) = self.owner::<Shared>()?;
        let same = !untouched && covers(shared, self) && covers(self, shared);
        let whole = same.then(|| Arc::clone(&shared.whole))?;
        let is_one = Any::type_id(&*whole) == TypeId::of::<Self>();
        // SAFETY: the type is this one.
        is_one.then(|| unsafe { Arc::from_raw(Arc::into_raw(whole).cast()) })
    }

    /// Gives the tensor to one more consumer that is yet to get it; see [`share`](Self::share).
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`], or [`Error::NullData`] if there are elements, but no data.
    pub fn share_opaque(self: &Arc<Self>) -> Result<OpaqueTensor, Error> {
        let flags = inherited::<sys::DLManagedTensorVersioned>(self)?;
        // SAFETY: what is kept alive is made of this tensor.
        unsafe { Shared::of(self, Some(self), false).opaque(self, flags) }
    }
}

impl<O: Deref<Target = Descriptor> + Send + Sync + 'static> Frozen<O> {
    /// Gives the tensor to one more consumer, read-only; see [`Managed::share`].
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`], or [`Error::NullData`] if there are elements, but no data.
    pub fn share(self: &Arc<Self>) -> Result<Frozen<ManagedTensorVersioned>, Error> {
        // SAFETY: what is kept alive is made of this tensor, and frozen, with all of its elements.
        Ok(unsafe { Shared::frozen(self).managed(self, Flags::READ_ONLY)?.assume_frozen() })
    }

    /// Gives a part of the tensor to one more consumer, read-only: any view of it, such as a crop or a transpose.
    ///
    /// For a consumer that writes, the page [`blocks`](crate::guide::blocks) of the guide makes a window of an
    /// [`Exclusive`](crate::Exclusive) tensor.
    ///
    /// The new tensor keeps this one alive, or, if this one is a share, the tensor of which it is one. This makes one
    /// allocation and no copy; above 8 axes a few more, for shape and strides of the view and of the tensor in Rust.
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
        let fields = Fields { data, byte_offset: 0, device: self.device(), dtype: T::DTYPE };
        let header = Header { flags: Flags::READ_ONLY, access: Access::ReadOnly, ..Header::NONE };
        let dims = view.strided().dims().wide()?;
        // SAFETY: some of the elements of this tensor, which have just been found to lie within it, to be read only. What is kept
        // alive is frozen, with all of them, and a view has shown that the host can follow their memory. What `choose` returns, it
        // returns for every `'v`: if it did not come from this tensor, it is borrowed for good, and only then can it lie between
        // the elements.
        unsafe {
            let part = Descriptor::new(fields, header, dims, layout);
            let tensor = Shared::frozen(self).managed(&part, Flags::READ_ONLY)?;
            Ok(tensor.assume_host_accessible().assume_frozen())
        }
    }
}

impl Shared {
    /// What a new consumer of a tensor keeps alive: the tensor, or, if that is a share itself and says no more than the
    /// tensor of which it is one, that tensor, so that shares of shares do not become a chain.
    #[inline(always)]
    fn of<T: Whole, A: Abi>(tensor: &Arc<T>, share: Option<&Managed<A>>, frozen: bool) -> Self {
        let kept = share.and_then(|share| Some((share, share.owner::<Self>()?)));
        if let Some((share, (kept, untouched))) = kept {
            let more = (share.access() == Access::Writable && kept.access() != Access::Writable)
                || (share.check_host().is_ok() && kept.check_host().is_err())
                || (frozen && !kept.frozen);
            // What this crate made of a tensor is a part of it. What a consumer had may say anything.
            let part = untouched || covers(kept, share);
            if part && !more {
                return kept.clone();
            }
        }
        Self { whole: Arc::<T>::clone(tensor), frozen }
    }

    /// The same for a frozen tensor.
    fn frozen<O: Deref<Target = Descriptor> + Send + Sync + 'static>(t: &Arc<Frozen<O>>) -> Self {
        let any: &dyn Any = &**t;
        let share = match any.downcast_ref::<Frozen<AnyManagedTensor>>().map(Frozen::inner) {
            Some(AnyManagedTensor::Versioned(share)) => Some(share),
            _ => any.downcast_ref::<Frozen<ManagedTensorVersioned>>().map(Frozen::inner),
        };
        Self::of(t, share, true)
    }

    /// Puts a tensor under a header of ours, for a consumer, with flags that it passes on.
    ///
    /// # Safety
    ///
    /// This is made [`of`](Self::of) the tensor, or of one of which it is a part.
    #[inline(always)]
    unsafe fn opaque(self, tensor: &Descriptor, flags: Flags) -> Result<OpaqueTensor, Error> {
        let mut block = Unpublished::taken_from(self, |kept| kept, Global, tensor.ndim())?;
        let fields = write(block.dims_mut(), tensor);
        // SAFETY: shape and strides are written, and describe elements of the tensor that the block keeps alive, whose
        // descriptor holds clause S5 for them. No flag of clause S6 is set.
        Ok(unsafe { block.into_opaque(&fields, flags) })
    }

    /// The same for use in Rust, and with more flags.
    ///
    /// # Safety
    ///
    /// As for [`opaque`](Self::opaque); the flags grant no more.
    unsafe fn managed(self, of: &Descriptor, more: Flags) -> Result<ManagedTensorVersioned, Error> {
        let flags = inherited::<sys::DLManagedTensorVersioned>(of)?.with(more);
        // SAFETY: what is kept alive has the rights of the tensor, and the promise about the host; the flags grant no more.
        let described = unsafe { of.in_our_struct::<sys::DLManagedTensorVersioned>(flags) }?;
        // SAFETY: the contract of this function. The struct is new, and says what the description says.
        Ok(unsafe { Managed::exported(self.opaque(of, flags)?.into_handle(), described) })
    }
}
