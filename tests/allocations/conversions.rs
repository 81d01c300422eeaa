//! Tensors under another header, for more consumers, and copied.

use std::sync::Arc;

use dlpack::{Exporter, ManagedTensor, ManagedTensorVersioned};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};
use harness::abi::Abi;

use crate::imports::of_rank;
use crate::{allocates, gives_all_back};

#[test]
fn a_conversion_allocates_once() {
    for (ndim, expected) in [(0, 1), (1, 1), (8, 1), (9, 2), (64, 2)] {
        let (legacy, first) = of_rank(ndim).make_legacy();
        let (versioned, second) = of_rank(ndim).make_versioned();
        gives_all_back(|| {
            // SAFETY: C passes the tensor on.
            let legacy = unsafe { ManagedTensor::from_raw(legacy) }.unwrap();
            // SAFETY: C passes the tensor on.
            let versioned = unsafe { ManagedTensorVersioned::from_raw(versioned) }.unwrap();
            let legacy = allocates(expected, || legacy.into_versioned().unwrap());
            let versioned = allocates(expected, || versioned.into_legacy().unwrap());
            allocates(0, || drop((legacy, versioned)));
        });
        assert_eq!((first.deleted(), second.deleted()), (1, 1));
    }
}

#[test]
fn a_share_allocates_once() {
    let (tensor, record) = DLManagedTensorVersioned::from_c(&of_rank(2));
    gives_all_back(|| {
        let tensor = Arc::new(tensor);
        let one = allocates(1, || tensor.share().unwrap());
        let two = allocates(1, || tensor.share().unwrap());
        drop(allocates(1, || tensor.share_opaque().unwrap()));
        allocates(0, || drop(one));
        drop(tensor);
        assert_eq!(record.deleted(), 0);
        allocates(0, || drop(two));
    });
    assert_eq!(record.deleted(), 1);

    let (tensor, _record) = DLManagedTensor::from_c(&of_rank(2));
    gives_all_back(|| {
        let tensor = Arc::new(tensor);
        drop(allocates(1, || tensor.share().unwrap()));
        drop(tensor);
        let tensor = Arc::new(Exporter::new([1_u8]).build().unwrap().freeze());
        drop(allocates(1, || tensor.share().unwrap()));
    });
}

/// One allocation for the elements and one for the tensor around them; none for elements that do not exist.
#[test]
fn a_copy_allocates_twice() {
    gives_all_back(|| {
        let tensor = Exporter::new(vec![1_u16; 6]).shape(&[2, 3]).strides(&[1, 2]).build().unwrap();
        drop(allocates(2, || tensor.to_copy().unwrap()));
        drop(allocates(2, || tensor.view::<u16>().unwrap().to_tensor().unwrap()));
        drop(allocates(1, || tensor.view::<u16>().unwrap().to_vec()));
        let empty = Exporter::new(Vec::<u16>::new()).build().unwrap();
        drop(allocates(1, || empty.to_copy().unwrap()));
        drop(allocates(1, || empty.view::<u16>().unwrap().to_tensor().unwrap()));
    });
}
