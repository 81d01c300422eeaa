//! The builder that turns an owner into a tensor.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::adopted::Adopted;
use super::block::{Draft, Exported, Shaped};
use super::outline::Outline;
use super::owner::{Owner, Unique};
use super::parcel::Parcel;
use super::place::{Allocator, Heap, InBlock, Place};
use super::record::{self, Fields};
use super::source::Source;
use crate::dims::Dims;
use crate::error::{Error, Rejected};
use crate::layout::{self, Layout};
use crate::managed::{Descriptor, ManagedTensor, ManagedTensorVersioned};
use crate::sys;
use crate::vocabulary::{DataType, Flags};

/// Exports memory: give it an owner, describe the tensor, build it.
///
/// The source is an [`Owner`] of Rust memory or [`Adopted`] memory of any kind. Without a description the tensor has one axis
/// with all elements. What is described is checked against what the source really holds. The export makes one allocation, in
/// which the owner finds its final place next to the C struct, shape and strides; elements on the heap stay where they
/// are. [`header_in`](Self::header_in) and [`header_at`](Self::header_at) choose another place for it. When the consumer's call of the
/// deleter, or a drop in Rust, ends the tensor, the owner is dropped, on whatever thread that is. If its `Drop`
/// panics then, the process aborts, since the panic cannot cross C.
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
/// # // SAFETY: the same.
/// # drop(unsafe { dlpack::ManagedTensorVersioned::from_raw(raw) }?);
/// # Ok::<(), dlpack::Error>(())
/// ```
///
/// What is not wholly the caller's to give cannot be exported. A borrow ends before the consumer is done:
///
/// ```compile_fail,E0597
/// let data = vec![1.0_f32; 6];
/// let tensor = dlpack::Exporter::new(&data[..]).build();
/// ```
///
/// And what may not leave its thread cannot be dropped by a consumer on another:
///
/// ```compile_fail,E0277
/// let tensor = dlpack::Exporter::new(std::rc::Rc::<[f32]>::from([1.0])).build();
/// ```
#[derive(Debug)]
#[must_use = "nothing is exported before it is built"]
pub struct Exporter<'a, S, P = Heap> {
    source: S,
    place: P,
    outline: Outline<'a>,
    dtype: Option<DataType>,
    flags: Flags,
}

impl<S: Source> Exporter<'_, S> {
    /// Starts with a source.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// assert_eq!(Exporter::new(vec![1_u8, 2, 3]).build()?.shape(), [3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn new(source: S) -> Self {
        let outline = Outline { shape: None, strides: None, offset: 0 };
        Self { source, place: Heap, outline, dtype: None, flags: Flags::NONE }
    }
}

