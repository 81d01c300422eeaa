//! Every name of the C header has one in Rust with the same number, and the other way round.

use std::collections::BTreeMap;

use dlpack::{DataType, DataTypeCode, Device, DeviceType, Flags, Version, sys};

const HEADER: &str = include_str!("../../vendor/dlpack/include/dlpack/dlpack.h");

const DEVICE_TYPES: [(&str, DeviceType); 16] = [
    ("kDLCPU", DeviceType::CPU),
    ("kDLCUDA", DeviceType::CUDA),
    ("kDLCUDAHost", DeviceType::CUDA_HOST),
    ("kDLOpenCL", DeviceType::OPENCL),
    ("kDLVulkan", DeviceType::VULKAN),
    ("kDLMetal", DeviceType::METAL),
    ("kDLVPI", DeviceType::VPI),
    ("kDLROCM", DeviceType::ROCM),
    ("kDLROCMHost", DeviceType::ROCM_HOST),
    ("kDLExtDev", DeviceType::EXT_DEV),
    ("kDLCUDAManaged", DeviceType::CUDA_MANAGED),
    ("kDLOneAPI", DeviceType::ONE_API),
    ("kDLWebGPU", DeviceType::WEBGPU),
    ("kDLHexagon", DeviceType::HEXAGON),
    ("kDLMAIA", DeviceType::MAIA),
    ("kDLTrn", DeviceType::TRN),
];

const CODES: [(&str, DataTypeCode); 18] = [
    ("kDLInt", DataTypeCode::INT),
    ("kDLUInt", DataTypeCode::UINT),
    ("kDLFloat", DataTypeCode::FLOAT),
    ("kDLOpaqueHandle", DataTypeCode::OPAQUE_HANDLE),
    ("kDLBfloat", DataTypeCode::BFLOAT),
    ("kDLComplex", DataTypeCode::COMPLEX),
    ("kDLBool", DataTypeCode::BOOL),
    ("kDLFloat8_e3m4", DataTypeCode::FLOAT8_E3M4),
    ("kDLFloat8_e4m3", DataTypeCode::FLOAT8_E4M3),
    ("kDLFloat8_e4m3b11fnuz", DataTypeCode::FLOAT8_E4M3B11FNUZ),
    ("kDLFloat8_e4m3fn", DataTypeCode::FLOAT8_E4M3FN),
    ("kDLFloat8_e4m3fnuz", DataTypeCode::FLOAT8_E4M3FNUZ),
    ("kDLFloat8_e5m2", DataTypeCode::FLOAT8_E5M2),
    ("kDLFloat8_e5m2fnuz", DataTypeCode::FLOAT8_E5M2FNUZ),
    ("kDLFloat8_e8m0fnu", DataTypeCode::FLOAT8_E8M0FNU),
    ("kDLFloat6_e2m3fn", DataTypeCode::FLOAT6_E2M3FN),
    ("kDLFloat6_e3m2fn", DataTypeCode::FLOAT6_E3M2FN),
    ("kDLFloat4_e2m1fn", DataTypeCode::FLOAT4_E2M1FN),
];

const OTHERS: [(&str, u64); 5] = [
    ("DLPACK_MAJOR_VERSION", Version::CURRENT.major as u64),
    ("DLPACK_MINOR_VERSION", Version::CURRENT.minor as u64),
    ("DLPACK_FLAG_BITMASK_READ_ONLY", Flags::READ_ONLY.bits()),
    ("DLPACK_FLAG_BITMASK_IS_COPIED", Flags::IS_COPIED.bits()),
    ("DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED", Flags::IS_SUBBYTE_TYPE_PADDED.bits()),
];

fn ours() -> BTreeMap<&'static str, u64> {
    let devices = DEVICE_TYPES.map(|(name, value)| (name, u64::try_from(value.code()).unwrap()));
    let codes = CODES.map(|(name, value)| (name, u64::from(value.code())));
    devices.into_iter().chain(codes).chain(OTHERS).collect()
}

#[test]
fn names_and_numbers_are_those_of_c() {
    let theirs: BTreeMap<_, _> = harness::vocabulary::constants().into_iter().collect();
    assert_eq!(ours(), theirs);
}

#[test]
fn the_text_of_the_header_has_no_other_names() {
    let mut names: Vec<_> = HEADER.lines().filter_map(defined_name).collect();
    names.sort_unstable();
    assert_eq!(names, ours().into_keys().collect::<Vec<_>>());
}

/// The name that a line gives to a number, as an enumerator or as a macro with a value.
fn defined_name(line: &str) -> Option<&str> {
    if let Some(macro_definition) = line.strip_prefix("#define DLPACK_") {
        let number = macro_definition.contains("VERSION ") || macro_definition.contains("BITMASK_");
        return number.then(|| line.split_whitespace().nth(1)).flatten();
    }
    let (name, _) = line.trim().strip_suffix(',')?.split_once(" = ")?;
    name.starts_with("kDL").then_some(name)
}

#[test]
fn known_means_named_in_the_header() {
    for code in -100..200 {
        let device_type = DeviceType::new(code);
        let named = DEVICE_TYPES.iter().any(|(_, known)| *known == device_type);
        assert_eq!(device_type.is_known(), named, "{code}");
    }
    for code in 0..=u8::MAX {
        assert_eq!(DataTypeCode::new(code).is_known(), code <= 17, "{code}");
    }
    assert_eq!(Flags::from_bits(u64::MAX).unknown().bits(), !7);
}

