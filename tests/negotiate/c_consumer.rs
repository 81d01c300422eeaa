//! A consumer in C asks producers of Rust, through their tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dlpack::negotiate::{Producer, RawProducer, Request, Stream};
use dlpack::{AnyManagedTensor, Device, Error, Exporter, Frozen, ManagedTensorVersioned};
use harness::negotiate as c;
use harness::owners::{Counted, Fate};
use harness::{bytes_of, dtype};

use crate::support::{in_c, policy, producer_to_c, version};

const SIX: [i32; 6] = [1, 2, 3, 4, 5, 6];

/// FNV-1a with 64 bits, from its definition.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

type Shared = Arc<Frozen<ManagedTensorVersioned>>;

fn counted() -> (Shared, Fate) {
    let (owner, fate) = Counted::new(&SIX);
    let tensor = Exporter::new(owner).shape(&[2, 3]).build().expect("a tensor");
    (Arc::new(tensor.freeze()), fate)
}

/// C's checksum, or its status, for a request without a stream.
fn checksum(producer: RawProducer, major: u32, device: (i32, i32), copy: u32) -> Result<u64, i32> {
    let request = in_c(major, device, copy, c::Stream::default());
    // SAFETY: the tests give live producers of Rust.
    unsafe { c::checksum(producer_to_c(producer), &request) }
}

#[test]
fn what_c_gets() {
    let (shared, fate) = counted();
    let all = Ok(fnv(bytes_of(&SIX)));
    let (refused, invalid) = (Err(1), Err(2));
    let producer = RawProducer::new(Arc::clone(&shared)).expect("memory");
    for (major, device, copy, expected) in [
        (0, (0, 0), 0, all),
        (0, (0, 0), 1, all),
        (0, (0, 0), 2, refused),
        (1, (0, 0), 0, all),
        (1, (1, 0), 1, all),
        (1, (1, 3), 2, all),
        (9, (1, 0), 2, all),
        (1, (2, 0), 0, refused),
        (1, (2, 0), 2, refused),
        (1, (0, 0), 3, invalid),
        (1, (0, 0), u32::MAX, invalid),
    ] {
        assert_eq!(checksum(producer, major, device, copy), expected, "{major} {device:?} {copy}");
    }
    // SAFETY: a producer of Rust.
    let device = unsafe { c::device(producer_to_c(producer)) };
    assert_eq!((device.device_type.0, device.device_id), (1, 0));
    assert_eq!(Arc::strong_count(&shared), 2);
    // SAFETY: not used again.
    unsafe { c::release(producer_to_c(producer)) };
    assert_eq!(Arc::strong_count(&shared), 1);
    assert_eq!(fate.dropped(), 0);
    drop(shared);
    assert_eq!(fate.dropped(), 1);
}

#[test]
fn streams_from_c() {
    let (shared, _) = counted();
    RawProducer::lend(&shared, |producer| {
        for (kind, handle, expected) in [
            (0, 0, 0),
            (0, 9, 0),
            (1, 0, 0),
            (1, 9, 0),
            (2, 0, 2),
            (2, 7, 2),
            (3, 0, 2),
            (u32::MAX, 0, 2),
        ] {
            let request = in_c(1, (0, 0), 0, c::Stream { kind, handle });
            // SAFETY: a producer of Rust, and alive.
            let result = unsafe { c::checksum(producer_to_c(producer), &request) };
            assert_eq!(result.map_or_else(|status| status, |_| 0), expected, "{kind} {handle}");
        }
    });
}

/// A tensor outlives its producer, lent or given.
#[test]
fn tensors_outlive_their_producer() {
    let (shared, fate) = counted();
    let request = in_c(1, (0, 0), 0, c::Stream::default());
    let answer = RawProducer::lend(&shared, |producer| {
        // SAFETY: a producer of Rust, and alive.
        unsafe { c::ask(producer_to_c(producer), Some(&request)) }
    });
    drop(shared);
    assert_eq!((answer.status, answer.abi, fate.dropped()), (0, 2, 0));
    // SAFETY: C has just got it.
    unsafe {
        harness::release::delete_on_thread(
            answer.tensor.cast::<dlpack_sys::DLManagedTensorVersioned>(),
        )
    };
    assert_eq!(fate.dropped(), 1);
}

