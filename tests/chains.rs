//! Tensors that are passed on, come back and are passed on again: no chain, which would take memory with each time and
//! be dropped by one deep recursion.
#![cfg(feature = "alloc")]

use std::sync::Arc;

use dlpack::negotiate::{Answer, ForeignProducer, Producer, RawProducer, Request};
use dlpack::sys::{
    DLManagedTensor, DLManagedTensorVersioned, DLPACK_FLAG_BITMASK_IS_COPIED,
    DLPACK_FLAG_BITMASK_READ_ONLY,
};
use dlpack::{
    Access, AnyManagedTensor, Exporter, Frozen, Managed, ManagedTensor, ManagedTensorVersioned,
};
use harness::abi::Abi;
use harness::alloc::{CountingAllocator, allocations, deallocations, fail_nth};
use harness::owners::Counted;
use harness::{Record, Spec};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// As a chain, so many would overflow the stack of any thread. Emulated machines are slow.
fn many() -> u32 {
    if std::env::var_os("DLPACK_EMULATED").is_some() { 10_000 } else { 100_000 }
}

/// Enough to see that memory is flat.
const SOME: u32 = 500;

/// A tensor of C, and how often it is passed on.
type Case = (Spec, u32);

fn six() -> Spec {
    Spec::of(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]).shape(&[2, 3])
}

/// Strides that the crate does not write, flags that it does not know, and what a copy is marked with.
fn cases() -> [Case; 5] {
    [
        (six(), many()),
        (six().byte_offset(4).shape(&[1, 3]).strides(&[-999, 1]), SOME),
        (six().version(1, 9).flags(DLPACK_FLAG_BITMASK_IS_COPIED | 1 << 40), SOME),
        (Spec::of(&[0_u8; 2]).shape(&[1, 1, 1, 1, 1, 1, 1, 1, 2]), SOME),
        (six().flags(DLPACK_FLAG_BITMASK_READ_ONLY).null_strides().version(1, 0), SOME),
    ]
}

/// Passes what C made on and on.
fn rounds<A: Abi>((spec, rounds): &Case, pass_on: impl FnMut(Managed<A>) -> Managed<A>) {
    let (tensor, record) = A::from_c(spec);
    flat(tensor, &record, *rounds, pass_on);
}

/// The memory is the same after a few rounds and after many, and the deleter is called once, at the end.
fn flat<T>(mut tensor: T, record: &Record, rounds: u32, mut pass_on: impl FnMut(T) -> T) {
    let held = || allocations() - deallocations();
    let mut after_a_few = 0;
    for round in 0..rounds {
        tensor = pass_on(tensor);
        if round == 9 {
            after_a_few = held();
        }
    }
    // Nothing is freed before the end, and the numbers wrap alike.
    assert_eq!(held(), after_a_few);
    assert_eq!(record.deleted(), 0);
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}

/// A consumer takes the tensor and passes it on.
fn through_c<A: Abi>(raw: *mut A) -> Managed<A> {
    // SAFETY: a struct of this crate, just passed on.
    unsafe { A::import(raw) }
}

#[test]
fn opaque_tensors() {
    for case in cases() {
        rounds::<DLManagedTensorVersioned>(&case, |tensor| {
            through_c(tensor.into_opaque().expect("memory").into_raw())
        });
    }
    rounds::<DLManagedTensor>(&(six(), many()), |tensor| {
        through_c(tensor.into_opaque().expect("memory").into_raw())
    });
}

#[test]
fn conversions() {
    for case in &cases()[..4] {
        rounds::<DLManagedTensorVersioned>(case, |tensor| {
            tensor.into_legacy().expect("writable").into_versioned().expect("memory")
        });
        rounds::<DLManagedTensorVersioned>(case, |tensor| {
            let legacy = through_c(tensor.into_legacy().expect("writable").into_raw());
            // SAFETY: C's own memory, which can be written.
            unsafe { legacy.assume_writable() }.into_versioned().expect("memory")
        });
    }
    rounds::<DLManagedTensor>(&(six(), many()), |tensor| {
        // SAFETY: C's own memory, which can be written.
        let tensor = unsafe { tensor.assume_writable() }.into_versioned().expect("memory");
        through_c(through_c(tensor.into_raw()).into_legacy().expect("writable").into_raw())
    });
}

