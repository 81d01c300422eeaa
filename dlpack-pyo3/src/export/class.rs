//! The trait of classes that are exported.

use dlpack::negotiate::Stream;
use dlpack::{Device, Error, ManagedTensorVersioned, OpaqueTensor};
use pyo3::exceptions::PyBufferError;
use pyo3::{Bound, PyClass, PyResult, Python};

use super::copy;
use super::legacy::ReadOnlyAsLegacy;
use crate::import::{Text, to_py_err};
use crate::protocol::has_streams;

/// A class whose objects every library with DLPack support can import.
///
/// Implement this trait and call [`export!`](crate::export!) with the class, which gives it the methods of the protocol. Only
/// [`tensor`](Self::tensor) is required, and a class with main memory needs no more.
///
/// All methods are called on a thread that is attached to the interpreter. If a method fails, the consumer gets its exception
/// unchanged.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use dlpack_pyo3::dlpack::{Exporter, OpaqueTensor};
/// use dlpack_pyo3::{Export, PyTensor, to_py_err};
/// use pyo3::prelude::*;
///
/// /// Samples that Python may read, but not change.
/// #[pyclass(frozen)]
/// struct Samples(Arc<[f32]>);
///
/// impl Export for Samples {
///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
///         Exporter::shared(Arc::clone(&slf.get().0)).into_opaque().map_err(to_py_err)
///     }
/// }
///
/// dlpack_pyo3::export!(Samples);
///
/// Python::attach(|py| {
///     let samples = Bound::new(py, Samples(Arc::new([1.0, 2.0, 3.0])))?;
///     let tensor: PyTensor = samples.extract()?;
///     assert_eq!(tensor.data().cast_const().cast(), samples.get().0.as_ptr());
///     PyResult::Ok(())
/// })?;
/// # PyResult::Ok(())
/// ```
///
/// # Classes that are not frozen
///
/// A consumer reads, or even writes, the memory long after the call, on any thread, while Python goes on calling methods of
/// the object. So Rust must neither move nor write memory of which a tensor lives:
///
/// - memory in an [`Arc`](std::sync::Arc), as above, needs no `unsafe`: a method that changes it uses
///   [`Arc::make_mut`](std::sync::Arc::make_mut), which makes a copy while there are other holders, so that each consumer keeps
///   the elements of its moment. Consumers that ignore that memory is [read-only](#read-only-memory) must not get it;
/// - elements that an object of a frozen class holds are exported with the object as their [owner](crate::PyOwner);
/// - any other memory is exported with [`Exporter::from_raw_parts`](dlpack::Exporter::from_raw_parts), which is `unsafe`.
///
/// # Memory that consumers may write
///
/// A class that shares a writable tensor lets its consumers write. Rust reads it as any consumer does, by
/// [`PyTensor::to_vec`](crate::PyTensor::to_vec) or [`cells`](crate::PyTensor::cells), which are safe whatever Python writes
/// meanwhile:
///
/// ```
/// use std::sync::Arc;
/// use dlpack_pyo3::dlpack::allocator::Global;
/// use dlpack_pyo3::dlpack::{DataType, Device, ManagedTensorVersioned, OpaqueTensor};
/// use dlpack_pyo3::{Export, PyTensor, to_py_err};
/// use pyo3::prelude::*;
///
/// /// A grey image that Python may draw on.
/// #[pyclass(frozen)]
/// struct Canvas(Arc<ManagedTensorVersioned>);
///
/// #[pymethods]
/// impl Canvas {
///     #[new]
///     fn new(height: usize, width: usize) -> PyResult<Self> {
///         // Python chooses the numbers: too much memory is an exception, and not the end of the process.
///         let (dtype, shape) = (DataType::U8, [height, width]);
///         let pixels = ManagedTensorVersioned::allocate_in(Global, dtype, &shape, Device::CPU);
///         Ok(Self(Arc::new(pixels.map_err(to_py_err)?.into_inner())))
///     }
///
///     fn brightest(slf: &Bound<'_, Self>) -> PyResult<Option<u8>> {
///         let pixels: PyTensor<u8> = slf.extract()?;
///         Ok(pixels.cells(slf.py())?.iter().max())
///     }
/// }
///
/// impl Export for Canvas {
///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
///         slf.get().0.share_opaque().map_err(to_py_err)
///     }
/// }
///
/// dlpack_pyo3::export!(Canvas);
///
/// Python::attach(|py| {
///     let canvas = Bound::new(py, Canvas::new(2, 3)?)?;
///     let mut pixels: PyTensor<u8> = canvas.extract()?;
///     // SAFETY: nobody else uses the pixels now.
///     unsafe { pixels.view_mut() }?[[1, 2]] = 200;
///     assert_eq!(Canvas::brightest(&canvas)?, Some(200));
///     PyResult::Ok(())
/// })?;
/// # PyResult::Ok(())
/// ```
///
/// Rust may write such memory, too, if it does so by atomic stores. No lock of the class would do, since consumers do not know of
/// it; a lock may order what methods of the class do. As far as Rust can tell, consumers then write by atomic stores as well, and
/// a value that both write at once is some mixture of both:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU8, Ordering};
/// use dlpack_pyo3::dlpack::{DataType, Device, Exporter, OpaqueTensor};
/// use dlpack_pyo3::{Export, PyTensor, to_py_err};
/// use pyo3::prelude::*;
///
/// /// Levels that Rust updates, and that Python sees as they change.
/// #[pyclass(frozen)]
/// struct Levels(Arc<[AtomicU8]>);
///
/// #[pymethods]
/// impl Levels {
///     fn set(&self, level: u8) {
///         self.0.iter().for_each(|cell| cell.store(level, Ordering::Relaxed));
///     }
/// }
///
/// impl Export for Levels {
///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
///         let owner = Arc::clone(&slf.get().0);
///         let (start, nbytes) = (owner.as_ptr().cast_mut().cast(), owner.len());
///         // SAFETY: the owner keeps so many bytes in place. Atomics may be written while they are shared, and nobody in Rust
///         // reads or writes these in another way.
///         let levels = unsafe { Exporter::from_raw_parts(owner, start, nbytes, Device::CPU) };
///         levels.dtype(DataType::U8).into_opaque().map_err(to_py_err)
///     }
/// }
///
/// dlpack_pyo3::export!(Levels);
///
/// Python::attach(|py| {
///     let levels = Bound::new(py, Levels((0..3).map(AtomicU8::new).collect()))?;
///     let tensor: PyTensor<u8> = levels.extract()?;
///     levels.get().set(9);
///     assert_eq!(tensor.to_vec(py)?, [9, 9, 9]);
///     PyResult::Ok(())
/// })?;
/// # PyResult::Ok(())
/// ```
///
/// # Read-only memory
///
/// A tensor is read-only if it is of a shared slice, as that of `Samples` in the first example, or if its exporter says so. NumPy
/// and pyarrow keep to that. PyTorch and Paddle ignore it: `torch.from_dlpack(samples)[0] = 1.0` writes the memory, without a warning. Under a shared slice
/// that breaks Rust's rules, and a file that is mapped read-only ends the process. Nothing that a producer says can prevent
/// it. Where such a write must not happen, export a copy, or memory that may be written. Consumers of the legacy ABI cannot
/// even know; what they get is decided by [`read_only_as_legacy`](Self::read_only_as_legacy).
///
/// # Memory of a device
///
/// A class with memory of a device also names the device, and lets the device's runtime synchronize streams and copy. Here
/// `gpu` stands for a runtime:
///
/// ```
/// # mod gpu {
/// #     use std::sync::Mutex;
/// #     pub struct Block(pub Vec<f32>);
/// #     impl Block {
/// #         pub fn address(&self) -> *mut core::ffi::c_void { self.0.as_ptr().cast_mut().cast() }
/// #         pub fn download(&self) -> Vec<f32> { self.0.clone() }
/// #     }
/// #     pub static WAITED: Mutex<Vec<usize>> = Mutex::new(Vec::new());
/// #     pub fn let_wait(stream: *mut core::ffi::c_void) { WAITED.lock().unwrap().push(stream.addr()); }
/// # }
/// use std::sync::Arc;
/// use dlpack_pyo3::dlpack::negotiate::Stream;
/// use dlpack_pyo3::dlpack::{
///     DataType, Device, Error, Exporter, ManagedTensorVersioned, OpaqueTensor,
/// };
/// use dlpack_pyo3::{Export, to_py_err};
/// use pyo3::prelude::*;
///
/// #[pyclass(frozen)]
/// struct Weights {
///     block: Arc<gpu::Block>,
///     count: usize,
/// }
///
/// impl Export for Weights {
///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
///         let Self { block, count } = slf.get();
///         let (owner, start) = (Arc::clone(block), block.address());
///         // SAFETY: the block has so many bytes on that device, until its last owner is dropped.
///         let weights = unsafe { Exporter::from_raw_parts(owner, start, 4 * count, Device::cuda(0)) };
///         weights.dtype(DataType::F32).into_opaque().map_err(to_py_err)
///     }
///
///     fn device(_: &Bound<'_, Self>) -> Device {
///         Device::cuda(0)
///     }
///
///     fn synchronize(_: &Bound<'_, Self>, stream: Stream) -> PyResult<()> {
///         // Makes `stream` wait for the work on this class's own stream.
///         gpu::let_wait(stream.as_ptr());
///         Ok(())
///     }
///
///     fn copy_to(
///         slf: &Bound<'_, Self>,
///         device: Device,
///         _: Stream,
///     ) -> PyResult<ManagedTensorVersioned> {
///         if device != Device::CPU {
///             return Err(to_py_err(Error::CopyUnsupported { device }));
///         }
///         let copy = Exporter::new(slf.get().block.download()).copied().build();
///         Ok(copy.map_err(to_py_err)?.into_inner())
///     }
/// }
///
/// dlpack_pyo3::export!(Weights);
/// # Python::attach(|py| {
/// #     use dlpack_pyo3::{Import, PyTensor};
/// #     let block = Arc::new(gpu::Block(vec![1.0, 2.0]));
/// #     let weights = Bound::new(py, Weights { block, count: 2 })?;
/// #     let copy: PyTensor<f32> = Import::new().device(Device::CPU).of(&weights)?;
/// #     assert_eq!(copy.to_vec(py)?, [1.0, 2.0]);
/// #     let keywords = [("stream", 7)].into_py_dict(py)?;
/// #     weights.call_method("__dlpack__", (), Some(&keywords))?;
/// #     assert_eq!(gpu::WAITED.lock().unwrap().last(), Some(&7));
/// #     PyResult::Ok(())
/// # })?;
/// # use pyo3::types::IntoPyDict;
/// # PyResult::Ok(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a class that exports tensors",
    note = "implement `Export` for the `#[pyclass]`, and call `dlpack_pyo3::export!({Self})`",
    note = "a function that makes a tensor needs no class: it returns a `Tensor`"
)]
pub trait Export: PyClass {
    /// `true` if PyO3 is told that the thread is attached before C calls one of the methods below.
    ///
    /// The thread is always attached. But PyO3 keeps a count of its own, and if that is zero, it defers the drop of a
    /// [`Py`](pyo3::Py) until it next attaches. Methods that neither drop nor clone a `Py` do not depend on the count, and
    /// `false` saves their callers about 15 nanoseconds.
    const NEEDS_PYO3: bool = true;

