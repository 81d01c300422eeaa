//! Requests, answers and the tables of producers, from both sides.

use core::cell::{Cell, RefCell};
use core::ffi::c_void;
use core::mem::offset_of;
use core::ptr;
use std::sync::Arc;

use dlpack::negotiate::{
    Answer, CopyPolicy, ForeignProducer, Producer, ProducerTable, RawProducer, Request, Status,
    Stream,
};
use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{
    AnyManagedTensor, Descriptor, Device, DeviceType, Error, Exporter, Flags, ManagedTensor,
    ManagedTensorVersioned, Version,
};

use crate::gate::Scene;
use crate::input::Input;
use crate::producer::{Allocation, Foreign, Plan, Struct};

/// Runs one input.
///
/// # Panics
///
/// On any difference.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.below(3) {
        0 => in_rust(&mut input),
        1 => shared(&mut input),
        _ => in_c(&mut input),
    }
}

/// A tensor of a producer in either ABI.
#[derive(Debug)]
enum Any {
    Versioned(Foreign<DLManagedTensorVersioned>),
    Legacy(Foreign<DLManagedTensor>),
}

impl Any {
    fn raw(&self) -> *mut c_void {
        match self {
            Self::Versioned(foreign) => foreign.raw.cast(),
            Self::Legacy(foreign) => foreign.raw.cast(),
        }
    }

    fn end(self, taken: bool) {
        match self {
            Self::Versioned(foreign) => foreign.end(taken),
            Self::Legacy(foreign) => foreign.end(taken),
        }
    }
}

/// Makes what a scene plans.
pub(crate) fn foreign<S: Struct>(scene: &Scene) -> Foreign<S> {
    Foreign::new(Plan {
        shape: scene.plan.shape.clone(),
        strides: scene.plan.strides.clone(),
        memory: scene.plan.memory.clone(),
        ..scene.plan
    })
}

/// The error with which a struct is refused.
pub(crate) fn refusal(scene: &Scene) -> Option<Error> {
    match scene.plan.skew {
        0 => scene.verdict.clone().err(),
        _ => Some(Error::MisalignedHeader { required: align_of::<DLManagedTensorVersioned>() }),
    }
}

fn device(input: &mut Input<'_>) -> Device {
    let id = match input.byte() {
        0..200 => 0,
        byte => i32::from(byte) - 201,
    };
    match input.byte() {
        0..100 => Device::new(DeviceType::CPU, id),
        100..250 => Device::new(DeviceType::new(i32::from(input.byte() % 20)), id),
        _ => Device::new(DeviceType::new(i32::from_le_bytes(input.bytes())), id),
    }
}

/// A request as C may write it: any bits in any field.
fn request(input: &mut Input<'_>) -> Request {
    let version = match input.below(8) {
        0 | 1 => Version::new(0, u32::from(input.byte())),
        2 => Version::new(u32::from_le_bytes(input.bytes()), u32::from(input.byte())),
        _ => Version::new(1, u32::from(input.byte() % 4)),
    };
    let copy = match input.byte() {
        byte @ 0..240 => CopyPolicy::new(u32::from(byte % 3)),
        _ => CopyPolicy::new(u32::from_le_bytes(input.bytes())),
    };
    let wanted = match input.below(3) {
        0 => Device::new(DeviceType::new(0), i32::from(input.byte())),
        _ => device(input),
    };
    let mut request = Request::new().max_version(version).copy(copy).device(wanted);
    if input.rarely(2) {
        let (kind, handle): (u32, usize) = match input.byte() {
            byte @ 0..200 => (u32::from(byte % 3), usize::from(byte / 16)),
            byte @ 200..230 => (2, usize::MAX - usize::from(byte - 200)),
            _ => (u32::from_le_bytes(input.bytes()), usize::from_le_bytes(input.bytes())),
        };
        let stream = (&raw mut request.stream).cast::<u8>();
        // SAFETY: a stream is plain data of a kind and a handle, in this order, and no bits of it are invalid.
        unsafe {
            stream.cast::<u32>().write(kind);
            stream.add(size_of::<Stream>() - size_of::<usize>()).cast::<usize>().write(handle);
        }
    }
    request
}

