//! Streams that are arguments.

use dlpack::Device;
use dlpack::negotiate::Stream;
use pyo3::{Bound, PyAny, PyResult};

use super::bridge::{object, to_err};
use crate::protocol;

/// Reads the stream of a device from a Python object, for functions with an argument `stream`.
///
/// | Object | Stream |
/// |---|---|
/// | `None` | [`Stream::NONE`] |
/// | `-1` | [`Stream::NO_SYNC`] |
/// | another `int` | the handle of a stream, or a small number that the device gives a meaning; see [`Stream::check`] |
/// | an object with `__cuda_stream__` | the handle in the pair `(0, handle)` that the method returns, on devices of CUDA; null is the default stream |
///
/// A handle is trusted to be a stream of the device, as the pointer in a capsule is trusted to be a tensor: the protocol says
/// so, and the device's runtime will follow it.
///
/// # Errors
///
/// - `TypeError` for any other object, and for `True` and `False`.
/// - `ValueError` for a number that cannot be a stream of the device: any on the CPU, 0 on CUDA, 1 and 2 on ROCm, and negative
///   ones; and for an object with `__cuda_stream__` on another device, or of a version other than 0.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::dlpack::negotiate::Stream;
/// use dlpack_pyo3::dlpack::Device;
/// use dlpack_pyo3::stream_from;
/// use pyo3::exceptions::PyValueError;
/// use pyo3::prelude::*;
///
/// # Python::attach(|py| {
/// let one = 1_i32.into_pyobject(py)?.into_any();
/// assert_eq!(stream_from(&one, Device::cuda(0))?, Stream::CUDA_LEGACY_DEFAULT);
/// let refused = stream_from(&one, Device::CPU).unwrap_err();
/// assert!(refused.is_instance_of::<PyValueError>(py));
/// # Ok::<(), PyErr>(())
/// # })?;
/// # Ok::<(), PyErr>(())
/// ```
pub fn stream_from(value: &Bound<'_, PyAny>, device: Device) -> PyResult<Stream> {
    let stream = protocol::stream_from(object(value.as_borrowed()), device);
    stream.map_err(|raised| to_err(value.py(), raised))
}
