//! A tensor that was imported, together with what keeps its memory alive.

use core::ffi::c_void;
use core::ops::Deref;

use dlpack::negotiate::Stream;
use dlpack::{
    Access, AnyManagedTensor, BorrowedTensor, DataType, Descriptor, Device, DeviceType, Element,
    Error, Exporter, ManagedTensorVersioned, TensorViewMut,
};

use super::Route;
use super::in_turn::{InTurn, fits};
#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
use crate::raw::Buffer;
use crate::raw::Reference;

/// A tensor that was imported, until it is dropped.
#[derive(Debug)]
pub(crate) enum HeldTensor {
    /// The producer's own struct, with a deleter.
    Managed(AnyManagedTensor),
    /// The description of an object's memory, and what keeps that memory in place.
    Lent(BorrowedTensor<'static>, KeepAlive),
}

/// A tensor and the route by which it was imported. Made where the tensor is, since each time a tensor is put into something
/// larger it may be moved.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) tensor: HeldTensor,
    pub(crate) route: Route,
    /// `true` if the producer has waited for the device, so that the host may read.
    pub(crate) is_ready_for_host: bool,
    /// `true` if the elements can be used on a stream of the device.
    pub(crate) is_ready: bool,
    /// The handle of that stream, or `DEFAULT`.
    ///
    /// # Invariants
    ///
    /// The handle of a [`Stream`], which somebody has named for the device of the tensor. A `Stream` itself would make the
    /// tensor larger than it may be.
    pub(crate) ready_on: usize,
}

/// No stream has this handle, since it stands for -1 in Python.
const DEFAULT: usize = usize::MAX;

impl Taken {
    #[inline(always)]
    pub(super) fn new(tensor: HeldTensor, route: Route) -> Self {
        let is_ready_for_host = tensor.device().device_type == DeviceType::CPU;
        Self { tensor, route, is_ready_for_host, is_ready: true, ready_on: DEFAULT }
    }

    /// Returns the stream on which the elements can be used, if that is known.
    pub(crate) fn ready_on(&self) -> Option<Stream> {
        // A capsule was made for a stream that nobody knows here.
        if self.route == Route::Capsule || !self.is_ready {
            return None;
        }
        Some(match self.ready_on {
            DEFAULT => Stream::NONE,
            // SAFETY: the invariant of `ready_on`.
            handle => unsafe { Stream::from_handle(handle) },
        })
    }

    /// Notes that the elements can be used on this stream.
    #[inline(always)]
    pub(crate) fn set_ready_on(&mut self, stream: Stream) {
        self.is_ready = !stream.is_no_sync();
        self.ready_on = stream.handle().unwrap_or(DEFAULT);
    }
}

