//! A producer that makes its legacy tensors itself, and what becomes of one that does not.

use std::borrow::Borrow;

use dlpack::negotiate::{ForeignProducer, Producer, RawProducer, Request, Stream};
use dlpack::{AnyManagedTensor, Device, Error, ManagedTensor, ManagedTensorVersioned};
use harness::Spec;

use crate::support::IS_COPIED;

/// Six numbers in C, in either struct.
struct Both(Spec);

impl Producer for Both {
    type Error = Error;

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        // SAFETY: C passes it on.
        unsafe { ManagedTensorVersioned::from_raw(self.0.make_versioned().0) }
    }

    fn export_legacy(&self) -> Result<ManagedTensor, Error> {
        // SAFETY: C passes it on.
        unsafe { ManagedTensor::from_raw(self.0.make_legacy().0) }
    }
}

/// Six numbers in C, in the struct of today.
struct Modern(Spec);

impl Producer for Modern {
    type Error = Error;

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        // SAFETY: C passes it on.
        unsafe { ManagedTensorVersioned::from_raw(self.0.make_versioned().0) }
    }
}

fn six() -> Spec {
    Spec::of(&[1_i32, 2, 3, 4, 5, 6])
}

/// The very struct of the producer goes out, and nothing is allocated around it.
#[test]
fn a_legacy_struct_of_its_own() {
    let answer = Both(six()).respond(&Request::legacy()).expect("a tensor");
    let AnyManagedTensor::Legacy(tensor) = answer else { panic!("a legacy tensor") };
    assert!(tensor.downcast::<ManagedTensorVersioned>().is_err(), "nothing is wrapped");
}

/// Another header takes memory, which a build without `alloc` does not have.
#[test]
fn by_default_it_is_the_versioned_one_under_another_header() {
    let answer = Modern(six().flags(IS_COPIED)).respond(&Request::legacy());
    if cfg!(feature = "alloc") {
        let Ok(AnyManagedTensor::Legacy(tensor)) = answer else { panic!("a legacy tensor") };
        assert!(tensor.downcast::<ManagedTensorVersioned>().is_ok());
    } else {
        assert_eq!(answer.map(drop), Err(Error::AllocationFailed));
    }
}

/// What an array library calls an error: an exception of its own, or one of `dlpack`.
#[derive(Debug, PartialEq, Eq)]
enum Exception {
    Own(&'static str),
    Error(Error),
}

impl From<Error> for Exception {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Borrow<Error> for Exception {
    fn borrow(&self) -> &Error {
        match self {
            Self::Own(_) => &Error::Refused { status: -7 },
            Self::Error(error) => error,
        }
    }
}

/// A producer that has no legacy struct, for this reason, and copies with no more success.
struct Raising {
    legacy: fn() -> Exception,
    copy: fn() -> Exception,
}

impl Producer for Raising {
    type Error = Exception;

    fn export(&self) -> Result<ManagedTensorVersioned, Exception> {
        Err(Exception::Own("no memory"))
    }

    fn export_legacy(&self) -> Result<ManagedTensor, Exception> {
        Err((self.legacy)())
    }

    fn copy_to(&self, _: Device, _: Stream) -> Result<ManagedTensorVersioned, Exception> {
        Err((self.copy)())
    }
}

/// An error of the producer's own type arrives as it is; a copy is tried, and the first error kept, by what it stands for.
#[test]
fn errors_of_the_producers_own_type() {
    let own = || Exception::Own("not today");
    let read_only = || Exception::Error(Error::ReadOnlyNotExpressible);
    let no_copy = || Exception::Error(Error::CopyUnsupported { device: Device::CPU });
    type Raise = fn() -> Exception;
    let cases: [(Raise, Raise, Exception); 3] =
        [(own, own, own()), (read_only, own, own()), (read_only, no_copy, read_only())];
    for (legacy, copy, expected) in cases {
        let raising = Raising { legacy, copy };
        assert_eq!(raising.respond(&Request::legacy()).map(drop), Err(expected));
    }
    let raising = Raising { legacy: own, copy: own };
    let answer = raising.respond(&Request::new()).map(drop);
    assert_eq!(answer, Err(Exception::Own("no memory")));
    RawProducer::lend(&raising, |raw| {
        // SAFETY: a producer of Rust, which is borrowed for the call.
        let asked = unsafe { ForeignProducer::from_raw(raw) }.map(|it| it.request(&Request::new()));
        assert_eq!(asked.map(|answer| answer.map(drop)), Ok(Err(Error::Refused { status: -7 })));
    });
}
