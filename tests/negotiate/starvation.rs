//! No memory: every allocation of an answer is made to fail in turn.

use std::sync::Arc;

use dlpack::negotiate::{CopyPolicy, ForeignProducer, Producer, RawProducer, Request};
use dlpack::{Error, Exporter, Frozen, ManagedTensorVersioned, RejectedError};
use dlpack_sys::DLManagedTensorVersioned;
use harness::abi::Abi;
use harness::alloc::fail_nth;
use harness::negotiate::{Behaviour, CProducer};
use harness::{Spec, dtype};

use crate::support::{PADDED, producer_from_c};

type Shared = Arc<Frozen<ManagedTensorVersioned>>;

/// Runs `op` with its first, its second, ... allocation failing, until there is none left to fail. Says how many there
/// were.
fn starve<T>(op: impl Fn() -> Result<T, Error>) -> u64 {
    for n in 1..100 {
        let failure = fail_nth(n);
        let result = op();
        let happened = failure.happened();
        drop(failure);
        match result {
            Ok(_) if happened => panic!("allocation {n} failed and nobody noticed"),
            Ok(_) => return n - 1,
            Err(error) => assert_eq!((error, happened), (Error::AllocationFailed, true)),
        }
    }
    panic!("it never ends")
}

/// Whatever fails, the tensor is not lost, and is ended once.
#[test]
fn answers() {
    let dims = [1_i64, 1, 1, 1, 1, 1, 1, 2, 3];
    let plain = Spec::of(&[1_i32, 2, 3, 4, 5, 6]).shape(&[2, 3]);
    let deep = plain.clone().shape(&dims);
    let padded = Spec::new(dtype(1, 4, 1)).data(&[1_u8, 2, 3]).shape(&[3]).flags(PADDED);
    let copy = Request::new().copy(CopyPolicy::ALWAYS);
    let legacy = Request::legacy();
    // One allocation for a header, one for elements; a legacy copy has a second header. Above eight dimensions each
    // header has a description with one of its own.
    for (spec, request, expected) in [
        (&plain, Request::new(), 1),
        (&plain, copy, 2),
        (&plain, legacy, 3),
        (&padded, copy, 2),
        (&padded, legacy, 3),
        (&deep, Request::new(), 2),
        (&deep, copy, 3),
        (&deep, legacy, 5),
    ] {
        let (tensor, record) = DLManagedTensorVersioned::from_c(spec);
        // SAFETY: C wrote the elements, and nobody writes them now.
        let producer: Shared = Arc::new(unsafe { tensor.assume_frozen() });
        let count = starve(|| producer.respond(&request));
        assert_eq!(count, expected, "{request:?}");
        assert_eq!((Arc::strong_count(&producer), record.deleted()), (1, 0));
        drop(producer);
        assert_eq!(record.deleted(), 1);
    }
}

/// The producer comes back.
#[test]
fn a_producer_for_c() {
    let tensor = Exporter::new([1_u8, 2]).build().expect("a tensor").freeze();
    let mut producer: Shared = Arc::new(tensor);
    let failure = fail_nth(1);
    let result = RawProducer::new(producer);
    assert!(failure.happened());
    drop(failure);
    let refused: RejectedError<Shared> = result.expect_err("no memory");
    assert_eq!(refused.error(), Error::AllocationFailed);
    producer = refused.into_inner();
    assert_eq!(Arc::strong_count(&producer), 1);

    let raw = RawProducer::new(Arc::clone(&producer)).expect("memory");
    // SAFETY: just passed on.
    drop(unsafe { ForeignProducer::from_raw(raw) });
    assert_eq!(Arc::strong_count(&producer), 1);
}

/// To ask takes no memory, and neither does the answer, up to eight dimensions.
#[test]
fn asking_allocates_nothing() {
    let c = CProducer::new(Behaviour::Honest);
    let raw = producer_from_c(c.raw());
    let (tensor, count) = harness::alloc::count(|| {
        // SAFETY: C passes it on.
        unsafe { ForeignProducer::from_raw(raw) }?.request(&Request::new())
    });
    assert_eq!((tensor.map(drop), count), (Ok(()), 0));
    let tensor = Exporter::new([1_u8]).build().expect("a tensor").freeze();
    let shared = Shared::new(tensor);
    let (ctx, count) = harness::alloc::count(|| RawProducer::lend(&shared, |raw| raw.ctx));
    assert_eq!((ctx.is_null(), count), (false, 0));
}
