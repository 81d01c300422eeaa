//! The owner of a `DLManagedTensorVersioned`, the struct of DLPack 1.0 and later.

use core::fmt;
use core::ops::Deref;

use super::abi::Handle;
use super::descriptor::{Access, Descriptor};
use super::import::{self, Header, ImportMode};
use super::promise::{ExclusiveUninit, Tensor, sealed};
use crate::error::{Error, Rejected};
use crate::sys;
use crate::vocabulary::{Flags, Version};

/// Owns a tensor in the current ABI, and runs its deleter once, on drop.
///
/// Taking a tensor in checks all that can be checked, copies shape and strides, and allocates nothing up to 8
/// dimensions. After that everything that describes the tensor cannot fail; it is listed at [`Descriptor`], to which
/// this type dereferences. To look at elements, either use the `unsafe` functions there, or make one promise for as
/// long as the tensor lives, with [`assume_frozen`](Tensor::assume_frozen) or
/// [`assume_exclusive`](Tensor::assume_exclusive), and use safe ones.
///
/// The deleter may take locks, such as Python's interpreter lock: do not drop a tensor while holding a lock that
/// its thread may wait for.
///
/// # Examples
///
/// ```
/// use dlpack::{Exporter, ManagedTensorVersioned, Tensor};
///
/// # let raw = Exporter::new(vec![1.0_f32; 6]).shape(&[2, 3]).build()?.into_raw();
/// // SAFETY: the producer passes the tensor on, and keeps to the standard.
/// let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
/// assert_eq!(tensor.shape(), [2, 3]);
///
/// // SAFETY: the memory is initialised, and nobody writes it from here on.
/// let tensor = unsafe { tensor.assume_frozen() };
/// assert_eq!(tensor.view::<f32>()?.iter().sum::<f32>(), 6.0);
/// # Ok::<(), dlpack::Error>(())
/// ```
pub struct ManagedTensorVersioned {
    /// # Invariants
    ///
    /// 1. Points to a live, aligned struct of our major version.
    /// 2. `descriptor` is what it said when it came in.
    handle: Handle<sys::DLManagedTensorVersioned>,
    descriptor: Descriptor,
}

impl ManagedTensorVersioned {
    /// Takes over a tensor from its producer.
    ///
    /// Equal to [`from_raw_with`](Self::from_raw_with) in the mode [`ImportMode::Lenient`].
    ///
    /// # Errors
    ///
    /// On every error but the first the deleter has been called.
    ///
    /// - [`Error::NullTensor`], [`Error::MisalignedHeader`].
    /// - [`Error::UnsupportedVersion`] for another major version. As the standard asks, nothing but the
    ///   version and the deleter is read then.
    /// - [`Error::NegativeNdim`], [`Error::TooManyAxes`], [`Error::NullShape`].
    /// - [`Error::InvalidDType`], [`Error::NegativeSize`], [`Error::ShapeOverflow`], [`Error::ExtentOverflow`]: see
    ///   [`Layout::new`](crate::layout::Layout::new).
    ///
    /// Unknown devices, dtype codes and flags are not errors. Neither is a null data pointer: some devices
    /// have reasons for it.
    ///
    /// # Safety
    ///
    /// - **S1** `raw` is null, or points to an initialised struct whose ownership passes to this call
    ///   unconditionally. Nobody else calls the deleter or uses `raw` afterwards.
    /// - **S2** If the major version is not 1, only `version`, `manager_ctx`, `deleter` and `flags` need be valid.
    /// - **S3** The deleter, if not null, may be called once, with `raw`, from any thread, at any later time. It
    ///   does not unwind, and its code stays loaded.
    /// - **S4** During this call `shape` and `strides`, if not null, can be read for `ndim` numbers and are not
    ///   written. They need not stay valid afterwards.
    /// - **S5** Until the deleter is called, and if the host can access the device, every byte of the tensor's
    ///   [extents](crate::layout::Layout::byte_extents) lies in one live allocation, readable, and writable unless
    ///   `READ_ONLY` is set.
    /// - **S6** The flags are true: if `IS_COPIED` is set, nobody else accesses those bytes until the deleter is
    ///   called.
    ///
    /// It is *not* asked that the elements are initialised or that nobody writes them: DLPack grants neither.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensorVersioned};
    ///
    /// let raw = Exporter::new([1_u8, 2, 3]).build()?.into_raw();
    /// // SAFETY: `into_raw` passes on a tensor that holds the contract.
    /// let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    /// assert_eq!(tensor.numel(), 3);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline(always)]
    pub unsafe fn from_raw(raw: *mut sys::DLManagedTensorVersioned) -> Result<Self, Error> {
        // SAFETY: the caller's promise.
        unsafe { Self::from_raw_with(raw, ImportMode::Lenient) }
    }

