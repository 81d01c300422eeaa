//! Who deleted what, how often and where.

use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};
use harness::release::{
    Bag, consume, delete, delete_on_thread, start_delete, vandalise_and_delete,
};
use harness::{Managed, Record, Spec, current_thread, hides_deleted, live, stray_deletes};

use crate::dims;

fn spec() -> Spec {
    Spec::of(&[1_f32, 2.0, 3.0, 4.0, 5.0, 6.0]).shape(&[2, 3])
}

/// Runs `check` with a tensor of either kind.
fn both(spec: &Spec, check: impl Fn(Record, Box<dyn FnOnce()>)) {
    let (versioned, record) = spec.make_versioned();
    // SAFETY: live, and only this closure deletes it.
    check(record, Box::new(move || unsafe { delete(versioned) }));
    let (legacy, record) = spec.make_legacy();
    // SAFETY: as above.
    check(record, Box::new(move || unsafe { delete(legacy) }));
}

#[test]
fn one_deletion() {
    both(&spec(), |record, delete| {
        assert_eq!((record.deleted(), record.is_alive(), record.thread()), (0, true, None));
        delete();
        assert_eq!((record.deleted(), record.is_alive()), (1, false));
        assert_eq!(record.thread(), Some(current_thread()));
    });
}

#[test]
fn the_record_may_go_first() {
    both(&spec(), |record, delete| {
        drop(record);
        delete();
    });
}

#[test]
fn freed_at_once_and_still_counted() {
    // Addresses come again; the old records must not get the new tensors' deletions.
    let records = Mutex::new(Vec::new());
    for _ in 0..100 {
        both(&spec().free_on_delete(), |record, delete| {
            delete();
            assert!(record.data().is_null());
            records.lock().expect("not poisoned").push(record);
        });
    }
    let records = records.into_inner().expect("not poisoned");
    assert!(records.iter().all(|record| record.deleted() == 1));
}

#[test]
fn without_deleter_and_context() {
    both(&spec().null_deleter().null_context(), |record, delete| {
        delete();
        assert_eq!((record.deleted(), record.is_alive()), (0, true));
    });
    both(&spec().null_context(), |record, delete| {
        delete();
        assert_eq!(record.deleted(), 1, "the deleter needs no context");
    });
}

#[test]
fn a_double_deletion_is_seen() {
    let (tensor, record) = spec().make_versioned();
    // SAFETY: live.
    let deleter = unsafe { (*tensor).deleter }.expect("there is one");
    for times in 1..=3 {
        // SAFETY: what no consumer may do, and this producer is made to bear.
        unsafe { deleter(tensor) };
        assert_eq!(record.deleted(), times);
    }
}

#[test]
fn a_moved_struct_is_seen() {
    let (tensor, record) = spec().make_legacy();
    // SAFETY: live; the copy is never deleted but through the pointer below.
    let mut moved = unsafe { tensor.read() };
    let deleter = moved.deleter.expect("there is one");
    let before = stray_deletes();
    // SAFETY: what no consumer may do, and this producer is made to bear.
    unsafe { deleter(&mut moved) };
    assert_eq!(stray_deletes() - before, 1);
    assert_eq!(record.deleted(), 0);
    // SAFETY: live.
    unsafe { delete(tensor) };
    assert_eq!(record.deleted(), 1);
}

#[test]
fn deleted_memory_is_overwritten() {
    if hides_deleted() {
        return;
    }
    let (tensor, record) = spec().make_versioned();
    let data: *const u8 = record.data().cast();
    let dims = dims(tensor);
    // SAFETY: live.
    unsafe { delete(tensor) };
    let pieces: [(*const u8, usize); 4] = [
        (data, 24),
        (dims[0].cast(), 16),
        (dims[1].cast(), 16),
        (tensor.cast(), size_of_val(&0_u64)),
    ];
    for (start, len) in pieces {
        // SAFETY: kept for `record`.
        let bytes = unsafe { std::slice::from_raw_parts(start, len) };
        assert!(bytes.iter().all(|byte| *byte == 0xDD));
    }
}

#[test]
fn another_thread_deletes() {
    fn check<M: Managed>() {
        let (tensor, record) = spec().make::<M>();
        // SAFETY: live.
        unsafe { delete_on_thread(tensor) };
        assert_eq!(record.deleted(), 1);
        assert_ne!(record.thread(), Some(current_thread()));
    }
    check::<DLManagedTensorVersioned>();
    check::<DLManagedTensor>();
}

#[test]
fn a_deleter_that_takes_its_time() {
    let (tensor, record) = spec().sleep_ms(60).make_versioned();
    let start = Instant::now();
    // SAFETY: live.
    let deleting = unsafe { start_delete(tensor) };
    drop(deleting);
    assert!(start.elapsed() >= Duration::from_millis(60));
    assert_eq!(record.deleted(), 1);
}

