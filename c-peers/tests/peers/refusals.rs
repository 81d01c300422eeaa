//! What a library refuses, and who calls the deleter then.
//!
//! The standard does not say who owns a tensor that was refused. libtvm_ffi and libtorch leave it to its producer, and
//! Arrow calls the deleter.

use core::ffi::c_void;

use c_peers::{
    ARROW, ARROW_ARRAYS, Import, Layout, Library, Memory, Ours, Reason, Refused, Struct, TORCH,
    TVM_FFI, Tensor,
};
use dlpack::{DataType, Error, Managed, ManagedTensorVersioned, Version};
use dlpack_sys::{DLDeviceType, DLManagedTensor, DLManagedTensorVersioned};

use crate::cases::{LINE, PLAIN, REVERSED, TENSORS};

/// Asserts that the deleter was not called, and takes the owner back.
fn left_to_us<A: Struct>(refused: Refused<A>, ours: &Ours, words: &str) {
    assert!(refused.reason.contains(words), "{}", refused.reason);
    assert_eq!(ours.freed.get(), 0, "{words}");
    // SAFETY: the deleter was not called, and the library has refused the struct.
    let tensor = unsafe { refused.take_back() };
    let memory = tensor.into_owner::<Memory>().expect("the owner");
    assert_eq!(ours.freed.get(), 0);
    drop(memory);
    assert_eq!(ours.freed.get(), 1, "{words}");
}

/// Asserts that the deleter was called once.
fn deleted<A: Struct>(refused: &Refused<A>, ours: &Ours, words: &str) {
    assert!(refused.reason.contains(words), "{}", refused.reason);
    assert_eq!(ours.freed.get(), 1, "{words}");
}

type StrictImport = unsafe extern "C" fn(*mut c_void, i32, i32, *mut Reason) -> *mut c_void;

fn strictly_by_tvm_ffi<A: Struct>(import: StrictImport) {
    let asked = [
        (64, 0, Layout { offset: 1, room: 13, ..LINE }),
        (0, 1, Layout { strides: &[1, 2], ..PLAIN }),
    ];
    for ((alignment, contiguous, layout), words) in
        asked.into_iter().zip(["not aligned to 64", "not contiguous"])
    {
        let (tensor, ours) = Ours::export::<A>(DataType::F32, layout);
        // SAFETY: the function takes over a struct of this ABI.
        let call = |raw, reason| unsafe { import(raw, alignment, contiguous, reason) };
        left_to_us(TVM_FFI.import_by(tensor, call).unwrap_err(), &ours, words);

        // The same is taken where it has what is asked for.
        let (tensor, ours) = Ours::export::<A>(DataType::F32, LINE);
        drop(TVM_FFI.import_by(tensor, call).expect("a tensor"));
        assert_eq!(ours.freed.get(), 1);
    }
}

#[test]
fn tvm_ffi_leaves_what_it_refuses() {
    // SAFETY: the types of these functions.
    let (versioned, legacy) = unsafe {
        (TVM_FFI.get(c"tvm_ffi_import_strictly"), TVM_FFI.get(c"tvm_ffi_import_legacy_strictly"))
    };
    strictly_by_tvm_ffi::<DLManagedTensorVersioned>(versioned);
    strictly_by_tvm_ffi::<DLManagedTensor>(legacy);

    let layout = Layout { shape: &[8], room: 16, ..LINE };
    let (tensor, ours) =
        Ours::export_with::<DLManagedTensorVersioned>(DataType::U4, layout, |exporter| {
            exporter.padded()
        });
    left_to_us(TVM_FFI.import(tensor).unwrap_err(), &ours, "padded is not yet supported");
}

fn refused_by_torch<A: Struct>() {
    let (tensor, ours) = Ours::export::<A>(DataType::I32, REVERSED);
    left_to_us(TORCH.import(tensor).unwrap_err(), &ours, "strides=[-1]");
    for dtype in [DataType::U4, DataType::F6_E3M2FN, DataType::F8_E3M4, DataType::F32.with_lanes(4)]
    {
        let (tensor, ours) = Ours::export::<A>(dtype, LINE);
        left_to_us(TORCH.import(tensor).unwrap_err(), &ours, "DLConvertor");
    }
}

#[test]
fn torch_leaves_what_it_refuses() {
    refused_by_torch::<DLManagedTensorVersioned>();
    refused_by_torch::<DLManagedTensor>();
}

