//! From a checked tensor to its elements.

use core::ffi::c_void;
use core::ops::Range;
use core::ptr::{self, NonNull};
use core::slice;

use super::descriptor::{Access, Descriptor};
use crate::dims::{Dims, signed};
use crate::error::Error;
use crate::layout::Layout;
use crate::view::{PackedView, Strided, TensorView, TensorViewMut, ViewElement};
use crate::vocabulary::{Device, DeviceType, Element, SubByte, assert_element, assert_sub_byte};

/// # Elements
///
/// Each of these checks, in this order, that the host can access the device, that the dtype is exactly that of the Rust
/// type, that there is a data pointer and that it is aligned. What they cannot check is in their `# Safety` section.
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
    /// - [`Error::Misaligned`] if the first element is not aligned for `T`; see [`view_as`](Self::view_as).
    ///
    /// # Safety
    ///
    /// For the lifetime of the view, which is also that of the slices and references that it gives out, even once the
    /// view itself is dropped,
    ///
    /// 1. all elements are initialised, and
    /// 2. nobody writes them: not the producer, not another consumer, not through another tensor that shares the
    ///    memory.
    ///
    /// What was written before, on whatever thread or device, has happened before. A `&mut` to any of the elements that was
    /// made before and is used again afterwards counts as a writer all the while, even if nobody writes through it: the
    /// compiler takes it for the only way to them.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let tensor = Exporter::new(vec![1_i32, 2, 3]).build()?.into_inner();
    /// // SAFETY: the vector was initialised, and nobody else knows of it.
    /// let view = unsafe { tensor.view::<i32>() }?;
    /// assert_eq!(view.to_vec(), [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn view<T: Element>(&self) -> Result<TensorView<'_, T>, Error> {
        // SAFETY: clauses 1 and 2, which are what a view of `T` needs.
        unsafe { self.view_as() }
    }

    /// Views the elements through a type of which less need be known.
    ///
    /// | `I` | the view needs |
    /// |---|---|
    /// | `T` | what [`view`](Self::view) needs |
    /// | [`Unaligned<T>`](crate::view::Unaligned) | the same, but no alignment: there is no [`Error::Misaligned`] |
    /// | `MaybeUninit<T>` | that nobody writes the elements, which may be uninitialised |
    /// | [`ReadCell<T>`](crate::view::ReadCell) | that the elements are initialised, that no *other* thread writes them, and that no `&mut` to any of them is in use while they are read |
    ///
    /// Through a `ReadCell`, this thread may write the elements between two reads, with the producer's own functions or
    /// another tensor. Such a view cannot leave the thread.
    /// So the elements must not be the destination of a copy of this view, in
    /// [`copy_to`](TensorView::copy_to) or [`copy_from`](TensorViewMut::copy_from).
    ///
    /// # Errors
    ///
    /// As for [`view`](Self::view).
    ///
    /// # Safety
    ///
    /// For the lifetime of the view, as for [`view`](Self::view), what the table says holds.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, view::ReadCell, view::Unaligned};
    ///
    /// let tensor = Exporter::new(vec![1_u8, 2]).build()?.into_inner();
    /// // SAFETY: the vector was initialised, and no other thread knows of it.
    /// let view = unsafe { tensor.view_as::<ReadCell<u8>>() }?;
    /// // SAFETY: the first element of the vector.
    /// unsafe { tensor.data().cast::<u8>().write(9) };
    /// assert_eq!(view[[0]].get(), 9);
    ///
    /// // SAFETY: nobody writes the vector from here on.
    /// let view = unsafe { tensor.view_as::<Unaligned<u8>>() }?;
    /// assert_eq!(view[[1]].get(), 2);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn view_as<I: ViewElement>(&self) -> Result<TensorView<'_, I>, Error> {
        let tensor = self.strided::<I>()?;
        // SAFETY: invariant 2 makes the bytes readable, and the caller knows what `I` needs of them.
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
    /// use dlpack::Exporter;
    ///
    /// let tensor = Exporter::new(vec![1_u8, 2, 3]).build()?.into_inner();
    /// // SAFETY: the vector was initialised, and nobody else knows of it.
    /// assert_eq!(unsafe { tensor.as_slice::<u8>() }?, [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn as_slice<T: Element>(&self) -> Result<&[T], Error> {
        let start = self.first_element::<T, true>()?;
        // SAFETY: invariant 2: the elements lie side by side from `start`. The caller knows that they are initialised and
        // that nobody writes them.
        Ok(unsafe { slice::from_raw_parts(start.as_ptr(), self.numel()) })
    }

    /// Returns the bytes of the elements of any dtype, in row-major order and in the byte order of this machine.
    ///
    /// # Errors
    ///
    /// As for [`as_slice`](Self::as_slice), except that neither dtype nor alignment matter.
    ///
    /// # Safety
    ///
    /// As for [`view`](Self::view).
    ///
    /// # Examples
    ///
    /// ```
    /// let tensor = dlpack::Exporter::new(vec![0x0201_u16.to_le(), 0x0403_u16.to_le()]).build()?;
    /// assert_eq!(tensor.as_bytes()?, [1, 2, 3, 4]); // That of `Frozen`, which is safe.
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn as_bytes(&self) -> Result<&[u8], Error> {
        self.check_host()?;
        let start = self.address()?;
        if !self.is_contiguous() {
            return Err(Error::NotContiguous);
        }
        // SAFETY: invariant 2: the elements lie side by side from `start`. The caller knows that they are initialised and
        // that nobody writes them.
        Ok(unsafe { slice::from_raw_parts(start.as_ptr(), self.nbytes()) })
    }

    /// Views elements that are smaller than a byte.
    ///
    /// # Errors
    ///
    /// As for [`view`](Self::view), where `T`'s dtype may come with any number of lanes; and
    /// [`Error::NotContiguous`] for packed elements that neither lie side by side in row-major order nor fill whole
    /// bytes with their lanes, since the standard does not say what their strides count. Without `alloc`,
    /// [`Error::TooManyAxes`] for elements of several bytes on eight axes.
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
        if !self.dtype().scalar().is(T::DTYPE) {
            return Err(Error::DTypeMismatch { expected: T::DTYPE, found: self.dtype() });
        }
        let (lanes, padded) = (self.dtype().lanes, self.flags().is_padded());
        let len = self.numel().checked_mul(lanes.into()).ok_or(Error::ShapeOverflow)?;
        let start = self.address()?;
        let dims = self.native_dims()?;
        let bits = self.dtype().element_bits(padded);
        let bytes = if self.is_contiguous() {
            let shape = [signed(self.nbytes())];
            Dims::copied(&shape, &[1])?
        } else if bits % 8 == 0 {
            dims.in_parts(isize::try_from(bits / 8).map_err(|_| Error::ShapeOverflow)?)?
        } else {
            return Err(Error::NotContiguous);
        };
        // SAFETY: invariants 1 and 2: the extents have been computed with elements of so many bytes, or all bytes lie side by
        // side. The caller knows that they are initialised and that nobody writes them.
        let bytes = unsafe { TensorView::new(Strided::new_unchecked(start, bytes, self.nbytes())) };
        let width = if padded { 8 } else { T::DTYPE.bits };
        Ok(PackedView::new(dims, lanes, len, bytes, width))
    }

    /// Returns the address of the first element: the data pointer with the byte offset, for the kernels of a device.
    ///
    /// It is an address of the device, which only a device that the host can access lets Rust follow. It is null if
    /// there are no elements.
    ///
    /// # Errors
    ///
    /// - [`Error::NotAnAddress`] for devices of handles, and for those that this crate does not know, unless
    ///   `assume_host_accessible` was called on the owner.
    /// - [`Error::NullData`], [`Error::ByteOffsetOverflow`], [`Error::AddressOverflow`] if the elements cannot be where
    ///   the tensor says.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{BorrowedTensor, Exporter, sys::DLTensor};
    ///
    /// let tensor = Exporter::new(vec![1_i32, 2, 3]).build()?;
    /// let mut shape = [1];
    /// let raw = DLTensor { byte_offset: 8, shape: shape.as_mut_ptr(), ..tensor.as_dl_tensor()? };
    /// // SAFETY: one element, the last of three that outlive it.
    /// let last = unsafe { BorrowedTensor::from_raw(&raw) }?;
    /// assert_eq!(last.data(), tensor.data());
    /// assert_eq!(last.start()?, tensor.start()?.wrapping_byte_add(8));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn start(&self) -> Result<*mut c_void, Error> {
        if !self.device().device_type.is_address() && self.check_host().is_err() {
            return Err(Error::NotAnAddress { device: self.device() });
        }
        if self.is_empty() {
            return Ok(ptr::null_mut());
        }
        Ok(self.address()?.as_ptr().cast())
    }

    /// Returns `true` if the address of the first element is a multiple of `bytes`.
    ///
    /// Rust reads elements that are aligned for their type, and other libraries may ask for more: JAX copies what is
    /// not aligned to 64 bytes. This is `false` where there is no address, and `true` if there are no elements.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, Exporter};
    ///
    /// // The floats in a file, after a header of 3 bytes.
    /// let file = Exporter::new(vec![0_u8; 11]).offset(3).build()?;
    /// let floats = if file.is_aligned_to(64) { file } else { file.to_copy()? };
    /// assert!(floats.is_aligned_to(64));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn is_aligned_to(&self, bytes: usize) -> bool {
        self.start().is_ok_and(|start| start.addr().checked_rem(bytes) == Some(0))
    }

    /// Views the elements to write them, if the memory is writable and no two indices name the same element.
    ///
    /// # Safety
    ///
    /// For the lifetime of the view nobody else reads or writes the elements, and they are initialised unless `I` is
    /// [`MaybeUninit`](core::mem::MaybeUninit).
    pub(super) unsafe fn view_mut_as<I: ViewElement>(&self) -> Result<TensorViewMut<'_, I>, Error> {
        let tensor = self.strided::<I>()?;
        match self.access() {
            Access::ReadOnly => return Err(Error::ReadOnly),
            Access::Unknown => return Err(Error::WritabilityUnknown),
            Access::Writable => {}
        }
        if !Layout::is_disjoint(self.shape(), self.strides()) {
            return Err(Error::Overlapping);
        }
        // SAFETY: invariants 2 and 3 make the bytes writable, and no two elements overlap. The caller knows that nobody
        // else reaches them.
        Ok(unsafe { TensorViewMut::new(tensor) })
    }

    /// The elements as values of `I`.
    #[inline(always)]
    fn strided<I: ViewElement>(&self) -> Result<Strided<I>, Error> {
        let origin = self.first_element::<I, false>()?;
        let dims = self.native_dims()?;
        // SAFETY: invariants 1 and 2: the extents lie in one live allocation. The address is aligned, and an `I` is as
        // large as an element.
        Ok(unsafe { Strided::new_unchecked(origin, dims, self.numel()) })
    }

    /// The address of the first element, aligned for `I`, if the dtype is that of its elements, and, if `SLICE`, they lie side
    /// by side in row-major order.
    #[inline(always)]
    fn first_element<I: ViewElement, const SLICE: bool>(&self) -> Result<NonNull<I>, Error> {
        const { assert_element::<I::Element>() };
        const { assert!(size_of::<I>() == size_of::<I::Element>()) };
        let expected = I::Element::DTYPE;
        self.check_host()?;
        if !self.dtype().is(expected) {
            return Err(Error::DTypeMismatch { expected, found: self.dtype() });
        }
        if expected.is_sub_byte() && self.flags().is_padded() {
            return Err(Error::Padded { found: self.dtype() });
        }
        if self.is_empty() {
            return Ok(NonNull::dangling());
        }
        let (data, byte_offset, extents) = (self.data(), self.byte_offset(), self.byte_extents());
        if SLICE && !self.is_contiguous() {
            return Err(no_slice((data, byte_offset, extents), align_of::<I>()));
        }
        let extents = if SLICE { 0..signed(self.numel() * size_of::<I>()) } else { extents };
        if let Ok(offset) = usize::try_from(byte_offset) {
            // One comparison says that no number is negative: data, the first and the lowest byte lie between 1 and the middle
            // of the address space, and the extents do not wrap. Nothing lies before the first element of a slice.
            let start = signed(data.addr());
            let first = start.wrapping_add(signed(offset));
            let low = if SLICE { 0 } else { first.wrapping_add(extents.start).wrapping_sub(1) };
            let element = data.wrapping_byte_add(offset).cast::<I>();
            if start.wrapping_sub(1) | signed(offset) | first | low >= 0 && element.is_aligned() {
                // SAFETY: `data` is at least 1, and the sum with `offset` does not wrap.
                return Ok(unsafe { NonNull::new_unchecked(element) });
            }
        }
        other_address((data, byte_offset, extents), align_of::<I>()).map(NonNull::cast)
    }

    /// The address of the first byte of the first element, after a check that the whole tensor lies within
    /// the address space. Dangling if there are no elements.
    #[inline]
    pub(crate) fn address(&self) -> Result<NonNull<u8>, Error> {
        if self.is_empty() {
            return Ok(NonNull::dangling());
        }
        address((self.data(), self.byte_offset(), self.byte_extents()))
    }

    #[inline(always)]
    pub(crate) fn check_host(&self) -> Result<(), Error> {
        let (device, promised) = (self.device(), self.has_host_promise());
        if device.device_type == DeviceType::CPU { Ok(()) } else { check_device(device, promised) }
    }
}

