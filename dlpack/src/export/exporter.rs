//! The builder that turns an owner into a tensor: what it is given. `build.rs` has what it makes of that.

use core::alloc::Layout;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::allocator::{Allocator, Global, InPlace};
use super::block;
use super::source::{Memory, RawParts, Slice, SliceMut};
use super::spec::{Shape, Spec};
use crate::managed::Descriptor;
use crate::vocabulary::{DataType, Device, Element, Flags};

/// Exports memory: give it an owner, describe the tensor, build it.
///
/// | The owner | Constructor | The tensor is |
/// |---|---|---|
/// | `Vec<T>`, `Box<[T]>`, `[T; N]`, whatever is `AsMut<[T]>` | [`new`](Self::new) | [`Exclusive`](crate::Exclusive) |
/// | `Arc<[T]>`, `&'static [T]`, `Cow`, whatever is `AsRef<[T]>` | [`shared`](Self::shared) | [`Frozen`](crate::Frozen), read-only |
/// | an `Arc<Vec<T>>`, a type of your own, whatever can lend a slice | [`of_mut`](Self::of_mut), [`of`](Self::of) | the same |
/// | a block of another allocator, device memory, a handle | [`from_raw_parts`](Self::from_raw_parts) | [`Managed`](crate::Managed) |
///
/// Without a description, the tensor has one axis with all elements. Arrays in a slice are one more axis, the last one: a
/// `Vec<[u8; 3]>` of `n` pixels is a tensor of shape `[n, 3]`, and shape, strides and offset that the caller gives count
/// pixels. An array of one item, such as `[u8; 1]`, is the item itself, without an axis. To export lanes, which most libraries refuse, name them: `.dtype(DataType::U8.with_lanes(3))`. The description
/// is checked against the memory that the owner really has. The export makes one allocation, in which the owner finds its final place next to the C struct,
/// shape and strides; elements on the heap stay where they are. [`header_in`](Self::header_in) and
/// [`header_in_place`](Self::header_in_place) choose another place for it. When the tensor ends, by the consumer's call of
/// the deleter or by a drop in Rust, the owner is dropped, on whatever thread that is. If its `Drop` panics then, the
/// process aborts, since the panic cannot cross C.
///
/// `S` is how the memory comes in. Only that of [`from_raw_parts`](Self::from_raw_parts) can be written, as
/// `Exporter<'a, O>`, for functions that return the exporter of a device's memory. From other functions, return the built
/// tensor instead, or its [`into_opaque`](Self::into_opaque).
///
/// # Examples
///
/// A tensor of two rows, given to C:
///
/// ```
/// use dlpack::Exporter;
///
/// let raw = Exporter::new(vec![1.0_f32; 6]).shape(&[2, 3]).build()?.into_raw();
/// // SAFETY: a tensor that was just passed on.
/// assert_eq!(unsafe { (*raw).dl_tensor.ndim }, 2);
/// // SAFETY: a struct of this crate holds the contract.
/// drop(unsafe { dlpack::ManagedTensorVersioned::from_raw(raw) }?);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// Only memory that the caller owns can be exported. A borrow ends before the consumer is done:
///
/// ```compile_fail,E0597
/// let data = vec![1.0_f32; 6];
/// let tensor = dlpack::Exporter::shared(&data[..]).build();
/// ```
///
/// And what may not leave its thread cannot be dropped by a consumer on another:
///
/// ```compile_fail,E0277
/// let tensor = dlpack::Exporter::shared(std::rc::Rc::<[f32]>::from([1.0])).build();
/// ```
#[derive(Debug)]
#[must_use = "nothing is exported before it is built"]
pub struct Exporter<'a, O, S = RawParts, A = Global> {
    pub(super) owner: O,
    pub(super) source: S,
    pub(super) allocator: A,
    pub(super) spec: Spec<'a>,
}

/// Calls `AsMut::as_mut`, as a type that can be named.
type AsMutFn<O, T> = for<'a> fn(&'a mut O) -> &'a mut [T];
type AsRefFn<O, T> = for<'a> fn(&'a O) -> &'a [T];

