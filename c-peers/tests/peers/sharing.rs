//! One memory that several libraries have at the same time.

use std::sync::Arc;
use std::thread;

use c_peers::{ARROW, Counter, Layout, Library, Ours, TORCH, TVM_FFI, Tensor, pattern};
use dlpack::{DataType, ManagedTensorVersioned};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};

use crate::cases::{PLAIN, TENSORS, bytes};

fn shared_among_all(layout: Layout) -> (Vec<Tensor>, Arc<ManagedTensorVersioned>, Ours) {
    let (tensor, ours) = Ours::export::<DLManagedTensorVersioned>(DataType::I32, layout);
    let tensor = Arc::new(tensor);
    let take = |library: &'static Library| {
        library.import(tensor.share().expect("a share")).expect("a tensor")
    };
    (TENSORS.map(take).into(), tensor, ours)
}

#[test]
fn all_see_what_one_writes() {
    let (tensors, tensor, ours) = shared_among_all(Layout { strides: &[1, 2], ..PLAIN });
    for (seed, writer) in (1..).zip(&tensors) {
        let written = pattern(DataType::I32, 24, seed);
        writer.write(&written);
        assert!(tensors.iter().all(|reader| reader.read() == written));
        assert_eq!((bytes(&tensor), ours.elements()), (written.clone(), written));
    }
}

#[test]
fn the_last_of_all_frees_the_memory() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (tensors, tensor, ours) = shared_among_all(PLAIN);
        drop(tensor);
        let mut tensors: Vec<_> = tensors.into_iter().map(Some).collect();
        for (dropped, at) in order.into_iter().enumerate() {
            assert_eq!(ours.freed.get(), 0, "{order:?} after {dropped}");
            tensors[at] = None;
        }
        assert_eq!(ours.freed.get(), 1, "{order:?}");
    }
}

/// Passes a tensor through this crate from one library to the next.
fn pass(from: &Tensor, to: &'static Library, is_legacy: bool) -> Tensor {
    if is_legacy && to.table().import_legacy.is_some() {
        return to.import(from.export::<DLManagedTensor>().expect("an export")).expect("a tensor");
    }
    to.import(from.export::<DLManagedTensorVersioned>().expect("an export")).expect("a tensor")
}

#[test]
fn a_tensor_that_goes_round_is_the_same_memory() {
    for is_legacy in [false, true] {
        let (start, freed) =
            TORCH.make(DataType::F64, Layout { strides: &[1, 2], ..PLAIN }).expect("a tensor");
        let mut chain = vec![start];
        for library in [&TVM_FFI, &ARROW, &TORCH, &ARROW, &TVM_FFI, &TORCH] {
            chain.push(pass(&chain[chain.len() - 1], library, is_legacy));
        }
        let address = chain[0].describe().address();
        let written = pattern(DataType::F64, 48, 0x2a);
        chain[chain.len() - 1].write(&written);
        for tensor in &chain {
            assert_eq!((tensor.describe().address(), tensor.read()), (address, written.clone()));
        }
        let last = chain.pop().expect("a tensor");
        drop(chain);
        assert_eq!((last.read(), freed.get()), (written, 0));
        drop(last);
        assert_eq!(freed.get(), 1);
    }
}

#[test]
fn tensors_end_on_any_thread() {
    for library in TENSORS {
        let (tensor, ours) = Ours::export::<DLManagedTensorVersioned>(DataType::F32, PLAIN);
        let (theirs, freed) = library.make(DataType::F32, PLAIN).expect("a tensor");
        let shared = Arc::new(tensor);
        thread::scope(|scope| {
            for _ in 0..8 {
                let (share, export) =
                    (shared.share().expect("a share"), theirs.export::<DLManagedTensorVersioned>());
                scope.spawn(move || {
                    let taken = library.import(share).expect("a tensor");
                    drop(taken.export::<DLManagedTensorVersioned>());
                    drop(export);
                });
            }
            drop(shared);
            drop(theirs);
        });
        let count = |counter: &Counter| counter.get();
        assert_eq!((count(&ours.freed), count(&freed)), (1, 1), "{}", library.name);
    }
}
