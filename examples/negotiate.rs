//! Consumers and a producer negotiate the ABI, the device, a copy and the stream, as in Python's `__dlpack__`.
//!
//! They need no Python: what goes through C is a table of functions, which the documentation of `dlpack::negotiate` declares.
//! The device is a mock.

use std::error::Error as StdError;
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use dlpack::negotiate::{
    Answer, CopyPolicy, ForeignProducer, Producer, ProducerTable, RawProducer, Request, Status,
    Stream,
};
use dlpack::sys::DLManagedTensorVersioned;
use dlpack::{AnyManagedTensor, DataType, Device, Error, Exporter, Flags, ManagedTensorVersioned};

/// A device of the type that the standard reserves for extensions.
const DEVICE: Device = Device::ext_dev(0);

/// An array of `float32` in the memory of a device, with its runtime.
struct DeviceArray {
    memory: Arc<[f32]>,
    /// The stream that waited for the array last.
    served: AtomicUsize,
    copies: AtomicU32,
}

impl DeviceArray {
    fn new(elements: &[f32]) -> Self {
        Self { memory: elements.into(), served: 0.into(), copies: 0.into() }
    }
}

/// What the author of a device runtime implements. The crate applies the rules.
impl Producer for DeviceArray {
    type Error = dlpack::Error;

