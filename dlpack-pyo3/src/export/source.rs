//! What a class has to say to be exported.

use dlpack::negotiate::Stream;
use dlpack::{Device, Error, ManagedTensorVersioned, Parcel};
use pyo3::{Bound, PyClass, PyResult, Python};

use super::copy;
use super::legacy::ReadOnlyAsLegacy;
use crate::import::to_py_err;

/// A class whose objects can be imported by any library that speaks DLPack.
///
/// Implement it, and call [`export!`](crate::export!) with the class: that gives it the methods of the protocol. Only
/// [`tensor`](Self::tensor) must be written; a class in main memory needs no more.
///
/// All methods are called on a thread that is attached to the interpreter. The exception of a method that fails goes to the
/// consumer as it is.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use dlpack_pyo3::dlpack::{Exporter, Parcel};
/// use dlpack_pyo3::{Export, PyTensor, to_py_err};
/// use pyo3::prelude::*;
///
/// /// Samples that Python may see and not change.
/// #[pyclass(frozen)]
/// struct Samples(Arc<[f32]>);
///
/// impl Export for Samples {
///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<Parcel> {
///         Exporter::new(Arc::clone(&slf.get().0)).into_parcel().map_err(to_py_err)
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
/// A consumer reads, or even writes, the memory long after the call, on any thread, while Python goes on calling the
/// object's methods. So memory that goes out must neither move nor be written by Rust as long as a tensor lives:
///
/// - what is in an [`Arc`](std::sync::Arc), as above, is safe: a method that changes it uses
///   [`Arc::make_mut`](std::sync::Arc::make_mut), which makes a copy while others look at it;
/// - elements inside an object of a frozen class go out with [`Inside`](crate::Inside);
/// - anything else goes out by way of [`Adopted::new`](dlpack::Adopted::new), which is `unsafe`.
///
/// # Memory of a device
///
/// Its class also says where the memory is, and leaves to the device's runtime what only that can do: putting streams in
/// order, and copying. Here `gpu` stands for a runtime:
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
///     Adopted, DataType, Device, Error, Exporter, ManagedTensorVersioned, Parcel,
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
///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<Parcel> {
///         let Self { block, count } = slf.get();
///         let (owner, start) = (Arc::clone(block), block.address());
///         // SAFETY: the block has so many bytes of that device, until its last owner is dropped.
///         let memory = unsafe { Adopted::new(owner, start, 4 * count, Device::cuda(0)) };
///         Exporter::new(memory).dtype(DataType::F32).into_parcel().map_err(to_py_err)
///     }
///
///     fn device(_: &Bound<'_, Self>) -> Device {
///         Device::cuda(0)
///     }
///
///     fn synchronize(_: &Bound<'_, Self>, stream: Stream) -> PyResult<()> {
///         // `stream` waits for what the stream of this class has been given to do.
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
///         let copy = Exporter::new(slf.get().block.download()).is_copied().build();
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
pub trait Export: PyClass {
    /// Whether PyO3 is told that the thread is attached, before C calls one of the methods below.
    ///
    /// The thread is attached in any case. But PyO3 goes by a count of its own, and a [`Py`](pyo3::Py) that is dropped where
    /// that says nothing is let go of later, when PyO3 next attaches. Methods that neither drop a `Py` nor clone one do
    /// not notice, and those who call them save some 15 nanoseconds with `false`.
    const NEEDS_PYO3: bool = true;

    /// How the object's tensor is lent, if it lies in the object; by default, it is not.
    ///
    /// Consumers that are done with a tensor before they return can be lent one, which costs next to nothing. It has no
    /// flags, so that read-only and padded tensors are not lent.
    ///
    /// ```
    /// # use dlpack_pyo3::dlpack::{Exporter, ManagedTensorVersioned, Parcel};
    /// # use dlpack_pyo3::{Export, Lend, to_py_err};
    /// # use pyo3::prelude::*;
    /// use std::sync::Arc;
    ///
    /// #[pyclass(frozen)]
    /// struct Weights(Arc<ManagedTensorVersioned>);
    ///
    /// impl Export for Weights {
    ///     const NEEDS_PYO3: bool = false;
    ///     const LEND: Option<Lend<Self>> = Some(|slf| &slf.get().0);
    ///
    ///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<Parcel> {
    ///         slf.get().0.share_parcel().map_err(to_py_err)
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
    const LEND: Option<Lend<Self>> = None;

