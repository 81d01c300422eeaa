//! Answers, and producers that give out what they were given.

use std::cell::RefCell;

use dlpack::negotiate::{
    Answer, CopyPolicy, ForeignProducer, Producer, RawProducer, Request, Status, Stream,
};
use dlpack::{AnyManagedTensor, Device, Error, ManagedTensor, ManagedTensorVersioned};

use crate::scene::{Scene, copied, legacy_row, row, six};

/// Ends an answer as a consumer in C does.
fn ends(answer: Answer, scene: &Scene) {
    assert_eq!(answer.status, Status::OK);
    match answer.abi {
        Answer::VERSIONED => scene.arrives(answer.tensor.cast()),
        _ => scene.arrives_legacy(answer.tensor.cast()),
    }
}

#[test]
fn an_answer() {
    row(&six(), |tensor, scene| ends(Answer::new(Ok(tensor.into())), scene));
    legacy_row(&six(), |tensor, scene| ends(Answer::new(Ok(tensor.into())), scene));
}

#[test]
fn an_answer_that_is_taken() {
    let take = |tensor: AnyManagedTensor, scene: &Scene| {
        let answer = Answer::new(Ok(tensor));
        scene.change();
        // SAFETY: the tensor has just been put in, and is taken out once.
        scene.is_six(&unsafe { answer.take() }.expect("a tensor"));
    };
    row(&six(), |tensor, scene| take(tensor.into(), scene));
    legacy_row(&six(), |tensor, scene| take(tensor.into(), scene));
}

/// A producer that gives out one tensor, which came from somebody else.
struct Relay<'a> {
    tensor: RefCell<Option<AnyManagedTensor>>,
    scene: &'a Scene,
}

impl<'a> Relay<'a> {
    fn new(tensor: impl Into<AnyManagedTensor>, scene: &'a Scene) -> Self {
        Self { tensor: RefCell::new(Some(tensor.into())), scene }
    }

    fn take(&self) -> AnyManagedTensor {
        self.scene.change();
        self.tensor.take().expect("asked once")
    }

    fn versioned(&self) -> ManagedTensorVersioned {
        match self.take() {
            AnyManagedTensor::Versioned(tensor) => tensor,
            _ => unreachable!("the test gave another"),
        }
    }
}

impl Producer for Relay<'_> {
    type Error = Error;

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        Ok(self.versioned())
    }

    fn export_legacy(&self) -> Result<ManagedTensor, Error> {
        match self.take() {
            AnyManagedTensor::Legacy(tensor) => Ok(tensor),
            AnyManagedTensor::Versioned(tensor) => Ok(tensor.into_legacy()?),
            _ => unreachable!("the test gave another"),
        }
    }

    fn copy_to(&self, _: Device, _: Stream) -> Result<ManagedTensorVersioned, Error> {
        Ok(self.versioned())
    }
}

/// One thread, which is all that the tests have.
struct Lone<T>(T);

// SAFETY: the tests call the producer from the thread that made it.
unsafe impl<T> Sync for Lone<T> {}

impl Producer for Lone<Relay<'_>> {
    type Error = Error;

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        self.0.export()
    }

    fn export_legacy(&self) -> Result<ManagedTensor, Error> {
        self.0.export_legacy()
    }

    fn copy_to(&self, device: Device, stream: Stream) -> Result<ManagedTensorVersioned, Error> {
        self.0.copy_to(device, stream)
    }
}

/// Asks as C does.
fn ask(tensor: impl Into<AnyManagedTensor>, scene: &Scene, request: &Request) {
    let relay = Lone(Relay::new(tensor, scene));
    let answer = RawProducer::lend(&relay, |raw| {
        let mut answer = Answer::NONE;
        // SAFETY: a table of this crate, during the call.
        let respond = unsafe { (*raw.table).respond }.expect("all functions");
        // SAFETY: the same; the request and the room for an answer outlive the call.
        unsafe { respond(raw.ctx, request, &raw mut answer) };
        answer
    });
    ends(answer, scene);
}

#[test]
fn alias_asked_in_c() {
    row(&six(), |tensor, scene| ask(tensor, scene, &Request::new()));
}

#[test]
fn copy_to_asked_in_c() {
    let request = Request::new().copy(CopyPolicy::ALWAYS);
    row(&copied(), |tensor, scene| ask(tensor, scene, &request));
    row(&copied(), |tensor, scene| ask(tensor, scene, &Request::legacy().copy(CopyPolicy::ALWAYS)));
}

#[test]
fn export_legacy_asked_in_c() {
    row(&six(), |tensor, scene| ask(tensor, scene, &Request::legacy()));
    legacy_row(&six(), |tensor, scene| ask(tensor, scene, &Request::legacy()));
}

#[test]
fn a_producer_that_comes_back() {
    row(&six(), |tensor, scene| {
        let relay = Lone(Relay::new(tensor, scene));
        let tensor = RawProducer::lend(&relay, |raw| {
            // SAFETY: a table of this crate, without `release`, during the call.
            let producer = unsafe { ForeignProducer::from_raw(raw) }.expect("a table");
            scene.change();
            producer.request(&Request::new()).expect("a tensor")
        });
        scene.is_six(&tensor);
    });
}

#[test]
fn a_producer_in_rust() {
    row(&six(), |tensor, scene| {
        let tensor = Relay::new(tensor, scene).respond(&Request::new()).expect("a tensor");
        scene.is_six(&tensor);
        ends(Answer::new(Ok(tensor)), scene);
    });
}

#[test]
fn a_refusal_deletes_once() {
    let elsewhere = Request::new().device(Device::CPU).copy(CopyPolicy::ALWAYS);
    // Not marked as a copy.
    row(&six(), |tensor, scene| {
        let refused = Relay::new(tensor, scene).respond(&elsewhere);
        assert_eq!(refused.map(drop), Err(Error::NotExclusive));
    });
}
