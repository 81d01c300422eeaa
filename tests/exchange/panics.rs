//! Panics of a library that contains them: they become errors, and no tensor is lost or deleted twice.
//!
//! `tests/abort.rs` has the library that does not contain them.

use std::ptr;

use harness::exchange::{ask_stream, give_tensor, read_exported, read_lent};

use crate::shelf::{Mood, Object, TABLE, during};
use crate::support::{delete_leaked, six};

const PANICKED: &str = "expected a result, found a panic";

fn object() -> (Object, harness::Record) {
    let (raw, record) = six().make_versioned();
    // SAFETY: C passes it on.
    let tensor = unsafe { dlpack::ManagedTensorVersioned::from_raw(raw) }.expect("valid");
    (Object::new(tensor), record)
}

#[test]
fn in_each_function() {
    let (object, record) = object();
    let table = TABLE.as_raw();
    let panicked = || vec![PANICKED.to_owned()];
    // SAFETY: an object of the library.
    let export = || unsafe { read_exported(table, object.as_ptr()) };
    assert_eq!(during(Mood::Panics, export), (Err(-1), panicked(), 1));
    // SAFETY: the same.
    let lend = || unsafe { read_lent(table, object.as_ptr()) };
    assert_eq!(during(Mood::Panics, lend), (Err(-1), panicked(), 1));
    // SAFETY: the table of a library.
    let stream = || unsafe { ask_stream(table, 2, 0) };
    assert_eq!(during(Mood::Panics, stream), ((-1, ptr::null_mut()), panicked(), 1));
    drop(object);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn before_the_tensor_was_taken() {
    let (raw, record) = six().make_versioned();
    // SAFETY: a live tensor.
    let give = || unsafe { give_tensor(TABLE.as_raw(), raw) };
    assert_eq!(during(Mood::Panics, give), (Err(-1), vec![PANICKED.to_owned()], 1));
    delete_leaked(raw, &record);
}

/// The tensor is the library's by then, and goes down with its object.
#[test]
fn after_the_tensor_was_taken() {
    let (raw, record) = six().make_versioned();
    // SAFETY: a live tensor.
    let give = || unsafe { give_tensor(TABLE.as_raw(), raw) };
    assert_eq!(during(Mood::PanicsLate, give), (Err(-1), vec![PANICKED.to_owned()], 1));
    assert_eq!(record.deleted(), 1);
}

/// A library that cannot say what is wrong still says that something is.
#[test]
fn while_an_error_is_set() {
    let (raw, record) = six().make_versioned();
    // SAFETY: a live tensor.
    let give = || unsafe { give_tensor(TABLE.as_raw(), raw) };
    assert_eq!(during(Mood::PanicsTwice, give), (Err(-1), vec![], 1));
    delete_leaked(raw, &record);
}