    /// Takes over a tensor from its producer, as closely to the standard as `mode` says.
    ///
    /// # Errors
    ///
    /// As for [`from_raw`](Self::from_raw), and [`Error::NullStrides`] in the mode [`ImportMode::Strict`].
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ImportMode, ManagedTensorVersioned};
    ///
    /// let raw = Exporter::new([1_u8, 2, 3]).build()?.into_raw();
    /// // SAFETY: `into_raw` passes on a tensor that holds the contract.
    /// let tensor = unsafe { ManagedTensorVersioned::from_raw_with(raw, ImportMode::Strict) }?;
    /// assert_eq!(tensor.strides(), [1]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[inline(always)]
    pub unsafe fn from_raw_with(
        raw: *mut sys::DLManagedTensorVersioned,
        mode: ImportMode,
    ) -> Result<Self, Error> {
        // SAFETY: clauses S1 and S3.
        let handle = unsafe { import::take(raw) }?;
        // SAFETY: clauses S1, S2 and S4; `take` has found the struct to be aligned.
        let descriptor = unsafe { describe(raw, mode) }?;
        Ok(Self { handle, descriptor })
    }

    /// Checks a tensor that stays its owner's: on errors, too, the deleter is not called.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw), but that ownership does not pass.
    pub(crate) unsafe fn inspect(
        raw: *mut sys::DLManagedTensorVersioned,
    ) -> Result<Descriptor, Error> {
        if raw.is_null() {
            return Err(Error::NullTensor);
        }
        if !raw.is_aligned() {
            let required = align_of::<sys::DLManagedTensorVersioned>();
            return Err(Error::MisalignedHeader { required });
        }
        // SAFETY: the caller's promise, and the struct is aligned.
        unsafe { describe(raw, ImportMode::Lenient) }
    }

    /// # Safety
    ///
    /// The arguments must hold the invariants of the type.
    pub(crate) const unsafe fn from_parts(
        handle: Handle<sys::DLManagedTensorVersioned>,
        descriptor: Descriptor,
    ) -> Self {
        Self { handle, descriptor }
    }

    #[inline]
    pub(crate) fn into_handle(self) -> Handle<sys::DLManagedTensorVersioned> {
        self.handle
    }

    /// Passes the tensor on to a consumer, who must call its deleter.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Exporter, ManagedTensorVersioned};
    ///
    /// let raw = Exporter::new([1_u8, 2, 3]).build()?.into_inner().into_raw();
    /// // SAFETY: just passed on.
    /// drop(unsafe { ManagedTensorVersioned::from_raw(raw) }?);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[must_use = "the deleter must be called"]
    pub fn into_raw(self) -> *mut sys::DLManagedTensorVersioned {
        self.handle.into_raw()
    }

    /// Returns the pointer and keeps the tensor.
    ///
    /// For functions that look at a tensor without taking it over.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let tensor = Exporter::new([1_u8, 2, 3]).build()?.into_inner();
    /// // SAFETY: the tensor is alive.
    /// assert_eq!(unsafe { (*tensor.as_raw()).dl_tensor.ndim }, 1);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub const fn as_raw(&self) -> *mut sys::DLManagedTensorVersioned {
        self.handle.as_ptr()
    }

    /// Gives safe access to a tensor that only its consumer can reach.
    ///
    /// The standard says that of tensors with the flag `IS_COPIED`; see [`Flags::IS_COPIED`]. Whether the
    /// copy is initialised it does not say, hence the `Uninit`.
    ///
    /// # Errors
    ///
    /// Hands the tensor back, with [`Error::NotExclusive`] without that flag, [`Error::ReadOnly`] with
    /// `READ_ONLY`.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::Exporter;
    ///
    /// let copy = Exporter::new(vec![1_u8, 2, 3]).is_copied().build()?.into_inner();
    /// let tensor = copy.try_exclusive()?.fill(9_u8)?;
    /// assert_eq!(tensor.as_slice::<u8>()?, [9, 9, 9]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn try_exclusive(self) -> Result<ExclusiveUninit<Self>, Rejected<Self>> {
        if !self.flags().contains(Flags::IS_COPIED) {
            return Err(Rejected::new(self, Error::NotExclusive));
        }
        if self.access() != Access::Writable {
            return Err(Rejected::new(self, Error::ReadOnly));
        }
        // SAFETY: clause S6 of the import contract.
        Ok(unsafe { ExclusiveUninit::new(self) })
    }
}

/// Reads the version and, if it is one that has them where we look for them, the flags.
///
/// # Safety
///
/// Clauses S1 and S2 of the import contract; `raw` is aligned.
#[inline]
unsafe fn header(raw: *const sys::DLManagedTensorVersioned) -> Result<(Version, Flags), Error> {
    // SAFETY: clause S2: the version can be read, whatever it is. No reference: the struct may be shorter.
    let version = unsafe { &raw const (*raw).version };
    // SAFETY: the same.
    let version = Version::from(unsafe { version.read() });
    if !version.is_compatible() {
        return Err(Error::UnsupportedVersion { found: version });
    }
    // SAFETY: clause S1: a struct of our major version is initialised.
    let flags = unsafe { &raw const (*raw).flags };
    // SAFETY: the same.
    Ok((version, Flags::from_bits(unsafe { flags.read() })))
}

/// Checks what a struct says, from its version on.
///
/// # Safety
///
/// Clauses S1, S2 and S4 of the import contract, apart from who owns the struct; `raw` is not null, and aligned.
#[inline(always)]
unsafe fn describe(
    raw: *mut sys::DLManagedTensorVersioned,
    mode: ImportMode,
) -> Result<Descriptor, Error> {
    // SAFETY: clauses S1 and S2.
    let (version, flags) = unsafe { header(raw) }?;
    let header = Header { version: Some(version), flags, access: Access::of(flags) };
    // SAFETY: clause S1: the major version is ours.
    let tensor = unsafe { &raw const (*raw).dl_tensor };
    // SAFETY: clauses S1 and S4.
    unsafe { import::describe(tensor, header, mode) }
}

impl Deref for ManagedTensorVersioned {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        &self.descriptor
    }
}

impl sealed::Described for ManagedTensorVersioned {
    fn descriptor_mut(&mut self, _: sealed::Key) -> &mut Descriptor {
        &mut self.descriptor
    }
}

impl Tensor for ManagedTensorVersioned {}

impl fmt::Debug for ManagedTensorVersioned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.descriptor.fmt(f)
    }
}
