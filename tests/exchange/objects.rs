//! A library in C turns objects into tensors and back, as it should not.

use std::ptr::{self, NonNull};

use dlpack::negotiate::Stream;
use dlpack::sys::DLManagedTensorVersioned;
use dlpack::{Device, DeviceType, Error, ManagedTensorVersioned, Version};
use harness::abi::Abi;
use harness::exchange::{Asked, Plan};
use harness::{Record, Spec};

use crate::support::{delete_leaked, own_struct, planned, six};

const EXPORT: &str = "managed_tensor_from_py_object_no_sync";
const IMPORT: &str = "managed_tensor_to_py_object_no_sync";
const STREAM: &str = "current_work_stream";

/// Where an object could be; the planned library never looks.
fn object() -> NonNull<std::ffi::c_void> {
    NonNull::new(ptr::without_provenance_mut(8)).expect("not null")
}

fn export(plan: Plan<'_>) -> Result<ManagedTensorVersioned, Error> {
    // SAFETY: the library never looks at its objects.
    let ask = || unsafe { planned().tensor_from_object(object().as_ptr()) };
    let (answer, asked) = plan.during(ask);
    assert_eq!(asked.calls, 1);
    answer
}

/// Gives a tensor to the library; also says what became of it.
fn give(plan: Plan<'_>) -> (Result<(), Error>, *mut DLManagedTensorVersioned, Record) {
    let (tensor, record) = DLManagedTensorVersioned::from_c(&six());
    let tensor = own_struct(tensor);
    let raw = tensor.as_raw();
    // SAFETY: the library has no language, and writes nothing.
    let (answer, asked) = plan.during(|| unsafe { planned().object_from_tensor(tensor) });
    assert_eq!(asked.calls, 1);
    let answer = answer.map(|found| assert_eq!(found, object())).map_err(|rejected| {
        let (tensor, error) = rejected.into_parts();
        assert!(tensor.is_none(), "the library was asked");
        error
    });
    (answer, raw, record)
}

#[test]
fn exports_that_fail() {
    let (raw, record) = six().make_versioned();
    let garbage = ptr::without_provenance_mut::<DLManagedTensorVersioned>(0xDEAD);
    for code in [-1, 2] {
        let failed = Error::CallFailed { name: EXPORT, code };
        for plan in [
            Plan::returns(code),
            Plan::returns(code).writes(garbage),
            Plan::returns(code).writes(raw),
        ] {
            assert_eq!(export(plan).map(drop), Err(failed));
        }
    }
    delete_leaked(raw, &record);
}

#[test]
fn exports_without_a_tensor() {
    for plan in [Plan::returns(0), Plan::returns(0).writes(ptr::null_mut::<u8>())] {
        assert_eq!(export(plan).map(drop), Err(Error::NullTensor));
    }
}

#[test]
fn exports_pass_the_gate() {
    let version = Error::UnsupportedVersion { found: Version::new(2, 0) };
    let accepted = |tensor: ManagedTensorVersioned| tensor.numel();
    let refuse = |spec: &Spec, error| (spec.clone(), Err(error));
    for (spec, expected) in [
        (six(), Ok(6)),
        (six().flags(1), Ok(6)),
        refuse(&six().version(2, 0), version),
        refuse(&six().ndim(-1), Error::NegativeNdim { ndim: -1 }),
        refuse(&six().shape(&[2, -3]), Error::NegativeSize { axis: 1, size: -3 }),
    ] {
        let (raw, record) = spec.make_versioned();
        assert_eq!(export(Plan::returns(0).writes(raw)).map(accepted), expected);
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn a_tensor_becomes_an_object() {
    let (answer, raw, record) = give(Plan::returns(0).writes(object().as_ptr()));
    assert_eq!(answer, Ok(()));
    delete_leaked(raw, &record);
}

#[test]
fn h134_failure_that_leaves_the_tensor_alone() {
    for code in [-1, 1] {
        let failed = Error::CallFailed { name: IMPORT, code };
        for plan in [Plan::returns(code), Plan::returns(code).writes(object().as_ptr())] {
            let (answer, raw, record) = give(plan);
            assert_eq!(answer, Err(failed));
            // Leaked, since the library might have deleted it.
            delete_leaked(raw, &record);
        }
    }
}

#[test]
fn h134_failure_after_the_deleter_was_called() {
    let (answer, _, record) = give(Plan::returns(-1).deletes());
    assert_eq!(answer, Err(Error::CallFailed { name: IMPORT, code: -1 }));
    assert_eq!(record.deleted(), 1);
}

#[test]
fn h135_success_without_an_object() {
    for plan in [Plan::returns(0), Plan::returns(0).writes(ptr::null_mut::<u8>())] {
        let (answer, raw, record) = give(plan);
        assert_eq!(answer, Err(Error::NullObject));
        delete_leaked(raw, &record);
    }
}

#[test]
fn h135_success_without_an_object_after_the_deleter_was_called() {
    let (answer, _, record) = give(Plan::returns(0).deletes());
    assert_eq!((answer, record.deleted()), (Err(Error::NullObject), 1));
}

fn stream(device: Device, plan: Plan<'_>) -> (Result<Stream, Error>, Asked) {
    // SAFETY: the library has no language.
    plan.during(|| unsafe { planned().current_stream(device) })
}

#[test]
fn streams() {
    let handle = ptr::without_provenance_mut::<u8>(0x1234);
    let device = Device::cuda(3);
    let (answer, asked) = stream(device, Plan::returns(0).writes(handle));
    assert_eq!(answer.map(|stream| stream.as_ptr().addr()), Ok(0x1234));
    assert_eq!((asked.device.device_type.0, asked.device.device_id), (2, 3));

    for plan in [Plan::returns(0), Plan::returns(0).writes(ptr::null_mut::<u8>())] {
        for (device, expected) in [
            (Device::cuda(3), Stream::CUDA_LEGACY_DEFAULT),
            (Device::rocm(0), Stream::ROCM_DEFAULT),
            (Device::new(DeviceType::METAL, 0), Stream::NONE),
        ] {
            assert_eq!(stream(device, plan).0, Ok(expected));
        }
    }

    let unknown = Device::new(DeviceType::new(99), 0);
    let (answer, _) = stream(unknown, Plan::returns(-1).writes(handle));
    assert_eq!(answer, Err(Error::CallFailed { name: STREAM, code: -1 }));
}

#[test]
fn a_cpu_has_no_stream() {
    let handle = ptr::without_provenance_mut::<u8>(0x1234);
    for plan in [Plan::returns(0).writes(handle), Plan::returns(-1)] {
        let (answer, asked) = stream(Device::CPU, plan);
        assert_eq!(answer, Ok(Stream::NONE));
        assert_eq!(asked.calls, 0);
    }
}
