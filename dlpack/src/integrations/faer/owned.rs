//! Matrices that own their elements, as tensors.

use faer::Mat;

use super::views::shape_and_strides;
use crate::dims::Dims;
use crate::error::RejectedError;
use crate::integrations::IntoTensor;
use crate::integrations::adopt::{Writing, adopt};
use crate::integrations::into_tensor::Axes;
use crate::managed::{Exclusive, ManagedTensorVersioned};
use crate::vocabulary::Element;

/// The elements stay where they are, and the matrix comes back with `downcast::<Mat<T>>()`.
///
/// The stride of the columns is that of the matrix, which may leave gaps between them.
///
/// # Examples
///
/// ```
/// use dlpack::integrations::IntoTensor;
/// use faer::{Mat, mat};
///
/// let matrix = mat![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
/// let start = matrix.as_ptr();
/// let tensor = matrix.into_tensor()?;
/// assert_eq!((tensor.shape(), tensor.strides()[0]), (&[2, 3][..], 1));
/// assert_eq!(tensor.view::<f64>()?[[1, 0]], 4.0);
///
/// let matrix = tensor.into_inner().downcast::<Mat<f64>>().expect("the owner");
/// assert_eq!(matrix.as_ptr(), start);
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<T: Element> IntoTensor for Mat<T> {
    type Tensor = Exclusive<ManagedTensorVersioned>;

    fn into_tensor(self) -> Result<Self::Tensor, RejectedError<Self>> {
        export(self, Axes::Kept)
    }

    fn into_tensor_reversed(self) -> Result<Self::Tensor, RejectedError<Self>> {
        export(self, Axes::Reversed)
    }
}

fn export<T: Element>(
    mut matrix: Mat<T>,
    order: Axes,
) -> Result<Exclusive<ManagedTensorVersioned>, RejectedError<Mat<T>>> {
    let (shape, strides) = shape_and_strides(matrix.as_ref());
    let dims = Dims::copied(bytemuck::cast_slice(&shape), &strides);
    let origin = matrix.as_ptr_mut();
    // SAFETY: a matrix keeps its elements on the heap, in one allocation, for as long as it lives.
    let tensor = unsafe { adopt(matrix, origin, dims, order, Writing::Allowed) }?;
    // SAFETY: the elements of a matrix are initialised, and it is the only way to them.
    Ok(unsafe { tensor.assume_exclusive() })
}