/// The kind and the handle of a stream.
fn bits(stream: Stream) -> (u32, usize) {
    let from = (&raw const stream).cast::<u8>();
    // SAFETY: as in `request`.
    unsafe {
        let handle = from.add(size_of::<Stream>() - size_of::<usize>()).cast::<usize>().read();
        (from.cast::<u32>().read(), handle)
    }
}

/// Devices of these types have no numbers.
fn canonical(device: Device) -> Device {
    match device.device_type.code() {
        1 | 3 | 11 | 13 => Device::new(device.device_type, 0),
        _ => device,
    }
}

/// Whether a tensor answers a request, by the documentation of `Request::check`.
fn judge(request: &Request, tensor: &Descriptor) -> Result<(), Error> {
    if let (0, Some(found)) = (request.max_version.major, tensor.version()) {
        return Err(Error::NotLegacy { found });
    }
    let (expected, found) = (request.device, tensor.device());
    let for_host = [1, 3, 11, 13].contains(&found.device_type.code());
    let same = canonical(expected) == canonical(found);
    if expected.device_type.code() != 0 && !same && !(expected.device_type.code() == 1 && for_host)
    {
        return Err(Error::DeviceMismatch { expected, found });
    }
    if request.copy.code() == 2 && tensor.flags().bits() & 2 != 0 {
        return Err(Error::Copied);
    }
    Ok(())
}

/// What a producer in C does.
struct Script {
    answer: Option<Answer>,
    device: Device,
    asked: Cell<u32>,
    released: Cell<u32>,
}

unsafe extern "C" fn respond(context: *mut c_void, request: *const Request, answer: *mut Answer) {
    // SAFETY: the context is the script, which outlives the producer.
    let script = unsafe { &*context.cast::<Script>() };
    script.asked.set(script.asked.get() + 1);
    assert_eq!(script.released.get(), 0, "asked after its release");
    assert!(!request.is_null());
    if let Some(given) = script.answer {
        // SAFETY: there is room for an answer.
        unsafe { answer.write(given) };
    }
}

unsafe extern "C" fn device_of(context: *mut c_void) -> Device {
    // SAFETY: the context is the script, which outlives the producer.
    unsafe { &*context.cast::<Script>() }.device
}

unsafe extern "C" fn release(context: *mut c_void) {
    // SAFETY: the context is the script, which outlives the producer.
    let released = unsafe { &(*context.cast::<Script>()).released };
    released.set(released.get() + 1);
}

