//! A producer that makes its legacy tensors itself, and what becomes of one that does not.

use dlpack::negotiate::{Producer, Request, respond};
use dlpack::{AnyManagedTensor, Error, ManagedTensor, ManagedTensorVersioned};
use harness::Spec;

use crate::support::IS_COPIED;

/// Six numbers in C, in either struct.
struct Both(Spec);

impl Producer for Both {
    fn alias(&self) -> Result<ManagedTensorVersioned, Error> {
        // SAFETY: C passes it on.
        unsafe { ManagedTensorVersioned::from_raw(self.0.make_versioned().0) }
    }

    fn alias_legacy(&self) -> Result<ManagedTensor, Error> {
        // SAFETY: C passes it on.
        unsafe { ManagedTensor::from_raw(self.0.make_legacy().0) }
    }
}

/// Six numbers in C, in the struct of today.
struct Modern(Spec);

impl Producer for Modern {
    fn alias(&self) -> Result<ManagedTensorVersioned, Error> {
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
    let answer = respond(&Both(six()), &Request::legacy()).expect("a tensor");
    let AnyManagedTensor::Legacy(tensor) = answer else { panic!("a legacy tensor") };
    assert!(tensor.downcast::<ManagedTensorVersioned>().is_err(), "nothing is wrapped");
}

/// Another header takes memory, which a build without `alloc` does not have.
#[test]
fn by_default_it_is_the_versioned_one_under_another_header() {
    let answer = respond(&Modern(six().flags(IS_COPIED)), &Request::legacy());
    if cfg!(feature = "alloc") {
        let Ok(AnyManagedTensor::Legacy(tensor)) = answer else { panic!("a legacy tensor") };
        assert!(tensor.downcast::<ManagedTensorVersioned>().is_ok());
    } else {
        assert_eq!(answer.map(drop), Err(Error::AllocationFailed));
    }
}
