//! Tables of functions as no good producer has them.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

use dlpack::Error;
use dlpack::negotiate::{Answer, ForeignProducer, ProducerTable, RawProducer, Request};

use crate::support::version;

thread_local! {
    /// How often this thread released a producer.
    static RELEASED: Cell<u32> = const { Cell::new(0) };
}

unsafe extern "C" fn release(_: *mut c_void) {
    RELEASED.set(RELEASED.get() + 1);
}

unsafe extern "C" fn respond(_: *mut c_void, _: *const Request, _: *mut Answer) {}

/// Takes a producer with this table over; also says how often it was released by that.
fn take(table: *const ProducerTable) -> (Result<ForeignProducer, Error>, u32) {
    let before = RELEASED.get();
    // SAFETY: the table can be read as far as its version says, and its functions want no context.
    let result = unsafe { ForeignProducer::from_raw(RawProducer { table, ctx: ptr::null_mut() }) };
    (result, RELEASED.get() - before)
}

const GOOD: ProducerTable = ProducerTable {
    version: ProducerTable::VERSION,
    release: Some(release),
    device: None,
    respond: Some(respond),
};

#[test]
fn no_table() {
    let (result, released) = take(ptr::null());
    assert_eq!(result.map(drop), Err(Error::MissingFunction { name: "table" }));
    assert_eq!(released, 0);
}

#[test]
fn no_function_that_responds() {
    let (result, released) = take(&ProducerTable { respond: None, ..GOOD });
    assert_eq!(result.map(drop), Err(Error::MissingFunction { name: "respond" }));
    assert_eq!(released, 1);
    let (result, released) = take(&ProducerTable { respond: None, release: None, ..GOOD });
    assert!(result.is_err() && released == 0);
}

/// Of a table that cannot be read only the beginning is, and the producer is released.
#[test]
fn a_foreign_version() {
    #[repr(C)]
    struct Beginning {
        version: dlpack::Version,
        release: Option<unsafe extern "C" fn(*mut c_void)>,
    }
    for major in [0, 2, u32::MAX] {
        // On the heap, so that a memory checker sees what is read behind it.
        let table = Box::new(Beginning { version: version(major, 9), release: Some(release) });
        let (result, released) = take((&raw const *table).cast());
        assert_eq!(result.map(drop), Err(Error::UnsupportedVersion { found: version(major, 9) }));
        assert_eq!(released, 1);
        let table = Box::new(Beginning { version: version(major, 9), release: None });
        let (result, released) = take((&raw const *table).cast());
        assert!(result.is_err() && released == 0);
    }
}

/// A newer minor version only adds functions at the end.
#[test]
fn a_newer_minor_version_will_do() {
    let (result, released) = take(&ProducerTable { version: version(1, 7), ..GOOD });
    assert_eq!(released, 0);
    let producer = result.expect("it will do");
    assert_eq!(producer.device(), Err(Error::MissingFunction { name: "device" }));
    assert_eq!(producer.request(&Request::new()).map(drop), Err(Error::Refused { status: 4 }));
}

/// C may reuse the memory of the table right after it passed the producer on.
#[test]
fn the_table_is_read_once() {
    let mut table = Box::new(GOOD);
    let (result, _) = take(&raw const *table);
    let producer = result.expect("a table");
    (table.respond, table.release) = (None, None);
    drop(table);
    assert_eq!(producer.request(&Request::new()).map(drop), Err(Error::Refused { status: 4 }));
    drop(producer);
    assert_eq!(RELEASED.get(), 1);
}
