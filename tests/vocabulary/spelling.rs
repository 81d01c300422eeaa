//! Every device, flag and version has a spelling of its own.

use dlpack::{Device, DeviceType, Flags, Version};

use crate::round_trip;

#[test]
fn every_device_is_read_back() {
    let mut buffer = String::new();
    let edges = [i32::MIN, i32::MIN + 1, -10, -1, 0, 1, 7, 10, 99, i32::MAX - 1, i32::MAX];
    for code in (-300..300).chain(edges) {
        round_trip(&mut buffer, "DeviceType", DeviceType::new(code));
        for device_id in edges {
            round_trip(&mut buffer, "Device", Device::new(DeviceType::new(code), device_id));
        }
    }
}

#[test]
fn devices_are_spelled_as_frameworks_spell_them() {
    for (code, device_id, text) in [
        (1, 0, "cpu"),
        (1, 7, "cpu:7"),
        (1, -1, "cpu:-1"),
        (2, 0, "cuda:0"),
        (2, 1, "cuda:1"),
        (3, 0, "cuda_host:0"),
        (4, 0, "opencl:0"),
        (7, 0, "vulkan:0"),
        (8, 0, "metal:0"),
        (9, 0, "vpi:0"),
        (10, 0, "rocm:0"),
        (11, 0, "rocm_host:0"),
        (12, 0, "ext_dev:0"),
        (13, 0, "cuda_managed:0"),
        (14, 0, "oneapi:0"),
        (15, 0, "webgpu:0"),
        (16, 0, "hexagon:0"),
        (17, 0, "maia:0"),
        (18, 0, "trn:0"),
        (99, 0, "device(99):0"),
        (-1, i32::MIN, "device(-1):-2147483648"),
    ] {
        let device = Device { device_type: DeviceType::new(code), device_id };
        assert_eq!(device.to_string(), text);
        assert_eq!(text.parse(), Ok(device));
    }
    for (text, device) in [
        ("cuda", Device::cuda(0)),
        ("cpu:0", Device::CPU),
        ("device(2):1", Device::cuda(1)),
        ("device(99)", Device::new(DeviceType::new(99), 0)),
    ] {
        assert_eq!(text.parse(), Ok(device));
    }
}

#[test]
fn what_is_no_device_is_refused() {
    for text in [
        "",
        ":",
        ":0",
        "cuda:",
        "cuda:x",
        "cuda:+1",
        "cuda:01",
        "cuda:-0",
        "cuda:2147483648",
        "cuda:0:0",
        "CUDA:0",
        "cuda :0",
        " cuda",
        "gpu",
        "mps",
        "device",
        "device()",
        "device(2",
        "device(2147483648):0",
        "device(+2)",
    ] {
        let error = text.parse::<Device>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a device such as cuda:0, found another text",
            "{text:?}"
        );
    }
    let error = "gpu".parse::<DeviceType>().unwrap_err();
    assert_eq!(error.to_string(), "expected a device type such as cuda, found another text");
}

#[test]
fn flags_and_versions() {
    let mut buffer = String::new();
    for bits in (0..1024).chain((0..64).map(|bit| 1 << bit)).chain([u64::MAX, 1 << 40 | 3]) {
        round_trip(&mut buffer, "Flags", Flags::from_bits(bits));
    }
    for (bits, text) in [
        (0, "0"),
        (1, "READ_ONLY"),
        (2, "IS_COPIED"),
        (4, "IS_SUBBYTE_TYPE_PADDED"),
        (3 | 1 << 40, "READ_ONLY | IS_COPIED | 0x10000000000"),
        (8, "0x8"),
    ] {
        assert_eq!(Flags::from_bits(bits).to_string(), text);
    }
    assert_eq!("IS_COPIED|READ_ONLY".parse(), Ok(Flags::from_bits(3)));
    for text in [
        "",
        "|",
        "READ_ONLY |",
        "1",
        "0x",
        "0x+1",
        "0x1_0",
        "0x10000000000000000",
        "read_only",
        "0 | 0",
    ] {
        let error = text.parse::<Flags>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected flags such as READ_ONLY | 0x100, found another text",
            "{text:?}"
        );
    }
    for number in [0, 1, 10, u32::MAX] {
        round_trip(&mut buffer, "Version", Version::new(number, u32::MAX - number));
    }
    for text in ["", "1", "1.", ".3", "1.3.0", "v1.3", "01.3", "1.-3", "1.4294967296"] {
        let error = text.parse::<Version>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a version such as 1.3, found another text",
            "{text:?}"
        );
    }
}
