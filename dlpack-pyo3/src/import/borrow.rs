//! Tensors for the time of a call.

use dlpack::BorrowedTensor;
use dlpack::negotiate::Request;
use pyo3::{Bound, PyAny, PyResult};

use super::bridge::{object, to_err};
use crate::roads;

/// Passes the tensor of an object to a function, without an owner in between where that is possible.
///
/// The fastest way in, for kernels that are done when they return. A [`PyTensor`](crate::PyTensor) keeps its memory alive
/// by a struct with a deleter, or by a reference; this does with what the object itself says of its memory just now. Where
/// an object has no such way, the tensor is taken and given back after the call.
///
/// The tensor cannot leave the function. What holds of it is checked as always; [`Requirement`](crate::Requirement)s can be
/// checked by hand.
///
/// # Errors
///
/// As for a [`PyTensor`](crate::PyTensor) that is an argument. The function is not called then.
///
/// # Safety
///
/// While the function runs, nothing resizes, frees or moves the object's memory. Any code in Python might: the function
/// must call none, not even by dropping references, and must not let other threads attach, as `Python::detach` does, unless
/// it is known what they do. With an interpreter that has no global lock, no other thread may do it meanwhile.
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
///         // SAFETY: nobody writes: this thread is attached, and the arrays of this program are written by no other.
///         let elements = unsafe { tensor.view::<f64>() }?;
///         Ok(elements.iter().map(|x| x * x).sum::<f64>())
///     };
///     // SAFETY: the function calls nothing of Python.
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
    const ORDINARY: &Request = &Request::new();
    // SAFETY: the caller's promise.
    let lent = unsafe { roads::borrow(object(from.as_borrowed()), ORDINARY, f) };
    lent.map_err(|raised| to_err(from.py(), raised))
}
