//! A tensor that was imported, together with what keeps its memory alive.

use core::ops::Deref;

use dlpack::negotiate::Stream;
use dlpack::{
    Access, AnyManagedTensor, BorrowedTensor, Descriptor, DeviceType, Element, Error, Exporter,
    ManagedTensorVersioned, TensorViewMut,
};

use super::Route;
use super::in_turn::in_turn;
use crate::protocol::NamedStream;
#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
use crate::raw::Buffer;
use crate::raw::{Reference, Undisturbed};

/// A tensor that was imported, until it is dropped.
#[derive(Debug)]
pub(crate) enum HeldTensor {
    /// The producer's own struct, with a deleter.
    Managed(Undisturbed<AnyManagedTensor>),
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
    /// `true` if nobody else has the memory of a tensor that is marked as a copy, which has been written.
    ///
    /// # Invariants
    ///
    /// Set only if it was NumPy that was asked for a copy, of an array of its own class.
    pub(crate) is_alone: bool,
    /// The handle of that stream, or `DEFAULT`.
    ///
    /// # Invariants
    ///
    /// The handle of a [`Stream`], which somebody has named for the device of the tensor. A `Stream` itself would make the
    /// tensor larger than it may be.
    pub(crate) ready_on: usize,
    /// The thread that has named the stream, unless that is `DEFAULT`.
    pub(crate) named_by: u32,
}

/// No stream has this handle, since it stands for -1 in Python.
const DEFAULT: usize = usize::MAX;

impl Taken {
    #[inline(always)]
    pub(super) fn new(tensor: HeldTensor, route: Route) -> Self {
        let is_ready_for_host = tensor.device().device_type == DeviceType::CPU;
        Self {
            tensor,
            route,
            is_ready_for_host,
            is_ready: true,
            is_alone: false,
            ready_on: DEFAULT,
            named_by: 0,
        }
    }

    /// Returns the stream on which the elements can be used, if that is known.
    pub(crate) fn ready_on(&self) -> Option<NamedStream> {
        // A capsule was made for a stream that nobody knows here.
        if self.route == Route::Capsule || !self.is_ready {
            return None;
        }
        let stream = match self.ready_on {
            DEFAULT => Stream::NONE,
            // SAFETY: the invariant of `ready_on`.
            handle => unsafe { Stream::from_handle(handle) },
        };
        Some(NamedStream { stream, thread: self.named_by })
    }

    /// Notes that the elements can be used on this stream, which this thread names.
    #[inline(always)]
    pub(crate) fn set_ready_on(&mut self, stream: Stream) {
        self.is_ready = !stream.is_no_sync();
        match stream.handle() {
            None => self.ready_on = DEFAULT,
            Some(handle) => self.set_named(handle, NamedStream::by_this_thread(stream)),
        }
    }

    #[cold]
    fn set_named(&mut self, handle: usize, named: NamedStream) {
        (self.ready_on, self.named_by) = (handle, named.thread);
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
                Self::Managed(tensor) => tensor.into_inner().assume_writable().into(),
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
            Self::Managed(tensor) => unsafe { tensor.into_inner().assume_host_accessible() }.into(),
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
    ///
    /// # Safety
    ///
    /// If `host` is set, the host can access the memory, as for [`AnyManagedTensor::assume_host_accessible`]. If `alone` is set, nobody else
    /// has the memory of a tensor that is marked as a copy, which has been written.
    pub(crate) unsafe fn into_versioned(
        self,
        host: bool,
        alone: bool,
    ) -> Result<ManagedTensorVersioned, Error> {
        match self {
            // SAFETY: as the caller promises.
            Self::Managed(tensor) => unsafe { in_turn(tensor.into_inner(), host, alone) },
            Self::Lent(tensor, keep) => export(&tensor, keep),
        }
    }
}

/// Makes an owned tensor of lent memory, whose deleter drops `keep`.
#[cold]
fn export(tensor: &Descriptor, keep: KeepAlive) -> Result<ManagedTensorVersioned, Error> {
    if tensor.data().is_null() && !tensor.is_empty() {
        return Err(Error::NullData);
    }
    let shape: Result<Vec<usize>, _> = tensor.shape().iter().map(|&n| n.try_into()).collect();
    let strides: Result<Vec<isize>, _> = tensor.strides().iter().map(|&n| n.try_into()).collect();
    let (Ok(shape), Ok(strides)) = (shape, strides) else { return Err(Error::ExtentOverflow) };
    let layout = tensor.layout();
    let (bytes, first) = (layout.byte_extents(), layout.extents().start().unsigned_abs());
    // What is lent has no offset.
    let start = tensor.data().wrapping_byte_offset(bytes.start);
    let nbytes = bytes.end.wrapping_sub(bytes.start).unsigned_abs();
    // SAFETY: the bytes of the extents stay in place and readable as long as `keep` lives, and the tensor is read-only unless
    // they can be written.
    let exporter = unsafe { Exporter::from_raw_parts(keep, start, nbytes, tensor.device()) };
    let exporter = exporter.dtype(tensor.dtype()).shape(&shape).strides(&strides).offset(first);
    let is_writable = tensor.access() == Access::Writable;
    Ok(if is_writable { exporter } else { exporter.read_only() }.build()?)
}

impl From<AnyManagedTensor> for HeldTensor {
    #[inline]
    fn from(tensor: AnyManagedTensor) -> Self {
        Self::Managed(Undisturbed::new(tensor))
    }
}

impl From<ManagedTensorVersioned> for HeldTensor {
    #[inline]
    fn from(tensor: ManagedTensorVersioned) -> Self {
        AnyManagedTensor::Versioned(tensor).into()
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
