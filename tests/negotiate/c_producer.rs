//! Producers in C, honest and not, asked from Rust: each tensor is deleted once, each producer released once.

use dlpack::negotiate::{CopyPolicy, ForeignProducer, Request, Stream};
use dlpack::{AnyManagedTensor, Device, Error, Flags};
use harness::negotiate::{Behaviour, CProducer};

use crate::support::{device, in_c, named, producer_from_c, version};

/// Takes the producer over.
fn take(producer: &CProducer) -> ForeignProducer {
    // SAFETY: C passes it on, once, and it outlives the tensors of these tests.
    unsafe { ForeignProducer::from_raw(producer_from_c(producer.raw())) }.expect("a table")
}

/// Asks a producer that is released then; the tensor is for `look`, then it is dropped.
fn ask<R>(
    behaviour: Behaviour,
    request: &Request,
    look: impl FnOnce(&CProducer, AnyManagedTensor) -> R,
) -> Result<R, Error> {
    let c = CProducer::new(behaviour);
    let producer = take(&c);
    let result = producer.request(request);
    assert_eq!((c.asked(), c.released()), (1, 0));
    drop(producer);
    assert_eq!(c.released(), 1);
    // The tensor does not need its producer.
    let result = result.map(|tensor| look(&c, tensor));
    let kept = [Behaviour::UnknownAbi, Behaviour::RefusesWithTensor].contains(&behaviour);
    if let Some(record) = c.take_record() {
        assert_eq!(record.deleted(), u32::from(!kept), "{behaviour:?} {request:?}");
        drop(c);
        assert_eq!(record.deleted(), 1, "{behaviour:?} {request:?}");
    }
    result
}

fn refused(behaviour: Behaviour, request: &Request) -> Error {
    ask(behaviour, request, |_, tensor| tensor).expect_err("it should have been refused")
}

#[test]
fn an_honest_producer() {
    for (request, is_legacy, is_copy) in [
        (Request::new(), false, false),
        (Request::new().max_version(version(2, 0)), false, false),
        (Request::legacy(), true, false),
        (Request::new().device(Device::CPU), false, false),
        (Request::new().stream(Stream::NO_SYNC), false, false),
        (Request::new().copy(CopyPolicy::NEVER), false, false),
        (Request::legacy().copy(CopyPolicy::NEVER), true, false),
        (Request::new().copy(CopyPolicy::ALWAYS), false, true),
        (Request::legacy().copy(CopyPolicy::ALWAYS), true, true),
    ] {
        ask(Behaviour::Honest, &request, |c, tensor| {
            assert_eq!(matches!(tensor, AnyManagedTensor::Legacy(_)), is_legacy);
            assert_eq!(tensor.data() != c.memory(), is_copy);
            assert_eq!(tensor.flags() == Flags::IS_COPIED, is_copy && !is_legacy);
            assert_eq!(tensor.shape(), [2, 3]);
            // SAFETY: C wrote the numbers, and writes them no more.
            let tensor = unsafe { tensor.assume_frozen() };
            assert_eq!(tensor.as_slice::<i32>(), Ok(&[1, 2, 3, 4, 5, 6][..]));
        })
        .expect("a tensor");
    }
}

/// The request arrives in C as it was built in Rust.
#[test]
fn what_c_was_asked() {
    let c = CProducer::new(Behaviour::Silent);
    let producer = take(&c);
    let request = Request::new()
        .max_version(version(7, 0))
        .device(device(10, -3))
        .copy(CopyPolicy::NEVER)
        .stream(named(0x7F12));
    assert!(producer.request(&request).is_err());
    let stream = harness::negotiate::Stream { kind: 2, handle: 0x7F12 };
    assert_eq!(c.last_request(), in_c(7, (10, -3), 2, stream));
    assert!(producer.request(&Request::legacy()).is_err());
    assert_eq!(c.last_request(), in_c(0, (0, 0), 0, harness::negotiate::Stream::default()));
    assert_eq!(producer.device(), Ok(Device::CPU));
}