#[test]
fn answers() {
    for case in cases() {
        rounds::<DLManagedTensorVersioned>(&case, |tensor| {
            let answer = Answer::new(Ok(tensor.into()));
            // SAFETY: an answer of this crate, which is taken once.
            match unsafe { answer.take() }.expect("a tensor") {
                AnyManagedTensor::Versioned(tensor) => tensor,
                other => panic!("{other:?}"),
            }
        });
    }
}

#[test]
fn shares() {
    for case in cases() {
        rounds::<DLManagedTensorVersioned>(&case, |tensor| {
            Arc::new(tensor).share().expect("memory")
        });
        rounds::<DLManagedTensorVersioned>(&case, |tensor| {
            through_c(Arc::new(tensor).share_opaque().expect("memory").into_raw())
        });
        rounds::<DLManagedTensorVersioned>(&case, |tensor| {
            Producer::export(&Arc::new(tensor)).expect("memory")
        });
    }
    // Of an owner in Rust.
    let (owner, fate) = Counted::new(&[1_u8, 2, 3]);
    let mut tensor = Exporter::new(owner).build().expect("it fits").into_inner();
    for _ in 0..many() {
        tensor = Arc::new(tensor).share().expect("memory");
    }
    assert_eq!(fate.dropped(), 0);
    drop(tensor);
    assert_eq!(fate.dropped(), 1);
}

#[test]
fn shares_that_are_converted() {
    for case in &cases()[..4] {
        rounds::<DLManagedTensorVersioned>(case, |tensor| {
            let share = Arc::new(tensor).share().expect("memory");
            let legacy: ManagedTensor = share.into_legacy().expect("writable");
            let share = Arc::new(legacy).share_opaque().expect("memory");
            through_c(share.into_raw())
                .into_legacy()
                .expect("writable")
                .into_versioned()
                .expect("memory")
        });
    }
}

type Share = Frozen<ManagedTensorVersioned>;

fn frozen_rounds((spec, rounds): &Case, pass_on: impl FnMut(Share) -> Share) {
    let (tensor, record) = DLManagedTensorVersioned::from_c(spec);
    // SAFETY: C has initialised the elements, and nobody writes them.
    flat(unsafe { tensor.assume_frozen() }, &record, *rounds, pass_on);
}

#[test]
fn shares_of_frozen_tensors() {
    for case in cases() {
        frozen_rounds(&case, |tensor| Arc::new(tensor).share().expect("memory"));
        frozen_rounds(&case, |tensor| {
            let raw = Arc::new(tensor).share().expect("memory").into_raw();
            // SAFETY: the elements are initialised, and nobody writes them.
            unsafe { through_c(raw).assume_frozen() }
        });
        // The promise does not come with the share, so that it is given anew.
        frozen_rounds(&case, |tensor| {
            let share = Arc::new(tensor.into_inner()).share().expect("memory");
            // SAFETY: the elements are initialised, and nobody writes them.
            Arc::new(unsafe { share.assume_frozen() }).share().expect("memory")
        });
    }
}

/// What a producer gives, whichever ABI it chose, is frozen and offered again.
#[test]
fn shares_by_producers() {
    let (tensor, record) = DLManagedTensorVersioned::from_c(&six());
    // SAFETY: C has initialised the elements, and nobody writes them.
    let frozen = unsafe { AnyManagedTensor::from(tensor).assume_frozen() };
    flat(frozen, &record, many(), |tensor| {
        let raw = RawProducer::new(Arc::new(tensor)).expect("memory");
        // SAFETY: a table of this crate, which nobody else uses.
        let producer = unsafe { ForeignProducer::from_raw(raw) }.expect("a table");
        let answer = producer.request(&Request::new()).expect("memory");
        // SAFETY: the elements are initialised, and nobody writes them.
        unsafe { answer.assume_frozen() }
    });
}

/// Each part differs from the one before.
#[test]
fn parts() {
    let turn = |tensor: Share| {
        Arc::new(tensor).share_view::<f32>(|view| Ok(view.transpose())).expect("memory")
    };
    for case in &cases()[..2] {
        frozen_rounds(case, turn);
        frozen_rounds(case, |tensor| Arc::new(turn(tensor)).share().expect("memory"));
        frozen_rounds(case, |tensor| {
            let share = Arc::new(turn(tensor).into_inner()).share().expect("memory");
            // SAFETY: the elements are initialised, and nobody writes them.
            unsafe { share.assume_frozen() }
        });
    }
}

