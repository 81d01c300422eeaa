//! The class `Tensor`, and its answers to consumers.

use core::cell::Cell;
use std::sync::Arc;

use dlpack_pyo3::dlpack::layout::Layout;
use dlpack_pyo3::dlpack::negotiate::{CopyPolicy, Producer, Stream};
use dlpack_pyo3::dlpack::{
    Access, DataType, Descriptor, Device, DeviceType, Error, Exporter, ManagedTensorVersioned,
    OpaqueTensor,
};
use dlpack_pyo3::{Export, Import, PyOwner, PyTensor, to_py_err};
use pyo3::prelude::*;

use crate::errors::{BufferError, RecursionError, ValueError, raise};
use crate::kept::{InObject, Kept};
use crate::memory::native;
use crate::source::cuda;

/// A tensor that every library with DLPack support can import, any number of times.
///
/// `asdlpack`, `from_dlpack` and `from_pointer` make tensors. All libraries that import one, and all views of it, share its
/// memory, and keep what it came from alive.
///
/// >>> import dlpack
/// >>> t = dlpack.asdlpack(bytearray(b"abcdef")).view("uint16")
/// >>> t.shape, t.dtype_name, t.device, t.readonly
/// ((3,), 'uint16', 'cpu', False)
/// >>> memoryview(t[1:]).tolist() == t.tolist()[1:]
/// True
///
/// With NumPy, `numpy.from_dlpack(t)` and `numpy.asarray(t)` are arrays of this memory; with PyTorch, `torch.from_dlpack(t)`; and
/// so on. A tensor of one element is a number for `int`, `float`, `complex` and `bool`. Tensors are equal only if they are the
/// same object: compare `t.tolist()` or arrays of NumPy. There is no attribute `dtype`, since libraries take one for NumPy's:
/// `dtype_name` is the name, such as 'float32'.
#[pyclass(frozen, weakref, module = "dlpack")]
pub(crate) struct Tensor {
    pub(crate) tensor: InObject,
    /// The tensor that has the memory, if this is a part of one. A part of a part has the same, so that parts form no chain.
    pub(crate) whole: Option<InObject>,
    pub(crate) origin: Origin,
    /// What `dlpack.adapt` has changed, in words.
    pub(crate) adapted: Adapted,
}

/// The changes that `dlpack.adapt` made, which all views of the tensor show.
pub(crate) type Adapted = Option<Arc<[String]>>;

/// Who can say when the elements are written.
#[derive(Clone)]
pub(crate) enum Origin {
    /// They are written.
    Ready,
    /// They are written when later work on this stream of the device runs, which is the same for all threads.
    On(Stream),
    /// This object, which exports the memory of a device, is asked again whenever somebody imports the tensor.
    Producer {
        object: Arc<PyOwner>,
        /// `true` if its tensor is this one and not a part of it.
        is_whole: bool,
    },
}

impl Origin {
    /// Elements that are written when later work on this stream runs, as this thread names it.
    ///
    /// This thread waits for one that another thread could not name.
    pub(crate) fn on(py: Python<'_>, device: Device, stream: Stream) -> PyResult<Self> {
        if stream.is_no_sync() {
            let text =
                "expected the stream on which the elements are written, found -1, which is none";
            return Err(ValueError::new_err(text));
        }
        if !cuda::is_of_this_thread(device, stream) {
            return Ok(Self::On(stream));
        }
        py.detach(|| cuda::wait_for_own(device, stream)).map_err(to_py_err)?;
        Ok(Self::Ready)
    }
}

impl Tensor {
    /// Makes an object of a tensor whose elements are written.
    pub(crate) fn ready(tensor: ManagedTensorVersioned) -> Self {
        Self::new(tensor, Origin::Ready)
    }

    /// Makes an object of a tensor that is not a part of another one.
    pub(crate) fn new(tensor: impl Into<InObject>, origin: Origin) -> Self {
        Self { tensor: tensor.into(), whole: None, origin, adapted: None }
    }

