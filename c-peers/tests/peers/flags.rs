//! Read-only memory and copies, which only the current ABI knows.

use c_peers::{ARROW, ARROW_ARRAYS, Library, Ours, TORCH, TVM_FFI, Tensor, pattern};
use dlpack::{Access, DataType, Error, Flags};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};

use crate::cases::{LINE, PLAIN, TENSORS, bytes};

fn read_only(library: &'static Library) -> (Tensor, Ours) {
    let (tensor, ours) =
        Ours::export_with::<DLManagedTensorVersioned>(DataType::F32, LINE, |exporter| {
            exporter.read_only()
        });
    assert_eq!(tensor.flags(), Flags::READ_ONLY);
    (library.import(tensor).expect("a tensor"), ours)
}

fn flags_of(tensor: &Tensor) -> (Flags, Access) {
    let found = tensor.export::<DLManagedTensorVersioned>().expect("an export");
    (found.flags(), found.access())
}

#[test]
fn tvm_ffi_and_torch_lose_read_only_without_a_word() {
    for library in [&TVM_FFI, &TORCH] {
        let (tensor, ours) = read_only(library);
        assert_eq!(tensor.describe().is_writable, -1);
        assert_eq!(flags_of(&tensor), (Flags::NONE, Access::Writable), "{}", library.name);
        // The legacy ABI could not say it, and they export in it.
        assert!(tensor.export::<DLManagedTensor>().is_ok(), "{}", library.name);
        // They write, too. This memory is the tests' own, and can be written.
        let written = pattern(DataType::F32, ours.elements().len(), 0x2a);
        tensor.write(&written);
        assert_eq!(ours.elements(), written, "{}", library.name);
        drop(tensor);
        assert_eq!(ours.freed.get(), 1);
    }
}

#[test]
fn arrow_keeps_read_only() {
    for library in [&ARROW, &ARROW_ARRAYS] {
        let (tensor, ours) = read_only(library);
        assert_eq!(tensor.describe().is_writable, 0);
        assert_eq!(flags_of(&tensor), (Flags::READ_ONLY, Access::ReadOnly), "{}", library.name);
        drop(tensor);
        assert_eq!(ours.freed.get(), 1);
    }
    let (tensor, _) = read_only(&ARROW);
    let refused = tensor.export::<DLManagedTensor>().unwrap_err();
    assert!(refused.contains("immutable"), "{refused}");

    let (tensor, _ours) = Ours::export::<DLManagedTensorVersioned>(DataType::F32, LINE);
    assert_eq!(ARROW.import(tensor).expect("a tensor").describe().is_writable, 1);
}

#[test]
fn read_only_tensors_of_others_are_not_written() {
    let (array, freed) = ARROW_ARRAYS.make(DataType::F32, LINE).expect("an array");
    let (tensor, freed_too) = TORCH.make(DataType::F32, LINE).expect("a tensor");
    for found in [array.export::<DLManagedTensorVersioned>(), tensor.export_read_only()] {
        let mut found = found.expect("an export");
        assert_eq!((found.flags(), found.access()), (Flags::READ_ONLY, Access::ReadOnly));
        // SAFETY: nobody else accesses the elements now.
        assert_eq!(unsafe { found.view_mut::<f32>() }.map(|_| ()), Err(Error::ReadOnly));
        let refused = found.into_legacy().unwrap_err();
        assert_eq!(refused.error(), Error::ReadOnlyNotExpressible);
    }
    drop((array, tensor));
    assert_eq!((freed.get(), freed_too.get()), (1, 1));
}

#[test]
fn no_library_passes_on_that_a_tensor_is_a_copy() {
    for library in TENSORS {
        let (tensor, ours) =
            Ours::export_with::<DLManagedTensorVersioned>(DataType::F32, LINE, |exporter| {
                // SAFETY: only the consumer reads and writes the memory.
                unsafe { exporter.copied() }
            });
        assert_eq!(tensor.flags(), Flags::IS_COPIED);
        let tensor = library.import(tensor).expect("a tensor");
        assert_eq!(flags_of(&tensor), (Flags::NONE, Access::Writable), "{}", library.name);
        let refused =
            tensor.export::<DLManagedTensorVersioned>().unwrap().try_exclusive().unwrap_err();
        assert_eq!(refused.error(), Error::NotExclusive);
        drop((tensor, refused));
        assert_eq!(ours.freed.get(), 1, "{}", library.name);
    }
}

#[test]
fn copies_of_arrow_are_the_consumers_own() {
    for (library, layout) in [(&ARROW, PLAIN), (&ARROW_ARRAYS, LINE)] {
        let (tensor, freed) = library.make(DataType::F32, layout).expect("a tensor");
        let copy = tensor.export_copy().expect("a copy");
        assert_eq!((copy.flags(), bytes(&copy)), (Flags::IS_COPIED, tensor.read()));
        assert_ne!(copy.data().addr(), tensor.describe().address());
        let mut copy = copy.try_exclusive().expect("a copy").fill(2.5_f32).expect("float32");
        copy.view_mut::<f32>().expect("a view").fill(1.5);
        assert_eq!(tensor.read(), pattern(DataType::F32, copy.nbytes(), 0));
        drop(tensor);
        assert_eq!(freed.get(), 1, "{}", library.name);
        assert_eq!(
            copy.view::<f32>().expect("a view").iter().sum::<f32>(),
            1.5 * copy.numel() as f32
        );
    }
}