/// What a share promised after it was made ends with it, so that a share of it keeps it.
#[test]
fn a_share_of_which_more_was_promised_is_kept() {
    let (tensor, record) = DLManagedTensorVersioned::from_c(&six());
    let tensor = Arc::new(tensor);
    let share = Arc::new(tensor.share().expect("memory"));
    let same = share.share().expect("memory");
    assert_eq!((Arc::strong_count(&share), Arc::strong_count(&tensor)), (1, 3));
    drop(same);
    let share = Arc::into_inner(share).expect("not kept");
    // SAFETY: the elements are initialised, and nobody writes them.
    let frozen = Arc::new(unsafe { share.assume_frozen() });
    let again = Arc::new(frozen.share().expect("memory"));
    assert_eq!((Arc::strong_count(&frozen), Arc::strong_count(&tensor)), (2, 2));
    // This one is frozen, as long as the one that it keeps.
    let part = again.share_view::<f32>(|view| view.select(0, 1)).expect("a row");
    assert_eq!((Arc::strong_count(&frozen), Arc::strong_count(&again)), (3, 1));
    assert_eq!(part.as_slice::<f32>(), Ok(&[4.0, 5.0, 6.0][..]));
    drop((frozen, again, part));

    for spec in [six().flags(DLPACK_FLAG_BITMASK_READ_ONLY), six().device(13, 0)] {
        let (tensor, _record) = DLManagedTensorVersioned::from_c(&spec);
        let share = Arc::new(tensor).share().expect("memory");
        // SAFETY: C's own memory, which the host can access and write whatever flags and device say.
        let share = Arc::new(unsafe { share.assume_writable().assume_host_accessible() });
        let again = share.share().expect("memory");
        assert_eq!((Arc::strong_count(&share), again.access()), (2, share.access()));
    }
    assert_eq!(record.deleted(), 0);
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}

/// A consumer's changes are kept, as the description of the header that it changed.
#[test]
fn what_a_consumer_changed_is_kept() {
    for change in 0..4 {
        let (tensor, record) = DLManagedTensorVersioned::from_c(&six());
        let raw = tensor.into_opaque().expect("memory").into_raw();
        // SAFETY: a live struct that nobody else has. The consumer describes a part of the tensor, or calls it a copy.
        let tensor = unsafe {
            let dl_tensor = &mut (*raw).dl_tensor;
            match change {
                0 => dl_tensor.shape.write(1),
                1 => dl_tensor.strides.write(0),
                2 => dl_tensor.dtype = dlpack::DataType::I32.into(),
                _ => (*raw).flags |= DLPACK_FLAG_BITMASK_IS_COPIED,
            }
            DLManagedTensorVersioned::import(raw)
        };
        let before =
            (tensor.shape().to_vec(), tensor.strides().to_vec(), tensor.dtype(), tensor.flags());
        let opaque = tensor.into_opaque().expect("memory");
        assert_eq!((opaque.dtype(), opaque.flags()), (before.2, before.3));
        let tensor = through_c(opaque.into_raw());
        assert_eq!((tensor.shape(), tensor.strides()), (&before.0[..], &before.1[..]));
        // Its owner is the tensor that was changed.
        let tensor = tensor.downcast::<ManagedTensorVersioned>().expect("a tensor");
        assert_eq!((tensor.as_raw(), tensor.shape()), (raw, &before.0[..]));
        drop(tensor);
        assert_eq!(record.deleted(), 1);
    }
}

/// A header about whose tensor a caller has promised more than about its owner is kept, too.
#[test]
fn what_a_caller_promised_is_kept() {
    let again = |tensor: ManagedTensorVersioned| {
        let tensor = through_c(tensor.into_opaque().expect("memory").into_raw());
        tensor.downcast::<ManagedTensorVersioned>().expect("a tensor")
    };
    let spec = six().flags(DLPACK_FLAG_BITMASK_READ_ONLY);
    let (tensor, _record) = DLManagedTensorVersioned::from_c(&spec);
    let tensor = through_c(tensor.into_opaque().expect("memory").into_raw());
    // SAFETY: C's own memory, which can be written whatever the flags say.
    let tensor = again(unsafe { tensor.assume_writable() });
    assert_eq!(tensor.access(), Access::Writable);

    let (tensor, _record) = DLManagedTensorVersioned::from_c(&six().device(13, 0));
    let tensor = through_c(tensor.into_opaque().expect("memory").into_raw());
    // SAFETY: C's own memory, which the host can access whatever the device says.
    let tensor = again(unsafe { tensor.assume_host_accessible() });
    // SAFETY: C has initialised the elements, and nobody writes them.
    assert!(unsafe { tensor.as_slice::<f32>() }.is_ok());
}

