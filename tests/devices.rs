//! What a tensor's device means for `data`, `byte_offset` and the device's number, for every device that the standard names
//! and for others.
//!
//! A handle is a number here, and no handle at all; what it would stand for is never looked at.
#![cfg(feature = "alloc")]

use std::ffi::c_void;
use std::fs;
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use dlpack::{
    DataType, Device, DeviceType, Error, Exporter, Managed, ManagedTensor, ManagedTensorVersioned,
    OnDrop, sys,
};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};
use harness::Spec;
use harness::abi::Abi;

/// What `data` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    /// An address: an offset becomes part of it.
    Address,
    /// A handle, or something that nothing is known of: an offset stays beside it.
    Opaque,
}
use Data::{Address, Opaque};

/// The devices of `dlpack.h`: name, code, what `data` is, and whether the header fixes the number at 0.
const DEVICES: [(&str, i32, Data, bool); 16] = [
    ("kDLCPU", 1, Address, true),
    ("kDLCUDA", 2, Address, false),
    ("kDLCUDAHost", 3, Address, true),
    ("kDLOpenCL", 4, Opaque, false),
    ("kDLVulkan", 7, Opaque, false),
    ("kDLMetal", 8, Opaque, false),
    ("kDLVPI", 9, Opaque, false),
    ("kDLROCM", 10, Address, false),
    ("kDLROCMHost", 11, Address, true),
    ("kDLExtDev", 12, Opaque, false),
    ("kDLCUDAManaged", 13, Address, true),
    ("kDLOneAPI", 14, Address, false),
    ("kDLWebGPU", 15, Opaque, false),
    ("kDLHexagon", 16, Opaque, false),
    ("kDLMAIA", 17, Opaque, false),
    ("kDLTrn", 18, Opaque, false),
];

/// Codes that no device has, or none yet.
const OTHERS: [i32; 8] = [0, 5, 6, 19, 99, -1, i32::MIN, i32::MAX];

/// Devices whose memory the processor may read.
const HOST: [i32; 3] = [1, 3, 11];

/// All of these, each with what is expected of it.
fn all() -> impl Iterator<Item = (i32, Data, bool)> {
    let known = DEVICES.into_iter().map(|(_, code, data, unnumbered)| (code, data, unnumbered));
    known.chain(OTHERS.map(|code| (code, Opaque, false)))
}

/// Where a tensor is: `data`, `byte_offset`, and the device's number.
type Place = (usize, u64, i32);

/// Twelve floats, 48 bytes, for the devices with addresses: the host's are among them.
static MEMORY: [AtomicU32; 12] = [const { AtomicU32::new(0) }; 12];
const NBYTES: usize = size_of_val(&MEMORY);

/// Handles need not be aligned.
const HANDLE: usize = 0x7003;

fn start(data: Data) -> *mut c_void {
    match data {
        Address => (&raw const MEMORY).cast_mut().cast(),
        Opaque => ptr::without_provenance_mut(HANDLE),
    }
}

/// Where so many bytes further is.
fn expected(data: Data, bytes: u16, device_id: i32) -> Place {
    match data {
        Address => (start(data).addr() + usize::from(bytes), 0, device_id),
        Opaque => (HANDLE, u64::from(bytes), device_id),
    }
}

fn device(code: i32, number: i32) -> Device {
    Device::new(DeviceType::new(code), number)
}

/// Twelve floats of a device, whose release is counted.
fn adopt<'a>(
    data: *mut c_void,
    on: Device,
) -> (Exporter<'a, OnDrop<impl FnOnce() + Send + 'static>>, Arc<AtomicUsize>) {
    let released = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&released);
    let owner = OnDrop::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    // SAFETY: host memory is the static above; of other devices nothing is accessed.
    (unsafe { Exporter::from_raw_parts(owner, data, NBYTES, on) }, released)
}

fn place(tensor: &sys::DLTensor) -> Place {
    (tensor.data.addr(), tensor.byte_offset, tensor.device.device_id)
}

/// The place that the C struct names and the one that Rust's description names, which must agree.
fn place_of<A: Abi>(tensor: &Managed<A>) -> Place {
    // SAFETY: the tensor is alive.
    let raw = place(unsafe { &*A::tensor(tensor.as_raw()) });
    assert_eq!((tensor.data().addr(), tensor.byte_offset(), tensor.device().device_id), raw);
    raw
}

