//! A library in C is asked for new tensors, and answers as it should not.

use std::ffi::CStr;
use std::ptr;

use dlpack::exchange::Report;
use dlpack::sys::DLManagedTensorVersioned;
use dlpack::{DataType, Device, DeviceType, Error, Flags, Version};
use harness::exchange::{Asked, Plan};
use harness::{Record, Spec};

use crate::support::{planned, six};

const NAME: &str = "managed_tensor_allocator";

/// Asks for two rows of three floats, and expects to be refused.
fn refused(plan: Plan<'_>) -> Report {
    let ask = || planned().allocate(DataType::F32, &[2, 3], Device::CPU).map(drop);
    let (answer, asked) = plan.during(ask);
    assert_eq!(asked.calls, 1);
    answer.expect_err("refused")
}

/// Asks for two rows of three floats, and gets the tensor of this spec, with success.
fn answered(spec: &Spec) -> (Result<(), Report>, Record) {
    let (raw, record) = spec.make_versioned();
    let ask = || {
        let tensor = planned().allocate(DataType::F32, &[2, 3], Device::CPU)?;
        assert_eq!(record.deleted(), 0);
        assert_eq!(tensor.into_inner().as_raw(), raw);
        Ok(())
    };
    let (answer, _) = Plan::returns(0).writes(raw).during(ask);
    (answer, record)
}

fn failed(code: i32) -> Error {
    Error::CallFailed { name: NAME, code }
}

#[test]
fn what_is_asked_for() {
    let shape = [2, 0, 7];
    let device = Device::cuda(3);
    let ask = || planned().allocate(DataType::BF16.with_lanes(2), &shape, device).map(drop);
    let (answer, asked) = Plan::returns(-1).during(ask);
    assert_eq!(answer.expect_err("refused").error(), failed(-1));
    let Asked { calls, dtype, device, ndim, shape } = asked;
    assert_eq!((calls, dtype.code, dtype.bits, dtype.lanes), (1, 4, 16, 2));
    assert_eq!((device.device_type.0, device.device_id), (2, 3));
    assert_eq!((ndim, &shape[..3]), (3, &[2, 0, 7][..]));
}

#[test]
fn the_number_of_a_cpu_is_zero() {
    let ask = || planned().allocate(DataType::U8, &[], Device::new(DeviceType::CPU, 7)).map(drop);
    let (_, asked) = Plan::returns(-1).during(ask);
    assert_eq!((asked.device.device_type.0, asked.device.device_id, asked.ndim), (1, 0, 0));
}

#[test]
fn h132_failure_without_a_result() {
    for code in [-1, 1, i32::MIN] {
        let report = refused(Plan::returns(code));
        assert_eq!(report, Report::from(failed(code)));
        assert_eq!(report.error(), failed(code));
        assert_eq!(report.message(), format!("expected success of {NAME}, found code {code}"));
    }
}

#[test]
fn h132_failure_with_garbage() {
    let garbage = ptr::without_provenance_mut::<DLManagedTensorVersioned>(0xDEAD);
    assert_eq!(refused(Plan::returns(-1).writes(garbage)).error(), failed(-1));
}

/// What was written is not looked at, so a tensor that is there all the same is the library's.
#[test]
fn h132_failure_with_a_tensor() {
    let (raw, record) = six().make_versioned();
    assert_eq!(refused(Plan::returns(-1).writes(raw)).error(), failed(-1));
    crate::support::delete_leaked(raw, &record);
}

#[test]
fn h133_success_without_a_tensor() {
    for plan in [Plan::returns(0), Plan::returns(0).writes(ptr::null_mut::<u8>())] {
        assert_eq!(refused(plan), Report::from(Error::NullTensor));
    }
}

#[test]
fn what_the_library_says() {
    let say = |calls, kind, message| refused(Plan::returns(-1).says(calls, kind, message));
    let (kind, message) = (Some(c"MemoryError"), Some(c"no room"));
    let said = say(1, kind, message);
    assert_eq!((said, said.error()), (Report::new("MemoryError", "no room"), failed(-1)));
    assert_eq!(said.to_string(), "MemoryError: no room");
    assert_eq!(say(2, kind, message), said, "the first reason is the one");
    let silent = Report::from(failed(-1));
    assert_eq!(say(0, kind, message), silent);
    assert_eq!(say(1, None, None), silent);
    assert_eq!(say(1, None, message), Report::new("", "no room"));
    assert_eq!(say(1, kind, None), Report::new("MemoryError", ""));
    assert_eq!(say(2, None, None), silent, "not the second one");
    let plan = Plan::returns(7).says(1, kind, message);
    assert_eq!(refused(plan).error(), failed(7));
}