#[test]
fn arrow_deletes_what_it_refuses() {
    for library in [&ARROW, &ARROW_ARRAYS] {
        for dtype in [DataType::BOOL, DataType::BF16, DataType::C64, DataType::F32.with_lanes(4)] {
            let (tensor, ours) = Ours::export::<DLManagedTensorVersioned>(dtype, LINE);
            deleted(&library.import(tensor).unwrap_err(), &ours, "");
        }
        let (tensor, ours) = Ours::export::<DLManagedTensorVersioned>(DataType::I32, REVERSED);
        deleted(&library.import(tensor).unwrap_err(), &ours, "");
    }
    for layout in [PLAIN, Layout { shape: &[6], strides: &[2], ..LINE }] {
        let (tensor, ours) = Ours::export::<DLManagedTensorVersioned>(DataType::I32, layout);
        deleted(&ARROW_ARRAYS.import(tensor).unwrap_err(), &ours, "one dimensional");
    }
}

/// Offers a tensor whose struct was changed.
fn offer(
    library: &'static Library,
    change: impl FnOnce(&mut DLManagedTensorVersioned),
) -> (Result<Tensor, Refused<DLManagedTensorVersioned>>, Ours) {
    let (tensor, ours) = Ours::export::<DLManagedTensorVersioned>(DataType::F32, PLAIN);
    let import: Import = library.table().import_versioned.expect("an import");
    let answer = library.import_by(tensor, |raw, reason| {
        // SAFETY: a live struct, of which nobody else knows. The library takes it over.
        unsafe {
            change(&mut *raw.cast::<DLManagedTensorVersioned>());
            import(raw, reason)
        }
    });
    (answer, ours)
}

#[test]
fn only_arrow_looks_at_the_major_version() {
    let (answer, ours) = offer(&ARROW, |raw| raw.version.major = 2);
    deleted(&answer.unwrap_err(), &ours, "version");
    for library in [&TVM_FFI, &TORCH] {
        let (answer, ours) = offer(library, |raw| raw.version.major = 2);
        assert_eq!(answer.expect("a tensor").read(), ours.elements(), "{}", library.name);
        assert_eq!(ours.freed.get(), 1, "{}", library.name);
    }
}

#[test]
fn only_tvm_ffi_takes_devices_that_it_does_not_know() {
    let unknown =
        |raw: &mut DLManagedTensorVersioned| raw.dl_tensor.device.device_type = DLDeviceType(99);
    for library in [&ARROW, &ARROW_ARRAYS] {
        let (answer, ours) = offer(library, unknown);
        deleted(&answer.unwrap_err(), &ours, "device");
    }
    let (answer, ours) = offer(&TORCH, unknown);
    left_to_us(answer.unwrap_err(), &ours, "device");
    let (answer, ours) = offer(&TVM_FFI, unknown);
    assert_eq!(answer.expect("a tensor").describe().device().device_type.code(), 99);
    assert_eq!(ours.freed.get(), 1);
}

#[test]
fn what_this_crate_refuses_is_deleted_once() {
    for library in TENSORS {
        let (tensor, freed) = library.make(DataType::F32, PLAIN).expect("a tensor");
        let raw = tensor
            .export_raw(library.table().export_versioned.expect("an export"))
            .expect("a struct");
        let raw = raw.cast::<DLManagedTensorVersioned>().as_ptr();
        drop(tensor);
        assert_eq!(freed.get(), 0, "{}", library.name);
        // SAFETY: the library has passed the struct on, and the import contract holds for it.
        let refused = unsafe {
            (*raw).version.major = 2;
            ManagedTensorVersioned::from_raw(raw)
        };
        let found = Version::new(2, library.table().minor);
        assert_eq!(refused.unwrap_err(), Error::UnsupportedVersion { found }, "{}", library.name);
        assert_eq!(freed.get(), 1, "{}", library.name);
    }
}

fn wrong_view<A: Struct>(library: &'static Library) {
    let (tensor, freed) = library.make(DataType::F32, PLAIN).expect("a tensor");
    let found: Managed<A> = tensor.export().expect("an export");
    drop(tensor);
    // SAFETY: the elements are initialised, and nobody writes them.
    let answer = unsafe { found.view::<f64>() }.map(|_| ());
    assert_eq!(answer, Err(Error::DTypeMismatch { expected: DataType::F64, found: DataType::F32 }));
    // SAFETY: as above.
    assert_eq!(unsafe { found.view::<f32>() }.expect("a view").shape(), [2, 3]);
    let found = found.downcast::<Memory>().expect_err("the owner is the library's");
    assert_eq!(freed.get(), 0, "{}", library.name);
    drop(found);
    assert_eq!(freed.get(), 1, "{}", library.name);
}

#[test]
fn a_wrong_view_loses_nothing() {
    for library in TENSORS {
        wrong_view::<DLManagedTensorVersioned>(library);
        wrong_view::<DLManagedTensor>(library);
    }
}
