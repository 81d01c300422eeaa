//! A table as it comes in.

use core::ptr::NonNull;

use super::{ExchangeApi, Functions};
use crate::error::Error;
use crate::sys;
use crate::vocabulary::Version;

impl ExchangeApi {
    /// Reads the functions of a library's table.
    ///
    /// If the major version of the table is newer than 1, the older tables that it points to are searched. Nothing but the
    /// header of a table is read before its major version is known to be 1.
    ///
    /// # Errors
    ///
    /// - [`Error::NullTable`] if `raw` is null.
    /// - [`Error::UnsupportedVersion`] if no table has the major version 1; it contains the version of the first table.
    /// - [`Error::TableOrder`] if the major versions in the chain of tables do not decrease.
    /// - [`Error::TooManyTables`] if the chain has more than 16 tables.
    ///
    /// # Safety
    ///
    /// - **E1** `raw`, and the `prev_api` of each header that is read, is null or points to a header that can be read and is
    ///   not written during this call. A header of major version 1 is that of a complete table.
    /// - **E2** The functions of that table stay loaded for as long as any copy of the returned value is used. They keep
    ///   to the standard, and do not unwind.
    /// - **E3** `managed_tensor_allocator` may be called from any thread at any time. It only reads the prototype. It calls
    ///   `SetError` only during the call and on the calling thread, with the context that it was given and with strings
    ///   that are null or end in NUL.
    /// - **E4** Clauses S1 to S6 of [`ManagedTensorVersioned::from_raw`](crate::ManagedTensorVersioned::from_raw) hold for
    ///   tensors of the library. Until the deleter is called, nobody but its consumer accesses the memory of a tensor
    ///   that was allocated.
    pub unsafe fn from_raw(raw: *const sys::DLPackExchangeAPI) -> Result<Self, Error> {
        // SAFETY: clause E1. A table of our major version is complete; a newer minor version may have more functions.
        // `Functions` are the same in the same order, with types that differ only in whether a caller expects unwinding.
        let (table, version, functions) = unsafe {
            let (table, version) = find(raw)?;
            let functions = &raw const (*table.as_ptr()).managed_tensor_allocator;
            (table, version, functions.cast::<Functions>().read_unaligned())
        };
        Ok(Self { table, version, functions })
    }

    /// Returns the version of the table that the functions were read from.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Returns the table that the functions were read from: the one that was given, or an older one that it points to.
    ///
    /// The standard requires tables to stay valid while the process runs, but clause E1 covers the call of
    /// [`from_raw`](Self::from_raw) only: dereference the pointer only if the library is known to keep its table.
    #[must_use]
    pub const fn as_raw(&self) -> *const sys::DLPackExchangeAPI {
        self.table.as_ptr()
    }
}

/// The greatest number of tables in a chain. The standard has one major version with tables, and skips none.
const MAX_TABLES: usize = 16;

/// Returns the first table of our major version in the chain of `prev_api`, and its version.
///
/// # Safety
///
/// Clause **E1** holds for `table`.
unsafe fn find(
    table: *const sys::DLPackExchangeAPI,
) -> Result<(NonNull<sys::DLPackExchangeAPI>, Version), Error> {
    let mut next = table.cast_mut().cast::<sys::DLPackExchangeAPIHeader>();
    let mut newest = None;
    let mut newer = None;
    for _ in 0..MAX_TABLES {
        let Some(header) = NonNull::new(next) else {
            let unsupported = |found| Error::UnsupportedVersion { found };
            return Err(newest.map_or(Error::NullTable, unsupported));
        };
        // SAFETY: clause E1: the header can be read.
        let sys::DLPackExchangeAPIHeader { version, prev_api } = unsafe { header.read_unaligned() };
        let found = Version::from(version);
        if let Some(newer) = newer.filter(|&newer| found.major >= newer) {
            return Err(Error::TableOrder { newer, older: found.major });
        }
        if found.is_compatible() {
            return Ok((header.cast(), found));
        }
        newest = newest.or(Some(found));
        newer = Some(found.major);
        next = prev_api;
    }
    Err(Error::TooManyTables { max: MAX_TABLES })
}
