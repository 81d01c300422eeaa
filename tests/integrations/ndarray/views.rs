//! Views in both directions: of tensors against the model, of arrays against `ndarray` itself.

use std::ptr;

use dlpack::{TensorView, TensorViewMut};
use harness::alloc::count;
use ndarray::{
    Array, ArrayBase, ArrayView, ArrayViewD, ArrayViewMutD, Axis, Dimension, Ix2, IxDyn, RawData,
    Slice,
};
use proptest::prelude::*;

use crate::model::{Kinds, Model, models};

const ANY: Kinds = Kinds { ndim: (0, 5), backwards: true, repeated: true };
const DISJOINT: Kinds = Kinds { repeated: false, ..ANY };
const MATRICES: Kinds = Kinds { ndim: (2, 2), ..ANY };

/// The array has the numbers of the model, where the model says.
fn check<D: Dimension>(array: &ArrayView<'_, f64, D>, model: &Model, start: *const f64) {
    assert_eq!(array.shape(), model.shape);
    let places = model.places();
    let addresses = places.iter().map(|&place| start.wrapping_add(place));
    assert!(array.iter().map(ptr::from_ref).eq(addresses));
    assert!(array.iter().copied().eq(places.iter().map(|&place| place as f64)));
    for (axis, (&size, &stride)) in model.shape.iter().zip(&model.strides).enumerate() {
        if size > 1 && !model.shape.contains(&0) {
            assert_eq!(array.strides()[axis], stride, "axis {axis}");
        }
    }
}

/// What `ndarray` does to an axis.
#[derive(Clone, Copy, Debug)]
enum Change {
    Step(isize),
    Swap(usize),
}

fn changes() -> impl Strategy<Value = Vec<(usize, Change)>> {
    let step = prop_oneof![-3..0_isize, 1..4_isize];
    let change = prop_oneof![step.prop_map(Change::Step), (0..5_usize).prop_map(Change::Swap)];
    prop::collection::vec((0..5_usize, change), 0..6)
}

fn change<S: RawData>(array: &mut ArrayBase<S, IxDyn>, changes: &[(usize, Change)]) {
    let ndim = array.ndim();
    for &(axis, change) in changes.iter().filter(|_| ndim > 0) {
        match change {
            Change::Step(step) => {
                array.slice_axis_inplace(Axis(axis % ndim), Slice::new(0, None, step));
            }
            Change::Swap(with) => array.swap_axes(axis % ndim, with % ndim),
        }
    }
}

/// The view has the elements of the array, each where it is, in the same order.
fn check_back(view: &TensorView<'_, f64>, array: &ArrayViewD<'_, f64>) {
    assert_eq!(view.shape(), array.shape());
    assert!(view.iter().map(ptr::from_ref).eq(array.iter().map(ptr::from_ref)));
    for (index, element) in array.indexed_iter() {
        let index: Vec<usize> = (0..array.ndim()).map(|axis| index[axis]).collect();
        assert_eq!(view.get(&index).map(ptr::from_ref), Some(ptr::from_ref(element)));
    }
}

proptest! {
    #[test]
    fn tensors_as_arrays(model in models(ANY)) {
        let (tensor, start) = model.tensor::<f64>();
        let view = tensor.view::<f64>().unwrap();
        check(&ArrayViewD::try_from(view).unwrap(), &model, start);
    }

    #[test]
    fn tensors_as_arrays_of_two_axes(model in models(MATRICES)) {
        let (tensor, start) = model.tensor::<f64>();
        let view = tensor.view::<f64>().unwrap();
        let (array, allocations) = count(|| ArrayView::<f64, Ix2>::try_from(view).unwrap());
        prop_assert_eq!(allocations, 0);
        check(&array, &model, start);
    }

    #[test]
    fn tensors_as_arrays_to_write(model in models(DISJOINT)) {
        let (mut tensor, _) = model.tensor::<f64>();
        let view = tensor.view_mut::<f64>().unwrap();
        let mut array = ArrayViewMutD::try_from(view).unwrap();
        array.mapv_inplace(|x| -1.0 - x);
        let numbers = tensor.into_inner().into_owner::<Vec<f64>>().unwrap();
        let mut expected = model.numbers::<f64>();
        for place in model.places() {
            expected[place] = -1.0 - expected[place];
        }
        prop_assert_eq!(numbers, expected);
    }

    #[test]
    fn arrays_as_tensors(
        shape in prop::collection::vec(0..5_usize, 0..5),
        changes in changes(),
        repeats in 0..4_usize,
    ) {
        let numbers: Vec<f64> = (0..shape.iter().product()).map(|n| n as f64).collect();
        let mut array = ArrayView::from_shape(IxDyn(&shape), &numbers).unwrap();
        change(&mut array, &changes);
        let (view, allocations) = count(|| TensorView::try_from(array.clone()).unwrap());
        prop_assert!(allocations <= 2, "shape and strides of the clone, if at all: {}", allocations);
        check_back(&view, &array);

        let wide = [&[repeats], array.shape()].concat();
        let wide = array.broadcast(wide).unwrap();
        check_back(&TensorView::try_from(wide.view()).unwrap(), &wide);
    }

    #[test]
    fn arrays_as_tensors_to_write(
        shape in prop::collection::vec(0..5_usize, 0..5),
        changes in changes(),
    ) {
        let mut numbers = Array::<f64, _>::zeros(IxDyn(&shape));
        let mut array = numbers.view_mut();
        change(&mut array, &changes);
        let mut view = TensorViewMut::try_from(array).unwrap();
        view.iter_mut().zip(1..).for_each(|(x, n)| *x = f64::from(n));

        let mut expected = Array::<f64, _>::zeros(IxDyn(&shape));
        let mut array = expected.view_mut();
        change(&mut array, &changes);
        array.iter_mut().zip(1..).for_each(|(x, n)| *x = f64::from(n));
        prop_assert_eq!(numbers, expected);
    }
}

#[test]
fn there_and_back() {
    let (tensor, start) = {
        let numbers: Vec<f64> = (0..24_u8).map(f64::from).collect();
        let start = numbers.as_ptr();
        (dlpack::Exporter::new(numbers).shape(&[2, 3, 4]).build().unwrap(), start)
    };
    let view = tensor.view::<f64>().unwrap().flip(2).unwrap().permute(&[2, 0, 1]).unwrap();
    let array = ArrayViewD::try_from(view.clone()).unwrap();
    let back = TensorView::try_from(array).unwrap();
    assert_eq!((back.shape(), back.strides()), (view.shape(), view.strides()));
    assert_eq!((back.as_ptr(), back.as_ptr()), (view.as_ptr(), start.wrapping_add(3)));
}
