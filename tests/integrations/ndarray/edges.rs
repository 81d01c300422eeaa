//! No axes, no elements, too many axes, other ranks, other elements.

use dlpack::integrations::IntoTensor;
use dlpack::{DataType, Error, Exporter, TensorView, TensorViewMut};
use ndarray::{
    Array0, ArrayD, ArrayView0, ArrayView1, ArrayView2, ArrayView3, ArrayViewD, ArrayViewMut0,
    ArrayViewMut2, IxDyn, array,
};

#[test]
fn without_axes() {
    let mut tensor = Exporter::new(vec![7_i32, 8]).offset(1).shape(&[]).build().unwrap();
    let array = ArrayView0::try_from(tensor.view::<i32>().unwrap()).unwrap();
    assert_eq!((array[()], array.ndim()), (8, 0));
    ArrayViewMut0::try_from(tensor.view_mut::<i32>().unwrap()).unwrap()[()] = 9;
    assert_eq!(tensor.view::<i32>().unwrap()[[]], 9);

    let array = Array0::from_elem((), 5_i32);
    assert_eq!(TensorView::try_from(array.view()).unwrap()[[]], 5);
    let tensor = array.into_tensor().unwrap();
    assert_eq!((tensor.ndim(), tensor.view::<i32>().unwrap()[[]]), (0, 5));
}

#[test]
fn without_elements() {
    for shape in [&[0][..], &[0, 3], &[3, 0], &[2, 0, 5], &[0, 0, 0, 0, 0]] {
        let tensor = Exporter::new(Vec::<f32>::new()).shape(shape).build().unwrap();
        let view = tensor.view::<f32>().unwrap();
        let array = ArrayViewD::try_from(view).unwrap();
        assert_eq!((array.shape(), array.len()), (shape, 0));
        assert_eq!(array.as_ptr().addr() % align_of::<f32>(), 0);
        // Strides that lead nowhere, also from an address that is none.
        assert!(array.strides().iter().all(|&stride| stride == 0));

        let array = ArrayD::<f32>::zeros(IxDyn(shape));
        let view = TensorView::try_from(array.view()).unwrap();
        assert_eq!((view.shape(), view.numel()), (shape, 0));
        let tensor = array.into_tensor().unwrap();
        assert!(tensor.data().is_null());
        let tensor_shape: Vec<usize> =
            tensor.shape().iter().map(|&size| usize::try_from(size).unwrap()).collect();
        assert_eq!(tensor_shape, shape);
    }
}

/// The product of the sizes of an empty view, without zeros, may be as large as that of an empty array, and no larger.
#[test]
fn an_empty_view_as_large_as_an_array() {
    let huge = isize::MAX.unsigned_abs();
    let refused = TensorView::<u8>::from_slice(&[], &[huge, 0, 2]).unwrap_err();
    assert_eq!(refused, Error::ShapeOverflow);
    let view = TensorView::<u8>::from_slice(&[], &[huge, 0, 1]).unwrap();
    assert_eq!(ArrayView3::try_from(view.clone()).unwrap().shape(), [huge, 0, 1]);
    assert_eq!(ArrayViewD::try_from(view).unwrap().shape(), [huge, 0, 1]);
}

#[test]
fn another_number_of_axes() {
    let mut numbers = [1_u8, 2, 3, 4];
    let view = TensorView::from_slice(&numbers, &[2, 2]).unwrap();
    let refused = ArrayView1::try_from(view.clone()).unwrap_err();
    assert_eq!(refused, Error::NdimMismatch { expected: 1, found: 2 });
    let refused = ArrayView0::try_from(view).unwrap_err();
    assert_eq!(refused, Error::NdimMismatch { expected: 0, found: 2 });
    let view = TensorViewMut::from_slice(&mut numbers, &[4]).unwrap();
    let refused = ArrayViewMut2::try_from(view).unwrap_err();
    assert_eq!(refused, Error::NdimMismatch { expected: 2, found: 1 });
}

#[test]
fn another_type() {
    let tensor = array![[1_i64, 2]].into_tensor().unwrap();
    let refused = tensor.view::<f64>().unwrap_err();
    assert_eq!(refused, Error::DTypeMismatch { expected: DataType::F64, found: DataType::I64 });
}

#[test]
fn as_many_axes_as_there_can_be() {
    let array = ArrayD::<u8>::from_elem(IxDyn(&[1; 64]), 7);
    let view = TensorView::try_from(array.view()).unwrap();
    assert_eq!((view.ndim(), view.to_vec()), (64, vec![7]));
    assert_eq!(ArrayViewD::try_from(view).unwrap(), array);
    let tensor = array.into_tensor().unwrap();
    assert_eq!((tensor.ndim(), tensor.numel()), (64, 1));

    let mut array = ArrayD::<u8>::from_elem(IxDyn(&[1; 65]), 7);
    let too_many = Error::TooManyAxes { ndim: 65, max: 64 };
    assert_eq!(TensorView::try_from(array.view()).unwrap_err(), too_many);
    assert_eq!(TensorViewMut::try_from(array.view_mut()).unwrap_err(), too_many);
    let (array, error) = array.into_tensor().unwrap_err().into_parts();
    assert_eq!((array.shape(), error), (&[1; 65][..], too_many));
}

/// Axes of one index have strides of any kind, which lead nowhere.
#[test]
fn strides_that_mean_nothing() {
    for stride in [isize::MIN, -7, 0, isize::MAX] {
        let strides = [1, stride];
        let exporter = Exporter::new(vec![1_u16, 2, 3]).shape(&[3, 1]).strides(&strides);
        let tensor = exporter.build().unwrap();
        let view = tensor.view::<u16>().unwrap();
        let array = ArrayView2::try_from(view).unwrap();
        assert_eq!(array, array![[1], [2], [3]]);
        assert!(array.is_standard_layout());
    }
    // Steps that go beyond an axis leave it with a stride longer than itself.
    let numbers = [1_u8, 2, 3, 4];
    let view = TensorView::from_slice(&numbers, &[2, 2]).unwrap().step_by(0, 9).unwrap();
    let view = view.flip(0).unwrap();
    assert_eq!(view.strides(), [-18, 1]);
    let array = ArrayView2::try_from(view).unwrap();
    assert_eq!((array, array.strides()), (array![[1, 2]].view(), &[2, 1][..]));
}

#[cfg(feature = "num-complex")]
#[test]
fn complex_numbers() {
    use num_complex::Complex;

    let array = array![[Complex::new(1.0_f32, 2.0), Complex::new(3.0, 4.0)]];
    let tensor = array.clone().into_tensor().unwrap();
    assert_eq!(tensor.dtype(), DataType::C64);
    let view = tensor.view::<Complex<f32>>().unwrap();
    assert_eq!(ArrayView2::try_from(view).unwrap(), array);
}

#[cfg(feature = "half")]
#[test]
fn small_floats() {
    use half::{bf16, f16};

    let array = array![f16::from_f32(1.5), f16::from_f32(-2.0)];
    let tensor = array.clone().into_tensor().unwrap();
    assert_eq!(tensor.dtype(), DataType::F16);
    assert_eq!(ArrayView1::try_from(tensor.view::<f16>().unwrap()).unwrap(), array);
    let tensor = ndarray::Array2::from_elem((2, 2), bf16::ONE).into_tensor().unwrap();
    assert_eq!(tensor.dtype(), DataType::BF16);
}