    /// `true` if a consumer that uses the tensor only during a call may [borrow](Self::lend) it.
    const LENDS: bool = false;

    /// Borrows the tensor that lies in the object, if the class [lends](Self::LENDS).
    ///
    /// This costs next to nothing. A borrowed tensor has no flags, so read-only and padded tensors are refused with a
    /// `BufferError`, and the consumer calls [`tensor`](Self::tensor) instead.
    ///
    /// # Errors
    ///
    /// Any exception; by default, a `BufferError`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack_pyo3::dlpack::{Exporter, ManagedTensorVersioned, OpaqueTensor};
    /// # use dlpack_pyo3::{Export, to_py_err};
    /// # use pyo3::prelude::*;
    /// use std::sync::Arc;
    ///
    /// #[pyclass(frozen)]
    /// struct Weights(Arc<ManagedTensorVersioned>);
    ///
    /// impl Export for Weights {
    ///     const NEEDS_PYO3: bool = false;
    ///     const LENDS: bool = true;
    ///
    ///     fn lend<'a>(slf: &'a Bound<'_, Self>) -> PyResult<&'a ManagedTensorVersioned> {
    ///         Ok(&slf.get().0)
    ///     }
    ///
    ///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
    ///         slf.get().0.share_opaque().map_err(to_py_err)
    ///     }
    /// }
    ///
    /// dlpack_pyo3::export!(Weights);
    /// # Python::attach(|py| {
    /// #     let tensor = Exporter::new(vec![1.0_f32, 2.0]).build().map_err(to_py_err)?.into_inner();
    /// #     let weights = Bound::new(py, Weights(Arc::new(tensor)))?;
    /// #     let table = weights.get_type().getattr("__dlpack_c_exchange_api__")?;
    /// #     assert!(table.repr()?.to_string().contains("dlpack_exchange_api"));
    /// #     PyResult::Ok(())
    /// # })?;
    /// # PyResult::Ok(())
    /// ```
    fn lend<'a>(slf: &'a Bound<'_, Self>) -> PyResult<&'a ManagedTensorVersioned> {
        let _ = slf;
        Err(to_py_err(Error::MissingFunction { name: "lend" }))
    }

