//! The rules as a table: every request to every kind of producer, and what must come of it.

use std::ffi::c_void;

use dlpack::negotiate::{CopyPolicy, Producer, Request, Stream};
use dlpack::{Access, AnyManagedTensor, Device, Error, Flags, ManagedTensorVersioned};
use harness::{Spec, consumer, dtype, release};

use crate::support::{Call, PADDED, Probe, READ_ONLY, device, named, policy, version};

/// What the producer's memory is, as far as the ABIs differ in what they can say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Memory {
    Plain,
    ReadOnly,
    Padded,
}

impl Memory {
    fn flags(self) -> u64 {
        match self {
            Self::Plain => 0,
            Self::ReadOnly => READ_ONLY,
            Self::Padded => PADDED,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The producer's own memory goes out.
    Itself,
    /// A copy on the device asked for goes out, if the producer can make one.
    Copy,
    /// The same; if it cannot, the error says what stands in the way of the memory itself.
    CopyOrSay,
    CopyNeeded,
    ReadOnlyNotExpressible,
    PaddedNotExpressible,
}

/// A row: whether the consumer reads the legacy ABI only, whether it asks for another device, its copy policy, what the
/// memory is, and what comes of it. `None` stands for any.
type Row = (Option<bool>, Option<bool>, Option<CopyPolicy>, Option<Memory>, Then);

/// The array API's `__dlpack__`, with its choice for read-only memory and legacy consumers: a copy, where one may be
/// made. The first row that fits counts.
const RULES: [Row; 8] = [
    (None, Some(true), Some(CopyPolicy::NEVER), None, Then::CopyNeeded),
    (None, Some(true), None, None, Then::Copy),
    (None, None, Some(CopyPolicy::ALWAYS), None, Then::Copy),
    (Some(false), None, None, None, Then::Itself),
    (Some(true), None, None, Some(Memory::Plain), Then::Itself),
    (Some(true), None, Some(CopyPolicy::IF_NEEDED), None, Then::CopyOrSay),
    (Some(true), None, None, Some(Memory::ReadOnly), Then::ReadOnlyNotExpressible),
    (Some(true), None, None, Some(Memory::Padded), Then::PaddedNotExpressible),
];

fn fits<T: PartialEq>(wanted: Option<T>, found: T) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
}

fn rule(case: &Case) -> Then {
    let (_, _, _, _, then) = RULES
        .into_iter()
        .find(|&(legacy, moves, copy, memory, _)| {
            fits(legacy, case.major == 0)
                && fits(moves, case.moves())
                && fits(copy, policy(case.copy))
                && fits(memory, case.memory)
        })
        .expect("the rules are complete");
    then
}

/// One request to one producer.
#[derive(Clone, Copy, Debug)]
struct Case {
    major: u32,
    minor: u32,
    /// Where the memory is to be; type 0 for wherever.
    wanted: (i32, i32),
    copy: u32,
    no_sync: bool,
    own: (i32, i32),
    memory: Memory,
    /// Whether the producer copies to main memory, and to its own device.
    copies: bool,
}

impl Case {
    /// Only GPUs have numbers here.
    fn moves(&self) -> bool {
        let same =
            if self.own.0 == 2 { self.wanted == self.own } else { self.wanted.0 == self.own.0 };
        self.wanted.0 != 0 && !same
    }

    /// Where the tensor is to be.
    fn target(&self) -> Device {
        let (code, id) = if self.moves() { self.wanted } else { self.own };
        device(code, if code == 1 { 0 } else { id })
    }

    fn request(&self) -> Request {
        let stream = if self.no_sync { Stream::NO_SYNC } else { Stream::NONE };
        Request::new()
            .max_version(version(self.major, self.minor))
            .device(device(self.wanted.0, self.wanted.1))
            .copy(policy(self.copy))
            .stream(stream)
    }

