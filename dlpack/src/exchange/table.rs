//! The table of a library in Rust.

use core::fmt;
use core::marker::PhantomData;
use core::ptr;

use super::c_functions;
use super::library::Library;
use crate::sys;
use crate::vocabulary::Version;

/// The `DLPackExchangeAPI` of a [`Library`].
///
/// Put it in a `static`, since a table must stay valid while the process runs. In Python, its address goes into a capsule
/// named `dlpack_exchange_api`, which is the attribute `__dlpack_c_exchange_api__` of the type of the library's objects.
///
/// # Examples
///
/// ```
/// use core::{ffi::c_void, ptr::NonNull};
/// use dlpack::exchange::{ExchangeTable, Library, Offer, Report};
/// use dlpack::{DataType, Device, Error, ManagedTensorVersioned, OpaqueTensor};
///
/// struct Nothing;
///
/// // SAFETY: this library neither allocates, accepts nor lends.
/// unsafe impl Library for Nothing {
///     type Error = Error;
///
///     fn set_error(_: Error) {}
///
///     fn allocate(_: DataType, _: &[usize], _: Device) -> Result<ManagedTensorVersioned, Report> {
///         Err(Report::new("NotImplementedError", "this library has no memory"))
///     }
///
///     unsafe fn tensor_from_object(_: NonNull<c_void>) -> Result<OpaqueTensor, Error> {
///         Err(Error::NullObject)
///     }
///
///     unsafe fn object_from_tensor(_: Offer<'_>) -> Result<NonNull<c_void>, Error> {
///         Err(Error::NullObject)
///     }
/// }
///
/// static TABLE: ExchangeTable<Nothing> = ExchangeTable::new();
///
/// // SAFETY: a table in a `static`.
/// let table = unsafe { &*TABLE.as_raw() };
/// assert_eq!((table.header.version.major, table.header.version.minor), (1, 3));
/// assert!(table.dltensor_from_py_object_no_sync.is_none());
/// ```
#[repr(transparent)]
pub struct ExchangeTable<L: Library> {
    raw: sys::DLPackExchangeAPI,
    library: PhantomData<fn() -> L>,
}

// SAFETY: the table is never written, and its pointer `prev_api` is to a `static`.
unsafe impl<L: Library> Send for ExchangeTable<L> {}
// SAFETY: nothing changes behind a shared reference.
unsafe impl<L: Library> Sync for ExchangeTable<L> {}

impl<L: Library> ExchangeTable<L> {
    /// Creates the table, of DLPack 1.3. It has all functions, except that the one for lending is null unless the library
    /// [lends](Library::LENDS).
    #[must_use]
    pub const fn new() -> Self {
        let version = Version::CURRENT.to_sys();
        let raw = sys::DLPackExchangeAPI {
            header: sys::DLPackExchangeAPIHeader { version, prev_api: ptr::null_mut() },
            managed_tensor_allocator: Some(c_functions::allocate::<L>),
            managed_tensor_from_py_object_no_sync: Some(c_functions::tensor_from_object::<L>),
            managed_tensor_to_py_object_no_sync: Some(c_functions::object_from_tensor::<L>),
            dltensor_from_py_object_no_sync: if L::LENDS {
                Some(c_functions::lend::<L>)
            } else {
                None
            },
            current_work_stream: Some(c_functions::current_stream::<L>),
        };
        Self { raw, library: PhantomData }
    }

    /// Links a table of an older major version, for consumers that do not know this one.
    ///
    /// The major versions in a chain of tables must decrease.
    #[must_use]
    pub const fn with_previous(mut self, older: &'static sys::DLPackExchangeAPIHeader) -> Self {
        self.raw.header.prev_api = ptr::from_ref(older).cast_mut();
        self
    }

    /// Returns the address of the table, for consumers.
    #[must_use]
    pub const fn as_raw(&'static self) -> *const sys::DLPackExchangeAPI {
        &raw const self.raw
    }
}

impl<L: Library> Default for ExchangeTable<L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L: Library> fmt::Debug for ExchangeTable<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExchangeTable").field(&self.raw).finish()
    }
}
