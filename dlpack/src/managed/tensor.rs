//! The owner of a C struct and of its checked metadata.

use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;

use super::abi::Abi;
use super::descriptor::{Access, Descriptor};
use super::handle::{Handle, present};
use super::import;
use super::promise::{ExclusiveUninit, promise_methods};
use crate::error::{Error, RejectedError};
use crate::sys;
use crate::vocabulary::Flags;

/// Owns a tensor of the current ABI, a `DLManagedTensorVersioned`.
///
/// This is [`Managed`] for that struct.
pub type ManagedTensorVersioned = Managed<sys::DLManagedTensorVersioned>;

/// Owns a tensor of the legacy ABI, a `DLManagedTensor`.
///
/// This is [`Managed`] for that struct, which has neither a version nor flags: its [`access`](Descriptor::access) is
/// [`Access::Unknown`] when it comes in, and to write it takes [`assume_writable`](Managed::assume_writable). Null strides mean row-major here in every mode.
///
/// # Examples
///
/// ```
/// use dlpack::{Access, Exporter, ManagedTensor};
///
/// let raw = Exporter::new(vec![1.0_f32; 6]).shape(&[2, 3]).build_legacy()?.into_raw();
/// // SAFETY: the producer passes the tensor on, and keeps to the standard.
/// let tensor = unsafe { ManagedTensor::from_raw(raw) }?;
/// assert_eq!(tensor.shape(), [2, 3]);
/// assert_eq!(tensor.access(), Access::Unknown);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub type ManagedTensor = Managed<sys::DLManagedTensor>;

/// Owns a tensor, and runs its deleter once, on drop.
///
/// `A` is the C struct. Write [`ManagedTensorVersioned`] or [`ManagedTensor`], which are this type for the two structs
/// that the standard has.
///
/// The metadata is in the [`Descriptor`], to which this type dereferences. To read elements safely, make one of the
/// promises that the type cannot check: [`assume_frozen`](Self::assume_frozen) or
/// [`assume_exclusive`](Self::assume_exclusive).
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, ManagedTensorVersioned};
///
/// let raw = Exporter::new(vec![1.0_f32; 6]).shape(&[2, 3]).build()?.into_raw();
/// // SAFETY: the producer passes the tensor on, and keeps to the standard.
/// let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
/// assert_eq!(tensor.shape(), [2, 3]);
///
/// // SAFETY: the memory is initialised, and nobody writes it from here on.
/// let tensor = unsafe { tensor.assume_frozen() };
/// assert_eq!(tensor.as_slice::<f32>()?, [1.0; 6]);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct Managed<A: Abi> {
    /// # Invariants
    ///
    /// 1. `handle` owns a live, aligned struct of our major version.
    /// 2. `descriptor` describes the tensor of that struct, and holds its invariants until the deleter runs.
    /// 3. If `arrays_hold`, the struct is ours, it has been nowhere else, and its shape and strides say what
    ///    `descriptor` says until the deleter runs.
    handle: Handle<A>,
    descriptor: Descriptor,
    arrays_hold: bool,
}