/// A foreign tensor of three floats, twelve bytes after `data`.
fn foreign(data: *mut c_void, code: i32, number: i32) -> Spec {
    Spec::of(&[0.0_f32; 3]).borrow(data).device(code, number).byte_offset(12)
}

#[test]
fn the_table_has_every_device_of_the_header() {
    let header =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/dlpack/include/dlpack/dlpack.h");
    let header = fs::read_to_string(header).expect("the header");
    let (_, devices) = header.split_once("typedef enum : int32_t {\n#else").expect("the devices");
    let (devices, _) = devices.split_once("} DLDeviceType;").expect("their end");
    let named: Vec<(&str, i32)> = devices
        .lines()
        .filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "))
        .map(|(name, code)| (name, code.parse().expect("a code")))
        .collect();
    let listed: Vec<(&str, i32)> = DEVICES.iter().map(|&(name, code, ..)| (name, code)).collect();
    assert_eq!(named, listed);
}

#[test]
fn an_export_folds_offsets_into_addresses_alone() {
    for (code, data, unnumbered) in all() {
        for (number, offset, bytes) in [(0, 3, 12), (3, 3, 12), (-1, 3, 12), (3, 0, 0)] {
            let written = expected(data, bytes, if unnumbered { 0 } else { number });
            let on = device(code, number);
            let mut releases = Vec::new();
            let mut exporter = || {
                let (exporter, released) = adopt(start(data), on);
                releases.push(released);
                exporter.dtype(DataType::F32).shape(&[3]).offset(offset)
            };

            let tensor = exporter().build().expect("a good layout");
            assert_eq!(place_of(&tensor), written, "{on}");
            assert_eq!(tensor.device().device_type, on.device_type);
            drop(tensor);
            let tensor = exporter().build_legacy().expect("a good layout");
            assert_eq!(place_of(&tensor), written, "{on}");
            drop(tensor);

            let raw = exporter().into_raw().expect("a good layout");
            // SAFETY: just passed on.
            let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a good tensor");
            assert_eq!(place_of(&tensor), written, "{on}");
            drop(tensor);
            let raw = exporter().into_raw_legacy().expect("a good layout");
            // SAFETY: just passed on.
            let tensor = unsafe { ManagedTensor::from_raw(raw) }.expect("a good tensor");
            assert_eq!(place_of(&tensor), written, "{on}");
            drop(tensor);

            let releases = releases.iter().map(|released| released.load(Ordering::SeqCst));
            assert_eq!(releases.collect::<Vec<_>>(), [1; 4]);
        }
    }
}

#[test]
fn offsets_count_from_the_element_of_index_zero() {
    for (code, data, _) in all() {
        // Backwards from the last: the offset is that of the last.
        let (exporter, _) = adopt(start(data), device(code, 0));
        let exporter = exporter.dtype(DataType::F32);
        let tensor = exporter.shape(&[12]).strides(&[-1]).offset(11).build().expect("a layout");
        assert_eq!(place_of(&tensor), expected(data, 44, 0), "{code}");
    }
}

/// Offset, shape and strides.
type Beyond = (usize, &'static [usize], Option<&'static [isize]>);

#[test]
fn what_leaves_the_memory_is_refused_on_every_device() {
    for (code, data, _) in all() {
        let beyond: [Beyond; 5] = [
            (0, &[13], None),
            (1, &[12], None),
            (11, &[2], None),
            (3, &[5], Some(&[-1])),
            (0, &[2], Some(&[12])),
        ];
        for (offset, shape, strides) in beyond {
            let (exporter, released) = adopt(start(data), device(code, 0));
            let exporter = exporter.dtype(DataType::F32).shape(shape).offset(offset);
            let exporter = match strides {
                Some(strides) => exporter.strides(strides),
                None => exporter,
            };
            let refused = exporter.build().expect_err("it leaves the memory");
            assert!(
                matches!(refused.error(), Error::OutOfBounds { available: NBYTES, .. }),
                "{code}"
            );
            assert_eq!(released.load(Ordering::SeqCst), 0);
            drop(refused.into_inner());
            assert_eq!(released.load(Ordering::SeqCst), 1);
        }
    }
}

