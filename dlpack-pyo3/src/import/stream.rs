//! Streams that are arguments.

use dlpack::Device;
use dlpack::negotiate::Stream;
use pyo3::{Bound, PyAny, PyResult};

use super::bridge::{object, to_err};
use crate::protocol;

/// Reads the stream of a device that Python names, for functions with an argument `stream`.
///
/// | Python says | |
/// |---|---|
/// | `None` | [`Stream::NONE`] |
/// | `-1` | [`Stream::NO_SYNC`] |
/// | another `int` | the handle of a stream, or a small number that the device gives a meaning; see [`Stream::check`] |
/// | an object with `__cuda_stream__` | the handle in the pair `(0, handle)` that the method returns, on devices of CUDA; null is the default stream |
///
/// Python is trusted to name a stream where it names one, as it is trusted to keep tensors in capsules: that is what the
/// protocol says of the number, and the device's runtime will follow it.
///
/// # Errors
///
/// - `TypeError` for other objects, and for truth values.
/// - `ValueError` for numbers that are no stream of such a device: any on the CPU, 0 on CUDA, 1 and 2 on ROCm, negative
///   ones; and for a stream of CUDA elsewhere, or in a newer form.
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