#[test]
fn a_deleter_that_waits_for_us() {
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let wait = move || gone.lock().expect("not poisoned").recv().expect("sent below");
    let (tensor, record) = spec().on_delete(wait).make_versioned();
    // SAFETY: live.
    let deleting = unsafe { start_delete(tensor) };
    go.send(()).expect("the deleter listens");
    drop(deleting);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn a_deleter_that_deletes_another() {
    let (inner, inner_record) = spec().make_legacy();
    let address = inner.expose_provenance();
    let delete_inner = move || {
        // SAFETY: live, and this runs once.
        unsafe { delete(ptr::with_exposed_provenance_mut::<DLManagedTensor>(address)) };
    };
    let (outer, outer_record) = spec().on_delete(delete_inner).make_versioned();
    // SAFETY: live.
    unsafe { delete(outer) };
    assert_eq!((inner_record.deleted(), outer_record.deleted()), (1, 1));
}

#[test]
fn a_vandal_cannot_stop_the_deleter() {
    fn check<M: Managed>() {
        // Tensor, shape and strides; the hook runs before the deleter overwrites anything.
        let addresses = Arc::new(Mutex::new([0; 3]));
        let seen = Arc::clone(&addresses);
        let look = move || {
            let [tensor, shape, strides] = *seen.lock().expect("not poisoned");
            // SAFETY: the struct is there until this hook returns.
            let tensor = unsafe { M::tensor(ptr::with_exposed_provenance_mut(tensor)) };
            // SAFETY: as above.
            assert_eq!(unsafe { (*tensor).ndim }, i32::MAX);
            for (dims, told) in [(shape, [2, 3]), (strides, [3, 1])] {
                // SAFETY: as above.
                assert_ne!(unsafe { *ptr::with_exposed_provenance::<[i64; 2]>(dims) }, told);
            }
        };
        let (tensor, record) = spec().on_delete(look).make::<M>();
        let [shape, strides] = dims(tensor).map(<*mut i64>::expose_provenance);
        *addresses.lock().expect("not poisoned") = [tensor.expose_provenance(), shape, strides];
        // SAFETY: live.
        unsafe { vandalise_and_delete(tensor) };
        assert_eq!(record.deleted(), 1);
    }
    check::<DLManagedTensorVersioned>();
    check::<DLManagedTensor>();
}

#[test]
fn consuming_deletes_whatever_comes() {
    let (tensor, record) = spec().make_versioned();
    // SAFETY: live.
    assert!(unsafe { consume(tensor) }.is_some());
    assert_eq!(record.deleted(), 1);

    let hostile = [
        spec().null_data(),
        spec().ndim(-1),
        spec().null_shape(),
        spec().shape(&[2, -3]),
        spec().device(2, 0),
        spec().version(2, 0),
    ];
    for spec in hostile {
        let (tensor, record) = spec.make_versioned();
        // SAFETY: live, and C checks before it reads.
        assert_eq!(unsafe { consume(tensor) }, None, "{spec:?}");
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn a_bag_deletes_in_order() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut bag = Bag::new();
    assert!(bag.is_empty());
    for i in 0..20 {
        let order = Arc::clone(&order);
        let spec = spec().on_delete(move || order.lock().expect("not poisoned").push(i));
        if i % 2 == 0 {
            let (tensor, _) = spec.make_versioned();
            // SAFETY: live.
            unsafe { bag.hold(tensor) };
        } else {
            let (tensor, _) = spec.make_legacy();
            // SAFETY: live.
            unsafe { bag.hold(tensor) };
        }
    }
    assert_eq!(bag.len(), 20);
    assert!(order.lock().expect("not poisoned").is_empty());
    drop(bag);
    assert_eq!(*order.lock().expect("not poisoned"), (0..20).collect::<Vec<_>>());
}

#[test]
fn the_living_are_counted() {
    const MANY: u64 = 5000;
    let deleted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&deleted);
    let spec = spec().on_delete(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let mut bag = Bag::new();
    for _ in 0..MANY {
        let (tensor, _) = spec.make_versioned();
        // SAFETY: live.
        unsafe { bag.hold(tensor) };
    }
    // Other tests hold a few at the same time.
    assert!(live() >= MANY);
    drop(bag);
    assert!(live() < MANY);

    let ownerless: Vec<_> = (0..MANY).map(|_| spec.clone().null_deleter().make_legacy()).collect();
    assert!(live() >= MANY);
    drop(ownerless);
    assert!(live() < MANY, "they go with their records");
    assert_eq!(deleted.load(Ordering::Relaxed), 5000);
}