impl<O: Send + 'static, T: Element> Exporter<'_, O, SliceMut<T, AsMutFn<O, T>>> {
    /// Exports an owner's slice for reading and writing.
    ///
    /// An owner that is not `AsMut<[T]>` goes to [`of_mut`](Exporter::of_mut) or [`of`](Exporter::of), an `Arc<[T]>` to
    /// [`shared`](Exporter::shared), an `Arc<Vec<T>>` to `of`.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let mut tensor = Exporter::new(vec![1_u8, 2, 3]).build()?;
    /// assert_eq!(tensor.shape(), [3]);
    /// tensor.view_mut::<u8>()?.fill(0);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn new(owner: O) -> Self
    where
        O: AsMut<[T]>,
    {
        Self::start(owner, SliceMut { lend: O::as_mut, elements: PhantomData })
    }
}

impl<O: Send + 'static, T: Element> Exporter<'_, O, Slice<T, AsRefFn<O, T>>> {
    /// Exports an owner's slice for reading.
    ///
    /// The legacy ABI cannot say that memory is read-only, so that such a tensor can only be built in the current one.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Access, Error, Exporter};
    ///
    /// static TABLE: [u8; 2] = [1, 2];
    /// assert_eq!(Exporter::shared(&TABLE[..]).build()?.access(), Access::ReadOnly);
    /// let refused = Exporter::shared(&TABLE[..]).build_legacy().unwrap_err();
    /// assert_eq!(refused.error(), Error::ReadOnlyNotExpressible);
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn shared(owner: O) -> Self
    where
        O: AsRef<[T]>,
    {
        Self::start(owner, Slice { lend: O::as_ref, elements: PhantomData })
    }
}

impl<O, T, F> Exporter<'_, O, Slice<T, F>>
where
    O: Send + 'static,
    T: Element,
    F: for<'a> FnOnce(&'a O) -> &'a [T],
{
    /// Exports the slice that a function borrows from the owner, for reading.
    ///
    /// `lend` is called once, when the owner is at its final place. What it borrows stays borrowed until the owner is
    /// dropped or taken out, so that nobody writes the elements. Write the closure in the call, or pass a function: the
    /// compiler gives a closure that was bound by `let` before a lifetime with which there is no method `build`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::Exporter;
    ///
    /// struct Samples { rate: u32, values: Vec<i16> }
    ///
    /// let samples = Arc::new(Samples { rate: 48_000, values: vec![1, 2, 3] });
    /// let tensor = Exporter::of(Arc::clone(&samples), |samples| &samples.values).build()?;
    /// assert_eq!(tensor.as_slice::<i16>()?, [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    ///
    /// A guard that ends the borrow cannot be hidden:
    ///
    /// ```compile_fail,E0515
    /// let owner = std::cell::RefCell::new(vec![1_u8]);
    /// let tensor = dlpack::Exporter::of(owner, |owner| &owner.borrow()[..]).build();
    /// ```
    ///
    /// Nor can the function lend what lives shorter than the tensor:
    ///
    /// ```compile_fail,E0597
    /// let other = vec![1_u8];
    /// let tensor = dlpack::Exporter::of((), |_| &other[..]).build();
    /// ```
    #[inline]
    pub fn of(owner: O, lend: F) -> Self {
        Self::start(owner, Slice { lend, elements: PhantomData })
    }
}

impl<O, T, F> Exporter<'_, O, SliceMut<T, F>>
where
    O: Send + 'static,
    T: Element,
    F: for<'a> FnOnce(&'a mut O) -> &'a mut [T],
{
    /// Exports the slice that a function borrows from the owner, for reading and writing; see [`of`](Self::of).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// struct Samples { rate: u32, values: Box<[i16]> }
    ///
    /// let samples = Samples { rate: 48_000, values: Box::new([1, 2, 3]) };
    /// let tensor = Exporter::of_mut(samples, |samples| &mut samples.values).build()?;
    /// assert_eq!(tensor.as_slice::<i16>()?, [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn of_mut(owner: O, lend: F) -> Self {
        Self::start(owner, SliceMut { lend, elements: PhantomData })
    }
}

