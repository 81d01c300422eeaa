//! The tables of names, numbers and layouts, against the header's text and against `dlpack-sys`.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::{align_of, offset_of, size_of};
use std::path::Path;

use dlpack_sys::*;
use harness::vocabulary::{Layout, constants, layout_names, layout_of};

fn header() -> String {
    let path = Path::new(env!("DLPACK_INCLUDE")).join("dlpack/dlpack.h");
    std::fs::read_to_string(path).expect("the header is there")
}

/// `kDLCPU = 1,`, `kDLInt = 0U,`.
fn enumerator(line: &str) -> Option<(String, u64)> {
    let (name, number) = line.strip_suffix(',')?.split_once(" = ")?;
    let number = number.trim_end_matches('U').parse().ok()?;
    name.starts_with("kDL").then(|| (name.to_owned(), number))
}

/// `#define DLPACK_MINOR_VERSION 3`, `#define DLPACK_FLAG_BITMASK_READ_ONLY (1UL << 0UL)`.
fn number_macro(line: &str) -> Option<(String, u64)> {
    let (name, text) = line.strip_prefix("#define ")?.split_once(' ')?;
    let number = match text.strip_prefix("(1UL << ") {
        Some(bit) => 1 << bit.strip_suffix("UL)")?.parse::<u32>().ok()?,
        None => text.parse().ok()?,
    };
    Some((name.to_owned(), number))
}

#[test]
fn constants_are_those_of_the_header() {
    let header = header();
    let lines = header.lines().map(str::trim);
    let expected: BTreeMap<_, _> =
        lines.filter_map(|line| enumerator(line).or_else(|| number_macro(line))).collect();
    let found: BTreeMap<_, _> =
        constants().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    // 16 devices, 18 type codes, 2 version numbers, 3 flags.
    assert_eq!(expected.len(), 39);
    assert_eq!(found, expected);
    assert_eq!(constants().len(), 39, "no name twice");
    let enumerators = header.lines().filter(|line| line.trim().starts_with("kDL")).count();
    assert_eq!(enumerators, 34, "every line was understood");
}

/// Compares types and fields with C and collects their names.
macro_rules! check {
    ($names:ident: $($type:ident { $($field:ident: $of:ty),* })*) => {$(
        let expected = Layout { size: size_of::<$type>(), align: align_of::<$type>(), offset: 0 };
        assert_eq!(layout_of(stringify!($type)), Some(expected), stringify!($type));
        $names.insert(stringify!($type).to_owned());
        $(
            let name = concat!(stringify!($type), ".", stringify!($field));
            let offset = offset_of!($type, $field);
            let expected = Layout { size: size_of::<$of>(), align: 0, offset };
            assert_eq!(layout_of(name), Some(expected), "{name}");
            $names.insert(name.to_owned());
        )*
    )*};
}

#[test]
fn layouts_are_those_of_the_bindings() {
    let mut names = BTreeSet::new();
    type Pointer = *mut u8;
    check! { names:
        DLPackVersion { major: u32, minor: u32 }
        DLDeviceType {}
        DLDevice { device_type: DLDeviceType, device_id: i32 }
        DLDataTypeCode {}
        DLDataType { code: u8, bits: u8, lanes: u16 }
        DLTensor {
            data: Pointer, device: DLDevice, ndim: i32, dtype: DLDataType,
            shape: Pointer, strides: Pointer, byte_offset: u64
        }
        DLManagedTensor { dl_tensor: DLTensor, manager_ctx: Pointer, deleter: Pointer }
        DLManagedTensorVersioned {
            version: DLPackVersion, manager_ctx: Pointer, deleter: Pointer, flags: u64,
            dl_tensor: DLTensor
        }
        DLPackExchangeAPIHeader { version: DLPackVersion, prev_api: Pointer }
        DLPackExchangeAPI {
            header: DLPackExchangeAPIHeader, managed_tensor_allocator: Pointer,
            managed_tensor_from_py_object_no_sync: Pointer,
            managed_tensor_to_py_object_no_sync: Pointer,
            dltensor_from_py_object_no_sync: Pointer, current_work_stream: Pointer
        }
    }
    assert_eq!(layout_names().into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), names);
    assert_eq!(layout_of("DLTensor.rank"), None);
}