    /// Makes a tensor of the object's memory, which it keeps alive.
    ///
    /// A fresh one for each call, on the device that [`device`](Self::device) names. Read-only if consumers must not
    /// write. Its elements are initialised. An [`Exporter`](dlpack::Exporter) makes one with
    /// [`into_parcel`](dlpack::Exporter::into_parcel), and any tensor becomes one with
    /// [`into_parcel`](ManagedTensorVersioned::into_parcel).
    ///
    /// # Errors
    ///
    /// Whatever keeps it from that. Python expects a `BufferError` for what cannot be exported;
    /// [`to_py_err`](crate::to_py_err) makes one of an [`Error`].
    fn tensor(slf: &Bound<'_, Self>) -> PyResult<Parcel>;

    /// Where the memory is; by default, main memory.
    fn device(slf: &Bound<'_, Self>) -> Device {
        let _ = slf;
        Device::CPU
    }

    /// Copies the elements into new memory on a device, the object's own or another.
    ///
    /// By default, to main memory if the host can read the elements, into a row-major tensor. A producer on a device copies
    /// at least to main memory and to the device itself, since consumers may rely on both.
    ///
    /// The tensor has the flag `IS_COPIED`, is writable, and sub-byte elements in it are packed. A copy to a device with
    /// streams is done when `stream` gets to work that is enqueued after this call. A copy to memory that the
    /// [host can access](Device::is_host_accessible) is done when this returns.
    ///
    /// # Errors
    ///
    /// A `BufferError` if there is no way to copy to this device, as [`Error::CopyUnsupported`] becomes; and whatever else
    /// keeps it from that.
    fn copy_to(
        slf: &Bound<'_, Self>,
        device: Device,
        stream: Stream,
    ) -> PyResult<ManagedTensorVersioned> {
        let _ = stream;
        // SAFETY: just made by the class; a parcel's shape and strides hold, and nobody may write them.
        let tensor = unsafe { Self::tensor(slf)?.into_tensor() };
        tensor.and_then(|tensor| copy::to_host(slf.py(), tensor, device)).map_err(to_py_err)
    }

    /// Sees to it that work that is enqueued on `stream` from now on finds the elements written.
    ///
    /// Called for what [`tensor`](Self::tensor) gave, unless the consumer sees to the order itself. The stream is one that the
    /// device can have, with the default stream of CUDA or ROCm in the place of none; that it exists is the consumer's word.
    ///
    /// By default, does nothing for memory that the host can access, since the host is not behind.
    ///
    /// # Errors
    ///
    /// By default, the `BufferError` of [`Error::StreamUnsupported`] on devices: only their runtime can do it.
    fn synchronize(slf: &Bound<'_, Self>, stream: Stream) -> PyResult<()> {
        let (_, device) = (stream, Self::device(slf));
        if device.is_host_accessible() {
            Ok(())
        } else {
            Err(to_py_err(Error::StreamUnsupported { device }))
        }
    }

    /// The stream on which work on the object's device is queued, for consumers of the exchange table, who go on there.
    ///
    /// Each tensor that they get has been [put in order](Self::synchronize) with this stream. By default, the default stream
    /// of the device. Not called for CPUs.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from that, such as a device that the runtime does not know.
    fn current_stream(py: Python<'_>, device: Device) -> PyResult<Stream> {
        let _ = (py, device);
        Ok(Stream::NONE)
    }

    /// What a consumer of the legacy ABI gets of read-only memory; by default, a copy.
    fn read_only_as_legacy(slf: &Bound<'_, Self>) -> ReadOnlyAsLegacy {
        let _ = slf;
        ReadOnlyAsLegacy::COPY
    }
}

/// A function that borrows the tensor that lies in an object of a class; see [`Export::LEND`].
pub type Lend<T> = for<'a, 'py> fn(&'a Bound<'py, T>) -> &'a ManagedTensorVersioned;
