//! Sources whose elements are named by more than one index.

use dlpack::{Error, Exporter, TensorViewMut};

use crate::number::{Number, for_each_size};

fn matrix<T: Number>(shape: [usize; 2], strides: [isize; 2]) -> Result<(), Error> {
    let place = |i: usize, j: usize| i * strides[0].unsigned_abs() + j * strides[1].unsigned_abs();
    let elements = T::numbers(place(shape[0] - 1, shape[1] - 1) + 1);
    let tensor =
        Exporter::new(elements.clone()).dtype(T::DTYPE).shape(&shape).strides(&strides).build()?;
    let view = tensor.view::<T>()?;

    let rows = (0..shape[0]).flat_map(|i| (0..shape[1]).map(move |j| (i, j)));
    let expected: Vec<T> = rows.map(|(i, j)| elements[place(i, j)]).collect();
    assert!(view.to_vec() == expected);
    assert!(tensor.to_copy()?.as_slice::<T>()? == expected);

    let columns = (0..shape[1]).flat_map(|j| (0..shape[0]).map(move |i| (i, j)));
    let expected: Vec<T> = columns.map(|(i, j)| elements[place(i, j)]).collect();
    assert!(view.transpose().to_vec() == expected);
    let mut copied = T::numbers(expected.len());
    let target = TensorViewMut::from_slice(&mut copied, &[shape[1], shape[0]])?;
    target.transpose().flip(0)?.copy_from(&view.flip(0)?)?;
    assert!(copied == expected);
    Ok(())
}

#[test]
fn rows_columns_and_windows() {
    const SIZES: [usize; 5] = [1, 7, 8, 33, 65];
    for rows in SIZES {
        for columns in SIZES {
            for strides in [[0, 0], [0, 1], [1, 0], [0, 3], [5, 0], [1, 1], [2, 1], [1, 2], [3, 2]]
            {
                for_each_size!(check([rows, columns], strides));
            }
        }
    }
}

fn check<T: Number>(shape: [usize; 2], strides: [isize; 2]) {
    assert_eq!(matrix::<T>(shape, strides), Ok(()));
}