/// `respond` says no: the status tells why.
#[test]
fn refusals() {
    let request = Request::new();
    for (behaviour, request, error) in [
        (Behaviour::Honest, request.device(Device::cuda(0)), Error::Refused { status: 1 }),
        (Behaviour::Honest, request.copy(CopyPolicy::new(3)), Error::Refused { status: 2 }),
        (Behaviour::Honest, request.stream(named(3)), Error::Refused { status: 2 }),
        (Behaviour::OwnStatus, request, Error::Refused { status: -77 }),
        (Behaviour::OutOfMemory, request, Error::AllocationFailed),
    ] {
        assert_eq!(refused(behaviour, &request), error);
    }
}

/// Answers that break the rules are errors, and never a tensor that is used.
#[test]
fn misbehaviour() {
    let request = Request::new();
    let mismatch = Error::DeviceMismatch { expected: Device::CPU, found: Device::cuda(3) };
    for (behaviour, request, error) in [
        // Nothing written is a failure.
        (Behaviour::Silent, request, Error::Refused { status: 4 }),
        (Behaviour::OkWithoutTensor, request, Error::NullTensor),
        (Behaviour::UnknownAbi, request, Error::UnknownAbi { code: 3 }),
        (Behaviour::RefusesWithTensor, request, Error::Refused { status: 1 }),
        (Behaviour::Major2, request, Error::UnsupportedVersion { found: version(2, 3) }),
        (Behaviour::NegativeSize, request, Error::NegativeSize { axis: 1, size: -3 }),
        (Behaviour::NegativeSize, Request::legacy(), Error::NegativeSize { axis: 1, size: -3 }),
        (Behaviour::AlwaysVersioned, Request::legacy(), Error::NotLegacy { found: version(1, 3) }),
        (Behaviour::WrongDevice, request.device(Device::CPU), mismatch),
        (Behaviour::WrongDevice, Request::legacy().device(Device::CPU), mismatch),
        (Behaviour::CopyAlways, request.copy(CopyPolicy::NEVER), Error::Copied),
    ] {
        assert_eq!(refused(behaviour, &request), error, "{behaviour:?}");
    }
}

/// Where producers in use deviate, and a consumer can live with it.
#[test]
fn deviations_that_are_accepted() {
    let request = Request::new();
    for (behaviour, request) in [
        (Behaviour::AlwaysLegacy, request),
        (Behaviour::AlwaysVersioned, request),
        (Behaviour::CopyUnmarked, request.copy(CopyPolicy::ALWAYS)),
        (Behaviour::CopyAlways, request),
        (Behaviour::Managed, request.device(Device::CPU)),
        (Behaviour::Managed, request),
        (Behaviour::WrongDevice, request),
    ] {
        ask(behaviour, &request, |_, tensor| assert_eq!(tensor.numel(), 6)).expect("a tensor");
    }
}

/// One producer, many tensors, deleted in any order and after the producer is gone.
#[test]
fn many_tensors_of_one_producer() {
    let c = CProducer::new(Behaviour::Honest);
    let producer = take(&c);
    let mut given = Vec::new();
    for round in 0..20 {
        let request = if round % 2 == 0 { Request::new() } else { Request::legacy() };
        let tensor = producer.request(&request).expect("a tensor");
        given.push((tensor, c.take_record().expect("a record")));
    }
    std::thread::spawn(move || drop(producer)).join().expect("it ends");
    assert_eq!((c.asked(), c.released()), (20, 1));
    given.rotate_left(7);
    for (tensor, record) in given {
        assert_eq!(record.deleted(), 0);
        drop(tensor);
        assert_eq!(record.deleted(), 1);
    }
}

/// Passed on, it is somebody else's to release.
#[test]
fn a_producer_that_is_passed_on_is_not_released() {
    let c = CProducer::new(Behaviour::Honest);
    let raw = take(&c).into_raw();
    assert_eq!(c.released(), 0);
    // SAFETY: just passed on.
    drop(unsafe { ForeignProducer::from_raw(raw) });
    assert_eq!(c.released(), 1);
}