    /// Makes a tensor of the object's memory.
    ///
    /// Each call makes a new tensor, which keeps the memory alive, on the device that [`device`](Self::device) names. It is
    /// read-only if consumers must not write. In main memory, its elements have been written when this returns. An
    /// [`Exporter`](dlpack::Exporter) makes one with [`into_opaque`](dlpack::Exporter::into_opaque), and any tensor becomes one
    /// with [`into_opaque`](dlpack::Managed::into_opaque).
    ///
    /// # Errors
    ///
    /// Any exception. Python expects a `BufferError` for memory that cannot be exported; [`to_py_err`](crate::to_py_err)
    /// makes one of an [`Error`].
    fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor>;

    /// Returns the device of the memory; by default, the CPU. A class whose [`tensor`](Self::tensor) is on another device names
    /// that one here, or consumers of its objects get a `BufferError` that says so.
    fn device(slf: &Bound<'_, Self>) -> Device {
        let _ = slf;
        Device::CPU
    }

    /// Copies the elements into new memory on a device, the object's own or another.
    ///
    /// By default, this copies from main memory to main memory, and makes a row-major tensor. Memory of a device is not copied,
    /// even if the host can access it, since only the device's runtime can wait for the work on it. A class with memory of a
    /// device copies at least to main memory and to the device itself, since consumers may rely on both.
    ///
    /// The tensor has the flag `IS_COPIED`, is writable, and its sub-byte elements are packed. A copy in main memory that another library has
    /// made, and that was imported, has lost the flag; see [`PyTensor::into_managed`](crate::PyTensor::into_managed). A copy to a device with streams
    /// is finished when work runs that is enqueued on `stream` after this call. A copy to memory that the
    /// [host can access](Device::is_host_accessible) is finished when this returns.
    ///
    /// # Errors
    ///
    /// A `BufferError` if the class cannot copy to this device, which [`Error::CopyUnsupported`] becomes; and any other
    /// exception.
    fn copy_to(
        slf: &Bound<'_, Self>,
        device: Device,
        stream: Stream,
    ) -> PyResult<ManagedTensorVersioned> {
        let _ = stream;
        copy::to_host(slf.py(), import(slf)?, device).map_err(to_py_err)
    }