    /// The default stream of the target, or none to serve.
    fn stream(&self) -> Stream {
        match self.target() {
            _ if self.no_sync => Stream::NO_SYNC,
            Device { device_type: dlpack::DeviceType::CUDA, .. } => named(1),
            _ => Stream::NONE,
        }
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (major, minor) in [(0, 0), (0, 8), (1, 0), (1, 3), (1, 99), (2, 0), (u32::MAX, 1)] {
        for wanted in [(0, 0), (1, 0), (1, 7), (2, 0), (2, 1)] {
            for copy in [0, 1, 2] {
                for no_sync in [false, true] {
                    for own in [(1, 0), (1, 5), (2, 0)] {
                        for memory in [Memory::Plain, Memory::ReadOnly, Memory::Padded] {
                            for copies in [false, true] {
                                cases.push(Case {
                                    major,
                                    minor,
                                    wanted,
                                    copy,
                                    no_sync,
                                    own,
                                    memory,
                                    copies,
                                });
                            }
                        }
                    }
                }
            }
        }
    }
    cases
}

/// Six values of four bits, one a byte, which are all that there is to copy for these tests.
fn six(memory: Memory) -> Spec {
    let kind = if memory == Memory::Padded { dtype(1, 4, 1) } else { dtype(1, 8, 1) };
    Spec::new(kind).data(&[1_u8, 2, 3, 4, 5, 6]).shape(&[2, 3]).flags(memory.flags())
}

fn producer(case: &Case, memory: *mut c_void) -> Probe {
    let mut producer = Probe::new(six(case.memory), memory, device(case.own.0, case.own.1));
    if case.copies {
        producer.copies_to = vec![Device::CPU, device(2, 0)];
    }
    producer
}

fn check_abi(case: &Case, tensor: &AnyManagedTensor) {
    match tensor {
        AnyManagedTensor::Legacy(_) => assert_eq!(case.major, 0, "{case:?}"),
        AnyManagedTensor::Versioned(tensor) => {
            assert_ne!(case.major, 0, "{case:?}");
            assert_eq!(tensor.version(), Some(version(1, 3)));
        }
        _ => unreachable!("there are two ABIs"),
    }
}

fn check_itself(case: &Case, producer: &Probe, tensor: &AnyManagedTensor, memory: *mut c_void) {
    check_abi(case, tensor);
    assert_eq!((tensor.data(), tensor.shape()), (memory, &[2_i64, 3][..]), "{case:?}");
    assert_eq!(tensor.device().device_type, case.target().device_type);
    let flags = if case.major == 0 { 0 } else { case.memory.flags() };
    assert_eq!(tensor.flags().bits(), flags, "{case:?}");
    let mut calls = vec![Call::Alias];
    if !case.no_sync {
        calls.push(Call::Synchronize(case.stream()));
    }
    assert_eq!(producer.calls(), calls, "{case:?}");
}

fn check_copy(case: &Case, producer: &Probe, tensor: &AnyManagedTensor, memory: *mut c_void) {
    check_abi(case, tensor);
    assert_ne!(tensor.data(), memory, "{case:?}");
    assert_eq!(tensor.device(), case.target(), "{case:?}");
    let flags = if case.major == 0 { Flags::NONE } else { Flags::IS_COPIED };
    assert_eq!(tensor.flags(), flags, "{case:?}");
    assert_eq!(producer.calls().last(), Some(&Call::Copy(case.target(), case.stream())));
}

/// Whether the producer could copy, were it asked.
fn can_copy(case: &Case) -> bool {
    case.copies && [Device::CPU, device(2, 0)].contains(&case.target())
}

#[test]
fn every_request_to_every_producer() {
    let mut memory = [1_u8, 2, 3, 4, 5, 6];
    let memory: *mut c_void = memory.as_mut_ptr().cast();
    let mut seen = [0; 6];
    for case in cases() {
        let producer = producer(&case, memory);
        let then = rule(&case);
        let answer = producer.respond(&case.request());
        let error = match (then, &answer) {
            (Then::Itself, Ok(tensor)) => {
                check_itself(&case, &producer, tensor, memory);
                None
            }
            (Then::Copy | Then::CopyOrSay, Ok(tensor)) if can_copy(&case) => {
                check_copy(&case, &producer, tensor, memory);
                None
            }
            (Then::Copy | Then::CopyOrSay, Err(error)) if can_copy(&case) => {
                panic!("{error}: {case:?}")
            }
            (Then::Copy, _) => Some(Error::CopyUnsupported { device: case.target() }),
            (Then::CopyNeeded, _) => Some(Error::CopyNeeded {
                expected: canonical(case.wanted),
                found: canonical(case.own),
            }),
            (Then::CopyOrSay, _) if case.memory == Memory::Padded => {
                Some(Error::PaddedNotExpressible)
            }
            (Then::ReadOnlyNotExpressible | Then::CopyOrSay, _) => {
                Some(Error::ReadOnlyNotExpressible)
            }
            (Then::PaddedNotExpressible, _) => Some(Error::PaddedNotExpressible),
            (Then::Itself, Err(error)) => panic!("{error}: {case:?}"),
        };
        seen[then as usize] += 1;
        assert_eq!(answer.as_ref().err().copied(), error, "{case:?}");
        if let Ok(tensor) = &answer {
            assert_eq!(case.request().check(tensor), Ok(()), "{case:?}");
        }
        drop(answer);
        producer.assert_all_deleted();
    }
    assert!(seen.iter().all(|&count| count > 20), "each rule is tried: {seen:?}");
}

/// Main memory has no number.
fn canonical((code, id): (i32, i32)) -> Device {
    device(code, if code == 1 { 0 } else { id })
}

/// Numbers that no request has, from C.
#[test]
fn requests_that_make_no_sense() {
    let mut memory = [0_u8; 6];
    let mut producer = Probe::new(six(Memory::Plain), memory.as_mut_ptr().cast(), Device::CPU);
    producer.copies_to.push(Device::CPU);
    for code in [3, 4, 0xDDDD_DDDD, u32::MAX] {
        for request in [Request::new(), Request::legacy(), Request::new().device(Device::cuda(0))] {
            let refused = producer.respond(&request.copy(policy(code))).map(drop);
            assert_eq!(refused, Err(Error::UnknownCopyPolicy { code }));
        }
    }
    for kind in [3, 4, u32::MAX] {
        let stream = crate::support::stream_from_c(harness::negotiate::Stream { kind, handle: 0 });
        let refused = producer.respond(&Request::new().stream(stream)).map(drop);
        assert_eq!(refused, Err(Error::UnknownStreamKind { code: kind }));
    }
    let cpu = Device::CPU;
    let refused = producer.respond(&Request::new().stream(named(7))).map(drop);
    assert_eq!(refused, Err(Error::InvalidStream { device: cpu, stream: 7 }));
    // A device that nobody knows is another device.
    let (expected, found) = (device(-1, i32::MIN), Device::CPU);
    let refused = producer.respond(&Request::new().device(expected)).map(drop);
    assert_eq!(refused, Err(Error::CopyUnsupported { device: expected }));
    let never = Request::new().device(expected).copy(CopyPolicy::NEVER);
    let refused = producer.respond(&never).map(drop);
    assert_eq!(refused, Err(Error::CopyNeeded { expected, found }));
    assert_eq!(producer.calls(), [Call::Copy(expected, Stream::NONE)]);
}

/// Elements that C reads, whichever way they went.
#[test]
fn the_elements_arrive() {
    let mut memory = [1_u8, 2, 3, 4, 5, 6];
    let mut producer = Probe::new(six(Memory::Plain), memory.as_mut_ptr().cast(), Device::CPU);
    producer.copies_to.push(Device::CPU);
    for request in [
        Request::new(),
        Request::legacy(),
        Request::new().copy(CopyPolicy::ALWAYS),
        Request::legacy().copy(CopyPolicy::ALWAYS),
    ] {
        match producer.respond(&request).expect("a tensor") {
            AnyManagedTensor::Legacy(tensor) => {
                let raw = tensor.into_raw();
                // SAFETY: just passed on.
                assert_eq!(unsafe { consumer::gather_managed(raw) }.as_deref(), Some(&memory[..]));
                // SAFETY: just passed on.
                unsafe { release::delete(raw) };
            }
            AnyManagedTensor::Versioned(tensor) => {
                let raw = tensor.into_raw();
                // SAFETY: just passed on.
                assert_eq!(unsafe { consumer::gather_managed(raw) }.as_deref(), Some(&memory[..]));
                // SAFETY: just passed on.
                unsafe { release::vandalise_and_delete(raw) };
            }
            _ => unreachable!("there are two ABIs"),
        }
        producer.assert_all_deleted();
    }
}

/// A producer that does not keep to the contract of the trait.
struct Liar {
    probe: Probe,
    /// What it gives out instead.
    alias_on: Device,
    copy_on: Device,
    copy_flags: u64,
}

impl Producer for Liar {
    type Error = Error;