/// Memory so large that its bits cannot be counted: the offset and the number of elements still can.
#[test]
fn more_bits_than_numbers() {
    let (start, nbytes) = (0x1000, 1_usize << (usize::BITS - 2));
    let adopt = || {
        // SAFETY: on this device an address means nothing to the host.
        unsafe {
            Exporter::from_raw_parts(
                (),
                ptr::without_provenance_mut(start),
                nbytes,
                Device::cuda(0),
            )
        }
    };
    let last = nbytes / 4 - 1;
    let exporter = adopt().dtype(DataType::F32).shape(&[1]);
    let tensor = exporter.offset(last).build().expect("the last element");
    assert_eq!(tensor.data().addr(), start + nbytes - 4);
    let exporter = adopt().dtype(DataType::F32).shape(&[1]);
    let refused = exporter.offset(last + 1).build().unwrap_err();
    assert!(matches!(refused.error(), Error::OutOfBounds { available, .. } if available == nbytes));
    let exporter = adopt().dtype(DataType::F32).shape(&[1]);
    let refused = exporter.offset(usize::MAX).build().unwrap_err();
    assert!(matches!(refused.error(), Error::OutOfBounds { available, .. } if available == nbytes));

    for (dtype, bits) in [(DataType::F6_E2M3FN, 6), (DataType::F32, 32), (DataType::F64, 64)] {
        let all = u128::try_from(nbytes).unwrap() * 8 / bits;
        let tensor = adopt().dtype(dtype).build().expect("all elements");
        assert_eq!(tensor.shape(), [i64::try_from(all).unwrap()], "{dtype}");
    }
    // Of half a byte there are more than any tensor has.
    let refused = adopt().dtype(DataType::U4).build().unwrap_err();
    assert_eq!(refused.error(), Error::ShapeOverflow);
    for shape in [&[usize::MAX][..], &[usize::MAX, 0], &[0, usize::MAX]] {
        for dtype in [DataType::U1, DataType::U8] {
            let refused = adopt().dtype(dtype).shape(shape).build().unwrap_err();
            assert_eq!(refused.error(), Error::ShapeOverflow, "{shape:?}");
        }
    }
}

/// Whoever does not know how long the memory is may say the most, and gets no tensor of more than a tensor can have.
#[test]
fn memory_without_an_end() {
    let most = isize::MAX.unsigned_abs();
    let export = |shape: &[usize]| {
        // SAFETY: on this device an address means nothing to the host.
        let exporter =
            unsafe { Exporter::from_raw_parts((), start(Address), usize::MAX, Device::cuda(0)) };
        exporter.shape(shape).into_raw().map_err(|refused| refused.error())
    };
    for shape in [&[most + 1][..], &[2, most / 2 + 1], &[usize::MAX], &[3, usize::MAX / 3]] {
        assert_eq!(export(shape), Err(Error::ShapeOverflow), "{shape:?}");
    }
    let raw = export(&[most]).expect("a tensor can have so many");
    // SAFETY: just exported.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
    assert_eq!(tensor.nbytes(), most);
}

/// The devices of whose `data` it is known what it is, and that it is not null.
#[test]
fn null_is_neither_an_address_nor_a_handle() {
    const HANDLES: [i32; 4] = [4, 7, 8, 15];
    for (code, data, _) in all() {
        for (offset, size) in [(0, 3), (3, 3), (0, NBYTES)] {
            let (exporter, released) = adopt(ptr::null_mut(), device(code, 0));
            let result = exporter.shape(&[size]).offset(offset).build();
            if data == Address || HANDLES.contains(&code) {
                let refused = result.map(|tensor| tensor.numel()).unwrap_err();
                assert_eq!(refused.error(), Error::NullData, "{code}");
                assert_eq!(released.load(Ordering::SeqCst), 0);
                drop(refused);
            } else {
                let tensor = result.expect("nothing is known of it");
                assert_eq!(tensor.data(), ptr::null_mut());
            }
            assert_eq!(released.load(Ordering::SeqCst), 1, "{code}");
        }
        // Without elements there is nothing to find.
        let (exporter, _) = adopt(ptr::null_mut(), device(code, 0));
        let tensor = exporter.shape(&[0]).build().expect("nothing to find");
        assert_eq!(place_of(&tensor), (0, 0, 0), "{code}");
    }
}