    /// Returns `true` if the host may read the elements now.
    pub(crate) fn is_on_the_host(&self) -> bool {
        self.tensor.device().canonical() == Device::CPU
    }

    /// Makes a tensor of some of the elements, or of the same bytes as other elements.
    ///
    /// `first` is where its first element is, in bytes from the first element of this tensor.
    ///
    /// # Errors
    ///
    /// `BufferError` for elements that are not among those of this tensor.
    pub(crate) fn part(&self, part: &Part<'_>) -> PyResult<Self> {
        // SAFETY: nothing is claimed.
        unsafe { self.part_as(part, Claim::Nothing) }
    }

    /// As [`part`](Self::part), with a claim about the elements that the tensor itself does not make.
    ///
    /// # Errors
    ///
    /// As for [`part`](Self::part).
    ///
    /// # Safety
    ///
    /// The claim is true until the result and all that share its memory are dropped.
    pub(crate) unsafe fn part_as(&self, part: &Part<'_>, claim: Claim) -> PyResult<Self> {
        let &Part { dtype, shape, strides, first, is_read_only } = part;
        let parent = &self.tensor;
        let padded = parent.flags().is_padded();
        if first != 0 && dtype.is_sub_byte() && !padded {
            return Err(raise(Error::NotWholeBytes { found: dtype }));
        }
        let layout = Layout::new(shape, strides, dtype, padded).map_err(raise)?;
        let (own, all) = (layout.byte_extents(), parent.layout().byte_extents());
        let ends = (first.checked_add(own.start), first.checked_add(own.end));
        let (start, device) = match ends {
            _ if layout.numel() == 0 => (0, parent.device()),
            (Some(start), Some(end)) if start >= all.start && end <= all.end => {
                (start, parent.device())
            }
            _ => {
                let [start, end] = [own.start, own.end].map(|end| first.wrapping_add(end));
                return Err(raise(Error::OutOfBounds { available: parent.nbytes(), start, end }));
            }
        };
        let base =
            isize::try_from(parent.byte_offset()).map_err(|_| raise(Error::ExtentOverflow))?;
        let (size, padding) = (own.end.wrapping_sub(own.start), own.start.wrapping_neg());
        // On a device with handles, an offset stays beside the handle, in whole elements.
        let (data, nbytes, before) = if device.is_handle() {
            let offset = base.wrapping_add(start);
            (parent.data(), offset.wrapping_add(size), offset.wrapping_add(padding))
        } else {
            (parent.data().wrapping_byte_offset(base.wrapping_add(start)), size, padding)
        };
        let before = match dtype.itemsize() {
            Some(itemsize) if before.unsigned_abs() % itemsize == 0 => {
                before.unsigned_abs() / itemsize
            }
            _ if before == 0 => 0,
            _ => return Err(raise(Error::NotWholeBytes { found: dtype })),
        };
        let (shape, strides) = native(shape, strides).map_err(raise)?;
        let whole = Kept::clone(self.whole.as_ref().unwrap_or(parent));
        // SAFETY: the bytes lie within the extents of the parent, as was checked, and those of the parent in the tensor that it is a
        // part of. By the contract under which that one was made, they stay in place until it is dropped, and can be written if the
        // parent is known to be writable or the caller of this function says so.
        let exporter =
            unsafe { Exporter::from_raw_parts(whole.clone(), data, nbytes.unsigned_abs(), device) };
        let mut exporter = exporter.dtype(dtype).shape(&shape).strides(&strides).offset(before);
        let is_writable = parent.access() == Access::Writable || claim != Claim::Nothing;
        if is_read_only || !is_writable {
            exporter = exporter.read_only();
        }
        if claim == Claim::Copied {
            // SAFETY: nobody else uses these elements, as the caller claims.
            exporter = unsafe { exporter.copied() };
        }
        if padded {
            exporter = exporter.padded();
        }
        let tensor = InObject::from(exporter.build().map_err(raise)?);
        let origin = match &self.origin {
            Origin::Producer { object, .. } => {
                Origin::Producer { object: Arc::clone(object), is_whole: false }
            }
            origin => origin.clone(),
        };
        Ok(Self { tensor, whole: Some(whole.into()), origin, adapted: self.adapted.clone() })
    }