    fn device(&self) -> Device {
        Device::CPU
    }

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        let (code, id) = (self.alias_on.device_type.code(), self.alias_on.device_id);
        let spec = self.probe.spec.clone().device(code, id).flags(self.copy_flags);
        // SAFETY: C passes it on.
        unsafe { ManagedTensorVersioned::from_raw(spec.make_versioned().0) }
    }

    fn copy_to(&self, _: Device, _: Stream) -> Result<ManagedTensorVersioned, Error> {
        let (code, id) = (self.copy_on.device_type.code(), self.copy_on.device_id);
        let spec = self.probe.spec.clone().device(code, id).flags(self.copy_flags);
        // SAFETY: C passes it on.
        unsafe { ManagedTensorVersioned::from_raw(spec.make_versioned().0) }
    }
}

/// What a producer of Rust gives is checked, too: a consumer in C relies on it.
#[test]
fn producers_that_break_the_contract() {
    let (cpu, cuda) = (Device::CPU, Device::cuda(0));
    let liar = |alias_on, copy_on, copy_flags| Liar {
        probe: Probe::new(six(Memory::Plain), std::ptr::null_mut(), cpu),
        alias_on,
        copy_on,
        copy_flags,
    };
    let copy = Request::new().copy(CopyPolicy::ALWAYS);
    let never = Request::new().copy(CopyPolicy::NEVER);
    let mismatch = Error::DeviceMismatch { expected: cpu, found: cuda };
    for (liar, request, error) in [
        (liar(cuda, cpu, 0), Request::new(), mismatch),
        (liar(cuda, cpu, 0), Request::legacy(), mismatch),
        (liar(cpu, cuda, 2), copy, mismatch),
        (liar(cpu, cpu, 0), copy, Error::NotExclusive),
        (liar(cpu, cpu, 2), never, Error::Copied),
        // A copy that the legacy ABI cannot say.
        (
            liar(cpu, cpu, 3),
            Request::legacy().copy(CopyPolicy::ALWAYS),
            Error::ReadOnlyNotExpressible,
        ),
    ] {
        assert_eq!(liar.respond(&request).map(drop), Err(error));
    }
}

/// What a consumer gets of memory that must not be written.
#[test]
fn read_only_memory_stays_read_only() {
    let mut memory = [1_u8, 2, 3, 4, 5, 6];
    let producer = Probe::new(six(Memory::ReadOnly), memory.as_mut_ptr().cast(), Device::CPU);
    let tensor = producer.respond(&Request::new()).expect("a tensor");
    assert_eq!(tensor.access(), Access::ReadOnly);
}