/// The heap need not be a place for a header, as long as another one is chosen.
impl<'a, S: Source, P> Exporter<'a, S, P> {
    /// Puts the header into memory of an allocator, to which it goes back after the deleter has run.
    ///
    /// The header is the C struct, the owner, shape and strides; [`header_layout`](crate::header_layout) tells its size.
    /// Together with [`into_raw`](Self::into_raw), nothing touches the global heap.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::{Exporter, Pool};
    ///
    /// let pool = Arc::new(Pool::new::<Vec<f32>>(16, 2)?);
    /// let tensor = Exporter::new(vec![1.0_f32, 2.0]).header_in(Arc::clone(&pool)).build()?;
    /// assert_eq!(pool.in_use(), 1);
    /// drop(tensor);
    /// assert_eq!(pool.in_use(), 0);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn header_in<A: Allocator>(self, allocator: A) -> Exporter<'a, S, A> {
        self.placed(allocator)
    }

    /// Puts the header into memory that belongs to the owner, such as a part of its own block that holds no elements.
    ///
    /// Dropping the owner may free that memory: the deleter moves the owner out of it first. The header begins at the
    /// first address in `room` that is aligned for it.
    ///
    /// # Safety
    ///
    /// `room` can be written, lies in one allocation, and is used by nobody else, until the owner is dropped or handed back; also
    /// when the owner is moved, which rules out a `Box` or a `&mut` of this memory, as for [`Adopted::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// use core::mem::MaybeUninit;
    /// use core::ptr::NonNull;
    /// use dlpack::{Adopted, Device, Exporter};
    ///
    /// /// Room for a header, and the elements.
    /// #[repr(C)]
    /// struct Block {
    ///     room: [MaybeUninit<u64>; 32],
    ///     elements: [u8; 4],
    /// }
    ///
    /// struct Owner(NonNull<Block>);
    ///
    /// // SAFETY: the only pointer to the block.
    /// unsafe impl Send for Owner {}
    ///
    /// impl Drop for Owner {
    ///     fn drop(&mut self) {
    ///         // SAFETY: made of a box, below.
    ///         drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    ///     }
    /// }
    ///
    /// let block = Box::new(Block { room: [MaybeUninit::uninit(); 32], elements: [1, 2, 3, 4] });
    /// let block = NonNull::from(Box::leak(block));
    /// // SAFETY: the block is alive.
    /// let (room, data) = unsafe { (&raw mut (*block.as_ptr()).room, &raw mut (*block.as_ptr()).elements) };
    /// let room = NonNull::slice_from_raw_parts(NonNull::new(room.cast()).unwrap(), 256);
    /// // SAFETY: the four elements live as long as the owner.
    /// let memory = unsafe { Adopted::new(Owner(block), data.cast(), 4, Device::CPU) };
    /// // SAFETY: the room is the owner's, and not used otherwise.
    /// let tensor = unsafe { Exporter::new(memory).shape(&[2, 2]).header_at(room) }.build()?;
    /// assert_eq!(tensor.as_raw().addr(), block.addr().get());
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub unsafe fn header_at(self, room: NonNull<[MaybeUninit<u8>]>) -> Exporter<'a, S, InBlock> {
        self.placed(InBlock::new(room))
    }

    fn placed<Q>(self, place: Q) -> Exporter<'a, S, Q> {
        let Self { source, outline, dtype, flags, .. } = self;
        Exporter { source, place, outline, dtype, flags }
    }

    /// Gives the tensor a shape; row-major unless [`strides`](Self::strides) says otherwise.
    ///
    /// It may name fewer elements than the owner has.
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
    pub fn shape(self, shape: &'a [usize]) -> Self {
        Self { outline: Outline { shape: Some(shape), ..self.outline }, ..self }
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
    pub fn strides(self, strides: &'a [isize]) -> Self {
        Self { outline: Outline { strides: Some(strides), ..self.outline }, ..self }
    }

    /// Says which element of the owner is the first of the tensor; without a shape it reaches to the last.
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
    pub fn offset(self, elements: usize) -> Self {
        Self { outline: Outline { offset: elements, ..self.outline }, ..self }
    }

    /// Gives the elements another dtype, of the same bytes.
    ///
    /// Shape, strides and offset count elements of this dtype then. For elements that have no Rust type, such
    /// as packed ones.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, Exporter};
    ///
    /// let packed = Exporter::new(vec![0x21_u8, 0x43]).dtype(DataType::F4_E2M1FN).build()?;
    /// assert_eq!((packed.shape(), packed.nbytes()), (&[4][..], 2));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn dtype(self, dtype: DataType) -> Self {
        Self { dtype: Some(dtype), ..self }
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
        Self { flags: self.flags.with(Flags::READ_ONLY), ..self }
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
        Self { flags: self.flags.with(Flags::IS_SUBBYTE_TYPE_PADDED), ..self }
    }
}

