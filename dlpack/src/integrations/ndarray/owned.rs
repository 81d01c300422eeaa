//! Arrays that own their elements, alone or with others, as tensors.

use ndarray::{ArcArray, Array, Dimension};

use crate::dims::Dims;
use crate::error::RejectedError;
use crate::integrations::IntoTensor;
use crate::integrations::adopt::{Writing, adopt};
use crate::integrations::into_tensor::Axes;
use crate::managed::{Exclusive, Frozen, ManagedTensorVersioned};
use crate::vocabulary::Element;

/// Any strides go. The elements stay where they are, and the array comes back with `downcast::<Array<T, D>>()`.
///
/// # Examples
///
/// ```
/// use dlpack::integrations::IntoTensor;
/// use ndarray::{Array2, array, s};
///
/// let array = array![[1, 2, 3], [4, 5, 6]].slice_move(s![.., 1..]);
/// let start = array.as_ptr();
/// let tensor = array.into_tensor()?;
/// assert_eq!((tensor.shape(), tensor.strides()), (&[2, 2][..], &[3, 1][..]));
/// assert_eq!(tensor.data(), start.cast_mut().cast());
///
/// let array = tensor.into_inner().downcast::<Array2<i32>>().expect("the owner");
/// assert_eq!(array, array![[2, 3], [5, 6]]);
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<T: Element, D: Dimension + 'static> IntoTensor for Array<T, D> {
    type Tensor = Exclusive<ManagedTensorVersioned>;

    fn into_tensor(self) -> Result<Self::Tensor, RejectedError<Self>> {
        unique(self, Axes::Kept)
    }

    fn into_tensor_reversed(self) -> Result<Self::Tensor, RejectedError<Self>> {
        unique(self, Axes::Reversed)
    }
}

/// Read-only, since other arrays may have the same elements; `downcast::<ArcArray<T, D>>()` gives the array back.
///
/// # Examples
///
/// ```
/// use dlpack::{Access, integrations::IntoTensor};
/// use ndarray::array;
///
/// let array = array![[1.0, 2.0], [3.0, 4.0]].into_shared();
/// let tensor = array.clone().into_tensor()?;
/// assert_eq!(tensor.access(), Access::ReadOnly);
/// assert_eq!(tensor.view::<f64>()?.as_ptr(), array.as_ptr());
/// # Ok::<(), dlpack::Error>(())
/// ```
impl<T: Element, D: Dimension + 'static> IntoTensor for ArcArray<T, D> {
    type Tensor = Frozen<ManagedTensorVersioned>;

    fn into_tensor(self) -> Result<Self::Tensor, RejectedError<Self>> {
        shared(self, Axes::Kept)
    }

    fn into_tensor_reversed(self) -> Result<Self::Tensor, RejectedError<Self>> {
        shared(self, Axes::Reversed)
    }
}

fn unique<T: Element, D: Dimension + 'static>(
    mut array: Array<T, D>,
    order: Axes,
) -> Result<Exclusive<ManagedTensorVersioned>, RejectedError<Array<T, D>>> {
    let dims = Dims::copied(bytemuck::cast_slice(array.shape()), array.strides());
    let origin = array.as_mut_ptr();
    // SAFETY: an array keeps its elements on the heap, in one allocation, for as long as it lives.
    let tensor = unsafe { adopt(array, origin, dims, order, Writing::Allowed) }?;
    // SAFETY: the elements of an array are initialised, and it is the only way to them.
    Ok(unsafe { tensor.assume_exclusive() })
}

fn shared<T: Element, D: Dimension + 'static>(
    array: ArcArray<T, D>,
    order: Axes,
) -> Result<Frozen<ManagedTensorVersioned>, RejectedError<ArcArray<T, D>>> {
    let dims = Dims::copied(bytemuck::cast_slice(array.shape()), array.strides());
    let origin = array.as_ptr().cast_mut();
    // SAFETY: an array keeps its elements on the heap, in one allocation, for as long as it or another lives that shares
    // them.
    let tensor = unsafe { adopt(array, origin, dims, order, Writing::Forbidden) }?;
    // SAFETY: the elements of an array are initialised; those that share them copy them before they write.
    Ok(unsafe { tensor.assume_frozen() })
}