    /// Gives the flag `IS_COPIED` to what a producer answered when it was asked for a copy of `original`, if the flag is missing,
    /// as it is in the answers of PyTorch. Both are alive, and so it is no copy if they have a byte in common: the flag stays away.
    /// As of a part, the producer copies none of its elements.
    pub(crate) fn marked_as_copy_of(self, original: &Descriptor) -> PyResult<Self> {
        if self.tensor.flags().is_copied() || !are_apart(&self.tensor, original) {
            return Ok(self);
        }
        // SAFETY: by the standard nobody else uses the copy that a producer makes on request, and this is not the memory that was
        // to be copied.
        unsafe { self.marked() }
    }

    /// Gives the flag `IS_COPIED` to a copy that has lost it, or was made without it.
    ///
    /// # Safety
    ///
    /// The memory is a copy of which its producer has said so, or that it was asked for.
    pub(crate) unsafe fn marked(self) -> PyResult<Self> {
        let tensor = &self.tensor;
        let (dtype, shape, strides) = (tensor.dtype(), tensor.shape(), tensor.strides());
        let is_read_only = tensor.access() == Access::ReadOnly;
        let part = Part { dtype, shape, strides, first: 0, is_read_only };
        // SAFETY: as the caller promises. If its producer says that it cannot be written, it is not.
        unsafe { self.part_as(&part, Claim::Copied) }
    }

    /// Returns `true` if what the object that the tensor is of has answered has all elements of the tensor: it is the tensor of which this
    /// is a part, or has no gaps in which elements of this one may lie.
    fn lies_within(&self, answer: &Descriptor) -> bool {
        let own = &self.tensor;
        let is_between = || match (ends(answer), ends(own)) {
            (Some(all), Some(own)) => all.0 <= own.0 && own.1 <= all.1,
            _ => false,
        };
        let has_no_gaps =
            || answer.is_dense() || are_same(answer, self.whole.as_ref().unwrap_or(own));
        own.is_empty()
            || are_same(answer, own)
            || (!are_apart(answer, own) && is_between() && has_no_gaps())
    }

    /// Copies the elements to main memory, in row-major order. They are on the host.
    pub(crate) fn copy_on_the_host(&self, _: Python<'_>) -> Result<ManagedTensorVersioned, Error> {
        if self.tensor.flags().is_padded() && self.tensor.dtype().is_sub_byte() {
            // SAFETY: who exported the memory says that its elements are initialised, and this thread is attached to the
            // interpreter, so that no other Python code writes them meanwhile.
            let tensor = Arc::new(unsafe { self.tensor.share()?.assume_frozen() });
            return tensor.copy_to(Device::CPU, Stream::NONE);
        }
        // SAFETY: who exported the memory says that its elements are initialised. This thread is attached to the interpreter, so
        // that no other Python code writes them meanwhile: the promise on which PyO3's own buffers are read.
        Ok(unsafe { self.tensor.to_copy() }?.into_inner())
    }
}

/// What is known of the elements of a part, besides what its tensor says; see [`Tensor::part_as`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Nothing,
    /// They can be written, or nobody writes them although they look as if they could be.
    Writable,
    /// They are a copy that nobody else uses.
    Copied,
}

/// The description of a part of a tensor; see [`Tensor::part`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) dtype: DataType,
    pub(crate) shape: &'a [i64],
    /// In elements of `dtype`.
    pub(crate) strides: &'a [i64],
    /// In bytes.
    pub(crate) first: isize,
    pub(crate) is_read_only: bool,
}

impl Export for Tensor {
    // For main memory, no reference is cloned or dropped below; where memory of a device needs Python, PyO3 is told.
    const NEEDS_PYO3: bool = false;
    const LENDS: bool = true;

