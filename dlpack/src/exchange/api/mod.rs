//! A library's table of functions, for those who call them.

use core::fmt;
use core::ptr::{self, NonNull};

use super::chain;
use crate::error::Error;
use crate::sys;
use crate::vocabulary::Version;

/// The functions by which a library exchanges tensors, found in its `DLPackExchangeAPI`.
///
/// Any of them may be missing, although the standard allows that of one only; the methods that need it then return
/// [`Error::MissingFunction`]. Their objects are what the library's language has for tensors, such as a `PyObject*`,
/// and are nothing but an address here.
///
/// None of the functions waits for a device: work that is queued on the library's stream may still write a tensor that
/// they return. Queue your own work on [`current_stream`](Self::current_stream), or wait for it.
///
/// # Examples
///
/// ```
/// use dlpack::{DataType, Device, Error, exchange::ExchangeApi, sys};
///
/// /// The sum of new zeros, made by whichever library the table belongs to.
/// ///
/// /// # Safety
/// ///
/// /// The table is that of a library which keeps to the standard, and stays loaded.
/// unsafe fn zeros(table: *const sys::DLPackExchangeAPI) -> Result<f32, Error> {
///     // SAFETY: the caller's promise.
///     let library = unsafe { ExchangeApi::from_raw(table) }?;
///     let tensor = library.allocate(DataType::F32, &[2, 3], Device::CPU)?.fill(0.0_f32)?;
///     Ok(tensor.view::<f32>()?.iter().sum())
/// }
///
/// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
/// # let table = boxes::TABLE.as_raw();
/// // SAFETY: the table of a library in this program.
/// assert_eq!(unsafe { zeros(table) }, Ok(0.0));
/// // SAFETY: a null pointer is allowed; it is answered with an error.
/// assert_eq!(unsafe { zeros(core::ptr::null()) }, Err(Error::NullTable));
/// ```
#[derive(Clone, Copy)]
pub struct ExchangeApi {
    /// # Invariants
    ///
    /// The contract of [`ExchangeApi::from_raw`] holds for the table that this points to.
    table: NonNull<sys::DLPackExchangeAPI>,
    version: Version,
    pub(super) functions: Functions,
}

/// Copies of the pointers in a table of our major version.
#[derive(Clone, Copy)]
pub(super) struct Functions {
    pub(super) allocate: sys::DLPackManagedTensorAllocator,
    pub(super) tensor_from_object: sys::DLPackManagedTensorFromPyObjectNoSync,
    pub(super) object_from_tensor: sys::DLPackManagedTensorToPyObjectNoSync,
    pub(super) lend: sys::DLPackDLTensorFromPyObjectNoSync,
    pub(super) current_stream: sys::DLPackCurrentWorkStream,
}

// SAFETY: the table is not followed again; clause E2 says from which threads the functions may be called.
unsafe impl Send for ExchangeApi {}
// SAFETY: the same.
unsafe impl Sync for ExchangeApi {}

impl ExchangeApi {
    /// Takes the functions from a library's table.
    ///
    /// If the table's major version is newer than ours, the older tables that it points to are looked at, at most 16 of
    /// them, and as long as their major versions go down. Of a table of another major version nothing but the header
    /// is read.
    ///
    /// # Errors
    ///
    /// - [`Error::NullTable`].
    /// - [`Error::UnsupportedVersion`] if no table has our major version. It names the first one's.
    /// - [`Error::TableOrder`] if an older table is not older, as in a circle.
    /// - [`Error::TooManyTables`].
    ///
    /// # Safety
    ///
    /// - **E1** `raw` is null, or points to a header that can be read and is not written during this call; and so do the
    ///   `prev_api` of the headers that follow. Where the major version is 1, it is the header of a whole table.
    /// - **E2** The functions of that table stay loaded for as long as any copy of the returned value is used. They keep
    ///   to the standard, and do not unwind.
    /// - **E3** Its `managed_tensor_allocator` may be called from any thread at any time. It only reads the prototype,
    ///   and during the call and on the calling thread passes `SetError` the context it was given, and strings
    ///   that are null or end in NUL.
    /// - **E4** Of a tensor that comes from the library, clauses S1 to S6 of
    ///   [`ManagedTensorVersioned::from_raw`](crate::ManagedTensorVersioned::from_raw) hold, and nobody but its consumer
    ///   reaches the memory of a tensor that was allocated, until the deleter is called.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Error, exchange::ExchangeApi};
    ///
    /// // SAFETY: a null pointer is allowed.
    /// let refused = unsafe { ExchangeApi::from_raw(core::ptr::null()) };
    /// assert_eq!(refused.unwrap_err(), Error::NullTable);
    /// ```
    pub unsafe fn from_raw(raw: *const sys::DLPackExchangeAPI) -> Result<Self, Error> {
        // SAFETY: clause E1.
        let (table, version) = unsafe { chain::find(raw) }?;
        let table = NonNull::new(table.cast_mut()).ok_or(Error::NullTable)?;
        // SAFETY: clause E1: the table is whole, since its major version is ours.
        let functions = unsafe { Functions::read(table.as_ptr()) };
        Ok(Self { table, version, functions })
    }

    /// Returns the version of the table whose functions these are.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{Version, exchange::ExchangeApi};
    ///
    /// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
    /// # // SAFETY: the example library of `Library`.
    /// # let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
    /// assert_eq!(library.version(), Version::new(1, 3));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Returns the table whose functions these are: the one that was given, or an older one that it points to.
    ///
    /// The standard asks libraries to keep their tables for as long as the process runs. Clause E1 has promised it for the
    /// call of [`from_raw`](Self::from_raw) only, so that whoever follows the pointer needs the library's word.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::exchange::ExchangeApi;
    ///
    /// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
    /// # // SAFETY: the example library of `Library`.
    /// # let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
    /// // SAFETY: the library keeps its table in a `static`.
    /// assert_eq!(unsafe { (*library.as_raw()).header.version.major }, 1);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    #[must_use]
    pub const fn as_raw(&self) -> *const sys::DLPackExchangeAPI {
        self.table.as_ptr()
    }
}

impl Functions {
    /// # Safety
    ///
    /// `table` points to a table of our major version, which need not be aligned.
    unsafe fn read(table: *const sys::DLPackExchangeAPI) -> Self {
        // SAFETY: the caller's promise. A newer minor version may have more fields, none of which is read.
        let table = unsafe { ptr::read_unaligned(table) };
        Self {
            allocate: table.managed_tensor_allocator,
            tensor_from_object: table.managed_tensor_from_py_object_no_sync,
            object_from_tensor: table.managed_tensor_to_py_object_no_sync,
            lend: table.dltensor_from_py_object_no_sync,
            current_stream: table.current_work_stream,
        }
    }
}

impl fmt::Debug for ExchangeApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeApi").field("version", &self.version).finish_non_exhaustive()
    }
}