#[test]
fn what_is_no_text() {
    let say = |message: &CStr| refused(Plan::returns(-1).says(1, Some(c"\xFF\xFE"), Some(message)));
    let report = say(c"a\xFFb\xE2\x82");
    assert_eq!((report.kind(), report.message()), ("\u{fffd}\u{fffd}", "a\u{fffd}b\u{fffd}"));
}

#[test]
fn what_is_too_long() {
    // Two bytes a character, so that the end of the space falls between them or within.
    for start in ["", "x"] {
        let long = std::ffi::CString::new(format!("{start}{}", "é".repeat(300))).expect("no NUL");
        let report = refused(Plan::returns(-1).says(1, Some(&long), Some(&long)));
        let whole = long.to_str().expect("UTF-8");
        for (text, room) in [(report.kind(), 39), (report.message(), 215)] {
            assert!(whole.starts_with(text) && room - text.len() <= 1, "{text}");
        }
    }
}

#[test]
fn success_in_spite_of_an_error() {
    let (raw, record) = six().make_versioned();
    let ask = || planned().allocate(DataType::F32, &[2, 3], Device::CPU).map(drop);
    let plan = Plan::returns(0).writes(raw).says(1, Some(c"Warning"), Some(c"but here it is"));
    let (answer, _) = plan.during(ask);
    assert_eq!((answer, record.deleted()), (Ok(()), 1));
}

#[test]
fn a_tensor_as_asked_for() {
    for spec in [
        six(),
        six().version(1, 99),
        six().flags(Flags::IS_COPIED.bits() | 0x100),
        six().strides(&[1, 2]),
        six().null_strides(),
        six().device(1, 5),
    ] {
        let (answer, record) = answered(&spec);
        assert_eq!((answer, record.deleted()), (Ok(()), 1), "{spec:?}");
    }
}

#[test]
fn a_tensor_that_was_not_asked_for() {
    let float64 = Error::DTypeMismatch { expected: DataType::F32, found: DataType::F64 };
    let axis = Error::ShapeMismatch { axis: 1, expected: 3, found: 2 };
    let device = Error::DeviceMismatch { expected: Device::CPU, found: Device::cuda(0) };
    let version = Error::UnsupportedVersion { found: Version::new(2, 0) };
    for (spec, error) in [
        (Spec::of(&[1.0_f64; 6]).shape(&[2, 3]), float64),
        (Spec::of(&[1.0_f32; 6]), Error::NdimMismatch { expected: 2, found: 1 }),
        (Spec::of(&[1.0_f32; 6]).shape(&[2, 2]), axis),
        (six().device(2, 0), device),
        (six().flags(Flags::READ_ONLY.bits()), Error::ReadOnly),
        // One row twice: nobody can fill it.
        (Spec::of(&[1.0_f32; 3]).shape(&[2, 3]).strides(&[0, 1]), Error::Overlapping),
        (six().version(2, 0), version),
        (six().ndim(-1), Error::NegativeNdim { ndim: -1 }),
        (six().null_shape(), Error::NullShape { ndim: 2 }),
    ] {
        let (answer, record) = answered(&spec);
        assert_eq!(answer, Err(error.into()), "{spec:?}");
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn the_library_is_not_asked_for_what_cannot_be() {
    let max = if cfg!(feature = "alloc") { 64 } else { 8 };
    let no_bits = DataType::new(dlpack::DataTypeCode::FLOAT, 0, 1);
    for (dtype, shape, error) in [
        (DataType::F32, &[usize::MAX][..], Error::ShapeOverflow),
        (DataType::F32, &[isize::MAX.unsigned_abs()], Error::ExtentOverflow),
        (DataType::F32, &[usize::MAX / 2, 3], Error::ShapeOverflow),
        (DataType::F32, &[1; 65], Error::TooManyAxes { ndim: 65, max }),
        (no_bits, &[1], Error::InvalidDType { found: no_bits }),
    ] {
        let ask = || planned().allocate(dtype, shape, Device::CPU).map(drop);
        let (answer, asked) = Plan::returns(-1).during(ask);
        assert_eq!((answer, asked.calls), (Err(error.into()), 0));
    }
}