impl<S: Source, P: Place> Exporter<'_, S, P> {
    /// Builds the tensor in the current ABI.
    ///
    /// # Errors
    ///
    /// Hands the source back, with
    ///
    /// - [`Error::StridesLenMismatch`] if there are not as many strides as sizes,
    /// - [`Error::OutOfBounds`] if the tensor reaches beyond the memory,
    /// - [`Error::NullData`] if there are elements, but neither address nor handle,
    /// - [`Error::NotWholeBytes`] if packed elements would start within a byte,
    /// - any error of [`Layout::new`](crate::layout::Layout::new),
    /// - [`Error::AllocationFailed`] if there is no place for the header, or, above 8 axes, for the copy of shape and strides
    ///   that a tensor in Rust keeps.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, Exporter};
    ///
    /// let tensor = Exporter::new([1_u8, 2]).build()?;
    /// assert_eq!(tensor.as_slice::<u8>()?, [1, 2]);
    ///
    /// let refused = Exporter::new([1_u8, 2]).shape(&[3]).build().unwrap_err();
    /// assert_eq!(refused.into_owner(), [1, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn build(self) -> Result<S::Tensor<ManagedTensorVersioned>, Rejected<S>> {
        self.make(|prepared| {
            let (Prepared { shaped, fields, .. }, tensor) = prepared.described()?;
            // SAFETY: the tensor owns the owner, and is of its elements.
            Ok(unsafe { S::promise(record::versioned(shaped, &fields, tensor)) })
        })
    }

    /// Builds the tensor in the legacy ABI, for consumers that know no other.
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build), and [`Error::ReadOnlyNotExpressible`] for read-only or shared memory,
    /// [`Error::PaddedNotExpressible`] for padded elements.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let tensor = Exporter::new([1_u8, 2]).build_legacy()?;
    /// assert_eq!(tensor.as_slice::<u8>()?, [1, 2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn build_legacy(self) -> Result<S::Tensor<ManagedTensor>, Rejected<S>> {
        if let Err(error) = record::check_legacy(self.flags()) {
            return Err(Rejected::new(self.source, error));
        }
        self.make(|prepared| {
            let (Prepared { shaped, fields, .. }, tensor) = prepared.described()?;
            // SAFETY: the tensor owns the owner, and is of its elements.
            Ok(unsafe { S::promise(record::legacy(shaped, &fields, tensor)) })
        })
    }

    /// Builds the tensor in the current ABI, and passes it on to a consumer, who must call its deleter.
    ///
    /// The same as [`build`](Self::build) and `into_raw`, but faster, since nothing that Rust would want to know of the
    /// tensor is kept; nor is there a limit of 8 axes without the feature `alloc`.
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensorVersioned};
    ///
    /// let raw = Exporter::new(vec![1_u8, 2]).into_raw()?;
    /// // SAFETY: just passed on.
    /// let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    /// assert_eq!(tensor.shape(), [2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline(always)]
    pub fn into_raw(self) -> Result<*mut sys::DLManagedTensorVersioned, Rejected<S>> {
        self.make(|Prepared { shaped, fields, .. }| Ok(record::publish(shaped, &fields).as_ptr()))
    }

    /// Builds the tensor in the current ABI, for a consumer who is yet to get it.
    ///
    /// As fast as [`into_raw`](Self::into_raw), and nothing leaks if the consumer never comes.
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, Exporter};
    ///
    /// drop(Exporter::new(vec![1_u8, 2]).into_parcel()?); // The vector is freed.
    /// let refused = Exporter::new(vec![1_u8, 2]).shape(&[3]).into_parcel();
    /// assert_eq!(refused.unwrap_err().into_owner(), [1, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    #[inline(always)]
    pub fn into_parcel(self) -> Result<Parcel, Rejected<S>> {
        self.make(|Prepared { shaped, fields, .. }| {
            // SAFETY: a struct of ours, just published.
            Ok(unsafe { Parcel::from_raw(record::publish(shaped, &fields)) })
        })
    }

    /// Builds the tensor in the legacy ABI, and passes it on to a consumer, who must call its deleter.
    ///
    /// # Errors
    ///
    /// As for [`build_legacy`](Self::build_legacy).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensor};
    ///
    /// let raw = Exporter::new(vec![1_u8, 2]).into_raw_legacy()?;
    /// // SAFETY: just passed on.
    /// let tensor = unsafe { ManagedTensor::from_raw(raw) }?;
    /// assert_eq!(tensor.shape(), [2]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    pub fn into_raw_legacy(self) -> Result<*mut sys::DLManagedTensor, Rejected<S>> {
        if let Err(error) = record::check_legacy(self.flags()) {
            return Err(Rejected::new(self.source, error));
        }
        self.make(|Prepared { shaped, fields, .. }| Ok(record::publish(shaped, &fields).as_ptr()))
    }

    #[inline]
    fn flags(&self) -> Flags {
        if S::READ_ONLY { self.flags.with(Flags::READ_ONLY) } else { self.flags }
    }

    /// Moves the owner to its place, asks it for its memory, checks the layout against that, and passes it all to `make`.
    #[inline(always)]
    fn make<A: Exported, T>(
        self,
        make: impl FnOnce(Prepared<A, S, P>) -> Result<T, Rejected<S>>,
    ) -> Result<T, Rejected<S>> {
        let flags = self.flags();
        let dtype = self.dtype.unwrap_or(S::DTYPE);
        let outline = self.outline;
        let ndim = outline.ndim();
        if ndim > layout::MAX_NDIM {
            let error = Error::TooManyAxes { ndim, max: layout::MAX_NDIM };
            return Err(Rejected::new(self.source, error));
        }
        let (owner, rest) = self.source.split();
        let mut draft = match Draft::new(owner, self.place, ndim) {
            Ok(draft) => draft,
            Err(rejected) => return Err(rejected.map(|owner| S::join(owner, rest))),
        };
        let memory = S::memory(draft.owner(), rest);
        match outline.draw_quickly(draft, memory, dtype, flags) {
            Ok((shaped, fields)) => make(Prepared { shaped, fields, rest }),
            Err(draft) => cold(move || match outline.draw(draft, memory, dtype, flags) {
                Ok((shaped, fields)) => make(Prepared { shaped, fields, rest }),
                Err(rejected) => Err(rejected.map(|owner| S::join(owner, rest))),
            }),
        }
    }
}

