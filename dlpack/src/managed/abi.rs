//! The C structs that own a tensor, with one implementation of [`Abi`] for each.

use core::ffi::c_void;

use super::block_header;
use super::descriptor::Access;
use crate::error::Error;
use crate::sys;
use crate::vocabulary::{Flags, Version};

/// A C struct that owns a tensor: `DLManagedTensorVersioned`, or the legacy `DLManagedTensor`.
///
/// It is the parameter of [`Managed`](crate::Managed) and [`OpaqueTensor`](crate::OpaqueTensor). The trait is sealed; a
/// future version of the standard that adds a struct adds an implementation.
pub trait Abi: sealed::Abi {}

impl Abi for sys::DLManagedTensor {}
impl Abi for sys::DLManagedTensorVersioned {}

/// What a struct says of its tensor besides the `DLTensor`.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// 0.0 for an ABI without one.
    pub(crate) version: Version,
    pub(crate) flags: Flags,
    pub(crate) access: Access,
}

impl Header {
    /// The header of a struct that has neither a version nor flags.
    pub(crate) const NONE: Self =
        Self { version: Version::new(0, 0), flags: Flags::NONE, access: Access::Unknown };
}

pub(crate) mod sealed {
    use super::{Error, Flags, Header, Version, c_void, sys};

    /// # Safety
    ///
    /// - `deleter`, `manager_ctx` and `dl_tensor` return pointers to the fields of these names.
    /// - `DELETER` runs [`block_header::delete`](super::block_header::delete) with the context of the struct, and does nothing else.
    pub unsafe trait Abi: Sized + 'static {
        /// The version that is written into exported structs, or 0.0 if they have none.
        const VERSION: Version;

        /// The deleter of exported structs. It is not generic: every crate that instantiates a generic function may get
        /// an address of its own, and structs of ours are recognised by this one.
        const DELETER: unsafe extern "C" fn(*mut Self);

        /// # Safety
        ///
        /// `this` points to memory of this size. The same holds for the two functions below.
        unsafe fn deleter(this: *mut Self) -> *mut Option<unsafe extern "C" fn(*mut Self)>;

        /// # Safety
        ///
        /// As for [`deleter`](Self::deleter).
        unsafe fn manager_ctx(this: *mut Self) -> *mut *mut c_void;

        /// # Safety
        ///
        /// As for [`deleter`](Self::deleter).
        unsafe fn dl_tensor(this: *mut Self) -> *mut sys::DLTensor;

        /// Reads the major version, and returns an error if it is not this crate's.
        ///
        /// # Safety
        ///
        /// Clauses S1 and S2 of the import contract; `this` is aligned.
        unsafe fn check_version(this: *const Self) -> Result<(), Error>;

        /// Reads the version and the flags.
        ///
        /// # Safety
        ///
        /// Clause S1 of the import contract; `this` is aligned, and of a version that was checked.
        unsafe fn header(this: *const Self) -> Header;

        /// Returns the flags that an exported struct carries for `flags`, or an error for what this ABI cannot express.
        fn express(flags: Flags) -> Result<Flags, Error>;

        /// Makes the C struct of an export.
        fn new(dl_tensor: sys::DLTensor, manager_ctx: *mut c_void, flags: Flags) -> Self;
    }
}

/// What both structs have in common: the fields of these names, and a deleter.
macro_rules! common_items {
    ($deleter:ident) => {
        const DELETER: unsafe extern "C" fn(*mut Self) = $deleter;

        #[inline]
        unsafe fn deleter(this: *mut Self) -> *mut Option<unsafe extern "C" fn(*mut Self)> {
            // SAFETY: a place within the struct, for which there is memory.
            unsafe { &raw mut (*this).deleter }
        }

        #[inline]
        unsafe fn manager_ctx(this: *mut Self) -> *mut *mut c_void {
            // SAFETY: a place within the struct, for which there is memory.
            unsafe { &raw mut (*this).manager_ctx }
        }

        #[inline]
        unsafe fn dl_tensor(this: *mut Self) -> *mut sys::DLTensor {
            // SAFETY: a place within the struct, for which there is memory.
            unsafe { &raw mut (*this).dl_tensor }
        }
    };
}

// SAFETY: the pointers are to the fields named.
unsafe impl sealed::Abi for sys::DLManagedTensor {
    const VERSION: Version = Version::new(0, 0);

    common_items!(delete_legacy);

    #[inline]
    unsafe fn check_version(_: *const Self) -> Result<(), Error> {
        Ok(())
    }

    #[inline]
    unsafe fn header(_: *const Self) -> Header {
        Header::NONE
    }

    #[inline]
    fn express(flags: Flags) -> Result<Flags, Error> {
        if flags.is_read_only() {
            return Err(Error::ReadOnlyNotExpressible);
        }
        if flags.is_padded() {
            return Err(Error::PaddedNotExpressible);
        }
        Ok(Flags::NONE)
    }

    #[inline(always)]
    fn new(dl_tensor: sys::DLTensor, manager_ctx: *mut c_void, _: Flags) -> Self {
        Self { dl_tensor, manager_ctx, deleter: Some(Self::DELETER) }
    }
}

// SAFETY: the pointers are to the fields named.
unsafe impl sealed::Abi for sys::DLManagedTensorVersioned {
    const VERSION: Version = Version::CURRENT;

    common_items!(delete_versioned);

    #[inline(always)]
    unsafe fn check_version(this: *const Self) -> Result<(), Error> {
        // SAFETY: clause S2: the version can be read, whatever it is. No reference: the struct may be shorter.
        let version = Version::from(unsafe { (&raw const (*this).version).read() });
        let ours = version.is_compatible();
        if ours { Ok(()) } else { Err(Error::UnsupportedVersion { found: version }) }
    }

    #[inline(always)]
    unsafe fn header(this: *const Self) -> Header {
        // SAFETY: clause S1: a struct of our major version is initialised.
        let (version, flags) =
            unsafe { ((&raw const (*this).version).read(), (&raw const (*this).flags).read()) };
        let flags = Flags::from_bits(flags);
        Header { version: version.into(), flags, access: Access::of(flags) }
    }

    #[inline]
    fn express(flags: Flags) -> Result<Flags, Error> {
        Ok(flags)
    }

    #[inline(always)]
    fn new(dl_tensor: sys::DLTensor, manager_ctx: *mut c_void, flags: Flags) -> Self {
        Self {
            version: Version::CURRENT.into(),
            manager_ctx,
            deleter: Some(Self::DELETER),
            flags: flags.bits(),
            dl_tensor,
        }
    }
}

/// # Safety
///
/// This crate exported `this`, and its deleter has not run.
unsafe extern "C" fn delete_legacy(this: *mut sys::DLManagedTensor) {
    // SAFETY: an exported struct is live until its deleter runs. Of all that consumers can write only this is read.
    unsafe { block_header::delete::<sys::DLManagedTensor>((*this).manager_ctx) }
}

/// # Safety
///
/// This crate exported `this`, and its deleter has not run.
unsafe extern "C" fn delete_versioned(this: *mut sys::DLManagedTensorVersioned) {
    // SAFETY: an exported struct is live until its deleter runs. Of all that consumers can write only this is read.
    unsafe { block_header::delete::<sys::DLManagedTensorVersioned>((*this).manager_ctx) }
}