#[test]
fn flags_are_combined() {
    let mut flags = Flags::READ_ONLY;
    flags |= Flags::IS_COPIED;
    assert_eq!(flags, Flags::from_bits(3));
    assert_eq!(flags, Flags::READ_ONLY | Flags::IS_COPIED);
    assert_eq!(flags & Flags::IS_COPIED, Flags::IS_COPIED);
}

#[test]
fn codes_of_newer_headers_pass_through() {
    for code in [0, 5, 6, 19, 20, 21, 99, -1, i32::MIN, i32::MAX] {
        let foreign = sys::DLDevice { device_type: sys::DLDeviceType(code), device_id: -7 };
        let device = Device::from(foreign);
        assert_eq!(sys::DLDevice::from(device), foreign);
        assert_eq!(device, Device { device_type: DeviceType::new(code), device_id: -7 });
        assert!(!device.is_host_accessible() && !device.is_handle());
        let kind = DeviceType::from(foreign.device_type);
        assert_eq!(sys::DLDeviceType::from(kind), foreign.device_type);
    }
    for code in [18, 19, 255] {
        let foreign = sys::DLDataType { code, bits: 32, lanes: 3 };
        let dtype = DataType::from(foreign);
        assert_eq!(sys::DLDataType::from(dtype), foreign);
        assert!(dtype.is_valid() && !dtype.is_float() && !dtype.is_integer());
    }
    let foreign = sys::DLPackVersion { major: u32::MAX, minor: 9 };
    assert_eq!(sys::DLPackVersion::from(Version::from(foreign)), foreign);
}

#[test]
fn host_and_handle_devices() {
    let (mut host, mut handle) = (Vec::new(), Vec::new());
    for (name, device_type) in DEVICE_TYPES {
        for device_id in [0, 7, -1] {
            let device = Device::new(device_type, device_id);
            assert_eq!(device.is_host_accessible(), device_type.is_host_accessible());
            assert_eq!(device.is_handle(), device_type.is_handle());
        }
        host.extend(device_type.is_host_accessible().then_some(name));
        handle.extend(device_type.is_handle().then_some(name));
    }
    assert_eq!(host, ["kDLCPU", "kDLCUDAHost", "kDLROCMHost"]);
    assert_eq!(handle, ["kDLOpenCL", "kDLVulkan", "kDLMetal", "kDLWebGPU"]);
}

/// Of memory on these, the standard says neither that it has addresses nor that it has handles.
const UNKNOWN: [&str; 5] = ["kDLVPI", "kDLExtDev", "kDLHexagon", "kDLMAIA", "kDLTrn"];

#[test]
fn every_device_type_has_a_class_and_a_spelling() {
    for (name, device_type) in DEVICE_TYPES {
        let (address, handle) = (device_type.is_address(), device_type.is_handle());
        assert_eq!(!address && !handle, UNKNOWN.contains(&name), "{name} has no class");
        assert!(!(address && handle), "{name}");
        assert!(address || !device_type.is_host_accessible(), "{name}");
        assert!(address || !device_type.is_unnumbered(), "{name}");
        assert_eq!(device_type.to_string().parse(), Ok(device_type), "{name}");
    }
}

#[test]
fn every_code_has_a_class_and_a_spelling() {
    for (name, code) in CODES {
        let dtype = DataType::new(code, 8, 1);
        let float = name.starts_with("kDLFloat") || name == "kDLBfloat";
        assert_eq!(dtype.is_float(), float, "{name}");
        assert_eq!(dtype.is_integer(), ["kDLInt", "kDLUInt"].contains(&name), "{name}");
        assert_eq!(dtype.is_complex(), name == "kDLComplex", "{name}");
        assert_eq!(dtype.is_bool(), name == "kDLBool", "{name}");
        // The width that the name ends with, as in `kDLFloat6_e2m3fn`, is the only one.
        let width = name.strip_prefix("kDLFloat").and_then(|name| name.split_once('_'));
        let width = width.map_or(8, |(width, _)| width.parse().unwrap());
        for bits in 0..=64 {
            let valid = if width < 8 { bits == width } else { bits != 0 };
            assert_eq!(DataType::new(code, bits, 1).is_valid(), valid, "{name} of {bits} bits");
        }
        let dtype = DataType::new(code, width, 1);
        assert_eq!(dtype.to_string().parse(), Ok(dtype), "{name}");
        let is_short = !dtype.to_string().contains("bits");
        assert!(is_short, "{name} stands for {width} bits, which {dtype} repeats");
    }
}

#[test]
fn versions() {
    assert_eq!(Version::CURRENT, Version { major: 1, minor: 3 });
    for (major, minor, compatible, strides) in [
        (0, 8, false, false),
        (1, 0, true, false),
        (1, 1, true, false),
        (1, 2, true, true),
        (1, u32::MAX, true, true),
        (2, 0, false, true),
    ] {
        let version = Version::new(major, minor);
        assert_eq!((version.is_compatible(), version.requires_strides()), (compatible, strides));
    }
    assert!(Version::new(1, 10) > Version::new(1, 9));
    assert!(Version::new(2, 0) > Version::new(1, 9));
}
