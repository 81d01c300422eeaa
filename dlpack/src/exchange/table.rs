//! A library's table of functions, for those who are called.

use core::fmt;
use core::marker::PhantomData;
use core::ptr;

use super::entries;
use super::library::Library;
use crate::sys;
use crate::vocabulary::Version;

/// The `DLPackExchangeAPI` of a [`Library`], to be put in a `static`.
///
/// In Python, its address goes in a capsule named `dlpack_exchange_api`, which is the attribute
/// `__dlpack_c_exchange_api__` of the type whose objects the library takes. It must stay valid while the process runs,
/// hence the `static`.
///
/// # Examples
///
/// ```
/// use core::{ffi::c_void, ptr::NonNull};
/// use dlpack::exchange::{ExchangeTable, Library, Offer, Report};
/// use dlpack::{DataType, Device, Error, ManagedTensorVersioned, Parcel};
///
/// struct Nothing;
///
/// impl Library for Nothing {
///     type Error = Error;
///
///     fn set_error(_: Error) {}
///
///     fn allocate(_: DataType, _: &[usize], _: Device) -> Result<ManagedTensorVersioned, Report> {
///         Err(Report::new("NotImplementedError", "this library has no memory"))
///     }
///
///     unsafe fn tensor_from_object(_: NonNull<c_void>) -> Result<Parcel, Error> {
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
/// // SAFETY: a static.
/// let table = unsafe { &*TABLE.as_raw() };
/// assert_eq!((table.header.version.major, table.header.version.minor), (1, 3));
/// assert!(table.dltensor_from_py_object_no_sync.is_none());
/// ```
#[repr(transparent)]
pub struct ExchangeTable<L: Library> {
    raw: sys::DLPackExchangeAPI,
    library: PhantomData<fn() -> L>,
}

// SAFETY: nobody writes the table, and its functions belong to no thread.
unsafe impl<L: Library> Send for ExchangeTable<L> {}
// SAFETY: the same.
unsafe impl<L: Library> Sync for ExchangeTable<L> {}

impl<L: Library> ExchangeTable<L> {
    /// Makes the table, of DLPack 1.3, with all functions, and with the one for lending if the library
    /// [lends](Library::LENDS).
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::exchange::{ExchangeTable, Library};
    ///
    /// const fn table<L: Library>() -> ExchangeTable<L> {
    ///     ExchangeTable::new()
    /// }
    /// ```
    ///
    /// In use: at [`Library`].
    #[must_use]
    pub const fn new() -> Self {
        let version = Version::CURRENT.to_sys();
        let raw = sys::DLPackExchangeAPI {
            header: sys::DLPackExchangeAPIHeader { version, prev_api: ptr::null_mut() },
            managed_tensor_allocator: Some(entries::allocate::<L>),
            managed_tensor_from_py_object_no_sync: Some(entries::tensor_from_object::<L>),
            managed_tensor_to_py_object_no_sync: Some(entries::object_from_tensor::<L>),
            dltensor_from_py_object_no_sync: if L::LENDS { Some(entries::lend::<L>) } else { None },
            current_work_stream: Some(entries::current_stream::<L>),
        };
        Self { raw, library: PhantomData }
    }

    /// Points to a table of an older major version, for consumers that know no newer one.
    ///
    /// The older table's major version must be below this one's, and so on.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{exchange::{ExchangeTable, Library}, sys::DLPackExchangeAPIHeader};
    ///
    /// const fn table<L: Library>(older: &'static DLPackExchangeAPIHeader) -> ExchangeTable<L> {
    ///     ExchangeTable::new().with_previous(older)
    /// }
    /// ```
    #[must_use]
    pub const fn with_previous(mut self, older: &'static sys::DLPackExchangeAPIHeader) -> Self {
        self.raw.header.prev_api = ptr::from_ref(older).cast_mut();
        self
    }

    /// Returns the address for consumers.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::exchange::ExchangeApi;
    ///
    /// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
    /// // The table of the example library of `Library`.
    /// let raw = boxes::TABLE.as_raw();
    /// // SAFETY: a table of this crate, in a `static`.
    /// let library = unsafe { ExchangeApi::from_raw(raw) }?;
    /// assert_eq!(library.version(), dlpack::Version::CURRENT);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
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
