//! Row-major tensors and column-major matrices meet without a copy, with rows and columns kept or exchanged.
//!
//! `cargo run --example column_major --features nalgebra,faer`

use dlpack::integrations::IntoTensor;
use dlpack::{Error, Exporter};
use faer::{MatMut, MatRef};
use nalgebra::{DMatrix, DMatrixView, Dyn};

fn main() -> Result<(), Error> {
    // As NumPy has it: two rows of three, one after another.
    let numbers = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let start = numbers.as_ptr();
    let mut tensor = Exporter::new(numbers).shape(&[2, 3]).build()?;

    // Kept: row i, column j is element [i, j]. The rows are three numbers apart, as the strides say.
    let view = tensor.view::<f64>()?;
    let kept = DMatrixView::<f64, Dyn, Dyn>::try_from(view.clone())?;
    println!("kept:{kept}");
    assert_eq!((kept.shape(), kept[(1, 0)], kept.as_ptr()), ((2, 3), 4.0, start));
    assert_eq!(MatRef::try_from(view.clone())?[(1, 0)], 4.0);

    // Reversed: what is a row of the tensor is a column of the matrix, so the memory is what column-major code likes
    // best. Languages with column-major arrays show a tensor like this.
    let reversed = DMatrixView::<f64>::try_from(view.transpose())?;
    println!("reversed:{reversed}");
    assert_eq!((reversed.shape(), reversed[(0, 1)], reversed.as_ptr()), ((3, 2), 4.0, start));
    assert!(MatRef::try_from(view.transpose())?.try_as_col_major().is_some());

    // A type that asks for column-major memory does not take a row-major tensor by mistake.
    let refused = DMatrixView::<f64>::try_from(view).unwrap_err();
    println!("row-major as column-major: {refused}");
    assert_eq!(refused, Error::StrideMismatch { axis: 0, expected: 1, found: 3 });

    // To write: what `faer` does to the matrix, it does to the tensor.
    let mut matrix = MatMut::try_from(tensor.view_mut::<f64>()?)?;
    matrix[(0, 2)] = 30.0;
    assert_eq!(tensor.as_slice::<f64>()?, [1.0, 2.0, 30.0, 4.0, 5.0, 6.0]);

    // Out, kept: a tensor of the same shape, column-major.
    let matrix = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let start = matrix.as_ptr();
    let tensor = matrix.into_tensor()?;
    println!("out, kept: shape {:?}, strides {:?}", tensor.shape(), tensor.strides());
    assert_eq!((tensor.shape(), tensor.strides()), (&[2, 3][..], &[1, 2][..]));
    assert!(tensor.is_column_major() && !tensor.is_contiguous());

    // Back, and out again, reversed: a row-major tensor, which every consumer takes.
    let matrix = tensor.into_inner().downcast::<DMatrix<f64>>().expect("the matrix that went out");
    let tensor = matrix.into_tensor_reversed()?;
    println!("out, reversed: shape {:?}, strides {:?}", tensor.shape(), tensor.strides());
    assert_eq!((tensor.shape(), tensor.strides()), (&[3, 2][..], &[2, 1][..]));
    assert_eq!(tensor.as_slice::<f64>()?, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    assert_eq!(tensor.data().cast_const(), start.cast(), "never copied");
    Ok(())
}
