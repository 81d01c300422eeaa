//! The runtimes of devices, by which streams are synchronized.

use dlpack::Device;
use dlpack::negotiate::Stream;
use pyo3::{PyResult, Python};

/// The runtime of devices, such as CUDA's, with which an extension uses the tensors that it imports.
///
/// An [`Import`](crate::Import) with a runtime gets the stream from it, and passes it to the producer. A producer with an
/// exchange table does not wait, and tells its own stream instead: then [`wait`](Self::wait) makes one stream wait for the
/// other. If its table refuses the tensor, it gets the stream as any other producer. Without a runtime, a tensor on a device is
/// imported by `__dlpack__`, which is slower, and the producer synchronizes with the default stream of the device.
///
/// # Examples
///
/// An extension that uses CUDA's default streams, without the calls of CUDA:
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the runtime of a device",
    note = "implement `Runtime` for a type of one's own, which names this thread's stream and makes one stream wait for another",
    note = "a stream that is known needs no runtime: `Import::stream` and `Import::stream_from` pass it on"
)]
pub trait Runtime {
    /// Returns the stream on which this thread will use tensors on the device: [`Stream::NONE`] for the default stream, and
    /// for devices that the runtime does not know.
    ///
    /// # Errors
    ///
    /// Any exception, with which the import fails.
    fn stream(&self, py: Python<'_>, device: Device) -> PyResult<Stream>;

    /// Makes later work on `consumer` wait for the work that is on `producer` now.
    ///
    /// `producer` is the current stream by the producer's exchange table, or [`Stream::NONE`] if the table does not name one,
    /// which means the default stream of a device that has one. This is called on the thread that imports, before the tensor
    /// is used.
    ///
    /// # Errors
    ///
    /// Any exception, with which the import fails. The tensor is dropped then.
    fn wait(
        &self,
        py: Python<'_>,
        device: Device,
        consumer: Stream,
        producer: Stream,
    ) -> PyResult<()>;
}