#[test]
fn an_empty_export_has_neither_data_nor_offset() {
    for (code, data, _) in all() {
        let (exporter, _) = adopt(start(data), device(code, 0));
        let tensor = exporter.shape(&[0, 3]).offset(3).build().expect("a layout");
        assert_eq!(place_of(&tensor), (0, 0, 0), "{code}");
    }
}

#[test]
fn an_import_changes_nothing() {
    for (code, data, _) in all() {
        for number in [0, 3, -1] {
            let (tensor, record) =
                DLManagedTensorVersioned::from_c(&foreign(start(data), code, number));
            assert_eq!(place_of(&tensor), (start(data).addr(), 12, number), "{code}");
            assert_eq!(tensor.device(), device(code, number));
            drop(tensor);
            assert_eq!(record.deleted(), 1);
        }
    }
}

#[test]
fn what_is_given_on_is_folded_where_it_may_be() {
    for (code, data, unnumbered) in all() {
        for number in [0, 3, -1] {
            let written = expected(data, 12, if unnumbered { 0 } else { number });
            let spec = foreign(start(data), code, number);

            let (tensor, record) = DLManagedTensorVersioned::from_c(&spec);
            let tensor = tensor.into_legacy().expect("memory for a header");
            assert_eq!(place_of(&tensor), written, "{code}");
            drop(tensor);
            assert_eq!(record.deleted(), 1);

            let (tensor, record) = DLManagedTensor::from_c(&spec);
            let tensor = tensor.into_versioned().expect("memory for a header");
            assert_eq!(place_of(&tensor), written, "{code}");
            // And once more: what is folded stays so.
            let tensor = Arc::new(tensor).share().expect("memory for a header");
            assert_eq!(place_of(&tensor), written, "{code}");
            drop(tensor);
            assert_eq!(record.deleted(), 1);

            let (tensor, record) = DLManagedTensorVersioned::from_c(&spec);
            let tensor = Arc::new(tensor);
            let shares = [tensor.share(), tensor.share()].map(|share| share.expect("memory"));
            for share in &shares {
                assert_eq!(place_of(share), written, "{code}");
            }
            drop((tensor, shares));
            assert_eq!(record.deleted(), 1);
        }
    }
}

#[test]
fn any_offset_of_a_handle_is_kept() {
    for (code, ..) in all().filter(|(_, data, _)| *data == Opaque) {
        for byte_offset in [1, 1 << 40, u64::MAX] {
            let (tensor, record) = DLManagedTensorVersioned::from_c(
                &foreign(start(Opaque), code, 0).byte_offset(byte_offset),
            );
            let tensor = Arc::new(tensor).share().expect("memory for a header");
            assert_eq!(place_of(&tensor), (HANDLE, byte_offset, 0), "{code}");
            drop(tensor);
            assert_eq!(record.deleted(), 1);
        }
    }
}

#[test]
fn the_processor_follows_only_memory_of_its_own() {
    for (code, data, _) in all().filter(|(code, ..)| !HOST.contains(code)) {
        let (tensor, record) = DLManagedTensorVersioned::from_c(&foreign(start(data), code, 0));
        let refused = Error::NotHostAccessible { device: device(code, 0) };
        // SAFETY: refused before memory is looked at.
        assert_eq!(unsafe { tensor.view::<f32>() }.unwrap_err(), refused);
        // SAFETY: the same.
        assert_eq!(unsafe { tensor.as_slice::<f32>() }.unwrap_err(), refused);
        // SAFETY: the same.
        assert_eq!(unsafe { tensor.to_copy() }.unwrap_err(), refused);
        // SAFETY: nobody reads elements.
        let frozen = unsafe { tensor.assume_frozen() };
        assert_eq!(frozen.view::<f32>().unwrap_err(), refused);
        drop(frozen);
        assert_eq!(record.deleted(), 1);
    }
    // The same tensor of the host's own memory is seen.
    for code in HOST {
        let spec = Spec::of(&[0.5_f32, 1.5, 2.5]).device(code, 0);
        let (tensor, _record) = DLManagedTensorVersioned::from_c(&spec);
        // SAFETY: C's own floats, which nobody writes.
        assert_eq!(unsafe { tensor.as_slice::<f32>() }, Ok(&[0.5, 1.5, 2.5][..]));
    }
}
