//! Consumers say what they can use, and a producer answers: the ABI, the device, a copy or not, and the stream.
//!
//! What Python's `__dlpack__` negotiates, between Rust and C and without Python. The device is a make-believe one.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use dlpack::negotiate::{
    CopyPolicy, ForeignProducer, Producer, RawProducer, Request, Stream, respond,
};
use dlpack::{
    Adopted, AnyManagedTensor, DataType, Device, Error, Exporter, Flags, ManagedTensorVersioned,
    Tensor,
};
use harness::negotiate::{self as c, Behaviour, CProducer};

/// The device type that the standard keeps free for trying things out.
const DEVICE: Device = Device::ext_dev(0);

/// An array of `float32` in the memory of a device, with its runtime.
struct DeviceArray {
    memory: Arc<[f32]>,
    /// Which stream was made to wait for the array last.
    served: AtomicUsize,
    copies: AtomicU32,
}

impl DeviceArray {
    fn new(elements: &[f32]) -> Self {
        Self { memory: elements.into(), served: 0.into(), copies: 0.into() }
    }
}

/// All that an author of a device runtime writes; the rules are the crate's.
impl Producer for DeviceArray {
    type Error = dlpack::Error;

    fn device(&self) -> Device {
        DEVICE
    }

    fn alias(&self) -> Result<ManagedTensorVersioned, Error> {
        let data = self.memory.as_ptr().cast_mut().cast();
        let nbytes = size_of_val(&*self.memory);
        // SAFETY: the bytes live as long as the clone, and the host does not follow addresses of this device.
        let memory = unsafe { Adopted::new(Arc::clone(&self.memory), data, nbytes, DEVICE) };
        Ok(Exporter::new(memory).dtype(DataType::F32).read_only().build()?)
    }

    fn copy_to(&self, device: Device, _: Stream) -> Result<ManagedTensorVersioned, Error> {
        if device != Device::CPU {
            return Err(Error::CopyUnsupported { device });
        }
        self.copies.fetch_add(1, Ordering::Relaxed);
        Ok(Exporter::new(self.memory.to_vec()).is_copied().build()?.into_inner())
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
    a_consumer_in_c(&array);
    a_producer_in_c()
}

fn consumers_in_rust(array: &DeviceArray) -> Result<(), Box<dyn StdError>> {
    // On the device, without a copy, in the order of a stream.
    // SAFETY: the array's runtime takes any number for a stream.
    let stream = unsafe { Stream::from_handle(7) };
    let tensor = respond(array, &Request::new().stream(stream))?;
    println!("on the device: {:?} on {}", tensor.shape(), tensor.device());
    assert_eq!(tensor.data(), array.memory.as_ptr().cast_mut().cast());
    assert_eq!(array.served.load(Ordering::Relaxed), 7);

    // In main memory there has to be a copy, which is the consumer's alone.
    let on_cpu = Request::new().device(Device::CPU);
    let AnyManagedTensor::Versioned(copy) = respond(array, &on_cpu)? else {
        return Err("a consumer that reads versions got none".into());
    };
    println!("in main memory: {:?} with {}", copy.shape(), copy.flags());
    assert_eq!(copy.flags(), Flags::IS_COPIED);
    let copy = copy.try_exclusive()?.fill(0.0_f32)?;
    assert_eq!(copy.as_slice::<f32>()?, [0.0; 3]);

    // Where there must be no copy, the answer is an error that says why.
    let refused = respond(array, &on_cpu.copy(CopyPolicy::NEVER)).unwrap_err();
    println!("refused: {refused}");
    assert_eq!(refused, Error::CopyNeeded { expected: Device::CPU, found: DEVICE });

    // A consumer of old could write memory that is read-only, so it gets a copy, or nothing.
    let copy = respond(array, &Request::legacy().device(Device::CPU))?;
    assert!(matches!(copy, AnyManagedTensor::Legacy(_)));
    let refused = respond(array, &Request::legacy()).unwrap_err();
    println!("refused: {refused}");
    assert_eq!(refused, Error::ReadOnlyNotExpressible);
    assert_eq!(array.copies.load(Ordering::Relaxed), 2);
    Ok(())
}

/// C gets a table of functions and a context, and asks with a struct of numbers.
fn a_consumer_in_c(array: &DeviceArray) {
    let request = |device_type| c::Request {
        max_version: dlpack::sys::DLPackVersion { major: 1, minor: 0 },
        device: dlpack::sys::DLDevice { device_type, device_id: 0 },
        copy: 0,
        stream: c::Stream::default(),
    };
    let ask = |request: &c::Request| {
        RawProducer::lend(array, |raw| {
            let raw = c::Producer { table: raw.table.cast(), ctx: raw.ctx };
            // SAFETY: the producer is alive during the call.
            unsafe { c::checksum(raw, request) }
        })
    };
    let before = array.copies.load(Ordering::Relaxed);
    let checksum = ask(&request(dlpack::sys::DLDeviceType::kDLCPU));
    println!("C read a copy, whose checksum is {checksum:x?}");
    assert!(checksum.is_ok());
    assert_eq!(array.copies.load(Ordering::Relaxed), before + 1);

    let refused = ask(&request(dlpack::sys::DLDeviceType::kDLCUDA));
    println!("C got the status {refused:?} for a device that nobody here has");
    assert_eq!(refused, Err(1));
    assert_eq!(Arc::strong_count(&array.memory), 1, "C has deleted all that it got");
}

/// The other way round: the producer is in C, and its answers are checked before anybody uses them.
fn a_producer_in_c() -> Result<(), Box<dyn StdError>> {
    let library = CProducer::new(Behaviour::Honest);
    let raw = RawProducer { table: library.raw().table.cast(), ctx: library.raw().ctx };
    // SAFETY: the C library passes the producer on, and keeps to the contract.
    let producer = unsafe { ForeignProducer::from_raw(raw) }?;
    assert_eq!(producer.device()?, Device::CPU);
    let tensor = producer.request(&Request::new().copy(CopyPolicy::NEVER))?;
    drop(producer);
    assert_eq!(library.released(), 1);
    // SAFETY: the C library has written all elements, and writes them no more.
    let tensor = unsafe { tensor.assume_frozen() };
    println!("C gave {:?}", tensor.as_slice::<i32>()?);
    assert_eq!(tensor.as_slice::<i32>()?, [1, 2, 3, 4, 5, 6]);

    // One that answers with a copy where there must be none.
    let library = CProducer::new(Behaviour::CopyAlways);
    let raw = RawProducer { table: library.raw().table.cast(), ctx: library.raw().ctx };
    // SAFETY: as above, but for what is checked.
    let producer = unsafe { ForeignProducer::from_raw(raw) }?;
    let refused = producer.request(&Request::new().copy(CopyPolicy::NEVER)).unwrap_err();
    println!("refused: {refused}");
    assert_eq!(refused, Error::Copied);
    let record = library.take_record().ok_or("it made a tensor")?;
    assert_eq!(record.deleted(), 1, "a tensor that is refused is deleted");
    Ok(())
}
