//! Which streams a device has, by the Python specification's table.

use dlpack::negotiate::{Producer, Request, Stream};
use dlpack::{Device, DeviceType, Error};
use harness::Spec;
use harness::negotiate as c;

use crate::support::{Call, Probe, from_c, in_c, named, pointed, stream_from_c};

const MINUS_ONE: usize = usize::MAX;

/// The device, its valid handles, its invalid ones. CUDA: 0 is disallowed as ambiguous, 1 and 2 are the two default
/// streams. ROCm: 0 is the default stream, 1 and 2 are unsupported. The CPU has none.
const HANDLES: [(DeviceType, &[usize], &[usize]); 9] = [
    (DeviceType::CPU, &[], &[0, 1, 2, 3, 0x7F00, MINUS_ONE]),
    (DeviceType::CUDA, &[1, 2, 3, 0x7F00], &[0, MINUS_ONE]),
    (DeviceType::CUDA_HOST, &[1, 2, 3, 0x7F00], &[0, MINUS_ONE]),
    (DeviceType::CUDA_MANAGED, &[1, 2, 3, 0x7F00], &[0, MINUS_ONE]),
    (DeviceType::ROCM, &[0, 3, 0x7F00], &[1, 2, MINUS_ONE]),
    (DeviceType::ROCM_HOST, &[0, 3, 0x7F00], &[1, 2, MINUS_ONE]),
    (DeviceType::METAL, &[3, 0x7F00], &[0, 1, 2]),
    (DeviceType::EXT_DEV, &[3, 0x7F00], &[0, 1, 2]),
    (DeviceType::new(99), &[3, 0x7F00], &[0, 1, 2]),
];

#[test]
fn handles_by_device() {
    for (device_type, valid, invalid) in HANDLES {
        let device = Device::new(device_type, 0);
        for &handle in valid {
            assert_eq!(named(handle).check(device), Ok(()), "{device} {handle:#x}");
        }
        for &stream in invalid {
            let refused = Err(Error::InvalidStream { device, stream });
            assert_eq!(named(stream).check(device), refused, "{device}");
        }
        assert_eq!(Stream::NONE.check(device), Ok(()));
        assert_eq!(Stream::NO_SYNC.check(device), Ok(()));
        let unknown = stream_from_c(c::Stream { kind: 3, handle: 1 });
        assert_eq!(unknown.check(device), Err(Error::UnknownStreamKind { code: 3 }));
    }
}

/// What a runtime calls its current stream, as the exchange API gives it.
#[test]
fn pointers_of_runtimes() {
    let mut queue = 0_u64;
    let pointer = (&raw mut queue).cast();
    for (device, null) in [
        (DeviceType::CPU, Stream::NONE),
        (DeviceType::CUDA, Stream::CUDA_LEGACY_DEFAULT),
        (DeviceType::CUDA_MANAGED, Stream::CUDA_LEGACY_DEFAULT),
        (DeviceType::ROCM, Stream::ROCM_DEFAULT),
        (DeviceType::METAL, Stream::NONE),
    ] {
        assert_eq!(pointed(device, std::ptr::null_mut()), null);
        let stream = pointed(device, pointer);
        assert_eq!((stream.handle(), stream.as_ptr()), (Some(pointer.addr()), pointer));
    }
    assert!(Stream::NONE.as_ptr().is_null() && Stream::NO_SYNC.as_ptr().is_null());
}

/// A producer with six numbers, where no host looks at them if the device is another.
fn on(device: Device) -> Probe {
    let memory = std::ptr::dangling_mut::<[i32; 6]>();
    Probe::new(Spec::of(&[1_i32; 6]).shape(&[2, 3]), memory.cast(), device)
}