    /// Makes later work on `stream` wait until the elements have been written.
    ///
    /// This is called for the tensor that [`tensor`](Self::tensor) returned, unless the consumer synchronizes by itself. It is
    /// not called if the [device](Self::device) is the CPU, whose memory is ready. The stream is one that the device can have,
    /// with the default stream of CUDA or ROCm in the place of none. Only the consumer knows whether it exists.
    ///
    /// By default, this does nothing for memory that the host can access, since the host has no work to wait for; and for
    /// devices other than those of CUDA and ROCm, if the consumer names no stream. For those, the protocol has no streams.
    ///
    /// # Errors
    ///
    /// By default, the `BufferError` of [`Error::StreamUnsupported`] for another device, since only its runtime can do this.
    fn synchronize(slf: &Bound<'_, Self>, stream: Stream) -> PyResult<()> {
        let device = Self::device(slf);
        if device.is_host_accessible() || needs_no_wait(device, stream) {
            Ok(())
        } else {
            Err(to_py_err(Error::StreamUnsupported { device }))
        }
    }

    /// Returns the stream on which consumers of the exchange table are to use tensors on the device.
    ///
    /// Each tensor that they get has been [synchronized](Self::synchronize) with this stream. By default, it is the default
    /// stream of the device. This is not called for the CPU.
    ///
    /// # Errors
    ///
    /// Any exception, for example for a device that the runtime does not know.
    fn current_stream(py: Python<'_>, device: Device) -> PyResult<Stream> {
        let _ = (py, device);
        Ok(Stream::NONE)
    }

