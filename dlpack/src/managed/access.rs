//! From a described tensor to its elements.

use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::slice;

use super::descriptor::{Access, Descriptor};
use crate::dims::Dims;
use crate::error::Error;
use crate::layout;
use crate::view::{PackedView, ReadCell, Strided, TensorView, TensorViewMut, Unaligned};
use crate::vocabulary::{Element, SubByte, assert_element, assert_sub_byte};

/// # Looking at elements
///
/// Each of these checks, in this order, that the host can access the device, that the dtype is exactly that
/// of the Rust type, that there is a data pointer and that it is aligned. What they cannot check is in their
/// `# Safety` section.
impl Descriptor {
    /// Views the elements.
    ///
    /// # Errors
    ///
    /// - [`Error::NotHostAccessible`] unless the device is CPU, CUDA pinned or ROCm pinned memory, or
    ///   `assume_host_accessible` was called on the owner.
    /// - [`Error::DTypeMismatch`] unless code, bits and lanes are those of `T`.
    /// - [`Error::Padded`] for lanes smaller than a byte that take a byte each; see
    ///   [`packed_view`](Self::packed_view).
    /// - [`Error::NullData`], [`Error::ByteOffsetOverflow`], [`Error::AddressOverflow`] if the elements cannot be
    ///   where the tensor says. None of these for an empty tensor.
    /// - [`Error::Misaligned`] if the first element is not aligned for `T`; see
    ///   [`unaligned_view`](Self::unaligned_view).
    ///
    /// # Safety
    ///
    /// While the view lives,
    ///
    /// 1. all elements are initialised, and
    /// 2. nobody writes them: not the producer, not another consumer, not through another tensor that shares the
    ///    memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::Exporter;
    /// let tensor = Exporter::new(vec![1_i32, 2, 3]).build()?.into_inner();
    /// // SAFETY: the vector was initialised, and nobody else knows of it.
    /// let view = unsafe { tensor.view::<i32>() }?;
    /// assert_eq!(view.to_vec(), [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn view<T: Element>(&self) -> Result<TensorView<'_, T>, Error> {
        let tensor = self.strided::<T, T>()?;
        // SAFETY: the caller's promise.
        Ok(unsafe { TensorView::new(tensor) })
    }

    /// Views the elements, which need not be initialised.
    ///
    /// # Errors
    ///
    /// As for [`view`](Self::view).
    ///
    /// # Safety
    ///
    /// Nobody writes the elements while the view lives.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::Exporter;
    /// let tensor = Exporter::new(vec![1_i32, 2, 3]).build()?.into_inner();
    /// // SAFETY: nobody else knows of the vector.
    /// let view = unsafe { tensor.uninit_view::<i32>() }?;
    /// // SAFETY: the vector was initialised.
    /// assert_eq!(unsafe { view[[1]].assume_init() }, 2);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn uninit_view<T: Element>(&self) -> Result<TensorView<'_, MaybeUninit<T>>, Error> {
        let tensor = self.strided::<T, MaybeUninit<T>>()?;
        // SAFETY: the caller's promise.
        Ok(unsafe { TensorView::new(tensor) })
    }

    /// Views the elements, which need not be aligned.
    ///
    /// # Errors
    ///
    /// As for [`view`](Self::view), without [`Error::Misaligned`].
    ///
    /// # Safety
    ///
    /// As for [`view`](Self::view).
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::{Exporter, view::Unaligned};
    /// let tensor = Exporter::new(vec![1_i32, 2, 3]).build()?.into_inner();
    /// // SAFETY: the vector was initialised, and nobody else knows of it.
    /// let view = unsafe { tensor.unaligned_view::<i32>() }?;
    /// assert_eq!(view[[2]].get(), 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn unaligned_view<T: Element>(&self) -> Result<TensorView<'_, Unaligned<T>>, Error> {
        let tensor = self.strided::<T, Unaligned<T>>()?;
        // SAFETY: the caller's promise.
        Ok(unsafe { TensorView::new(tensor) })
    }

    /// Views the elements, which this thread may write by other means while the view lives.
    ///
    /// The view cannot leave the thread.
    ///
    /// # Errors
    ///
    /// As for [`view`](Self::view).
    ///
    /// # Safety
    ///
    /// While the view lives, all elements are initialised, and no *other* thread writes them. This thread may,
    /// through the producer's own functions or another tensor, between two reads.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::Exporter;
    /// let tensor = Exporter::new(vec![1_u8, 2]).build()?.into_inner();
    /// // SAFETY: the vector was initialised, and no other thread knows of it.
    /// let view = unsafe { tensor.cell_view::<u8>() }?;
    /// // SAFETY: the first element of the vector.
    /// unsafe { tensor.data().cast::<u8>().write(9) };
    /// assert_eq!(view[[0]].get(), 9);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn cell_view<T: Element>(&self) -> Result<TensorView<'_, ReadCell<T>>, Error> {
        let tensor = self.strided::<T, ReadCell<T>>()?;
        // SAFETY: the caller's promise, and a `ReadCell` may be written behind its back.
        Ok(unsafe { TensorView::new(tensor) })
    }

    /// Returns the elements as a slice, in row-major order.
    ///
    /// # Errors
    ///
    /// As for [`view`](Self::view), and [`Error::NotContiguous`] if they do not lie side by side in that order.
    ///
    /// # Safety
    ///
    /// As for [`view`](Self::view).
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack::Exporter;
    /// let tensor = Exporter::new(vec![1_u8, 2, 3]).build()?.into_inner();
    /// // SAFETY: the vector was initialised, and nobody else knows of it.
    /// assert_eq!(unsafe { tensor.as_slice::<u8>() }?, [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn as_slice<T: Element>(&self) -> Result<&[T], Error> {
        let start = self.first_element::<T, T>()?;
        if !self.is_contiguous() {
            return Err(Error::NotContiguous);
        }
        // SAFETY: clause S5: the elements lie side by side from `start`; the caller's promise for the rest.
        Ok(unsafe { slice::from_raw_parts(start.as_ptr(), self.numel()) })
    }

    /// Views elements that are smaller than a byte.
    ///
    /// # Errors
    ///
    /// As for [`view`](Self::view), where `T`'s dtype may come with any number of lanes; and
    /// [`Error::NotContiguous`] for packed elements that do not lie side by side in row-major order, since
    /// the standard does not say what their strides count. Without `alloc`, [`Error::TooManyAxes`] for padded elements
    /// of several lanes on eight axes.
    ///
    /// # Safety
    ///
    /// As for [`view`](Self::view).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, Exporter, types::U4};
    ///
    /// let bytes = Exporter::new(vec![0x21_u8, 0x43]);
    /// let tensor = bytes.dtype(DataType::U4).shape(&[4]).build()?.into_inner();
    /// // SAFETY: the vector was initialised, and nobody else knows of it.
    /// let view = unsafe { tensor.packed_view::<U4>() }?;
    /// assert!(view.iter().map(U4::to_u8).eq([1, 2, 3, 4]));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn packed_view<T: SubByte>(&self) -> Result<PackedView<'_, T>, Error> {
        const { assert_sub_byte::<T>() };
        self.check_host()?;
        if self.dtype.scalar() != T::DTYPE {
            return Err(Error::DTypeMismatch { expected: T::DTYPE, found: self.dtype });
        }
        if self.flags.is_padded() {
            // SAFETY: the caller's promise.
            unsafe { self.padded_view() }
        } else {
            // SAFETY: the caller's promise.
            unsafe { self.side_by_side() }
        }
    }

    /// # Safety
    ///
    /// As for [`packed_view`](Self::packed_view), for a tensor whose values take a byte each.
    unsafe fn padded_view<T: SubByte>(&self) -> Result<PackedView<'_, T>, Error> {
        let lanes = self.dtype.lanes;
        let start = self.address()?;
        let dims = self.native_dims()?;
        let bytes = dims.in_parts(isize::try_from(lanes).map_err(|_| Error::ShapeOverflow)?)?;
        // SAFETY: clause S5 for the extents, which `layout` has computed with as many bytes for an element.
        let bytes = unsafe { Strided::new_unchecked(start, bytes, self.nbytes()) };
        // SAFETY: the caller's promise.
        Ok(PackedView::padded(dims, lanes, unsafe { TensorView::new(bytes) }))
    }

    /// # Safety
    ///
    /// As for [`packed_view`](Self::packed_view), for a tensor whose values share bytes.
    unsafe fn side_by_side<T: SubByte>(&self) -> Result<PackedView<'_, T>, Error> {
        let lanes = self.dtype.lanes;
        if !self.is_contiguous() {
            return Err(Error::NotContiguous);
        }
        let len = self.numel().checked_mul(lanes.into()).ok_or(Error::ShapeOverflow)?;
        let start = self.address()?;
        // SAFETY: clause S5; the caller's promise for the rest.
        let bytes = unsafe { slice::from_raw_parts(start.as_ptr(), self.nbytes()) };
        Ok(PackedView::packed(self.native_dims()?, lanes, len, bytes))
    }

    pub(super) fn view_mut_check(&self) -> Result<(), Error> {
        match self.access {
            Access::ReadOnly => return Err(Error::ReadOnly),
            Access::Unknown => return Err(Error::WritabilityUnknown),
            Access::Writable => {}
        }
        if layout::is_disjoint(self.shape(), self.strides()) {
            Ok(())
        } else {
            Err(Error::Overlapping)
        }
    }

    /// # Safety
    ///
    /// While the view lives nobody else reads or writes the elements, and they are initialised.
    pub(super) unsafe fn mutable_view<T: Element>(&self) -> Result<TensorViewMut<'_, T>, Error> {
        let tensor = self.strided::<T, T>()?;
        self.view_mut_check()?;
        // SAFETY: the caller's promise; writable and disjoint was checked.
        Ok(unsafe { TensorViewMut::new(tensor) })
    }

    /// # Safety
    ///
    /// While the view lives nobody else reads or writes the elements.
    pub(super) unsafe fn mutable_uninit_view<T: Element>(
        &self,
    ) -> Result<TensorViewMut<'_, MaybeUninit<T>>, Error> {
        let tensor = self.strided::<T, MaybeUninit<T>>()?;
        self.view_mut_check()?;
        // SAFETY: the caller's promise; writable and disjoint was checked.
        Ok(unsafe { TensorViewMut::new(tensor) })
    }

    /// The elements as items `I` of elements `T`: the same size, and for the invariants of [`Strided`] that is all
    /// that matters.
    #[inline(always)]
    fn strided<T: Element, I>(&self) -> Result<Strided<I>, Error> {
        let origin = self.first_element::<T, I>()?;
        let dims = self.native_dims()?;
        // SAFETY: clause S5 for the extents, which `layout` has computed; alignment was checked.
        Ok(unsafe { Strided::new_unchecked(origin, dims, self.numel()) })
    }

    /// The address of the first element, aligned for `I`, if the dtype is that of `T`.
    #[inline(always)]
    fn first_element<T: Element, I>(&self) -> Result<NonNull<I>, Error> {
        const { assert_element::<T>() };
        const { assert!(size_of::<T>() == size_of::<I>() && align_of::<I>() <= align_of::<T>()) };
        self.check_host()?;
        if !self.dtype.is(T::DTYPE) {
            return Err(Error::DTypeMismatch { expected: T::DTYPE, found: self.dtype });
        }
        if T::DTYPE.is_sub_byte() && self.flags.is_padded() {
            return Err(Error::Padded { found: self.dtype });
        }
        if self.is_empty() {
            return Ok(NonNull::dangling());
        }
        let start = self.address()?.cast::<I>();
        if start.is_aligned() {
            Ok(start)
        } else {
            Err(Error::Misaligned { required: align_of::<I>() })
        }
    }

    #[inline]
    pub(crate) fn check_host(&self) -> Result<(), Error> {
        if self.device.is_host_accessible() || self.host {
            Ok(())
        } else {
            Err(Error::NotHostAccessible { device: self.device })
        }
    }

    /// The address of the first byte of the first element, after a check that the whole tensor lies within
    /// the address space. Dangling if there are no elements.
    #[inline]
    pub(crate) fn address(&self) -> Result<NonNull<u8>, Error> {
        if self.is_empty() {
            return Ok(NonNull::dangling());
        }
        if self.data.is_null() {
            return Err(Error::NullData);
        }
        let byte_offset = isize::try_from(self.byte_offset)
            .map_err(|_| Error::ByteOffsetOverflow { byte_offset: self.byte_offset })?;
        let extents = self.layout.byte_extents();
        // The first element is within the extents: they start at most there, and end at least there.
        let first = self.data.addr().wrapping_add_signed(byte_offset);
        let low = first.wrapping_add_signed(extents.start);
        let high = first.wrapping_add_signed(extents.end);
        if first < self.data.addr() || low > first || low == 0 || high < first {
            return Err(Error::AddressOverflow);
        }
        // The extents are in the allocation, but between it and `data` may be anything: hence wrapping.
        let first = self.data.cast::<u8>().wrapping_offset(byte_offset);
        NonNull::new(first).ok_or(Error::AddressOverflow)
    }

    /// Shape and strides as the machine's own integers.
    #[inline(always)]
    pub(crate) fn native_dims(&self) -> Result<Dims<isize>, Error> {
        self.dims.native()
    }
}