/// The producer is told which stream to serve before the tensor goes out: the default one if none was named, and none
/// if the consumer sees to the order itself.
#[test]
fn what_the_producer_is_told() {
    let (cuda, rocm, metal) = (Device::cuda(0), Device::rocm(1), Device::metal(0));
    for (device, asked, told) in [
        (Device::CPU, Stream::NONE, Some(Stream::NONE)),
        (Device::CPU, Stream::NO_SYNC, None),
        (cuda, Stream::NONE, Some(named(1))),
        (cuda, named(1), Some(named(1))),
        (cuda, named(2), Some(named(2))),
        (cuda, named(0x7F00), Some(named(0x7F00))),
        (cuda, Stream::NO_SYNC, None),
        (rocm, Stream::NONE, Some(named(0))),
        (rocm, named(0), Some(named(0))),
        (rocm, Stream::NO_SYNC, None),
        (metal, Stream::NONE, Some(Stream::NONE)),
        (metal, named(9), Some(named(9))),
    ] {
        let producer = on(device);
        for request in [Request::new(), Request::new().device(device)] {
            let tensor = producer.respond(&request.stream(asked)).expect("a tensor");
            assert_eq!(tensor.device(), device);
            let mut expected = vec![Call::Alias];
            expected.extend(told.map(Call::Synchronize));
            assert_eq!(producer.calls(), expected, "{device} {asked:?}");
        }
        producer.assert_all_deleted();
    }
}

/// The rest of a stream from C means nothing unless it is a handle.
#[test]
fn rubbish_beside_the_kind_is_not_passed_on() {
    let producer = on(Device::metal(0));
    let asked = |kind| from_c(in_c(1, (0, 0), 0, c::Stream { kind, handle: 0xDD }));
    producer.respond(&asked(0)).expect("a tensor");
    assert_eq!(producer.calls(), [Call::Alias, Call::Synchronize(Stream::NONE)]);
    producer.respond(&asked(1)).expect("a tensor");
    assert_eq!(producer.calls(), [Call::Alias]);
}

/// A stream belongs to the device that is asked for, not to the one that the memory is on.
#[test]
fn streams_of_copies() {
    let (cpu, cuda) = (Device::CPU, Device::cuda(0));
    let mut to_gpu = on(cpu);
    to_gpu.copies_to.push(cuda);
    let request = Request::new().device(cuda);
    to_gpu.respond(&request.stream(named(7))).expect("a tensor");
    assert_eq!(to_gpu.calls(), [Call::Copy(cuda, named(7))]);
    to_gpu.respond(&request).expect("a tensor");
    assert_eq!(to_gpu.calls(), [Call::Copy(cuda, named(1))]);
    to_gpu.respond(&request.stream(Stream::NO_SYNC)).expect("a tensor");
    assert_eq!(to_gpu.calls(), [Call::Copy(cuda, Stream::NO_SYNC)]);

    let mut to_host = on(cuda);
    to_host.copies_to.push(cpu);
    let request = Request::new().device(cpu);
    to_host.respond(&request).expect("a tensor");
    assert_eq!(to_host.calls(), [Call::Copy(cpu, Stream::NONE)]);
    let refused = to_host.respond(&request.stream(named(7))).map(drop);
    assert_eq!(refused, Err(Error::InvalidStream { device: cpu, stream: 7 }));
    assert_eq!(to_host.calls(), []);
    to_gpu.assert_all_deleted();
    to_host.assert_all_deleted();
}

/// If the stream cannot be served, the tensor does not go out.
#[test]
fn a_failure_to_synchronize_deletes_the_tensor() {
    let error = Error::Refused { status: 700 };
    let mut producer = on(Device::cuda(0));
    producer.synchronizes = Err(error);
    assert_eq!(producer.respond(&Request::new()).map(drop), Err(error));
    producer.assert_all_deleted();
    assert!(producer.respond(&Request::new().stream(Stream::NO_SYNC)).is_ok());
}

/// A producer that leaves streams to the defaults of the trait.
struct Plain(Probe);

impl Producer for Plain {
    type Error = Error;

    fn device(&self) -> Device {
        self.0.device
    }

    fn export(&self) -> Result<dlpack::ManagedTensorVersioned, Error> {
        self.0.export()
    }
}

/// Nobody claims an order that nobody made.
#[test]
fn by_default_devices_serve_no_stream() {
    let host = [Device::CPU, Device::cuda_host(), Device::rocm_host()];
    for device in host {
        let producer = Plain(on(device));
        assert!(producer.respond(&Request::new()).is_ok());
        producer.0.assert_all_deleted();
    }
    for device in [
        Device::cuda(0),
        Device::cuda_managed(),
        Device::metal(0),
        Device::new(DeviceType::new(99), 0),
    ] {
        let producer = Plain(on(device));
        let refused = producer.respond(&Request::new()).map(drop);
        assert_eq!(refused, Err(Error::StreamUnsupported { device }));
        producer.0.assert_all_deleted();
        assert!(producer.respond(&Request::new().stream(Stream::NO_SYNC)).is_ok());
    }
}
