//! Row-major tensors as column-major matrices without a copy, with the shape kept or reversed.
//!
//! `cargo run --example column_major --features nalgebra,faer`

use dlpack::integrations::IntoTensor;
use dlpack::{Error, Exporter};
use faer::{MatMut, MatRef};
use nalgebra::{DMatrix, DMatrixView, Dyn};

fn main() -> Result<(), Error> {
    // Row-major, as in NumPy: two rows of three elements.
    let numbers = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let start = numbers.as_ptr();
    let mut tensor = Exporter::new(numbers).shape(&[2, 3]).build()?;

    // Kept: row i, column j is element [i, j]. By the strides, rows are three elements apart.
    let view = tensor.view::<f64>()?;
    let kept = DMatrixView::<f64, Dyn, Dyn>::try_from(view.clone())?;
    println!("kept:{kept}");
    assert_eq!((kept.shape(), kept[(1, 0)], kept.as_ptr()), ((2, 3), 4.0, start));
    assert_eq!(MatRef::try_from(view.clone())?[(1, 0)], 4.0);

    // Reversed: a row of the tensor is a column of the matrix, so that the matrix is column-major.
    let reversed = DMatrixView::<f64>::try_from(view.transpose())?;
    println!("reversed:{reversed}");
    assert_eq!((reversed.shape(), reversed[(0, 1)], reversed.as_ptr()), ((3, 2), 4.0, start));
    assert!(MatRef::try_from(view.transpose())?.try_as_col_major().is_some());

    // A type that requires column-major memory refuses a row-major tensor.
    let refused = DMatrixView::<f64>::try_from(view).unwrap_err();
    println!("row-major as column-major: {refused}");
    assert_eq!(refused, Error::StrideMismatch { axis: 0, expected: 1, found: 3 });

    // Writing to the matrix of `faer` writes to the tensor.
    let mut matrix = MatMut::try_from(tensor.view_mut::<f64>()?)?;
    matrix[(0, 2)] = 30.0;
    assert_eq!(tensor.as_slice::<f64>()?, [1.0, 2.0, 30.0, 4.0, 5.0, 6.0]);

    // Exported with the shape kept: a column-major tensor.
    let matrix = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let start = matrix.as_ptr();
    let tensor = matrix.into_tensor()?;
    println!("out, kept: shape {:?}, strides {:?}", tensor.shape(), tensor.strides());
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[1, 2][..]));
    assert!(tensor.is_column_major() && !tensor.is_contiguous());

    // Exported with the shape reversed: a row-major tensor, which every consumer accepts.
    let matrix = tensor.into_inner().downcast::<DMatrix<f64>>().expect("the matrix that went out");
    let tensor = matrix.into_tensor_reversed()?;
    println!("out, reversed: shape {:?}, strides {:?}", tensor.shape(), tensor.strides());
    assert_eq!((tensor.shape(), tensor.strides()), (&[3, 2][..], &[2, 1][..]));
    assert_eq!(tensor.as_slice::<f64>()?, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    assert_eq!(tensor.data().cast_const(), start.cast(), "never copied");
    Ok(())
}