impl<O: Send + 'static> Exporter<'_, O, RawParts> {
    /// Exports `nbytes` bytes from `data` on, which `owner` keeps until it is dropped.
    ///
    /// This is for memory that Rust does not know: a block of a foreign allocator, device memory, the handle of a buffer.
    /// [`OnDrop`](crate::OnDrop) makes an owner of a function that gives the memory back; to take the owner back with
    /// [`downcast`](crate::Managed::downcast), use a type of your own. The elements are bytes until
    /// [`dtype`](Self::dtype) says otherwise. The tensor promises nothing about them: whether they are initialised, and
    /// who else reaches them, is for [`assume_frozen`](crate::Managed::assume_frozen) and its siblings.
    ///
    /// On devices with handles `data` is the handle, and an offset stays beside it, in `byte_offset`. On devices whose
    /// [addresses](crate::DeviceType::is_address) can be added to, offsets become part of `data`. The number of a CPU, of
    /// pinned or of managed memory is written as 0, as the standard asks.
    ///
    /// # Safety
    ///
    /// Until the owner is dropped, on whatever thread that is, and also when the owner is moved:
    ///
    /// - the memory is `nbytes` bytes long, and the device is what it says;
    /// - if the [host can access](Device::is_host_accessible) the device, the bytes lie in one live allocation and can be
    ///   read through `data`, and also written unless [`read_only`](Self::read_only) is called;
    /// - bytes that *Rust* allocated are initialised before safe code gets the tensor, since it may pass the tensor to readers
    ///   who take elements for initialised, as in Python.
    ///
    /// The exporter moves the owner. Which owners may be moved depends on what they keep the memory by:
    ///
    /// - A raw pointer or a handle may be moved, and so may a tensor ([`Managed`](crate::Managed),
    ///   [`Frozen`](crate::Frozen), [`Exclusive`](crate::Exclusive)), an `Arc`, a `Vec` and a `&'static` reference. `data`
    ///   comes from [`Descriptor::start`], from a view, from `Arc::as_ptr` or from `Vec::as_mut_ptr`, and after that nobody
    ///   makes a reference to the elements by the owner, such as by `Vec::as_mut_slice`. Behind a `Frozen` tensor, an `Arc`
    ///   or a `&'static` reference, elements are [`read_only`](Self::read_only), unless they lie in an `UnsafeCell`.
    /// - A `Box` and a `&mut` of this memory may not, neither alone nor in a field, nor captured by the function of an
    ///   [`OnDrop`](crate::OnDrop): moving one claims that no other pointer to its memory is used. Keep the pointer of
    ///   `Box::into_raw` instead.
    /// - An array, or whatever else holds the elements within itself, takes them to another address. [`new`](Exporter::new)
    ///   and [`of_mut`](Exporter::of_mut) export such an owner.
    ///
    /// # Examples
    ///
    /// A block of the C heap, exported as two rows:
    ///
    /// ```
    /// use core::ffi::c_void;
    /// use dlpack::{DataType, Device, Exporter, OnDrop};
    ///
    /// unsafe extern "C" {
    ///     fn calloc(count: usize, size: usize) -> *mut c_void;
    ///     fn free(block: *mut c_void);
    /// }
    ///
    /// // SAFETY: a function of the C library.
    /// let block = unsafe { calloc(6, 4) };
    /// assert!(!block.is_null());
    /// let address = block as usize; // A pointer cannot be sent to the thread that calls the deleter.
    /// // SAFETY: the block is not used again.
    /// let owner = OnDrop::new(move || unsafe { free(address as *mut c_void) });
    /// // SAFETY: 24 bytes that nobody else knows of, until the owner frees them.
    /// let exporter = unsafe { Exporter::from_raw_parts(owner, block, 24, Device::CPU) };
    /// let tensor = exporter.dtype(DataType::F32).shape(&[2, 3]).build()?;
    /// assert_eq!((tensor.strides(), tensor.data()), (&[3, 1][..], block));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn from_raw_parts(
        owner: O,
        data: *mut c_void,
        nbytes: usize,
        device: Device,
    ) -> Self {
        // No tensor can have more than that.
        let nbytes = nbytes.min(isize::MAX.unsigned_abs());
        Self::start(owner, RawParts(Memory { data, nbytes, device }))
    }
}

