//! Arrays of `ndarray` go to C and come back as the same memory; tensors from C become arrays without a copy.
//!
//! `cargo run --example ndarray --features ndarray`

use dlpack::integrations::IntoTensor;
use dlpack::{Error, Exporter, ManagedTensorVersioned, TensorView, sys};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, array, s};

/// Stands for a function of a C library that finds the largest `float32` and calls the deleter.
///
/// # Safety
///
/// Ownership passes to this call. The elements are initialised, and nobody writes them.
unsafe fn largest(raw: *mut sys::DLManagedTensorVersioned) -> Result<f32, Error> {
    // SAFETY: ownership passes to this call, the elements are initialised, and nobody writes them.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw)?.assume_frozen() };
    Ok(tensor.view::<f32>()?.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b)))
}

fn main() -> Result<(), Error> {
    // Out: the array becomes the owner of the tensor, with any strides. No element is copied.
    let picture: Array2<f32> = array![[1.0, 2.0, 3.0], [4.0, 9.0, 6.0]];
    let upside_down = picture.slice_move(s![..;-1, ..]);
    let start = upside_down.as_ptr();
    let tensor = upside_down.into_tensor()?;
    println!("out:  shape {:?}, strides {:?}", tensor.shape(), tensor.strides());
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[-3, 1][..]));
    assert_eq!(tensor.data().cast_const(), start.cast());

    // Back: the same array.
    // SAFETY: ownership passes to this call.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(tensor.into_raw()) }?;
    let picture = tensor.downcast::<Array2<f32>>().expect("the array that went out");
    assert_eq!(picture, array![[4.0, 9.0, 6.0], [1.0, 2.0, 3.0]]);
    assert_eq!(picture.as_ptr(), start);

    // A shared array becomes a read-only tensor.
    let shared = picture.into_shared();
    let raw = shared.clone().into_tensor()?.into_raw();
    // SAFETY: ownership passes to this call, and nobody writes a shared array.
    let largest = unsafe { largest(raw) }?;
    println!("C found {largest}");
    assert_eq!(largest, 9.0);
    assert_eq!(shared.as_ptr(), start, "still here");

    // In: a tensor, here of a vector, becomes an array.
    let mut tensor = Exporter::new(vec![1, 2, 3, 4, 5, 6]).shape(&[2, 3]).build()?;
    let mut array = ArrayViewMut2::try_from(tensor.view_mut::<i32>()?)?;
    array.row_mut(0).fill(0);
    let array = ArrayView2::try_from(tensor.view::<i32>()?)?;
    println!("in:\n{array}");
    assert_eq!(array.sum(), 15);

    // A wrong number of axes is an error.
    let refused = ndarray::ArrayView3::try_from(tensor.view::<i32>()?).unwrap_err();
    println!("as three axes: {refused}");
    assert_eq!(refused, Error::NdimMismatch { expected: 3, found: 2 });

    // A part of an array is lent to C for the length of a call.
    let corner = shared.slice(s![.., 1..]);
    TensorView::try_from(corner)?.with_dl_tensor(|raw| {
        // SAFETY: the tensor is valid during the call, and has two strides.
        assert_eq!(unsafe { (*raw).strides.read() }, -3);
    })
}