/// Refusals write all fields, whatever stood there.
#[test]
fn refusals_leave_no_rubbish() {
    let (shared, _) = counted();
    RawProducer::lend(&shared, |producer| {
        let producer = producer_to_c(producer);
        let request = in_c(1, (2, 0), 0, c::Stream::default());
        // SAFETY: a producer of Rust, and alive.
        let answer = unsafe { c::ask(producer, Some(&request)) };
        assert_eq!((answer.status, answer.abi, answer.tensor.is_null()), (1, 0, true));
        // SAFETY: the same; no request is allowed.
        let answer = unsafe { c::ask(producer, None) };
        assert_eq!((answer.status, answer.abi, answer.tensor.is_null()), (2, 0, true));
        // SAFETY: the same; there need not be room for an answer.
        unsafe { c::ask_for_nothing(producer, &request) };
    });
    assert_eq!(Arc::strong_count(&shared), 1);
}

/// A producer without a size is not allocated, and is dropped all the same.
#[test]
fn a_producer_without_a_size() {
    static DROPPED: AtomicU32 = AtomicU32::new(0);

    struct Nothing;

    impl Producer for Nothing {
        type Error = dlpack::Error;

        fn export(&self) -> Result<ManagedTensorVersioned, Error> {
            Ok(Exporter::shared(&[7_u8][..]).build()?.into_inner())
        }
    }

    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::SeqCst);
        }
    }

    let (producer, allocations) = harness::alloc::count(|| RawProducer::new(Nothing));
    let producer = producer.expect("memory");
    assert_eq!((allocations, DROPPED.load(Ordering::SeqCst)), (0, 0));
    assert_eq!(checksum(producer, 1, (0, 0), 2), Ok(fnv(&[7])));
    // SAFETY: not used again.
    unsafe { c::release(producer_to_c(producer)) };
    assert_eq!(DROPPED.load(Ordering::SeqCst), 1);
}

/// A status of the producer's own goes through; none of its errors says that all is well.
#[test]
fn what_c_is_told_of_errors() {
    struct Failing(Error);

    impl Producer for Failing {
        type Error = dlpack::Error;

        fn export(&self) -> Result<ManagedTensorVersioned, Error> {
            Err(self.0)
        }
    }

    for (error, status) in [
        (Error::Refused { status: -77 }, -77),
        (Error::Refused { status: 0 }, 4),
        (Error::AllocationFailed, 3),
        (Error::NullData, 1),
        (Error::CopyUnsupported { device: Device::CPU }, 1),
        (Error::UnknownCopyPolicy { code: 7 }, 2),
    ] {
        RawProducer::lend(&Failing(error), |producer| {
            let request = in_c(1, (0, 0), 0, c::Stream::default());
            // SAFETY: a producer of Rust, and alive.
            let answer = unsafe { c::ask(producer_to_c(producer), Some(&request)) };
            assert_eq!((answer.status, answer.tensor.is_null()), (status, true));
        });
    }
}

/// C asks from many threads at once.
#[test]
fn many_threads() {
    let (shared, fate) = counted();
    let all = Ok(fnv(bytes_of(&SIX)));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let shared = &shared;
            scope.spawn(move || {
                for round in 0..50 {
                    RawProducer::lend(shared, |producer| {
                        let major = (thread + round) % 2;
                        assert_eq!(checksum(producer, major, (1, 0), round % 2), all);
                    });
                }
            });
        }
    });
    assert_eq!(Arc::strong_count(&shared), 1);
    drop(shared);
    assert_eq!(fate.dropped(), 1);
}

/// The words of one side are those of the other: asked through C or in Rust, the answer is the same.
#[test]
fn through_c_and_directly() {
    let (shared, _) = counted();
    for (major, copy) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
        let request = Request::new().max_version(version(major, 0)).copy(policy(copy));
        let directly = shared.respond(&request.stream(Stream::NONE));
        let through_c =
            RawProducer::lend(&shared, |producer| checksum(producer, major, (0, 0), copy));
        assert_eq!(directly.is_ok(), through_c.is_ok());
        if let Ok(tensor) = directly {
            assert_eq!(matches!(tensor, AnyManagedTensor::Legacy(_)), major == 0);
            assert_eq!(dlpack_sys::DLDataType::from(tensor.dtype()), dtype(0, 32, 1));
        }
    }
}