/// A producer in C, with any table and any answer.
fn in_c(input: &mut Input<'_>) {
    let strict = input.rarely(2);
    let (scene, tensor) = if strict {
        let scene = Scene::read(input, false, false);
        let tensor = Any::Legacy(foreign(&scene));
        (scene, tensor)
    } else {
        let scene = Scene::read(input, true, false);
        let tensor = Any::Versioned(foreign(&scene));
        (scene, tensor)
    };
    let status = match input.byte() {
        0..180 => 0,
        byte @ 180..240 => i32::from(byte % 6),
        _ => i32::from_le_bytes(input.bytes()),
    };
    let is_null = input.rarely(12);
    let right = if matches!(tensor, Any::Legacy(_)) { Answer::LEGACY } else { Answer::VERSIONED };
    let other = u32::from_le_bytes(input.bytes());
    let known = !input.rarely(10) || [1, 2].contains(&other);
    let abi = if known { right } else { other };
    // Without success the tensor is nobody's, and what stands there is not looked at.
    let raw = if is_null {
        ptr::null_mut()
    } else if status != 0 {
        ptr::dangling_mut()
    } else {
        tensor.raw()
    };
    let answer = Answer { status: Status::new(status), abi, tensor: raw };
    let script = Script {
        answer: (!input.rarely(12)).then_some(answer),
        device: device(input),
        asked: Cell::new(0),
        released: Cell::new(0),
    };
    let major = match input.byte() {
        0..220 => 1,
        byte => u32::from(byte - 220),
    };
    let has = [!input.rarely(8), !input.rarely(8), !input.rarely(16)];
    let table = ProducerTable {
        version: Version::new(major, u32::from(input.byte())),
        release: has[0].then_some(release as unsafe extern "C" fn(*mut c_void)),
        device: has[1].then_some(device_of as unsafe extern "C" fn(*mut c_void) -> Device),
        respond: has[2]
            .then_some(respond as unsafe extern "C" fn(*mut c_void, *const Request, *mut Answer)),
    };
    // Of a foreign major version only these fields are there.
    let size =
        if major == 1 { size_of::<ProducerTable>() } else { offset_of!(ProducerTable, device) };
    let room = Allocation::new(size, if input.rarely(8) { 1 } else { 0 });
    // SAFETY: so many bytes are in the room.
    unsafe { room.start().copy_from_nonoverlapping((&raw const table).cast(), size) };
    let no_table = input.rarely(30);
    let raw = RawProducer {
        table: if no_table { ptr::null() } else { room.start().cast() },
        ctx: (&raw const script).cast_mut().cast(),
    };
    let mut taken = false;
    // SAFETY: the table and the functions hold P1 and P2, and the answer P3, during this function.
    match unsafe { ForeignProducer::from_raw(raw) } {
        Err(error) => {
            let expected = if no_table {
                Error::MissingFunction { name: "table" }
            } else if major != 1 {
                Error::UnsupportedVersion { found: table.version }
            } else {
                Error::MissingFunction { name: "respond" }
            };
            assert_eq!(error, expected);
            assert!(no_table || major != 1 || !has[2]);
        }
        Ok(producer) => {
            assert!(!no_table && major == 1 && has[2]);
            let expected = match has[1] {
                true => Ok(script.device),
                false => Err(Error::MissingFunction { name: "device" }),
            };
            assert_eq!(producer.device(), expected);
            let request = request(input);
            let found = producer.request(&request);
            assert_eq!(script.asked.get(), 1);
            let answered = script.answer.is_some();
            taken = answered && status == 0 && !is_null && known;
            let early = match () {
                () if !answered => Some(Error::Refused { status: 4 }),
                () if status == 3 => Some(Error::AllocationFailed),
                () if status != 0 => Some(Error::Refused { status }),
                () if is_null => Some(Error::NullTensor),
                () if !known => Some(Error::UnknownAbi { code: other }),
                () => refusal(&scene),
            };
            match (found, early) {
                (Ok(tensor), None) => {
                    assert_eq!(judge(&request, &tensor), Ok(()));
                    assert_eq!(tensor.shape(), scene.shape);
                }
                (Err(error), Some(expected)) => assert_eq!(error, expected),
                (Err(error), None) => {
                    let error_is_of_the_request = matches!(
                        error,
                        Error::NotLegacy { .. } | Error::DeviceMismatch { .. } | Error::Copied
                    );
                    assert!(error_is_of_the_request, "{error:?}");
                }
                (Ok(_), Some(expected)) => panic!("expected {expected:?}"),
            }
            if input.rarely(6) {
                let raw = producer.into_raw();
                assert_eq!(script.released.get(), 0);
                // SAFETY: returned without a release, so that it can be taken again.
                drop(unsafe { ForeignProducer::from_raw(raw) }.expect("the same table"));
            }
        }
    }
    assert_eq!(script.released.get(), u32::from(has[0] && !no_table));
    tensor.end(taken);
}

/// A producer in Rust that gives out foreign tensors, whatever was asked of it.
struct Scripted {
    device: Device,
    tensors: [RefCell<Option<AnyManagedTensor>>; 2],
    synchronizes: bool,
    /// What was called: export, legacy export, copy, synchronization.
    calls: Cell<[u32; 4]>,
    copy_request: Cell<Option<(Device, Stream)>>,
}

impl Scripted {
    fn call(&self, which: usize) {
        let mut calls = self.calls.get();
        calls[which] += 1;
        self.calls.set(calls);
    }
}