/// A header that grants less than its owner ends as well. The next header grants no more than that one.
#[test]
fn what_grants_less_is_no_link_of_a_chain() {
    let (tensor, record) = DLManagedTensorVersioned::from_c(&six());
    let first = tensor.as_raw();
    let raw = tensor.into_opaque().expect("memory").into_raw();
    // SAFETY: a live struct that nobody else has, of which the consumer forbids the next one to write.
    let tensor = unsafe {
        (*raw).flags |= DLPACK_FLAG_BITMASK_READ_ONLY;
        DLManagedTensorVersioned::import(raw)
    };
    let tensor = through_c(tensor.into_opaque().expect("memory").into_raw());
    assert_eq!((tensor.access(), record.deleted()), (Access::ReadOnly, 0));
    let tensor = tensor.into_legacy().expect_err("read-only").into_inner();
    let tensor = tensor.downcast::<ManagedTensorVersioned>().expect("the one that came in");
    assert_eq!(tensor.as_raw(), first);
    drop(tensor);
    assert_eq!(record.deleted(), 1);

    let (tensor, _record) = DLManagedTensorVersioned::from_c(&six().device(13, 0));
    let first = tensor.as_raw();
    // SAFETY: C's own memory, which the host can access whatever the device says.
    let tensor = unsafe { tensor.assume_host_accessible() };
    let tensor = through_c(tensor.into_opaque().expect("memory").into_raw());
    let tensor = through_c(tensor.into_opaque().expect("memory").into_raw());
    // SAFETY: nothing is read, since the host cannot follow the pointers of the device.
    assert!(unsafe { tensor.as_slice::<f32>() }.is_err());
    let tensor = tensor.downcast::<ManagedTensorVersioned>().expect("the one that came in");
    assert_eq!(tensor.as_raw(), first);
}

/// In every other round, a caller promises something about the tensor.
#[test]
fn promises_that_come_and_go() {
    let mut is_odd = false;
    let mut every_other = || {
        is_odd = !is_odd;
        is_odd
    };
    rounds::<DLManagedTensor>(&(six(), many()), |tensor| {
        // SAFETY: C's own memory, which can be written.
        let tensor = if every_other() { unsafe { tensor.assume_writable() } } else { tensor };
        through_c(tensor.into_opaque().expect("memory").into_raw())
    });
    rounds::<DLManagedTensorVersioned>(&(six().device(13, 0), many()), |tensor| {
        // SAFETY: C's own memory, which the host can access whatever the device says.
        let tensor =
            if every_other() { unsafe { tensor.assume_host_accessible() } } else { tensor };
        through_c(tensor.into_opaque().expect("memory").into_raw())
    });
    rounds::<DLManagedTensorVersioned>(&(six().device(13, 0), many()), |tensor| {
        // SAFETY: C's own memory, which the host can access whatever the device says.
        let tensor =
            if every_other() { unsafe { tensor.assume_host_accessible() } } else { tensor };
        through_c(Arc::new(tensor).share_opaque().expect("memory").into_raw())
    });
    // The promise is made about the versioned tensor, and needed to export the legacy one.
    rounds::<DLManagedTensor>(&(six(), many()), |tensor| {
        let tensor = through_c(tensor.into_versioned().expect("memory").into_raw());
        // SAFETY: C's own memory, which can be written.
        let tensor = unsafe { tensor.assume_writable() };
        through_c(tensor.into_legacy().expect("writable").into_raw())
    });
}

/// The header of before ends only when there is a new one.
#[test]
fn without_memory_the_tensor_comes_back() {
    let (tensor, record) = DLManagedTensorVersioned::from_c(&six());
    let raw = tensor.into_opaque().expect("memory").into_raw();
    let tensor = through_c(raw);
    let failure = fail_nth(1);
    let refused = tensor.into_opaque().expect_err("no memory");
    assert!(failure.happened());
    drop(failure);
    let tensor = refused.into_inner();
    assert_eq!((tensor.as_raw(), tensor.shape(), record.deleted()), (raw, &[2, 3][..], 0));
    let tensor = through_c(tensor.into_opaque().expect("memory").into_raw());
    assert_eq!(record.deleted(), 0);
    drop(tensor.downcast::<ManagedTensorVersioned>().expect("the one that came in"));
    assert_eq!(record.deleted(), 1);
}
