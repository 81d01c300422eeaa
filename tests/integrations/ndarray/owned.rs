//! Arrays that become tensors: where the elements are, who may write them, who gets the array back.

use dlpack::integrations::IntoTensor;
use dlpack::{Access, Error, Flags, ManagedTensor, ManagedTensorVersioned};
use harness::alloc::{count, deallocations, fail_nth};
use ndarray::{ArcArray, Array, Array1, Array2, ArrayD, Axis, IxDyn, Slice, array, s};
use proptest::prelude::*;

fn through_c(tensor: ManagedTensorVersioned) -> ManagedTensorVersioned {
    // SAFETY: just passed on.
    unsafe { ManagedTensorVersioned::from_raw(tensor.into_raw()) }.unwrap()
}

proptest! {
    /// An array of any strides, with memory before and after its elements.
    #[test]
    fn elements_stay_where_they_are(
        shape in prop::collection::vec(0..5_usize, 0..5),
        steps in prop::collection::vec(prop_oneof![-3..0_isize, 1..4_isize], 5),
        order in Just(vec![0, 1, 2, 3, 4]).prop_shuffle(),
        reversed in any::<bool>(),
    ) {
        let mut array = Array::from_shape_fn(IxDyn(&shape), |index| {
            (0..shape.len()).fold(0_i32, |n, axis| 5 * n + i32::try_from(index[axis]).unwrap())
        });
        for (axis, &step) in steps.iter().enumerate().take(shape.len()) {
            array.slice_axis_inplace(Axis(axis), Slice::new(0, None, step));
        }
        let order: Vec<usize> = order.into_iter().filter(|&axis| axis < shape.len()).collect();
        let array = array.permuted_axes(order);
        let (start, strides) = (array.as_ptr(), array.strides().to_vec());
        let expected = array.clone();

        let export = if reversed { ArrayD::into_tensor_reversed } else { ArrayD::into_tensor };
        let tensor = export(array).unwrap();
        let expected_view = if reversed { expected.t() } else { expected.view() };
        let view = tensor.view::<i32>().unwrap();
        prop_assert_eq!(view.shape(), expected_view.shape());
        prop_assert!(view.iter().eq(expected_view.iter()));
        if !view.is_empty() {
            prop_assert_eq!(view.as_ptr(), start);
        }
        prop_assert_eq!((tensor.access(), tensor.flags()), (Access::Writable, Flags::NONE));

        let back = through_c(tensor.into_inner()).downcast::<ArrayD<i32>>().unwrap();
        prop_assert_eq!((back.as_ptr(), back.strides()), (start, &strides[..]));
        prop_assert_eq!(back, expected);
    }
}

#[test]
fn one_allocation_for_the_header() {
    let array = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].slice_move(s![..;-1, 1..]);
    let (tensor, allocations) = count(|| array.into_tensor().unwrap());
    assert_eq!(allocations, 1);
    let before = deallocations();
    drop(tensor);
    assert_eq!(deallocations() - before, 2, "header and elements");

    let array = array![1.0, 2.0].into_shared();
    let (tensor, allocations) = count(|| array.clone().into_tensor().unwrap());
    assert_eq!(allocations, 1);
    let before = deallocations();
    drop((tensor, array));
    assert_eq!(deallocations() - before, 3, "header, elements and their count");
}

#[test]
fn a_consumer_writes_and_the_array_comes_back() {
    let array = array![[1, 2, 3], [4, 5, 6]].reversed_axes();
    let tensor = array.into_tensor().unwrap().into_inner();
    // SAFETY: an array of ours, which nobody else knows.
    let mut tensor = unsafe { through_c(tensor).assume_exclusive() };
    tensor.view_mut::<i32>().unwrap()[[2, 0]] = 30;
    let tensor = tensor.into_inner();
    let tensor = tensor.downcast::<Array2<i64>>().unwrap_err();
    let tensor = tensor.downcast::<Array1<i32>>().unwrap_err();
    let array = tensor.downcast::<Array2<i32>>().unwrap();
    assert_eq!(array, array![[1, 4], [2, 5], [30, 6]]);
}

#[test]
fn in_the_legacy_abi() {
    let array = array![[1, 2], [3, 4]];
    let start = array.as_ptr();
    let tensor = array.into_tensor().unwrap().into_inner().into_legacy().unwrap();
    // SAFETY: just passed on.
    let tensor = unsafe { ManagedTensor::from_raw(tensor.into_raw()) }.unwrap();
    assert_eq!((tensor.shape(), tensor.data().cast_const()), (&[2, 2][..], start.cast()));
}

#[test]
fn shared_arrays_are_read_only() {
    let mut array: ArcArray<i32, _> = array![[1, 2, 3], [4, 5, 6]].into_shared();
    let start = array.as_ptr();
    let part = array.clone().slice_move(s![.., ..;-2]);
    let tensor = part.into_tensor().unwrap();
    assert_eq!((tensor.access(), tensor.flags()), (Access::ReadOnly, Flags::READ_ONLY));
    let view = tensor.view::<i32>().unwrap();
    assert_eq!((view.as_ptr(), view.to_vec()), (start.wrapping_add(2), vec![3, 1, 6, 4]));
    // Who writes the other array writes a copy.
    array[[0, 0]] = 10;
    assert_ne!(array.as_ptr(), start);
    assert_eq!(tensor.view::<i32>().unwrap().to_vec(), [3, 1, 6, 4]);
    let part = through_c(tensor.into_inner()).downcast::<ArcArray<i32, ndarray::Ix2>>().unwrap();
    assert_eq!(
        (part.as_ptr(), &part),
        (start.wrapping_add(2), &array![[3, 1], [6, 4]].into_shared())
    );

    let reversed = part.into_tensor_reversed().unwrap();
    assert_eq!(reversed.view::<i32>().unwrap().to_vec(), [3, 6, 1, 4]);
}

#[test]
fn without_memory_the_array_is_handed_back() {
    let array = array![1, 2, 3];
    let failure = fail_nth(1);
    let refused = array.into_tensor().unwrap_err();
    assert!(failure.happened());
    assert_eq!(refused.error(), Error::AllocationFailed);
    assert_eq!(refused.into_inner(), array![1, 2, 3]);
}

/// The re-exported crate is the one whose arrays are converted.
#[test]
fn the_version_in_use() {
    let array: dlpack::ndarray::Array1<u8> = Array1::from(vec![1, 2]);
    assert_eq!(array.into_tensor().unwrap().as_slice::<u8>().unwrap(), [1, 2]);
}

/// The items of elements that are arrays are an axis.
#[test]
fn arrays_of_arrays() {
    let pixels =
        Array2::from_shape_fn((2, 2), |(i, j)| [i, j, 9].map(|n| u8::try_from(n).unwrap()));
    let tensor = pixels.clone().into_tensor().unwrap();
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 2, 3][..], &[6, 3, 1][..]));
    assert_eq!(tensor.view::<u8>().unwrap().to_vec(), [0, 0, 9, 0, 1, 9, 1, 0, 9, 1, 1, 9]);
    assert_eq!(tensor.downcast::<Array2<[u8; 3]>>().unwrap(), pixels);
    let mut turned = pixels.clone();
    turned.invert_axis(ndarray::Axis(0));
    let tensor = turned.into_tensor_reversed().unwrap();
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 2, 3][..], &[3, -6, 1][..]));
    assert_eq!(tensor.view::<u8>().unwrap().to_vec(), [1, 0, 9, 0, 0, 9, 1, 1, 9, 0, 1, 9]);
}