    #[inline]
    fn lend<'a>(slf: &'a Bound<'_, Self>) -> PyResult<&'a ManagedTensorVersioned> {
        Ok(&slf.get().tensor)
    }

    #[inline]
    fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
        slf.get().tensor.share_opaque().map_err(to_py_err)
    }

    #[inline]
    fn device(slf: &Bound<'_, Self>) -> Device {
        slf.get().tensor.device()
    }

    fn wait_for_host(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let own = &slf.get().tensor;
        match &slf.get().origin {
            Origin::Ready => Ok(true),
            Origin::On(ready) => {
                let (device, ready) = (own.device(), *ready);
                let waited = with_pyo3(slf, |py| py.detach(|| cuda::wait(device, ready)));
                waited.map(|()| true).map_err(to_py_err)
            }
            // By the standard, it waits when it is asked for the CPU.
            Origin::Producer { object, .. } => nested(slf, |py| {
                let answer: PyTensor = Import::new().device(Device::CPU).of(object.bind(py))?;
                Ok(slf.get().lies_within(&answer))
            }),
        }
    }

    fn copy_to(
        slf: &Bound<'_, Self>,
        device: Device,
        stream: Stream,
    ) -> PyResult<ManagedTensorVersioned> {
        let this = slf.get();
        match &this.origin {
            _ if this.is_on_the_host() && device == Device::CPU => {
                this.copy_on_the_host(slf.py()).map_err(to_py_err)
            }
            Origin::Producer { object, is_whole: true } => nested(slf, |py| {
                let own = &this.tensor;
                // Asked first, and kept until there is the copy: the object may have other memory by now. If there are no
                // elements, they can be no others, and an object that copies a tensor each time would ask that twice, and so on.
                let original: Option<PyTensor> = match own.is_empty() {
                    true => None,
                    false => Some(Import::new().of(object.bind(py))?),
                };
                if original.as_ref().is_some_and(|original| !are_same(own, original)) {
                    let text = "the object that the tensor is of has another tensor by now";
                    return Err(BufferError::new_err(text));
                }
                let import = Import::new().device(device).copy(CopyPolicy::ALWAYS);
                let answer: PyTensor = import.stream(stream).of(object.bind(py))?;
                let is_said = answer.flags().is_copied();
                let copy = answer.into_managed()?;
                if (own.shape(), own.dtype()) != (copy.shape(), copy.dtype()) {
                    let text = "the object that the tensor is of has copied another tensor";
                    return Err(BufferError::new_err(text));
                }
                if copy.flags().is_copied() {
                    return Ok(copy);
                }
                let is_on_device = copy.device().canonical() != Device::CPU;
                if is_said || is_on_device {
                    let copy = Self::ready(copy);
                    let marked = match is_said {
                        // SAFETY: its producer has said that it is a copy.
                        true => unsafe { copy.marked() }?,
                        false => copy.marked_as_copy_of(&this.tensor)?,
                    };
                    let refused = || to_py_err(Error::CopyUnsupported { device });
                    return marked.tensor.into_kept().into_inner().ok_or_else(refused);
                }
                // Some libraries do not say that theirs is a copy, and so nobody knows whether others write it.
                Self::ready(copy).copy_on_the_host(py).map_err(to_py_err)
            }),
            _ => Err(to_py_err(Error::CopyUnsupported { device })),
        }
    }

    fn synchronize(slf: &Bound<'_, Self>, stream: Stream) -> PyResult<()> {
        match &slf.get().origin {
            Origin::Ready => Ok(()),
            Origin::On(ready) => {
                let (device, ready) = (slf.get().tensor.device(), *ready);
                if ready == stream && !cuda::is_of_this_thread(device, stream) {
                    return Ok(());
                }
                // The work may include functions of Python, which another thread runs.
                let waited = with_pyo3(slf, |py| py.detach(|| cuda::wait(device, ready)));
                waited.map_err(to_py_err)
            }
            // It makes the stream wait for its own work, as for any consumer.
            Origin::Producer { object, .. } => nested(slf, |py| {
                let own = &slf.get().tensor;
                let answer: PyTensor = Import::new().stream(stream).of(object.bind(py))?;
                let is_of_other_memory = !slf.get().lies_within(&answer);
                drop(answer);
                // The work on a copy, or on what it had before, was in order for the stream of the import.
                let (device, ready) = (own.device(), default_stream(own.device().device_type));
                let is_the_same = ready == stream && !cuda::is_of_this_thread(device, stream);
                if !is_of_other_memory || is_the_same {
                    return Ok(());
                }
                py.detach(|| cuda::wait(device, ready)).map_err(to_py_err)
            }),
        }
    }
}

