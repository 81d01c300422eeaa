//! Tensors that are borrowed for the length of a call.

use dlpack::BorrowedTensor;
use pyo3::{Bound, PyAny, PyResult};

use super::bridge::{object, to_err};
use crate::route;

/// Passes the tensor of an object to a function, without an owner in between if that is possible.
///
/// This is the fastest way in, for kernels that are done when they return. A [`PyTensor`](crate::PyTensor) keeps its memory
/// alive by a struct with a deleter, or by a reference. Here, the description that the object gives of its memory is enough,
/// since the object itself is borrowed. If an object cannot lend its tensor, the tensor is imported, and dropped after the
/// call. The description has no flags: whether the memory may be written is known for PyTorch, Paddle, NumPy, buffers and the
/// classes of this crate, and is otherwise [`Unknown`](dlpack::Access::Unknown).
///
/// The tensor cannot leave the function. Its description is checked as in any import. A
/// [`Requirement`](crate::Requirement) can be checked by hand.
///
/// # Errors
///
/// As for a [`PyTensor`](crate::PyTensor) that is an argument. The function is not called then.
///
/// # Safety
///
/// While the function runs, nothing resizes, frees or moves the object's memory. Any Python code might. So the function
/// calls no Python code, not even by dropping a reference, and lets no other thread attach, as `Python::detach` does, unless
/// it is known what they do. In an interpreter without a global lock, no other thread does it either.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::dlpack::Descriptor;
/// use dlpack_pyo3::{to_py_err, with_borrowed};
/// use pyo3::prelude::*;
///
/// #[pyfunction]
/// fn norm(object: &Bound<'_, PyAny>) -> PyResult<f64> {
///     let sum_of_squares = |tensor: &Descriptor| {
///         // SAFETY: nobody writes: this thread is attached, and no other thread of this program writes its arrays.
///         let elements = unsafe { tensor.view::<f64>() }?;
///         Ok(elements.iter().map(|x| x * x).sum::<f64>())
///     };
///     // SAFETY: the function does not call Python.
///     let sum = unsafe { with_borrowed(object, |tensor| sum_of_squares(&tensor)) }?;
///     Ok(sum.map_err(|e: dlpack_pyo3::dlpack::Error| to_py_err(e))?.sqrt())
/// }
///
/// # Python::attach(|py| {
/// let array = py.import("array")?.call_method1("array", ("d", vec![3.0, 4.0]))?;
/// assert_eq!(norm(&array)?, 5.0);
/// # Ok::<(), PyErr>(())
/// # })?;
/// # Ok::<(), PyErr>(())
/// ```
#[inline]
pub unsafe fn with_borrowed<O>(
    from: &Bound<'_, PyAny>,
    f: impl FnOnce(BorrowedTensor<'_>) -> O,
) -> PyResult<O> {
    // SAFETY: the memory stays in place until the function returns, as the caller promises.
    let lent = unsafe { route::borrow(object(from.as_borrowed()), f) };
    lent.map_err(|raised| to_err(from.py(), raised))
}
