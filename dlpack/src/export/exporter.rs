//! The builder that turns an owner into a tensor.

use super::block::{Draft, Exported};
use super::owner::{Owner, Sharing, Unique, sealed::Sharing as _};
use super::record;
use crate::error::{Error, Rejected};
use crate::layout::{self, Layout};
use crate::managed::{Descriptor, ManagedTensor, ManagedTensorVersioned};
use crate::sys;
use crate::vocabulary::{DataType, Element, Flags, assert_element};

/// Exports memory that Rust owns: give it an owner, describe the tensor, build it.
///
/// Without a description the tensor has one axis with all elements. What is described is checked against what
/// the owner really holds. The export makes one allocation, in which the owner finds its final place next to
/// the C struct, shape and strides; elements on the heap stay where they are. When the consumer's call of the
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
pub struct Exporter<'a, O> {
    owner: O,
    shape: Option<&'a [usize]>,
    strides: Option<&'a [isize]>,
    offset: usize,
    dtype: Option<DataType>,
    flags: Flags,
}

impl<'a, O: Owner> Exporter<'a, O> {
    /// Starts with an owner.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// assert_eq!(Exporter::new(vec![1_u8, 2, 3]).build()?.shape(), [3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn new(owner: O) -> Self {
        Self { owner, shape: None, strides: None, offset: 0, dtype: None, flags: Flags::NONE }
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
    pub fn shape(self, shape: &'a [usize]) -> Self {
        Self { shape: Some(shape), ..self }
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
    pub fn strides(self, strides: &'a [isize]) -> Self {
        Self { strides: Some(strides), ..self }
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
    pub fn offset(self, elements: usize) -> Self {
        Self { offset: elements, ..self }
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
    pub fn padded(self) -> Self {
        Self { flags: self.flags.with(Flags::IS_SUBBYTE_TYPE_PADDED), ..self }
    }

    /// Builds the tensor in the current ABI.
    ///
    /// # Errors
    ///
    /// Hands the owner back, with
    ///
    /// - [`Error::RankMismatch`] if there are not as many strides as sizes,
    /// - [`Error::OutOfBounds`] if the tensor reaches beyond the owner's memory,
    /// - [`Error::NotWholeBytes`] if packed elements would start within a byte,
    /// - any error of [`Layout::new`](crate::layout::Layout::new), and [`Error::AllocationFailed`].
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
    pub fn build(
        self,
    ) -> Result<<O::Sharing as Sharing>::Tensor<ManagedTensorVersioned>, Rejected<O>> {
        let (draft, tensor) = self.draft::<sys::DLManagedTensorVersioned>()?;
        let tensor = record::versioned(draft, tensor);
        // SAFETY: the tensor owns the owner, and is of its elements.
        Ok(unsafe { O::Sharing::promise(tensor) })
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
    pub fn build_legacy(
        self,
    ) -> Result<<O::Sharing as Sharing>::Tensor<ManagedTensor>, Rejected<O>> {
        let flags = self.flags();
        if let Err(error) = record::check_legacy(flags) {
            return Err(Rejected::new(self.owner, error));
        }
        let (draft, tensor) = self.draft::<sys::DLManagedTensor>()?;
        let tensor = record::legacy(draft, tensor);
        // SAFETY: the tensor owns the owner, and is of its elements.
        Ok(unsafe { O::Sharing::promise(tensor) })
    }

    fn flags(&self) -> Flags {
        if O::Sharing::READ_ONLY { self.flags.with(Flags::READ_ONLY) } else { self.flags }
    }

    /// Moves the owner to its place, asks it for its memory, and checks the layout against that.
    fn draft<A: Exported>(self) -> Result<(Draft<A, O>, Descriptor), Rejected<O>> {
        const { assert_element::<O::Element>() };
        let flags = self.flags();
        let ndim = self.shape.map_or(1, <[usize]>::len);
        if ndim > layout::MAX_NDIM {
            let error = Error::TooManyDims { ndim, max: layout::MAX_NDIM };
            return Err(Rejected::new(self.owner, error));
        }
        let mut draft = Draft::<A, O>::new(self.owner, ndim)?;
        let memory = draft.owner().memory();
        let wanted = Wanted { shape: self.shape, strides: self.strides, offset: self.offset };
        let mut tensor = record::describe(flags);
        tensor.dtype = self.dtype.unwrap_or(O::Element::DTYPE);
        match wanted.place(&mut tensor, memory.cast(), memory.len() * size_of::<O::Element>()) {
            Ok(()) => Ok((draft, tensor)),
            Err(error) => Err(Rejected::new(draft.into_owner(), error)),
        }
    }
}

impl<O: Owner<Sharing = Unique>> Exporter<'_, O> {
    /// Says that the memory is a copy, made for this consumer alone, with the flag `IS_COPIED`.
    ///
    /// Not to be had for shared memory, of which it would be untrue:
    ///
    /// ```compile_fail,E0271
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

/// Where in the memory the elements are to be.
struct Wanted<'a> {
    shape: Option<&'a [usize]>,
    strides: Option<&'a [isize]>,
    offset: usize,
}

impl Wanted<'_> {
    /// Completes the description, for `nbytes` bytes from `start`.
    fn place(&self, tensor: &mut Descriptor, start: *mut u8, nbytes: usize) -> Result<(), Error> {
        let (dtype, padded) = (tensor.dtype, tensor.flags.is_padded());
        self.write_dims(tensor, nbytes)?;
        let layout = Layout::new(tensor.shape(), tensor.strides(), dtype, padded)?;
        tensor.layout = layout;
        if layout.numel() == 0 {
            return Ok(());
        }
        let out = Error::OutOfBounds { available: nbytes };
        let bits = usize::try_from(dtype.element_bits(padded)).map_err(|_| out)?;
        let first_bit = self.offset.checked_mul(bits).ok_or(out)?;
        if first_bit % 8 != 0 {
            return Err(Error::NotWholeBytes { found: dtype });
        }
        let first = first_bit / 8;
        let extents = layout.byte_extents();
        let low = first.checked_add_signed(extents.start);
        let high = first.checked_add_signed(extents.end);
        if low.is_none() || high.is_none_or(|high| high > nbytes) {
            return Err(out);
        }
        tensor.data = start.wrapping_add(first).cast();
        Ok(())
    }

    /// How many of the elements that `nbytes` bytes hold are left after the offset.
    fn left(&self, tensor: &Descriptor, nbytes: usize) -> Result<usize, Error> {
        let all = elements(tensor, nbytes)?;
        if self.shape.is_some() {
            return Ok(all);
        }
        all.checked_sub(self.offset).ok_or(Error::OutOfBounds { available: nbytes })
    }

    /// Shape and strides; all elements that `nbytes` bytes hold, if there is no shape.
    fn write_dims(&self, tensor: &mut Descriptor, nbytes: usize) -> Result<(), Error> {
        let all = [self.left(tensor, nbytes)?];
        let shape = self.shape.unwrap_or(&all);
        tensor.dims.resize(shape.len())?;
        let (sizes, steps) = tensor.dims.both_mut();
        for (to, &from) in sizes.iter_mut().zip(shape) {
            *to = i64::try_from(from).map_err(|_| Error::ShapeOverflow)?;
        }
        let Some(strides) = self.strides else {
            layout::write_row_major_strides(sizes, steps);
            return Ok(());
        };
        if strides.len() != shape.len() {
            return Err(Error::RankMismatch { expected: shape.len(), found: strides.len() });
        }
        for (to, &from) in steps.iter_mut().zip(strides) {
            *to = i64::try_from(from).map_err(|_| Error::ExtentOverflow)?;
        }
        layout::normalize_strides(sizes, steps);
        Ok(())
    }
}

/// How many elements `nbytes` bytes hold.
fn elements(tensor: &Descriptor, nbytes: usize) -> Result<usize, Error> {
    let bits = usize::try_from(tensor.dtype.element_bits(tensor.flags.is_padded()));
    let invalid = Error::InvalidDType { found: tensor.dtype };
    let bits = bits.ok().filter(|&bits| bits != 0).ok_or(invalid)?;
    if bits % 8 == 0 {
        return Ok(nbytes / (bits / 8));
    }
    nbytes.checked_mul(8).map(|n| n / bits).ok_or(Error::ShapeOverflow)
}
