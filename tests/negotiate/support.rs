//! A producer that writes down what it is told, and the words of the tests for requests.

use std::ffi::c_void;
use std::sync::Mutex;

use dlpack::negotiate::{CopyPolicy, Producer, RawProducer, Request, Stream};
use dlpack::{Device, DeviceType, Error, ManagedTensorVersioned, Version};
use dlpack_sys::{DLDevice, DLPackVersion};
use harness::negotiate as c;
use harness::{Record, Spec};

pub(crate) const READ_ONLY: u64 = 1;
pub(crate) const IS_COPIED: u64 = 2;
#[cfg(feature = "alloc")]
pub(crate) const PADDED: u64 = 4;

/// What a [`Probe`] was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Alias,
    Copy(Device, Stream),
    Synchronize(Stream),
}

/// A producer of C's tensors, on any device, that writes down what it is told.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) spec: Spec,
    pub(crate) device: Device,
    /// Where it can copy to.
    pub(crate) copies_to: Vec<Device>,
    pub(crate) synchronizes: Result<(), Error>,
    memory: usize,
    calls: Mutex<Vec<Call>>,
    records: Mutex<Vec<Record>>,
}

impl Probe {
    /// One that gives out tensors of `memory` on `device`, as `spec` describes them.
    pub(crate) fn new(spec: Spec, memory: *mut c_void, device: Device) -> Self {
        Self {
            spec,
            device,
            copies_to: Vec::new(),
            synchronizes: Ok(()),
            memory: memory.expose_provenance(),
            calls: Mutex::default(),
            records: Mutex::default(),
        }
    }

    /// What it was told, once.
    pub(crate) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().expect("not poisoned"))
    }

    /// All tensors are gone, each after one call of its deleter.
    pub(crate) fn assert_all_deleted(&self) {
        for record in std::mem::take(&mut *self.records.lock().expect("not poisoned")) {
            assert_eq!(record.deleted(), 1);
        }
    }

    fn make(&self, spec: &Spec, device: Device) -> Result<ManagedTensorVersioned, Error> {
        let spec = spec.clone().device(device.device_type.code(), device.device_id);
        let (raw, record) = spec.make_versioned();
        self.records.lock().expect("not poisoned").push(record);
        // SAFETY: C passes it on.
        unsafe { ManagedTensorVersioned::from_raw(raw) }
    }

    fn note(&self, call: Call) {
        self.calls.lock().expect("not poisoned").push(call);
    }
}

impl Producer for Probe {
    type Error = Error;

    fn device(&self) -> Device {
        self.device
    }

    fn alias(&self) -> Result<ManagedTensorVersioned, Error> {
        self.note(Call::Alias);
        let memory = std::ptr::with_exposed_provenance_mut(self.memory);
        self.make(&self.spec.clone().borrow(memory), self.device)
    }

    fn copy_to(&self, device: Device, stream: Stream) -> Result<ManagedTensorVersioned, Error> {
        self.note(Call::Copy(device, stream));
        if !self.copies_to.contains(&device) {
            return Err(Error::CopyUnsupported { device });
        }
        self.make(&self.spec.clone().flags(IS_COPIED), device)
    }

    fn synchronize(&self, stream: Stream) -> Result<(), Error> {
        self.note(Call::Synchronize(stream));
        self.synchronizes
    }
}

/// A request as C writes it.
pub(crate) fn in_c(major: u32, device: (i32, i32), copy: u32, stream: c::Stream) -> c::Request {
    c::Request {
        max_version: DLPackVersion { major, minor: 0 },
        device: DLDevice { device_type: dlpack_sys::DLDeviceType(device.0), device_id: device.1 },
        copy,
        stream,
    }
}

/// C's request as Rust gets it.
pub(crate) fn from_c(request: c::Request) -> Request {
    const { assert!(size_of::<c::Request>() == size_of::<Request>()) };
    // SAFETY: the same struct, of which all bytes but the padding are numbers.
    unsafe { std::mem::transmute(request) }
}

pub(crate) fn stream_from_c(stream: c::Stream) -> Stream {
    // SAFETY: the same struct, of numbers.
    unsafe { std::mem::transmute(stream) }
}

/// C's producer as Rust gets it.
pub(crate) fn producer_from_c(producer: c::Producer) -> RawProducer {
    RawProducer { table: producer.table.cast(), ctx: producer.ctx }
}

/// Rust's producer as C gets it.
#[cfg(feature = "alloc")]
pub(crate) fn producer_to_c(producer: RawProducer) -> c::Producer {
    c::Producer { table: producer.table.cast(), ctx: producer.ctx }
}

pub(crate) fn policy(code: u32) -> CopyPolicy {
    CopyPolicy::new(code)
}

pub(crate) fn device(code: i32, id: i32) -> Device {
    Device::new(DeviceType::new(code), id)
}

pub(crate) fn version(major: u32, minor: u32) -> Version {
    Version::new(major, minor)
}

/// A stream by its handle.
pub(crate) fn named(handle: usize) -> Stream {
    // SAFETY: the producers of these tests follow no handle.
    unsafe { Stream::from_handle(handle) }
}

/// A stream by its pointer.
pub(crate) fn pointed(device: DeviceType, stream: *mut c_void) -> Stream {
    // SAFETY: the same.
    unsafe { Stream::from_ptr(device, stream) }
}
