//! The deleter: once, wherever and whenever, and nothing is read after it ran.

use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{DataType, DataTypeCode, Error};
use harness::abi::Abi;
use harness::release::delete;
use harness::{Spec, current_thread, dtype};

use crate::support::{MAX_NDIM, SIX, accepts, guarded, read, refuses, six};

#[test]
fn h007_no_deleter() {
    fn row<A: Abi>() {
        let (tensor, record) = A::from_c(&six().null_deleter());
        assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
        drop(tensor);
        assert_eq!((record.deleted(), record.is_alive()), (0, true));
    }
    row::<DLManagedTensorVersioned>();
    row::<DLManagedTensor>();
}

#[test]
fn h008_no_context() {
    accepts(&six().null_context(), |tensor| assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec())));
}

#[test]
fn h009_deleter_takes_everything_away() {
    // Overwritten with 0xDD and inaccessible; for memory checkers, freed.
    accepts(&guarded(six(), |spec| spec.guard_data_end().guard_dims()), drop);
    accepts(&six().free_on_delete(), drop);
    let (tensor, record) = DLManagedTensor::from_c(&guarded(six(), |spec| spec.guard_header()));
    drop(tensor);
    assert_eq!(record.deleted(), 1);
    refuses(&six().free_on_delete().ndim(-1), Error::NegativeNdim { ndim: -1 });
}

#[test]
fn h010_deleter_drops_another_tensor() {
    fn row<Outer: Abi, Inner: Abi>() {
        let (inner, inner_record) = Inner::from_c(&six());
        let inner = Mutex::new(Some(inner));
        let take_inner = move || drop(inner.lock().expect("not poisoned").take());
        let (outer, outer_record) = Outer::from_c(&six().on_delete(take_inner));
        assert_eq!((outer_record.deleted(), inner_record.deleted()), (0, 0));
        drop(outer);
        assert_eq!((outer_record.deleted(), inner_record.deleted()), (1, 1));
    }
    row::<DLManagedTensorVersioned, DLManagedTensorVersioned>();
    row::<DLManagedTensorVersioned, DLManagedTensor>();
    row::<DLManagedTensor, DLManagedTensorVersioned>();
    row::<DLManagedTensor, DLManagedTensor>();
}

#[test]
fn h011_deleter_waits_on_another_thread() {
    fn row<A: Abi>() {
        let lock = Arc::new(Mutex::new(()));
        let deleters = Arc::clone(&lock);
        let wait = move || drop(deleters.lock().expect("not poisoned"));
        let (tensor, record) = A::from_c(&six().sleep_ms(2).on_delete(wait));
        let held = lock.lock().expect("not poisoned");
        let dropping = thread::spawn(move || {
            drop(tensor);
            current_thread()
        });
        drop(held);
        let other = dropping.join().expect("the other thread does not panic");
        assert_ne!(other, current_thread());
        assert_eq!((record.deleted(), record.thread()), (1, Some(other)));
    }
    row::<DLManagedTensorVersioned>();
    row::<DLManagedTensor>();
}

#[test]
fn h012_every_refusal_deletes_once() {
    let wrong = dtype(17, 8, 1);
    let found = DataType { code: DataTypeCode::FLOAT4_E2M1FN, bits: 8, lanes: 1 };
    let rows = [
        (six().ndim(-1), Error::NegativeNdim { ndim: -1 }),
        (six().ndim(65), Error::TooManyAxes { ndim: 65, max: MAX_NDIM }),
        (six().null_shape(), Error::NullShape { ndim: 2 }),
        (Spec::new(wrong).shape(&[2]), Error::InvalidDType { found }),
        (six().shape(&[2, -3]), Error::NegativeSize { axis: 1, size: -3 }),
        (six().shape(&[1 << 40, 1 << 40]).strides(&[1, 1]), Error::ShapeOverflow),
        (six().strides(&[i64::MAX, 1]).shape(&[3, 3]), Error::ExtentOverflow),
    ];
    for (spec, error) in rows {
        refuses(&spec, error);
    }
}

#[test]
fn h013_round_trips() {
    fn row<A: Abi>() {
        let (raw, record) = six().make::<A>();
        let mut same = raw;
        for _ in 0..1000 {
            // SAFETY: C passes it on, or we have just done so.
            same = unsafe { A::import(same) }.into_raw();
            assert_eq!(same, raw);
        }
        assert_eq!(record.deleted(), 0);
        // SAFETY: just passed on.
        drop(unsafe { A::import(same) });
        assert_eq!(record.deleted(), 1);
    }
    row::<DLManagedTensorVersioned>();
    row::<DLManagedTensor>();
}

#[test]
fn h014_forgotten() {
    fn row<A: Abi>() {
        let (raw, record) = six().make::<A>();
        // SAFETY: C passes it on.
        mem::forget(unsafe { A::import(raw) });
        assert_eq!((record.deleted(), record.is_alive()), (0, true));
        // SAFETY: the tensor that had it is gone.
        unsafe { delete(raw) };
        assert_eq!(record.deleted(), 1);
    }
    row::<DLManagedTensorVersioned>();
    row::<DLManagedTensor>();
}

#[test]
fn h015_dropped_while_a_panic_unwinds() {
    fn row<A: Abi>() {
        let unwinding = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&unwinding);
        let look = move || seen.store(thread::panicking(), Ordering::Relaxed);
        let (tensor, record) = A::from_c(&six().on_delete(look));
        let caught = panic::catch_unwind(AssertUnwindSafe(|| {
            let _tensor = tensor;
            panic::resume_unwind(Box::new("ours"));
        }));
        let payload = caught.expect_err("it unwinds to here");
        assert_eq!(payload.downcast_ref(), Some(&"ours"));
        assert_eq!(record.deleted(), 1);
        assert!(unwinding.load(Ordering::Relaxed), "the deleter ran on the way");
    }
    row::<DLManagedTensorVersioned>();
    row::<DLManagedTensor>();
}