impl Producer for Scripted {
    type Error = Error;

    fn device(&self) -> Device {
        self.device
    }

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        self.call(0);
        let tensor = self.tensors[0].take().ok_or(Error::NotContiguous)?;
        Ok(tensor.into_versioned()?)
    }

    fn export_legacy(&self) -> Result<ManagedTensor, Error> {
        self.call(1);
        match self.tensors[0].take().ok_or(Error::NotContiguous)? {
            AnyManagedTensor::Legacy(tensor) => Ok(tensor),
            AnyManagedTensor::Versioned(tensor) => Ok(tensor.into_legacy()?),
            _ => unreachable!("two ABIs"),
        }
    }

    fn copy_to(&self, device: Device, stream: Stream) -> Result<ManagedTensorVersioned, Error> {
        self.call(2);
        self.copy_request.set(Some((device, stream)));
        let tensor = self.tensors[1].take().ok_or(Error::CopyUnsupported { device })?;
        Ok(tensor.into_versioned()?)
    }

    fn synchronize(&self, _: Stream) -> Result<(), Error> {
        self.call(3);
        if self.synchronizes {
            Ok(())
        } else {
            Err(Error::StreamUnsupported { device: self.device })
        }
    }
}

/// The program has one thread.
struct Lone(Scripted);

// SAFETY: nobody else calls it.
unsafe impl Sync for Lone {}

impl Producer for Lone {
    type Error = Error;

    fn device(&self) -> Device {
        self.0.device()
    }

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        self.0.export()
    }

    fn export_legacy(&self) -> Result<ManagedTensor, Error> {
        self.0.export_legacy()
    }

    fn copy_to(&self, device: Device, stream: Stream) -> Result<ManagedTensorVersioned, Error> {
        self.0.copy_to(device, stream)
    }

    fn synchronize(&self, stream: Stream) -> Result<(), Error> {
        self.0.synchronize(stream)
    }
}

fn in_rust(input: &mut Input<'_>) {
    let mut kept = Vec::new();
    let mut tensor = |input: &mut Input<'_>| {
        let versioned = !input.rarely(3);
        let mut scene = Scene::read(input, versioned, false);
        scene.plan.skew = 0;
        if versioned {
            let made = foreign::<DLManagedTensorVersioned>(&scene);
            let raw = made.raw;
            kept.push(Any::Versioned(made));
            // SAFETY: the producer passes the tensor on.
            unsafe { ManagedTensorVersioned::from_raw(raw) }.ok().map(AnyManagedTensor::from)
        } else {
            let made = foreign::<DLManagedTensor>(&scene);
            let raw = made.raw;
            kept.push(Any::Legacy(made));
            // SAFETY: the producer passes the tensor on.
            unsafe { ManagedTensor::from_raw(raw) }.ok().map(AnyManagedTensor::from)
        }
    };
    let own = tensor(input);
    let copy = tensor(input);
    let device = match input.below(3) {
        0 => device(input),
        _ => own.as_ref().map_or(Device::CPU, |tensor| tensor.device()),
    };
    let script = Scripted {
        device,
        tensors: [own, copy].map(RefCell::new),
        synchronizes: !input.rarely(3),
        calls: Cell::default(),
        copy_request: Cell::new(None),
    };
    let request = request(input);
    let lone = Lone(script);
    let answer = if input.rarely(2) {
        lone.respond(&request)
    } else {
        RawProducer::lend(&lone, |raw| {
            // SAFETY: a table of this crate, during the call.
            let respond = unsafe { (*raw.table).respond }.expect("all functions");
            let room = Allocation::new(size_of::<Answer>(), 1);
            let asked = Allocation::new(size_of::<Request>(), 1);
            let (to, from) = (room.start().cast::<Answer>(), asked.start().cast::<Request>());
            // SAFETY: there is room for both.
            unsafe {
                to.write_unaligned(Answer::NONE);
                from.write_unaligned(request);
                respond(raw.ctx, from, ptr::null_mut());
                respond(raw.ctx, ptr::null(), to);
                assert_eq!(to.read_unaligned().status, Status::INVALID);
                respond(raw.ctx, from, to);
                // The answer is taken once.
                to.read_unaligned().take()
            }
        })
    };
    let script = lone.0;
    let [exports, legacy, copies, _] = script.calls.get();
    let is_legacy = request.max_version.major == 0;
    let own = canonical(device);
    let wanted = match request.device.device_type.code() {
        0 => own,
        _ => canonical(request.device),
    };
    let known = [0, 1, 2].contains(&request.copy.code());
    match &answer {
        Ok(tensor) => {
            assert!(known);
            assert_eq!(judge(&request, tensor), Ok(()));
            assert_eq!(canonical(tensor.device()), wanted);
            assert!(bits(request.stream).0 <= 2);
            let must_copy = request.copy == CopyPolicy::ALWAYS || wanted != own;
            assert!(!must_copy || copies == 1 && exports + legacy == 0);
            assert!(request.copy != CopyPolicy::NEVER || copies == 0);
            assert!(!is_legacy || matches!(tensor, AnyManagedTensor::Legacy(_)));
            let is_copied = tensor.flags().contains(Flags::IS_COPIED);
            assert!(copies == 0 || is_legacy || is_copied);
        }
        Err(_) if !known => assert_eq!(script.calls.get(), [0; 4]),
        Err(error) => {
            if request.copy == CopyPolicy::NEVER && own != wanted {
                let none = script.calls.get() == [0; 4];
                assert!(none, "{error:?}");
            }
        }
    }
    assert!(exports + legacy <= 1 && copies <= 1);
    assert!(exports == 0 || !is_legacy);
    if let Some((device, stream)) = script.copy_request.get() {
        assert_eq!(device, wanted);
        // A stream of another device never comes through.
        assert!(stream.check(device).is_ok());
    }
    drop((answer, script));
    for tensor in kept {
        tensor.end(true);
    }
}

