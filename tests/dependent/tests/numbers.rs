//! The numbers that C finds in the header are those of `dlpack-sys`, and none is left out.

use std::fs;
use std::path::Path;

use dependent::{dependent_data_type_code, dependent_device_type, dependent_macro, dependent_size};
use dlpack_sys as sys;
use dlpack_sys::{DLDataTypeCode as Code, DLDeviceType as Device};

fn listed(at: extern "C" fn(usize) -> i64) -> Vec<i64> {
    (0..).map(|index| at(index)).take_while(|number| *number != -1).collect()
}

/// Returns the text of the header that C included.
fn header() -> String {
    let path = Path::new(env!("DLPACK_INCLUDE")).join("dlpack/dlpack.h");
    fs::read_to_string(path).expect("the exported folder holds dlpack/dlpack.h")
}

/// Counts the lines between two texts of the header that start with a name and give it a value.
fn count_enumerators(from: &str, to: &str) -> usize {
    let header = header();
    let (before, _) = header.split_once(to).expect("the end is in the header");
    let (_, body) = before.rsplit_once(from).expect("the start is in the header");
    body.lines().filter(|line| line.trim().starts_with("kDL") && line.contains(" = ")).count()
}

#[test]
fn device_types() {
    let ours = [
        Device::kDLCPU,
        Device::kDLCUDA,
        Device::kDLCUDAHost,
        Device::kDLOpenCL,
        Device::kDLVulkan,
        Device::kDLMetal,
        Device::kDLVPI,
        Device::kDLROCM,
        Device::kDLROCMHost,
        Device::kDLExtDev,
        Device::kDLCUDAManaged,
        Device::kDLOneAPI,
        Device::kDLWebGPU,
        Device::kDLHexagon,
        Device::kDLMAIA,
        Device::kDLTrn,
    ];
    assert_eq!(listed(dependent_device_type), ours.map(|device| i64::from(device.0)));
    assert_eq!(count_enumerators("typedef enum", "} DLDeviceType;"), ours.len());
}

#[test]
fn data_type_codes() {
    let ours = [
        Code::kDLInt,
        Code::kDLUInt,
        Code::kDLFloat,
        Code::kDLOpaqueHandle,
        Code::kDLBfloat,
        Code::kDLComplex,
        Code::kDLBool,
        Code::kDLFloat8_e3m4,
        Code::kDLFloat8_e4m3,
        Code::kDLFloat8_e4m3b11fnuz,
        Code::kDLFloat8_e4m3fn,
        Code::kDLFloat8_e4m3fnuz,
        Code::kDLFloat8_e5m2,
        Code::kDLFloat8_e5m2fnuz,
        Code::kDLFloat8_e8m0fnu,
        Code::kDLFloat6_e2m3fn,
        Code::kDLFloat6_e3m2fn,
        Code::kDLFloat4_e2m1fn,
    ];
    assert_eq!(listed(dependent_data_type_code), ours.map(|code| i64::from(code.0)));
    assert_eq!(count_enumerators("typedef enum", "} DLDataTypeCode;"), ours.len());
}

#[test]
fn versions_and_flags() {
    let versions = [sys::DLPACK_MAJOR_VERSION, sys::DLPACK_MINOR_VERSION].map(u64::from);
    let flags = [
        sys::DLPACK_FLAG_BITMASK_READ_ONLY,
        sys::DLPACK_FLAG_BITMASK_IS_COPIED,
        sys::DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED,
    ];
    let ours: Vec<u64> = versions.into_iter().chain(flags).collect();
    let theirs: Vec<u64> = listed(dependent_macro).into_iter().map(i64::unsigned_abs).collect();
    assert_eq!(theirs, ours);

    let text = header();
    let is_flag = |line: &&str| line.starts_with("#define DLPACK_FLAG_");
    assert_eq!(text.lines().filter(is_flag).count(), flags.len());
}

#[test]
fn sizes() {
    let ours = [
        size_of::<sys::DLPackVersion>(),
        size_of::<sys::DLDeviceType>(),
        size_of::<sys::DLDevice>(),
        size_of::<sys::DLDataTypeCode>(),
        size_of::<sys::DLDataType>(),
        size_of::<sys::DLTensor>(),
        size_of::<sys::DLManagedTensor>(),
        size_of::<sys::DLManagedTensorVersioned>(),
        size_of::<sys::DLPackExchangeAPIHeader>(),
        size_of::<sys::DLPackExchangeAPI>(),
    ];
    let theirs: Vec<usize> =
        listed(dependent_size).into_iter().filter_map(|size| usize::try_from(size).ok()).collect();
    assert_eq!(theirs, ours);
}
