//! Tensors that come in.

use dlpack::{BorrowedTensor, ManagedTensorVersioned};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};
use harness::abi::Abi;
use harness::{Spec, dtype};

use crate::{allocates, gives_all_back};

pub fn of_rank(ndim: usize) -> Spec {
    Spec::of(&[1.5_f32]).shape(&vec![1; ndim])
}

fn imports_take<M: Abi>(ndim: usize, expected: u64) {
    for spec in [of_rank(ndim), of_rank(ndim).null_strides()] {
        let (raw, record) = spec.make::<M>();
        gives_all_back(|| {
            let tensor = allocates(expected, || {
                // SAFETY: C passes the tensor on.
                unsafe { M::import(raw) }
            });
            allocates(0, || {
                assert_eq!((tensor.ndim(), tensor.numel(), tensor.nbytes()), (ndim, 1, 4));
                assert!(tensor.is_contiguous() && tensor.is_column_major() && tensor.is_dense());
                drop(tensor);
            });
        });
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn an_import_allocates_nothing() {
    for ndim in 0..=8 {
        imports_take::<DLManagedTensorVersioned>(ndim, 0);
        imports_take::<DLManagedTensor>(ndim, 0);
    }
}

#[test]
fn an_import_of_many_axes_allocates_once() {
    for ndim in [9, 10, 32, 64] {
        imports_take::<DLManagedTensorVersioned>(ndim, 1);
        imports_take::<DLManagedTensor>(ndim, 1);
    }
}

#[test]
fn a_refused_import_allocates_nothing() {
    for spec in [
        of_rank(1).version(2, 0),
        of_rank(1).ndim(-1),
        of_rank(65),
        of_rank(3).null_shape(),
        of_rank(2).shape(&[1, -1]),
        Spec::of(&[1_u8]).shape(&[2, 2]).strides(&[i64::MAX, 1]),
        Spec::new(dtype(2, 0, 1)),
    ] {
        let (raw, record) = spec.make_versioned();
        // SAFETY: C passes the tensor on.
        let result = allocates(0, || unsafe { ManagedTensorVersioned::from_raw(raw) }.map(drop));
        assert!(result.is_err());
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn a_borrowed_tensor_allocates_nothing() {
    let spec = Spec::of(&[1_i32, 2, 3, 4]).shape(&[2, 2]);
    let sum = spec.lend(|raw| {
        allocates(0, || {
            // SAFETY: lent for this call, and nobody writes it.
            unsafe {
                BorrowedTensor::with_raw(raw, |tensor| {
                    tensor.view::<i32>().map(|view| view.iter().sum::<i32>())
                })
            }
        })
    });
    assert_eq!(sum, Ok(10));
}
