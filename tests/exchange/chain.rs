//! The search for a table of our major version among tables that point to older ones.

use std::ptr;

use dlpack::exchange::ExchangeApi;
use dlpack::sys::{DLPackExchangeAPI, DLPackExchangeAPIHeader, DLPackVersion};
use dlpack::{Error, Version};

/// A header without a table behind it, so that a read beyond it is out of bounds.
fn header(major: u32, previous: *mut DLPackExchangeAPIHeader) -> *mut DLPackExchangeAPIHeader {
    let version = DLPackVersion { major, minor: 7 };
    Box::into_raw(Box::new(DLPackExchangeAPIHeader { version, prev_api: previous }))
}

fn table(major: u32, minor: u32) -> *mut DLPackExchangeAPI {
    let version = DLPackVersion { major, minor };
    Box::into_raw(Box::new(DLPackExchangeAPI {
        header: DLPackExchangeAPIHeader { version, prev_api: ptr::null_mut() },
        managed_tensor_allocator: None,
        managed_tensor_from_py_object_no_sync: None,
        managed_tensor_to_py_object_no_sync: None,
        dltensor_from_py_object_no_sync: None,
        current_work_stream: None,
    }))
}

/// Headers of these major versions, each of which points to the next, and the last to `end`.
fn chain(
    majors: impl DoubleEndedIterator<Item = u32>,
    end: *mut DLPackExchangeAPIHeader,
) -> Vec<*mut DLPackExchangeAPIHeader> {
    let mut headers = Vec::new();
    let mut next = end;
    for major in majors.rev() {
        next = header(major, next);
        headers.insert(0, next);
    }
    headers
}

fn find(first: *const DLPackExchangeAPIHeader) -> Result<ExchangeApi, Error> {
    // SAFETY: a chain of headers, which ends in a whole table where the version is ours.
    unsafe { ExchangeApi::from_raw(first.cast()) }
}

fn free(headers: Vec<*mut DLPackExchangeAPIHeader>) {
    for header in headers {
        // SAFETY: boxed in `header`.
        drop(unsafe { Box::from_raw(header) });
    }
}

#[test]
fn h130_no_table() {
    assert_eq!(find(ptr::null()).unwrap_err(), Error::NullTable);
}

#[test]
fn h130_a_table_of_our_version() {
    for minor in [0, 2, 3, 99] {
        let table = table(1, minor);
        let found = find(table.cast()).expect("our major version");
        assert_eq!((found.as_raw(), found.version()), (table.cast_const(), Version::new(1, minor)));
        // SAFETY: boxed in `table`.
        drop(unsafe { Box::from_raw(table) });
    }
}

#[test]
fn h130_an_older_table_behind_newer_ones() {
    for newer in [1, 2, 15] {
        let table = table(1, 3);
        let headers = chain((2..2 + newer).rev(), table.cast());
        let found = find(headers[0]).expect("the last table has our major version");
        assert_eq!((found.as_raw(), found.version()), (table.cast_const(), Version::CURRENT));
        free(headers);
        // SAFETY: boxed in `table`.
        drop(unsafe { Box::from_raw(table) });
    }
}

#[test]
fn h130_no_table_of_our_version() {
    for majors in [&[2][..], &[5, 3, 2], &[2, 0], &[0], &[u32::MAX]] {
        let headers = chain(majors.iter().copied(), ptr::null_mut());
        let found = Version::new(majors[0], 7);
        assert_eq!(find(headers[0]).unwrap_err(), Error::UnsupportedVersion { found });
        free(headers);
    }
}

#[test]
fn h130_circles() {
    let alone = header(2, ptr::null_mut());
    // SAFETY: a box of ours.
    unsafe { (*alone).prev_api = alone };
    assert_eq!(find(alone).unwrap_err(), Error::TableOrder { newer: 2, older: 2 });

    let headers = chain([4, 3, 2].into_iter(), alone);
    let last = headers[2];
    // SAFETY: the same.
    unsafe { (*alone).prev_api = headers[0] };
    assert_eq!(find(headers[0]).unwrap_err(), Error::TableOrder { newer: 2, older: 2 });
    // SAFETY: the same.
    unsafe { (&raw mut (*last).prev_api).write(headers[0]) };
    assert_eq!(find(headers[0]).unwrap_err(), Error::TableOrder { newer: 2, older: 4 });
    free(headers);
    free(vec![alone]);
}

#[test]
fn h130_tables_that_get_newer() {
    let table = table(1, 3);
    let headers = chain([2, 3].into_iter(), table.cast());
    assert_eq!(find(headers[0]).unwrap_err(), Error::TableOrder { newer: 2, older: 3 });
    free(headers);
    // SAFETY: boxed in `table`.
    drop(unsafe { Box::from_raw(table) });
}

#[test]
fn h130_a_thousand_tables() {
    for newer in [16, 1000] {
        let table = table(1, 3);
        let headers = chain((2..2 + newer).rev(), table.cast());
        assert_eq!(find(headers[0]).unwrap_err(), Error::TooManyTables { max: 16 });
        free(headers);
        // SAFETY: boxed in `table`.
        drop(unsafe { Box::from_raw(table) });
    }
}

/// Nothing says that a table is aligned.
#[test]
fn a_table_at_an_odd_address() {
    let table = table(1, 3);
    let mut bytes = vec![0_u8; size_of::<DLPackExchangeAPI>() + 1];
    let odd = bytes.as_mut_ptr().wrapping_add(1).cast::<DLPackExchangeAPI>();
    // SAFETY: so many bytes, and the source is a box of ours.
    unsafe { odd.write_unaligned(*Box::from_raw(table)) };
    assert_eq!(find(odd.cast()).expect("our version").version(), Version::CURRENT);
}
