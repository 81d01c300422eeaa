//! The hook for the runtimes of devices.

use dlpack::Device;
use dlpack::negotiate::Stream;
use pyo3::{PyResult, Python};

/// The runtime of devices, such as CUDA's, with which an extension works on the tensors that it imports.
///
/// Imports that name no stream themselves ask it for one, which the producer is told. Producers that are asked by a
/// faster way than by calling `__dlpack__` wait for nothing and tell their own stream instead: then
/// [`wait`](Self::wait) puts the two in order. Without a runtime, tensors on devices come in the slower way, in which the
/// producer sees to the order, for the default stream of the device.
///
/// # Examples
///
/// What an extension that works on CUDA's default streams does, with the functions of the runtime left out:
///
/// ```
/// use dlpack_pyo3::Runtime;
/// use dlpack_pyo3::dlpack::negotiate::Stream;
/// use dlpack_pyo3::dlpack::{Device, DeviceType};
/// use pyo3::prelude::*;
///
/// struct Cuda;
///
/// impl Runtime for Cuda {
///     fn stream(&self, _: Python<'_>, device: Device) -> PyResult<Stream> {
///         Ok(match device.device_type {
///             DeviceType::CUDA => Stream::CUDA_PER_THREAD_DEFAULT,
///             _ => Stream::NONE,
///         })
///     }
///
///     fn wait(&self, _: Python<'_>, _: Device, consumer: Stream, producer: Stream) -> PyResult<()> {
///         // cudaEventRecord(event, producer.as_ptr()); cudaStreamWaitEvent(consumer.as_ptr(), event, 0);
///         let _ = (consumer, producer);
///         Ok(())
///     }
/// }
///
/// # Python::attach(|py| {
/// assert_eq!(Cuda.stream(py, Device::cuda(0))?, Stream::CUDA_PER_THREAD_DEFAULT);
/// # Ok::<(), PyErr>(())
/// # })?;
/// # Ok::<(), PyErr>(())
/// ```
pub trait Runtime {
    /// The stream on which this thread goes on working with tensors on the device; [`Stream::NONE`] for the default one,
    /// and for devices that the runtime does not know.
    ///
    /// # Errors
    ///
    /// Whatever keeps the runtime from it. The import fails with it.
    fn stream(&self, py: Python<'_>, device: Device) -> PyResult<Stream>;

    /// Sees to it that work enqueued on `consumer` from now on finds done what is on `producer` now.
    ///
    /// `producer` is the stream that the producer's exchange table names as its current one;
    /// [`Stream::NONE`] where it names none, which is the default stream on devices that have one. Called on the thread
    /// that imports, before anybody uses the tensor.
    ///
    /// # Errors
    ///
    /// Whatever keeps the runtime from it. The import fails with it, and the tensor is released.
    fn wait(
        &self,
        py: Python<'_>,
        device: Device,
        consumer: Stream,
        producer: Stream,
    ) -> PyResult<()>;
}
