//! The search for a table of our major version.
//!
//! A table begins with a header that all versions share, and the header of a newer table may point to an older one.
//! Nothing behind a header is read before its major version is known to be ours.

use core::ptr;

use crate::error::Error;
use crate::sys;
use crate::vocabulary::Version;

/// The most tables that are looked at. The standard has one major version with tables, and none is skipped.
pub(super) const MOST: usize = 16;

/// Returns the first table of our major version, and its version.
///
/// # Safety
///
/// `table` is null or points to a header that can be read, and so do the headers after it.
pub(super) unsafe fn find(
    table: *const sys::DLPackExchangeAPI,
) -> Result<(*const sys::DLPackExchangeAPI, Version), Error> {
    let mut header = table.cast::<sys::DLPackExchangeAPIHeader>();
    let mut newest = None;
    let mut newer = None;
    for _ in 0..MOST {
        if header.is_null() {
            return Err(
                newest.map_or(Error::NullTable, |found| Error::UnsupportedVersion { found })
            );
        }
        // SAFETY: the caller's promise.
        let found = unsafe { version(header) };
        if let Some(newer) = newer.filter(|&newer| found.major >= newer) {
            return Err(Error::TableOrder { newer, older: found.major });
        }
        if found.is_compatible() {
            return Ok((header.cast(), found));
        }
        newest = newest.or(Some(found));
        newer = Some(found.major);
        // SAFETY: the caller's promise.
        header = unsafe { previous(header) };
    }
    Err(Error::TooManyTables { max: MOST })
}

/// # Safety
///
/// `header` can be read.
unsafe fn version(header: *const sys::DLPackExchangeAPIHeader) -> Version {
    // SAFETY: the caller's promise.
    let version = unsafe { &raw const (*header).version };
    // SAFETY: the caller's promise.
    Version::from(unsafe { ptr::read_unaligned(version) })
}

/// # Safety
///
/// `header` can be read.
unsafe fn previous(
    header: *const sys::DLPackExchangeAPIHeader,
) -> *const sys::DLPackExchangeAPIHeader {
    // SAFETY: the caller's promise.
    let previous = unsafe { &raw const (*header).prev_api };
    // SAFETY: the caller's promise.
    unsafe { ptr::read_unaligned(previous) }.cast_const()
}
