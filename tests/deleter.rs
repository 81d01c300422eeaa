//! A tensor of which only the end is kept.

use std::thread;

use dlpack::{AnyManagedTensor, Deleter, ManagedTensor, ManagedTensorVersioned};
use harness::{Record, Spec};

const NUMBERS: [i32; 3] = [1, 2, 3];

fn versioned(spec: &Spec) -> (ManagedTensorVersioned, Record) {
    let (raw, record) = spec.make_versioned();
    // SAFETY: C passes the tensor on.
    (unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap(), record)
}

fn legacy(spec: &Spec) -> (ManagedTensor, Record) {
    let (raw, record) = spec.make_legacy();
    // SAFETY: C passes the tensor on.
    (unsafe { ManagedTensor::from_raw(raw) }.unwrap(), record)
}

#[test]
fn it_runs_once_and_on_any_thread() {
    let (tensor, record) = versioned(&Spec::of(&NUMBERS));
    let deleter = tensor.into_deleter();
    assert_eq!(record.deleted(), 0);
    thread::spawn(move || drop(deleter)).join().unwrap();
    assert_eq!(record.deleted(), 1);

    let (tensor, record) = legacy(&Spec::of(&NUMBERS));
    let deleter = AnyManagedTensor::from(tensor).into_deleter();
    assert_eq!(record.deleted(), 0);
    drop(deleter);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn it_is_small_and_says_little() {
    fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<Deleter>();
    assert!(size_of::<Deleter>() <= 2 * size_of::<usize>());
    let (tensor, _record) = legacy(&Spec::of(&NUMBERS));
    assert_eq!(format!("{:?}", tensor.into_deleter()), "Deleter(legacy)");
}

#[test]
fn what_has_no_deleter_stays() {
    let (tensor, record) = versioned(&Spec::of(&NUMBERS).null_deleter());
    drop(tensor.into_deleter());
    assert_eq!((record.deleted(), record.is_alive()), (0, true));
}