impl<O: 'static, A: Allocator> Exporter<'_, O, RawParts, A> {
    /// Returns the size and alignment of a header, in bytes, for an allocator of fixed blocks or
    /// [`header_in_place`](Self::header_in_place).
    ///
    /// It is enough for an owner of type `O`, a tensor of `ndim` axes, of which that of arrays in a slice is one, either ABI,
    /// and a header that an `A` allocates.
    /// Memory of any alignment is enough if it is longer by the alignment less 1. Axes above 64, which the exporter
    /// refuses, are not counted.
    ///
    /// # Examples
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use dlpack::{Exporter, allocator::InPlace};
    ///
    /// const ROOM: Layout = Exporter::<Vec<f32>, _, InPlace>::header_layout(2);
    /// assert!(ROOM.size() >= size_of::<dlpack::sys::DLManagedTensorVersioned>() + 4 * size_of::<i64>());
    /// ```
    #[must_use]
    pub const fn header_layout(ndim: usize) -> Layout {
        block::largest::<O, A>(ndim)
    }
}

impl<O, S> Exporter<'_, O, S> {
    #[inline]
    fn start(owner: O, source: S) -> Self {
        Self { owner, source, allocator: Global, spec: Spec::NEW }
    }
}

impl<'a, O, S, A> Exporter<'a, O, S, A> {
    /// Allocates the header with another allocator, to which it goes back after the deleter has run.
    ///
    /// The header holds the C struct, the owner, shape and strides;
    /// [`header_layout`](Exporter::header_layout) tells its size. Together with [`into_raw`](Self::into_raw),
    /// the global heap is not touched.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::{Exporter, allocator::Pool};
    ///
    /// let pool = Arc::new(Pool::new::<Vec<f32>>(16, 2)?);
    /// let tensor = Exporter::new(vec![1.0_f32, 2.0]).header_in(Arc::clone(&pool)).build()?;
    /// assert_eq!(pool.in_use(), 1);
    /// drop(tensor);
    /// assert_eq!(pool.in_use(), 0);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn header_in<B: Allocator>(self, allocator: B) -> Exporter<'a, O, S, B> {
        drop(self.allocator); // While the owner is still in `self`, for the case that this panics.
        Exporter { owner: self.owner, source: self.source, allocator, spec: self.spec }
    }

    /// Writes the header into memory that belongs to the owner, such as a part of its own block that holds no elements.
    ///
    /// Dropping the owner may free that memory: the deleter moves the owner out of it first. The header begins at the
    /// first address in `room` that is aligned for it; [`header_layout`](Exporter::header_layout) tells how much it needs.
    ///
    /// # Errors
    ///
    /// If `room` is too small, [`build`](Self::build) and its siblings hand the owner back with
    /// [`Error::AllocationFailed`](crate::Error::AllocationFailed). The memory has not been written then.
    ///
    /// # Safety
    ///
    /// `room` can be written, lies in one allocation, and is used by nobody else until the owner is dropped or handed back;
    /// also when the owner is moved, which rules out a `Box` or a `&mut` of this memory, as for
    /// [`from_raw_parts`](Exporter::from_raw_parts).
    ///
    /// # Examples
    ///
    /// The repository's example `header_in_block` shows an allocator whose blocks have room for a header.
    #[inline]
    pub unsafe fn header_in_place(
        self,
        room: NonNull<[MaybeUninit<u8>]>,
    ) -> Exporter<'a, O, S, InPlace> {
        self.header_in(InPlace::new(room))
    }

    /// Gives the tensor a shape; row-major unless [`strides`](Self::strides) says otherwise.
    ///
    /// It may name fewer elements than the owner has. The slice is borrowed until [`build`](Self::build): write both in one
    /// expression, or keep the array in a variable of its own. The same goes for [`strides`](Self::strides).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let tensor = Exporter::new(vec![0_u8; 6]).shape(&[2, 3]).build()?;
    /// assert_eq!(tensor.strides(), [3, 1]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn shape(mut self, shape: &'a [usize]) -> Self {
        self.spec.shape = Shape::Sizes(shape);
        self
    }

    /// Gives the tensor the shape of another one; row-major unless [`strides`](Self::strides) says otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let image = Exporter::new(vec![0_u8; 6]).shape(&[2, 3]).build()?;
    /// let mask = Exporter::new(vec![1.0_f32; 6]).shape_of(&image).build()?;
    /// assert_eq!(mask.shape(), image.shape());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn shape_of(mut self, tensor: &'a Descriptor) -> Self {
        self.spec.shape = Shape::Of(Some(tensor));
        self
    }

    /// Gives the tensor strides, in elements: negative, zero, or with gaps.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let columns = Exporter::new(vec![1, 2, 3, 4, 5, 6]).shape(&[2, 3]).strides(&[1, 2]).build()?;
    /// assert_eq!(columns.view::<i32>()?.to_vec(), [1, 3, 5, 2, 4, 6]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn strides(mut self, strides: &'a [isize]) -> Self {
        self.spec.strides = Some(strides);
        self
    }

    /// Makes the element `elements` after the owner's first one the first of the tensor.
    ///
    /// Without a shape, the tensor reaches to the owner's last element.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let last_two = Exporter::new(vec![1, 2, 3]).offset(2).shape(&[2]).strides(&[-1]).build()?;
    /// assert_eq!(last_two.view::<i32>()?.to_vec(), [3, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn offset(mut self, elements: usize) -> Self {
        self.spec.offset = elements;
        self
    }

    /// Gives the elements another dtype, of the same bytes.
    ///
    /// Shape, strides and offset count elements of this dtype then. This is for elements that have no Rust type, such as
    /// packed ones, and for lanes. NumPy, PyTorch, JAX and Arrow refuse dtypes with lanes. Without a shape, there are as many
    /// elements as the memory holds whole ones, and a rest of bytes is left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, Exporter};
    ///
    /// let packed = Exporter::new(vec![0x21_u8, 0x43]).dtype(DataType::F4_E2M1FN).build()?;
    /// assert_eq!((packed.shape(), packed.nbytes()), (&[4][..], 2));
    ///
    /// let pixels = || Exporter::new(vec![[0_u8; 3]; 4]).shape(&[2, 2]);
    /// assert_eq!(pixels().build()?.shape(), [2, 2, 3]);
    /// let lanes = pixels().dtype(DataType::U8.with_lanes(3)).build()?;
    /// assert_eq!((lanes.shape(), lanes.dtype().lanes), (&[2, 2][..], 3));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn dtype(mut self, dtype: DataType) -> Self {
        self.spec.dtype = Some(dtype);
        self
    }

    /// Forbids the consumer to write. Only the current ABI can say so.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Access, Exporter};
    ///
    /// let tensor = Exporter::new(vec![1_u8]).read_only().build()?;
    /// assert_eq!(tensor.access(), Access::ReadOnly);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn read_only(self) -> Self {
        self.flag(Flags::READ_ONLY)
    }

    /// Says that elements smaller than a byte take a byte each. Only the current ABI can say so.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, Exporter};
    ///
    /// let tensor = Exporter::new(vec![1_u8, 2]).dtype(DataType::U4).padded().build()?;
    /// assert_eq!(tensor.shape(), [2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn padded(self) -> Self {
        self.flag(Flags::IS_SUBBYTE_TYPE_PADDED)
    }

    #[inline]
    fn flag(mut self, flag: Flags) -> Self {
        self.spec.flags = self.spec.flags.with(flag);
        self
    }
}

impl<O, T, F, A> Exporter<'_, O, SliceMut<T, F>, A> {
    /// Marks the memory as a copy that was made for this consumer alone, with the flag `IS_COPIED`.
    ///
    /// Shared memory cannot be marked so:
    ///
    /// ```compile_fail,E0599
    /// let shared = std::sync::Arc::<[f32]>::from([1.0]);
    /// let tensor = dlpack::Exporter::shared(shared).copied().build();
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, Flags};
    ///
    /// let copy = Exporter::new([1, 2, 3].to_vec()).copied().build()?;
    /// assert_eq!(copy.flags(), Flags::IS_COPIED);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn copied(self) -> Self {
        self.flag(Flags::IS_COPIED)
    }
}

impl<O, A> Exporter<'_, O, RawParts, A> {
    /// Marks the memory as the consumer's alone, with the flag `IS_COPIED`.
    ///
    /// # Safety
    ///
    /// Until the owner is dropped, only the tensor's consumer reads or writes the memory.
    pub unsafe fn copied(self) -> Self {
        self.flag(Flags::IS_COPIED)
    }
}