impl<A: Abi> Managed<A> {
    /// Takes over a tensor from its producer.
    ///
    /// Null strides mean row-major, in any version, since producers in use write them.
    /// [`from_raw_strict`](Self::from_raw_strict) refuses them where the standard does.
    ///
    /// # Errors
    ///
    /// On every error but [`Error::NullTensor`] the deleter has been called.
    ///
    /// - [`Error::NullTensor`], [`Error::MisalignedHeader`].
    /// - [`Error::UnsupportedVersion`] for another major version. As the standard asks, only the version and the
    ///   deleter are read then.
    /// - [`Error::NegativeNdim`], [`Error::TooManyAxes`], [`Error::NullShape`].
    /// - [`Error::InvalidDType`], [`Error::NegativeSize`], [`Error::ShapeOverflow`], [`Error::ExtentOverflow`]: see
    ///   [`Layout::new`](crate::layout::Layout::new).
    /// - [`Error::AllocationFailed`] if there is no memory for the shape and strides of more than 8 axes.
    ///
    /// Unknown devices, dtype codes and flags are not errors. Neither is a null data pointer: some devices have reasons
    /// for it.
    ///
    /// # Safety
    ///
    /// - **S1** `raw` is null, or points to an initialised struct whose ownership passes to this call
    ///   unconditionally. Nobody else calls the deleter or uses `raw` afterwards. The struct stays in its place until the
    ///   deleter is called. If it has no deleter, the struct, and what clauses S5 and S6 grant, lasts until the tensor and
    ///   all that it was passed on as are gone.
    /// - **S2** If the struct has a version whose major number is not 1, only `version`, `manager_ctx`, `deleter` and
    ///   `flags` need be valid.
    /// - **S3** The deleter, if not null, may be called once, with `raw`, from any thread, at any later time. It
    ///   does not unwind, and its code stays loaded.
    /// - **S4** During this call `shape` and `strides`, if not null, can be read for `ndim` numbers and are not
    ///   written. They need not stay valid afterwards.
    /// - **S5** Until the deleter is called, and if the host can access the device, every byte of the tensor's
    ///   [extents](crate::layout::Layout::byte_extents) lies in one live allocation and can be read through `data`, from
    ///   any thread; it can also be written if the struct has flags and `READ_ONLY` is not set.
    /// - **S6** The flags are true: if `IS_COPIED` is set, nobody else accesses those bytes until the deleter is
    ///   called.
    ///
    /// The contract does *not* ask that the elements are initialised or that nobody writes them: DLPack grants neither.
    /// Memory of other languages counts as initialised once Rust reads it. Memory that Rust allocated and has never written
    /// does not: keep a tensor of such memory from safe code, which may pass it to a reader, as to Python.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensorVersioned};
    ///
    /// let raw = Exporter::new([1_u8, 2, 3]).build()?.into_raw();
    /// // SAFETY: a struct of this crate holds the contract.
    /// let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    /// assert_eq!(tensor.numel(), 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline(always)]
    pub unsafe fn from_raw(raw: *mut A) -> Result<Self, Error> {
        // SAFETY: clauses S1 to S6, which do not depend on how strict the import is.
        unsafe { Self::take(raw, false) }
    }