dlpack_pyo3::export!(Tensor);

/// Calls a function after telling PyO3 that the thread is attached, which PyO3 would not believe at the end of the interpreter.
fn with_pyo3<R>(_: &Bound<'_, Tensor>, f: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    // SAFETY: attaching succeeds, since the thread is attached, as the `Bound` proves.
    unsafe { Python::attach_unchecked(f) }
}

/// As [`with_pyo3`], for a function that asks a producer. That may be another tensor by the name of a class, which asks its own,
/// and so on, without a function of Python in between. The stack would end before CPython's own count does.
#[cold]
fn nested<R>(
    slf: &Bound<'_, Tensor>,
    ask: impl for<'py> FnOnce(Python<'py>) -> PyResult<R>,
) -> PyResult<R> {
    /// How many tensors ask within each other on a thread.
    const MOST: usize = 64;

    thread_local! {
        static ASKING: Cell<usize> = const { Cell::new(0) };
    }

    struct Level;

    impl Drop for Level {
        fn drop(&mut self) {
            ASKING.set(ASKING.get() - 1);
        }
    }

    if ASKING.get() == MOST {
        let text = "the object that the tensor is of asks another one, and so on, without an end";
        return Err(RecursionError::new_err(text));
    }
    ASKING.set(ASKING.get() + 1);
    let _level = Level;
    with_pyo3(slf, ask)
}

/// Returns `true` if two tensors that are both alive have no byte in common.
pub(crate) fn are_apart(one: &Descriptor, other: &Descriptor) -> bool {
    let is_elsewhere = one.device().canonical() != other.device().canonical();
    is_elsewhere
        || one.is_empty()
        || matches!((ends(one), ends(other)), (Some(a), Some(b)) if a.1 <= b.0 || b.1 <= a.0)
}

/// Returns the address of the first byte of a tensor, and that after the last, if they are known.
fn ends(tensor: &Descriptor) -> Option<(usize, usize)> {
    let start = tensor.start().ok()?.expose_provenance();
    let extents = tensor.layout().byte_extents();
    Some((start.checked_add_signed(extents.start)?, start.checked_add_signed(extents.end)?))
}

/// Returns `true` if two tensors have the same elements in the same places.
fn are_same(one: &Descriptor, other: &Descriptor) -> bool {
    let numbers = |tensor: &Descriptor| {
        let mut strides = tensor.strides().to_vec();
        Layout::normalize_strides(tensor.shape(), &mut strides);
        (tensor.device().canonical(), tensor.dtype(), strides)
    };
    // As in the parts of a tensor, an offset stays beside a handle, and nowhere else.
    let place = |tensor: &Descriptor| {
        let (data, offset) = (tensor.data(), tensor.byte_offset());
        match isize::try_from(offset) {
            Ok(folded) if !tensor.device().is_handle() => (data.wrapping_byte_offset(folded), 0),
            _ => (data, offset),
        }
    };
    place(one) == place(other) && one.shape() == other.shape() && numbers(one) == numbers(other)
}

/// Returns the stream on which memory is ready that came from a producer who was told none: the device's default stream.
pub(crate) fn default_stream(device: DeviceType) -> Stream {
    Stream::NONE.on(device)
}