/// Keeps what is rare out of the way of what is usual.
#[cold]
#[inline(never)]
fn cold<T>(rare: impl FnOnce() -> T) -> T {
    rare()
}

/// A tensor that wants nothing but its C struct.
struct Prepared<A: Exported, S: Source, P: Place> {
    shaped: Shaped<A, S::Owner, P>,
    fields: Fields,
    rest: S::Rest,
}

impl<A: Exported, S: Source, P: Place> Prepared<A, S, P> {
    /// Adds the description that a tensor in Rust keeps.
    fn described(self) -> Result<(Self, Descriptor), Rejected<S>> {
        let (shape, strides) = (self.shaped.shape(), self.shaped.strides());
        let layout = Layout::new(shape, strides, self.fields.dtype, self.fields.flags.is_padded());
        let describe = |layout| Ok(self.fields.describe(Dims::copied(shape, strides)?, layout));
        match layout.and_then(describe) {
            Ok(tensor) => Ok((self, tensor)),
            Err(error) => Err(Rejected::new(S::join(self.shaped.into_owner(), self.rest), error)),
        }
    }
}

impl<O: Owner<Sharing = Unique>, P: Place> Exporter<'_, O, P> {
    /// Says that the memory is a copy, made for this consumer alone, with the flag `IS_COPIED`.
    ///
    /// Not to be had for shared memory, of which it would be untrue:
    ///
    /// ```compile_fail,E0599
    /// let shared = std::sync::Arc::<[f32]>::from([1.0]);
    /// let tensor = dlpack::Exporter::new(shared).is_copied().build();
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, Flags};
    ///
    /// let copy = Exporter::new([1, 2, 3].to_vec()).is_copied().build()?;
    /// assert_eq!(copy.flags(), Flags::IS_COPIED);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn is_copied(self) -> Self {
        Self { flags: self.flags.with(Flags::IS_COPIED), ..self }
    }
}

impl<O: Send + 'static, P: Place> Exporter<'_, Adopted<O>, P> {
    /// Says that the memory is the consumer's alone, with the flag `IS_COPIED`.
    ///
    /// # Safety
    ///
    /// Until the owner is dropped, nobody but the tensor's consumer reads or writes the memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Adopted, Device, Exporter, Flags};
    ///
    /// // SAFETY: no bytes at all.
    /// let memory = unsafe { Adopted::new((), core::ptr::null_mut(), 0, Device::CPU) };
    /// // SAFETY: the same.
    /// let tensor = unsafe { Exporter::new(memory).is_copied() }.build()?;
    /// assert_eq!(tensor.flags(), Flags::IS_COPIED);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub unsafe fn is_copied(self) -> Self {
        Self { flags: self.flags.with(Flags::IS_COPIED), ..self }
    }
}
