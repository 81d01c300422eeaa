//! What a consumer accepts as an answer, and what it does not.

use dlpack::negotiate::{CopyPolicy, Request};
use dlpack::{Device, Error, ManagedTensor, ManagedTensorVersioned};
use harness::Spec;

use crate::support::{IS_COPIED, READ_ONLY, device, version};

/// A request with this tensor of C as its answer.
fn versioned(request: &Request, spec: &Spec) -> Result<(), Error> {
    // SAFETY: C passes it on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(spec.make_versioned().0) };
    request.check(&tensor.expect("a valid tensor"))
}

/// The same, in the legacy ABI.
fn legacy(request: &Request, spec: &Spec) -> Result<(), Error> {
    // SAFETY: C passes it on.
    let tensor = unsafe { ManagedTensor::from_raw(spec.make_legacy().0) };
    request.check(&tensor.expect("a valid tensor"))
}

fn one() -> Spec {
    Spec::of(&[1_i32])
}

/// A producer may answer in any minor version, and in the legacy ABI, as some know no other. What a consumer cannot
/// read at all is refused.
#[test]
fn versions() {
    for asked in [version(1, 0), version(1, 3), version(1, 99), version(2, 0), version(u32::MAX, 0)]
    {
        let request = Request::new().max_version(asked);
        for minor in [0, 3, 99] {
            assert_eq!(versioned(&request, &one().version(1, minor)), Ok(()));
        }
        assert_eq!(legacy(&request, &one()), Ok(()));
    }
    for asked in [version(0, 0), version(0, 8), version(0, u32::MAX)] {
        let request = Request::new().max_version(asked);
        let refused = Err(Error::NotLegacy { found: version(1, 2) });
        assert_eq!(versioned(&request, &one().version(1, 2)), refused);
        assert_eq!(legacy(&request, &one()), Ok(()));
    }
}

/// Wanted, found, whether that will do.
#[test]
fn devices() {
    for (wanted, found, will_do) in [
        ((0, 0), (1, 0), true),
        ((0, 0), (2, 3), true),
        ((0, 5), (99, -1), true),
        ((1, 0), (1, 0), true),
        // The CPU has no number, but some producers write one.
        ((1, 0), (1, 7), true),
        ((1, -1), (1, 0), true),
        ((13, 0), (13, 2), true),
        // Pinned and managed memory answers for the CPU, but not the other way round.
        ((1, 0), (3, 0), true),
        ((1, 0), (11, 0), true),
        ((1, 0), (13, 0), true),
        ((3, 0), (1, 0), false),
        ((13, 0), (1, 0), false),
        ((1, 0), (2, 0), false),
        ((2, 0), (2, 0), true),
        ((2, 0), (2, 1), false),
        ((2, 0), (13, 0), false),
        ((2, 0), (10, 0), false),
        ((99, 4), (99, 4), true),
        ((99, 4), (99, 5), false),
    ] {
        let (expected, given) = (device(wanted.0, wanted.1), device(found.0, found.1));
        let request = Request::new().device(expected);
        let refused = Err(Error::DeviceMismatch { expected, found: given });
        let then = if will_do { Ok(()) } else { refused };
        assert_eq!(versioned(&request, &one().device(found.0, found.1)), then);
        assert_eq!(legacy(&request, &one().device(found.0, found.1)), then);
    }
}

/// The absence of the flag says nothing, since producers in use do not set it. Its presence does.
#[test]
fn copies() {
    for (policy, flags, then) in [
        (CopyPolicy::IF_NEEDED, 0, Ok(())),
        (CopyPolicy::IF_NEEDED, IS_COPIED, Ok(())),
        (CopyPolicy::ALWAYS, 0, Ok(())),
        (CopyPolicy::ALWAYS, IS_COPIED, Ok(())),
        (CopyPolicy::NEVER, 0, Ok(())),
        (CopyPolicy::NEVER, READ_ONLY, Ok(())),
        (CopyPolicy::NEVER, IS_COPIED, Err(Error::Copied)),
        (CopyPolicy::NEVER, IS_COPIED | READ_ONLY, Err(Error::Copied)),
    ] {
        let request = Request::new().copy(policy);
        assert_eq!(versioned(&request, &one().flags(flags)), then, "{policy:?} {flags}");
        assert_eq!(legacy(&request, &one()), Ok(()));
    }
}

#[test]
fn a_request_starts_with_what_this_crate_reads() {
    let request = Request::default();
    assert_eq!(request.max_version, version(1, 3));
    assert_eq!((request.wanted_device(), request.copy), (None, CopyPolicy::IF_NEEDED));
    assert_eq!(Request::new().device(Device::CPU).wanted_device(), Some(Device::CPU));
}