/// A data pointer, a byte offset and byte extents.
type Place = (*mut c_void, u64, Range<isize>);

// These functions take values, since a descriptor passed by reference would have to be put together in memory first.

/// The address of the first element, wherever in the address space that is, if it is aligned.
#[cold]
#[inline(never)]
fn other_address(place: Place, align: usize) -> Result<NonNull<u8>, Error> {
    let first = address(place)?;
    // An alignment is a power of two. With `%`, the compiler would add a panic for 0.
    let aligned = first.addr().get() & align.wrapping_sub(1) == 0;
    if aligned { Ok(first) } else { Err(Error::Misaligned { required: align }) }
}

/// The error for elements that are not contiguous: that they have no valid address comes first.
#[cold]
#[inline(never)]
fn no_slice(place: Place, align: usize) -> Error {
    other_address(place, align).err().unwrap_or(Error::NotContiguous)
}

/// The address of the first byte of the first element, after a check that the extents lie within the address space.
fn address((data, byte_offset, extents): Place) -> Result<NonNull<u8>, Error> {
    if data.is_null() {
        return Err(Error::NullData);
    }
    let offset =
        isize::try_from(byte_offset).map_err(|_| Error::ByteOffsetOverflow { byte_offset })?;
    // The first element is within the extents: they start at most there, and end at least there.
    let first = data.addr().wrapping_add_signed(offset);
    let low = first.wrapping_add_signed(extents.start);
    let high = first.wrapping_add_signed(extents.end);
    if first < data.addr() || low > first || low == 0 || high < first {
        return Err(Error::AddressOverflow);
    }
    // The extents are in the allocation, but between it and `data` may be anything: hence wrapping.
    NonNull::new(data.cast::<u8>().wrapping_offset(offset)).ok_or(Error::AddressOverflow)
}

/// The check of a device other than the CPU.
#[cold]
#[inline(never)]
fn check_device(device: Device, promised: bool) -> Result<(), Error> {
    let accessible = device.is_host_accessible() || promised;
    if accessible { Ok(()) } else { Err(Error::NotHostAccessible { device }) }
}