/// Keeps memory of a Python object in place. Any thread may drop it.
#[derive(Debug)]
pub(crate) enum KeepAlive {
    /// References to an array of NumPy. There are two, since `ndarray.resize` takes a single one for that of its caller, and
    /// frees the memory.
    Array(#[expect(dead_code, reason = "held until it is dropped")] Reference<2>),
    /// A reference to a tuple of the view that holds the object's buffer, and the object.
    #[cfg(all(Py_LIMITED_API, not(Py_3_11)))]
    View(#[expect(dead_code, reason = "held until it is dropped")] Reference),
    /// A buffer that has not been released.
    #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
    Buffer(#[expect(dead_code, reason = "held until it is dropped")] Buffer),
}

impl HeldTensor {
    /// # Safety
    ///
    /// As for [`AnyManagedTensor::assume_writable`].
    pub(crate) unsafe fn assume_writable(self) -> Self {
        // SAFETY: the caller promises that every byte of the extents can be written.
        unsafe {
            match self {
                Self::Managed(tensor) => Self::Managed(tensor.assume_writable()),
                Self::Lent(tensor, keep) => Self::Lent(tensor.assume_writable(), keep),
            }
        }
    }

    /// # Safety
    ///
    /// As for [`AnyManagedTensor::assume_host_accessible`].
    pub(crate) unsafe fn assume_host_accessible(self) -> Self {
        match self {
            // SAFETY: the caller promises that the host can follow the address, and that the device is done.
            Self::Managed(tensor) => Self::Managed(unsafe { tensor.assume_host_accessible() }),
            // Main memory, which the host can access as it is.
            lent @ Self::Lent(..) => lent,
        }
    }

    /// # Safety
    ///
    /// As for [`AnyManagedTensor::view_mut`].
    #[inline]
    pub(crate) unsafe fn view_mut<T: Element>(&mut self) -> Result<TensorViewMut<'_, T>, Error> {
        // SAFETY: the caller promises initialised elements that nobody else accesses while the view lives.
        unsafe {
            match self {
                Self::Managed(tensor) => tensor.view_mut(),
                Self::Lent(tensor, _) => tensor.view_mut(),
            }
        }
    }

    /// Passes the tensor to a function, and drops it afterwards.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`]. The function is not called then.
    pub(crate) fn lend<R>(self, f: impl FnOnce(BorrowedTensor<'_>) -> R) -> Result<R, Error> {
        match self {
            Self::Managed(tensor) => tensor.to_borrowed().map(f),
            Self::Lent(tensor, _keep) => Ok(f(tensor)),
        }
    }

    /// Makes it an owned tensor of the current ABI.
    pub(crate) fn into_versioned(self) -> Result<ManagedTensorVersioned, Error> {
        match self {
            Self::Managed(tensor) if fits(&tensor) => {
                let memory = Memory::of(&tensor)?;
                // SAFETY: clause S5 of the import contract, until the deleter runs, which the owner calls.
                unsafe { memory.export(InTurn::new(tensor)) }
            }
            Self::Managed(tensor) => Ok(tensor.into_versioned()?),
            Self::Lent(tensor, keep) => {
                let memory = Memory::of(&tensor)?;
                // SAFETY: what is lent stays in place as long as `keep` lives, by the making of this variant.
                unsafe { memory.export(keep) }
            }
        }
    }
}

/// The memory of a tensor, copied out of its description.
struct Memory {
    start: *mut c_void,
    nbytes: usize,
    /// The number of elements from the start to the first one.
    first: usize,
    device: Device,
    dtype: DataType,
    shape: Vec<usize>,
    strides: Vec<isize>,
    is_writable: bool,
}

impl Memory {
    /// Whoever calls this has seen to it that there is no byte offset, and that the elements are of whole bytes.
    #[cold]
    fn of(tensor: &Descriptor) -> Result<Self, Error> {
        if tensor.data().is_null() && !tensor.is_empty() {
            return Err(Error::NullData);
        }
        let shape: Result<_, _> = tensor.shape().iter().map(|&n| n.try_into()).collect();
        let strides: Result<_, _> = tensor.strides().iter().map(|&n| n.try_into()).collect();
        let (Ok(shape), Ok(strides)) = (shape, strides) else { return Err(Error::ExtentOverflow) };
        let layout = tensor.layout();
        let bytes = layout.byte_extents();
        Ok(Self {
            start: tensor.data().wrapping_byte_offset(bytes.start),
            nbytes: bytes.end.wrapping_sub(bytes.start).unsigned_abs(),
            first: layout.extents().start().unsigned_abs(),
            device: tensor.device(),
            dtype: tensor.dtype(),
            shape,
            strides,
            is_writable: tensor.access() == Access::Writable,
        })
    }

    /// Makes an owned tensor, whose deleter drops the owner.
    ///
    /// # Safety
    ///
    /// The memory of the tensor that was described stays in place until the owner is dropped, on whatever thread, with the rights
    /// that the tensor had.
    #[cold]
    unsafe fn export(self, owner: impl Send + 'static) -> Result<ManagedTensorVersioned, Error> {
        // SAFETY: the bytes of the extents stay in place and readable until the owner is dropped, as the caller promises, and the
        // tensor is read-only unless they can be written.
        let exporter =
            unsafe { Exporter::from_raw_parts(owner, self.start, self.nbytes, self.device) };
        let exporter = exporter.dtype(self.dtype).shape(&self.shape).strides(&self.strides);
        let exporter = exporter.offset(self.first);
        Ok(if self.is_writable { exporter } else { exporter.read_only() }.build()?)
    }
}

impl From<ManagedTensorVersioned> for HeldTensor {
    fn from(tensor: ManagedTensorVersioned) -> Self {
        Self::Managed(AnyManagedTensor::Versioned(tensor))
    }
}

impl Deref for HeldTensor {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        match self {
            Self::Managed(tensor) => tensor,
            Self::Lent(tensor, _) => tensor,
        }
    }
}