/// The producers that the crate itself has.
fn shared(input: &mut Input<'_>) {
    let bytes: Vec<u8> = (0..input.below(9)).map(|_| input.byte()).collect();
    let request = request(input);
    let frozen = input.rarely(2);
    let is_copy = input.rarely(4);
    let exporter = Exporter::new(bytes.clone());
    let exporter = if input.rarely(3) { exporter.read_only() } else { exporter };
    let exporter = if is_copy { exporter.copied() } else { exporter };
    let tensor = exporter.build().expect("memory");
    let read_only = tensor.flags().is_read_only();
    let answer = if frozen {
        let producer = Arc::new(tensor.freeze());
        let raw = RawProducer::new(Arc::clone(&producer)).expect("memory");
        // SAFETY: a producer of this crate, which is passed on.
        let answer = unsafe { ForeignProducer::from_raw(raw) }.expect("a table").request(&request);
        assert_eq!(producer.respond(&request).map(drop).is_ok(), answer.is_ok());
        answer
    } else {
        let producer = Arc::new(tensor.into_inner());
        RawProducer::lend(&producer, |raw| {
            // SAFETY: a producer of this crate, during the call.
            unsafe { ForeignProducer::from_raw(raw) }.expect("a table").request(&request)
        })
    };
    let Ok(tensor) = answer else { return };
    assert_eq!(judge(&request, &tensor), Ok(()));
    // SAFETY: initialised, and nobody writes it.
    assert_eq!(unsafe { tensor.as_slice::<u8>() }, Ok(&bytes[..]));
    let is_legacy = request.max_version.major == 0;
    let copied = tensor.flags().is_copied();
    assert!(!is_legacy || matches!(tensor, AnyManagedTensor::Legacy(_)));
    // What is shared is never marked as a copy, and what may not be written is never passed on without a word.
    if !copied && !is_legacy && (read_only || frozen) {
        assert!(tensor.flags().is_read_only());
    }
    if request.copy == CopyPolicy::ALWAYS {
        assert!(frozen && (copied || is_legacy));
    }
}