    fn device(&self) -> Device {
        DEVICE
    }

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        let data = self.memory.as_ptr().cast_mut().cast();
        let (owner, nbytes) = (Arc::clone(&self.memory), size_of_val(&*self.memory));
        // SAFETY: the bytes live as long as the clone, and the tensor is read-only.
        let exporter = unsafe { Exporter::from_raw_parts(owner, data, nbytes, DEVICE) };
        Ok(exporter.dtype(DataType::F32).read_only().build()?)
    }

    fn copy_to(&self, device: Device, _: Stream) -> Result<ManagedTensorVersioned, Error> {
        if device != Device::CPU {
            return Err(Error::CopyUnsupported { device });
        }
        self.copies.fetch_add(1, Ordering::Relaxed);
        Ok(Exporter::new(self.memory.to_vec()).copied().build()?.into_inner())
    }

    fn synchronize(&self, stream: Stream) -> Result<(), Error> {
        // A real runtime makes the stream wait for the kernels that still write the array.
        self.served.store(stream.handle().unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn StdError>> {
    let array = DeviceArray::new(&[1.0, 2.0, 3.0]);
    consumers_in_rust(&array)?;
    a_consumer_in_c(&array)?;
    a_producer_in_c()
}

fn consumers_in_rust(array: &DeviceArray) -> Result<(), Box<dyn StdError>> {
    // On the device, without a copy, in the order of a stream.
    // SAFETY: the runtime of the array accepts any number as a stream.
    let stream = unsafe { Stream::from_handle(7) };
    let tensor = array.respond(&Request::new().stream(stream))?;
    println!("on the device: {:?} on {}", tensor.shape(), tensor.device());
    assert_eq!(tensor.data(), array.memory.as_ptr().cast_mut().cast());
    assert_eq!(array.served.load(Ordering::Relaxed), 7);

    // In main memory, the consumer gets a copy of its own.
    let on_cpu = Request::new().device(Device::CPU);
    let AnyManagedTensor::Versioned(copy) = array.respond(&on_cpu)? else {
        return Err("expected a versioned tensor".into());
    };
    println!("in main memory: {:?} with {}", copy.shape(), copy.flags());
    assert_eq!(copy.flags(), Flags::IS_COPIED);
    let copy = copy.try_exclusive()?.fill(0.0_f32)?;
    assert_eq!(copy.as_slice::<f32>()?, [0.0; 3]);

    // If the consumer forbids a copy, the answer is an error that says why one is needed.
    let refused = array.respond(&on_cpu.copy(CopyPolicy::NEVER)).unwrap_err();
    println!("refused: {refused}");
    assert_eq!(refused, Error::CopyNeeded { expected: Device::CPU, found: DEVICE });

    // A consumer of the legacy ABI cannot know that memory is read-only, so it gets a copy or an error.
    let copy = array.respond(&Request::legacy().device(Device::CPU))?;
    assert!(matches!(copy, AnyManagedTensor::Legacy(_)));
    let refused = array.respond(&Request::legacy()).unwrap_err();
    println!("refused: {refused}");
    assert_eq!(refused, Error::ReadOnlyNotExpressible);
    assert_eq!(array.copies.load(Ordering::Relaxed), 2);
    Ok(())
}

/// C gets a table of functions and a context, and passes its request as a struct.
fn a_consumer_in_c(array: &DeviceArray) -> Result<(), Box<dyn StdError>> {
    /// Stands for the consumer: `dlpack_answer ask(dlpack_producer producer, const dlpack_request* request)`.
    fn ask(producer: RawProducer, request: &Request) -> Answer {
        let mut answer = Answer::NONE;
        // SAFETY: the producer is alive, and its table has this function.
        unsafe {
            (*producer.table).respond.expect("a function")(producer.ctx, request, &mut answer)
        };
        answer
    }

    let on_cpu = Request::new().device(Device::CPU);
    let answer = RawProducer::lend(array, |producer| ask(producer, &on_cpu));
    assert_eq!((answer.status, answer.abi), (Status::OK, Answer::VERSIONED));
    let raw = answer.tensor.cast::<DLManagedTensorVersioned>();
    // SAFETY: a tensor that was passed on, with three elements; its deleter is called once.
    unsafe {
        println!("C got a copy in main memory");
        assert_eq!((*raw).dl_tensor.data.cast::<f32>().add(2).read(), 3.0);
        (*raw).deleter.ok_or("expected a deleter")?(raw);
    }

    let on_gpu = Request::new().device(Device::cuda(0));
    let answer = RawProducer::lend(array, |producer| ask(producer, &on_gpu));
    println!("C got {:?} for a device without a producer", answer.status);
    assert_eq!(answer.status, Status::REFUSED);
    assert!(answer.tensor.is_null());
    assert_eq!(Arc::strong_count(&array.memory), 1, "C has called all deleters");
    Ok(())
}

/// In the other direction, the producer is in C, and its answers are checked.
fn a_producer_in_c() -> Result<(), Box<dyn StdError>> {
    /// Stands for the producer: whatever is asked of it, it answers with a copy.
    unsafe extern "C" fn respond(_: *mut c_void, _: *const Request, answer: *mut Answer) {
        let copy = Exporter::new(vec![1, 2, 3, 4, 5, 6]).copied().build();
        let copy = copy.map(|copy| copy.into_inner().into()).map_err(Error::from);
        // SAFETY: the consumer's answer can be written.
        unsafe { answer.write(Answer::new(copy)) };
    }
    unsafe extern "C" fn device(_: *mut c_void) -> Device {
        Device::CPU
    }
    static TABLE: ProducerTable = ProducerTable {
        version: ProducerTable::VERSION,
        release: None,
        device: Some(device),
        respond: Some(respond),
    };

    let raw = RawProducer { table: &TABLE, ctx: std::ptr::null_mut() };
    // SAFETY: the producer is passed on, and clauses P2 and P3 hold for it.
    let producer = unsafe { ForeignProducer::from_raw(raw) }?;
    assert_eq!(producer.device()?, Device::CPU);
    let tensor = producer.request(&Request::new().copy(CopyPolicy::ALWAYS))?;
    // SAFETY: the producer has written all elements, and does not write them again.
    let tensor = unsafe { tensor.assume_frozen() };
    println!("C gave {:?}", tensor.as_slice::<i32>()?);
    assert_eq!(tensor.as_slice::<i32>()?, [1, 2, 3, 4, 5, 6]);

    // A copy that the request forbids is an error, and is deleted.
    let refused = producer.request(&Request::new().copy(CopyPolicy::NEVER)).unwrap_err();
    println!("refused: {refused}");
    assert_eq!(refused, Error::Copied);
    Ok(())
}
