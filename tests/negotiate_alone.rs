//! Both sides of a negotiation in Rust, through the structs of C.
#![cfg(feature = "alloc")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dlpack::negotiate::{
    Answer, CopyPolicy, ForeignProducer, Producer, RawProducer, Request, Status, Stream,
};
use dlpack::{
    AnyManagedTensor, DataType, Device, DeviceType, Error, Exporter, ManagedTensorVersioned,
    types::U4,
};

/// A producer that counts its drops.
struct Numbers {
    shared: Arc<[i32]>,
    dropped: Arc<AtomicU32>,
}

impl Producer for Numbers {
    type Error = dlpack::Error;

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        Ok(Exporter::shared(Arc::clone(&self.shared)).build()?.into_inner())
    }

    fn copy_to(&self, device: Device, _: Stream) -> Result<ManagedTensorVersioned, Error> {
        assert_eq!(device, Device::CPU, "the tests ask for no other");
        Ok(Exporter::new(self.shared.to_vec()).copied().build()?.into_inner())
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn numbers() -> (Numbers, Arc<AtomicU32>) {
    let dropped = Arc::default();
    (Numbers { shared: Arc::from([1, 2, 3]), dropped: Arc::clone(&dropped) }, dropped)
}

/// Reads a tensor of either ABI.
fn read(tensor: AnyManagedTensor) -> Vec<i32> {
    // SAFETY: the numbers are never written.
    let tensor = unsafe { tensor.assume_frozen() };
    tensor.as_slice::<i32>().expect("numbers").to_vec()
}

#[test]
fn given() {
    let (producer, dropped) = numbers();
    let memory = producer.shared.as_ptr().addr();
    let raw = RawProducer::new(producer).expect("memory");
    // SAFETY: just passed on.
    let foreign = unsafe { ForeignProducer::from_raw(raw) }.expect("a table");
    let mut tensors = Vec::new();
    for (request, is_copy) in [
        (Request::new(), false),
        (Request::new().copy(CopyPolicy::NEVER), false),
        (Request::new().copy(CopyPolicy::ALWAYS), true),
        (Request::legacy(), true),
    ] {
        let tensor = foreign.request(&request).expect("a tensor");
        assert_eq!(tensor.data().addr() != memory, is_copy);
        tensors.push(tensor);
    }
    std::thread::spawn(move || drop(foreign)).join().expect("it ends");
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    for tensor in tensors {
        assert_eq!(read(tensor), [1, 2, 3]);
    }
}

#[test]
fn lent() {
    let (producer, dropped) = numbers();
    let tensor = RawProducer::lend(&producer, |raw| {
        // SAFETY: the producer does not leave the closure.
        let foreign = unsafe { ForeignProducer::from_raw(raw) }?;
        assert_eq!(foreign.device(), Ok(Device::CPU));
        let refused = foreign.request(&Request::legacy().copy(CopyPolicy::NEVER));
        assert_eq!(refused.map(drop), Err(Error::Refused { status: 1 }));
        foreign.request(&Request::new())
    });
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(producer);
    assert_eq!(read(tensor.expect("a tensor")), [1, 2, 3]);
}

#[test]
fn never_asked() {
    let (producer, dropped) = numbers();
    let raw = RawProducer::new(producer).expect("memory");
    // SAFETY: just passed on.
    drop(unsafe { ForeignProducer::from_raw(raw) });
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

/// A request anywhere, as C may have it in a packed struct.
#[test]
fn requests_need_no_alignment() {
    #[repr(C, packed)]
    struct Packed {
        shift: u8,
        request: Request,
        answer: Answer,
    }

    /// Aligned, so that what is in it is not.
    #[repr(align(16))]
    struct Odd(Packed);

    let (producer, _) = numbers();
    let mut odd = Odd(Packed { shift: 9, request: Request::legacy(), answer: Answer::NONE });
    RawProducer::lend(&producer, |raw| {
        // SAFETY: a table of Rust.
        let respond = unsafe { (*raw.table).respond }.expect("a function");
        let (request, answer) = (&raw const odd.0.request, &raw mut odd.0.answer);
        // SAFETY: a producer of Rust, and alive; the request can be read and the answer written.
        unsafe { respond(raw.ctx, request, answer) };
    });
    let answer = odd.0.answer;
    assert_eq!((odd.0.shift, answer.status, answer.abi), (9, Status::OK, Answer::LEGACY));
    // SAFETY: just given out.
    assert_eq!(read(unsafe { answer.take() }.expect("a tensor")), [1, 2, 3]);
}

/// Padded elements on their way to a legacy consumer.
#[test]
fn packed_on_the_way() {
    let bytes = vec![0xF1_u8, 2, 3, 4, 5];
    let padded = Exporter::new(bytes).dtype(DataType::U4).padded().build().expect("a tensor");
    let producer = Arc::new(padded.freeze());
    let tensor = producer.respond(&Request::legacy()).expect("a copy");
    // SAFETY: a copy, which nobody else knows.
    let tensor = unsafe { tensor.assume_frozen() };
    let values: Vec<u8> =
        tensor.packed_view::<U4>().expect("packed").iter().map(U4::to_u8).collect();
    assert_eq!((values, tensor.nbytes()), (vec![1, 2, 3, 4, 5], 3));
}

/// A stream keeps the pointer that it was made of.
#[test]
fn a_stream_is_a_pointer() {
    let mut queue = 7_u32;
    let pointer: *mut u32 = &raw mut queue;
    // SAFETY: given to no producer.
    let stream = unsafe { Stream::from_ptr(DeviceType::CUDA, pointer.cast()) };
    let request = Request::new().stream(stream);
    // SAFETY: the pointer comes out as it went in.
    assert_eq!(unsafe { request.stream.as_ptr().cast::<u32>().read() }, 7);
}