    /// Waits until the host may read the elements, in memory of a device that it can access, and returns `true`; or `false` if the
    /// class cannot wait, which is the default.
    ///
    /// NumPy takes such memory, for example CUDA's pinned memory, and waits for no device. So `__array__` and
    /// [`to_framework_of`](crate::to_framework_of) call this for the tensor that [`tensor`](Self::tensor) has just returned. If it
    /// returns `false`, NumPy gets a copy that [`copy_to`](Self::copy_to) makes in main memory.
    ///
    /// # Errors
    ///
    /// Any exception.
    ///
    /// # Examples
    ///
    /// A frame that a camera's driver writes into pinned memory. Here `gpu` stands for a runtime:
    ///
    /// ```
    /// # mod gpu {
    /// #     pub struct Pinned(pub Vec<u8>);
    /// #     impl Pinned {
    /// #         pub fn address(&self) -> *mut core::ffi::c_void { self.0.as_ptr().cast_mut().cast() }
    /// #         pub fn wait(&self) {}
    /// #     }
    /// # }
    /// use std::sync::Arc;
    /// use dlpack_pyo3::dlpack::{DataType, Device, DeviceType, Exporter, OpaqueTensor};
    /// use dlpack_pyo3::{Export, to_py_err};
    /// use pyo3::prelude::*;
    ///
    /// const PINNED: Device = Device { device_type: DeviceType::CUDA_HOST, device_id: 0 };
    ///
    /// #[pyclass(frozen)]
    /// struct Frame(Arc<gpu::Pinned>);
    ///
    /// impl Export for Frame {
    ///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
    ///         let block = Arc::clone(&slf.get().0);
    ///         let (start, nbytes) = (block.address(), 4);
    ///         // SAFETY: the block has so many bytes, until its last owner is dropped.
    ///         let frame = unsafe { Exporter::from_raw_parts(block, start, nbytes, PINNED) };
    ///         frame.dtype(DataType::U8).into_opaque().map_err(to_py_err)
    ///     }
    ///
    ///     fn device(_: &Bound<'_, Self>) -> Device {
    ///         PINNED
    ///     }
    ///
    ///     fn wait_for_host(slf: &Bound<'_, Self>) -> PyResult<bool> {
    ///         let block = &slf.get().0;
    ///         // Other threads of Python run meanwhile.
    ///         slf.py().detach(|| block.wait());
    ///         Ok(true)
    ///     }
    /// }
    ///
    /// dlpack_pyo3::export!(Frame);
    /// # Python::attach(|py| {
    /// #     use dlpack_pyo3::PyTensor;
    /// #     let frame = Bound::new(py, Frame(Arc::new(gpu::Pinned(vec![1, 2, 3, 4]))))?;
    /// #     let device: (i32, i32) = frame.call_method0("__dlpack_device__")?.extract()?;
    /// #     assert_eq!(device, (3, 0));
    /// #     assert!(Frame::wait_for_host(&frame)?);
    /// #     assert_eq!(frame.extract::<PyTensor>()?.nbytes(), 4);
    /// #     PyResult::Ok(())
    /// # })?;
    /// # PyResult::Ok(())
    /// ```
    fn wait_for_host(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let _ = slf;
        Ok(false)
    }

    /// Returns what a consumer of the legacy ABI gets of read-only memory; by default, a copy.
    fn read_only_as_legacy(slf: &Bound<'_, Self>) -> ReadOnlyAsLegacy {
        let _ = slf;
        ReadOnlyAsLegacy::COPY
    }
}

/// Returns `true` if the consumer names no stream, and the protocol has none for the device.
pub(super) fn needs_no_wait(device: Device, stream: Stream) -> bool {
    stream == Stream::NONE && !has_streams(device.device_type)
}

/// Refuses a tensor on another device than the class says, where nobody has put its elements in order.
pub(super) fn check_device<T: Export>(slf: &Bound<'_, T>, found: Device) -> PyResult<()> {
    let said = T::device(slf);
    if said.canonical() == found.canonical() {
        return Ok(());
    }
    let text = "as `Export::device` of the class says, found one on";
    Err(PyBufferError::new_err(Text(format!("expected a tensor on device {said}, {text} {found}"))))
}

/// Makes a tensor of the object's memory, for use in Rust.
pub(super) fn import<T: Export>(slf: &Bound<'_, T>) -> PyResult<ManagedTensorVersioned> {
    // SAFETY: the class has just made the tensor, and `as_raw` lets nobody write its struct.
    unsafe { T::tensor(slf)?.into_managed() }.map_err(to_py_err)
}

/// Makes a stream wait for the work on a tensor of the object that is on a device. Refuses the tensor if the object has moved its memory to
/// another device meanwhile, since the class may have looked at that.
#[cold]
pub(super) fn synchronize<T: Export>(
    slf: &Bound<'_, T>,
    device: Device,
    stream: Stream,
) -> PyResult<()> {
    T::synchronize(slf, stream)?;
    check_device(slf, device)
}