    /// Takes over a tensor that must follow the standard where [`from_raw`](Self::from_raw) is lenient.
    ///
    /// # Errors
    ///
    /// As for [`from_raw`](Self::from_raw), and [`Error::NullStrides`] for null strides of a tensor with axes whose version
    /// is 1.2 or later.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw).
    #[inline(always)]
    pub unsafe fn from_raw_strict(raw: *mut A) -> Result<Self, Error> {
        // SAFETY: clauses S1 to S6, which do not depend on how strict the import is.
        unsafe { Self::take(raw, true) }
    }

    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw).
    #[inline(always)]
    unsafe fn take(raw: *mut A, strict: bool) -> Result<Self, Error> {
        // SAFETY: clauses S1 and S3.
        let handle = unsafe { Handle::take(raw) }?;
        // SAFETY: clauses S1, S2, S4, S5 and S6; `take` has found the struct to be aligned.
        let descriptor = unsafe { describe(raw, strict) }?;
        Ok(Self { handle, descriptor, arrays_hold: false })
    }

    /// Checks a tensor that stays its owner's: the deleter is not called, not even on errors.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw), except that ownership does not pass.
    pub(crate) unsafe fn inspect(raw: *mut A) -> Result<(NonNull<A>, Descriptor), Error> {
        let struct_ = present(raw)?;
        // SAFETY: clauses S1, S2, S4, S5 and S6, and the struct is aligned.
        Ok((struct_, unsafe { describe(raw, false) }?))
    }

    /// # Safety
    ///
    /// The arguments hold invariants 1 and 2 of [`Managed`].
    pub(crate) const unsafe fn imported(handle: Handle<A>, descriptor: Descriptor) -> Self {
        Self { handle, descriptor, arrays_hold: false }
    }

    /// # Safety
    ///
    /// The arguments hold invariants 1 to 3 of [`Managed`], with `arrays_hold` set.
    #[inline]
    pub(crate) const unsafe fn exported(handle: Handle<A>, descriptor: Descriptor) -> Self {
        Self { handle, descriptor, arrays_hold: true }
    }

    /// The handle, if the arrays of the struct hold until the deleter runs.
    pub(crate) fn into_lasting_handle(self) -> Result<Handle<A>, Self> {
        if self.arrays_hold { Ok(self.handle) } else { Err(self) }
    }

    /// Returns the struct itself, whose deleter the caller must call or pass on.
    ///
    /// For a tensor that this crate exported, the struct holds the import contract, and its shape and strides stay valid
    /// until the deleter runs. For a tensor that was imported it is the producer's own struct, whose shape and strides
    /// clause S4 granted for the import only: whoever reads them again needs the producer's word that they last. Use
    /// [`into_opaque`](Self::into_opaque) to pass on a struct that holds the contract in either case.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensorVersioned};
    ///
    /// let raw = Exporter::new([1_u8, 2, 3]).build()?.into_raw();
    /// // SAFETY: a struct of this crate holds the contract.
    /// drop(unsafe { ManagedTensorVersioned::from_raw(raw) }?);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline]
    #[must_use = "the deleter must be called"]
    pub fn into_raw(self) -> *mut A {
        self.handle.into_raw()
    }

    /// Returns a pointer to the struct, which stays owned by this tensor.
    ///
    /// Neither the struct nor its shape and strides may be written through it. What [`into_raw`](Self::into_raw) says of
    /// shape and strides holds here, too; [`as_dl_tensor`](Descriptor::as_dl_tensor) lends the checked ones.
    #[inline]
    pub const fn as_raw(&self) -> *mut A {
        self.handle.as_ptr()
    }

    /// The owner of a tensor that this crate exported again, if it has this type, and whether nobody else has had the struct since.
    #[cfg(feature = "alloc")]
    pub(crate) fn owner<O: Sync + 'static>(&self) -> Option<(&O, bool)> {
        let found = self.handle.owner::<O>().filter(|found| found.kind.again)?;
        // SAFETY: invariant 1: the block lives as long as this value. Until then nobody has the owner for itself: the deleter
        // and `downcast` need this value.
        Some((unsafe { found.get() }, self.arrays_hold))
    }

    /// Takes the owner back out of a tensor that this crate exported.
    ///
    /// It is the very same owner, without a copy, even if the tensor has been through C as a raw pointer. This counts as
    /// the call of the deleter: whatever was granted until then ends here.
    ///
    /// # Errors
    ///
    /// Returns the tensor if
    ///
    /// - another library exported it,
    /// - its owner has another type, or
    /// - it is only a part of the memory that the owner lent: it begins after the first byte of that memory or ends before the
    ///   last one, so that the owner would show elements that the tensor does not have. [`into_owner`](Self::into_owner)
    ///   returns the owner of a part, too; what both refuse has another owner, or another producer.
    ///
    /// Some tensors have a tensor as their owner:
    ///
    /// - After a conversion to the other ABI, the owner is the tensor that was converted.
    /// - After [`into_opaque`](Self::into_opaque) of an imported tensor, it is the imported tensor.
    /// - After several of these in a row, it is the first tensor that has the same elements and grants no less than those
    ///   after it.
    /// - The owner of a share has no type that can be named; see [`shared`](Self::shared). Neither has that of an
    ///   [`OpaqueTensor`](crate::OpaqueTensor) that was converted.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let data = vec![1.0_f32, 2.0];
    /// let start = data.as_ptr();
    /// let tensor = Exporter::new(data).build()?.into_inner();
    /// let tensor = tensor.downcast::<Vec<u32>>().unwrap_err();
    /// let data = tensor.downcast::<Vec<f32>>().unwrap();
    /// assert_eq!(data.as_ptr(), start);
    ///
    /// let part = Exporter::new(data).offset(1).build()?;
    /// let part = part.downcast::<Vec<f32>>().unwrap_err();
    /// assert_eq!(part.as_slice::<f32>()?, [2.0]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn downcast<O: 'static>(self) -> Result<O, Self> {
        let whole = self.handle.owner::<O>().is_some_and(|found| found.kind.whole);
        if whole { self.into_owner() } else { Err(self) }
    }

    /// Takes the owner back out of a tensor that this crate exported, even if the tensor is only a part of its memory; see
    /// [`downcast`](Self::downcast).
    ///
    /// # Errors
    ///
    /// Returns the tensor if another library exported it, or if its owner has another type.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let part = Exporter::new(vec![1_u8, 2, 3]).shape(&[2]).build()?.into_inner();
    /// assert_eq!(part.into_owner::<Vec<u8>>().unwrap(), [1, 2, 3]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn into_owner<O: 'static>(self) -> Result<O, Self> {
        let Some(found) = self.handle.owner::<O>() else {
            return Err(self);
        };
        // Forgotten before the owner is taken: a panic in between must not run the deleter, too.
        let _ = self.into_raw();
        // SAFETY: the handle owned the struct, and is gone.
        Ok(unsafe { found.take() })
    }

    /// Gives safe access to a tensor that only its consumer can reach.
    ///
    /// The standard says that of tensors with the flag `IS_COPIED`; see [`Flags::IS_COPIED`]. It does not say whether
    /// the copy is initialised, hence the `Uninit`.
    ///
    /// # Errors
    ///
    /// Hands the tensor back, with [`Error::NotExclusive`] without that flag, or [`Error::ReadOnly`] with `READ_ONLY`.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let copy = Exporter::new(vec![1_u8, 2, 3]).copied().build()?.into_inner();
    /// let tensor = copy.try_exclusive()?.fill(9_u8)?;
    /// assert_eq!(tensor.as_slice::<u8>()?, [9, 9, 9]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn try_exclusive(self) -> Result<ExclusiveUninit<Self>, RejectedError<Self>> {
        if !self.flags().contains(Flags::IS_COPIED) {
            return Err(RejectedError::new(self, Error::NotExclusive));
        }
        if self.access() != Access::Writable {
            return Err(RejectedError::new(self, Error::ReadOnly));
        }
        // SAFETY: clause S6 of the import contract, which is invariant 4 of the descriptor.
        Ok(unsafe { ExclusiveUninit::new(self) })
    }

    pub(super) fn descriptor_mut(&mut self) -> &mut Descriptor {
        &mut self.descriptor
    }
}

promise_methods!([A: Abi] Managed<A>);

/// Checks what a struct says, from its version on.
///
/// # Safety
///
/// `raw` is not null and aligned, and clauses S1, S2, S4, S5 and S6 of the import contract hold, apart from who owns the
/// struct.
#[inline(always)]
unsafe fn describe<A: Abi>(raw: *mut A, strict: bool) -> Result<Descriptor, Error> {
    // SAFETY: clauses S1 and S2.
    unsafe { A::check_version(raw) }?;
    // SAFETY: the major version is ours.
    let header = || unsafe { A::header(raw) };
    // SAFETY: the major version is ours, so that clause S1 says that all of the struct is initialised; clauses S4 to S6.
    unsafe { import::describe(A::dl_tensor(raw), header, strict) }
}

impl<A: Abi> Deref for Managed<A> {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        &self.descriptor
    }
}

impl<A: Abi> fmt::Debug for Managed<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.descriptor.fmt(f)
    }
}
