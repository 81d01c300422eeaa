//! Matrices as owners of their elements.

use nalgebra::{ArrayStorage, Const, Matrix};
#[cfg(feature = "alloc")]
use nalgebra::{Dim, VecStorage};

use crate::export::{Owner, Unique};
use crate::vocabulary::Element;

/// The elements column by column, as one axis; [`IntoTensor`](crate::IntoTensor) gives them the axes of the matrix.
///
/// # Examples
///
/// ```
/// use dlpack::Exporter;
/// use nalgebra::DMatrix;
///
/// let matrix = DMatrix::from_row_slice(2, 2, &[1_u8, 2, 3, 4]);
/// let tensor = Exporter::new(matrix).read_only().build()?;
/// assert_eq!(tensor.as_slice::<u8>()?, [1, 3, 2, 4]);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[cfg(feature = "alloc")]
// SAFETY: the storage is a vector of the elements, and the only way to them.
unsafe impl<T: Element, R: Dim, C: Dim> Owner for Matrix<T, R, C, VecStorage<T, R, C>> {
    type Element = T;
    type Sharing = Unique;

    fn memory(&mut self) -> *mut [T] {
        &raw mut *self.data.as_mut_slice()
    }
}

/// The elements column by column, as one axis; [`IntoTensor`](crate::IntoTensor) gives them the axes of the matrix.
///
/// They lie in the matrix itself, and move into the tensor with it.
///
/// # Examples
///
/// ```
/// use dlpack::Exporter;
/// use nalgebra::Matrix2;
///
/// let tensor = Exporter::new(Matrix2::new(1_u8, 2, 3, 4)).build()?;
/// assert_eq!(tensor.as_slice::<u8>()?, [1, 3, 2, 4]);
/// # Ok::<(), dlpack::Error>(())
/// ```
// SAFETY: the matrix is its elements, side by side, and stays where it is until it is moved.
unsafe impl<T: Element, const R: usize, const C: usize> Owner
    for Matrix<T, Const<R>, Const<C>, ArrayStorage<T, R, C>>
{
    type Element = T;
    type Sharing = Unique;

    fn memory(&mut self) -> *mut [T] {
        &raw mut *self.data.as_mut_slice()
    }
}
