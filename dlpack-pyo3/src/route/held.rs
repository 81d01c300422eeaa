//! A tensor that was imported, together with what keeps its memory alive.

use core::ops::Deref;

use dlpack::{
    Access, Adopted, AnyManagedTensor, BorrowedTensor, Descriptor, Element, Error, Exporter,
    ManagedTensorVersioned, Tensor, TensorViewMut, sys,
};

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

/// Keeps memory of a Python object in place. Any thread may drop it.
#[derive(Debug)]
pub(crate) enum KeepAlive {
    /// A reference to the object.
    Object(#[expect(dead_code, reason = "held until it is dropped")] Reference),
    /// A buffer that has not been released.
    #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
    Buffer(#[expect(dead_code, reason = "held until it is dropped")] Buffer),
}

impl HeldTensor {
    /// # Safety
    ///
    /// As for [`Tensor::assume_writable`].
    pub(crate) unsafe fn assume_writable(self) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Self::Managed(tensor) => Self::Managed(tensor.assume_writable()),
                Self::Lent(tensor, keep) => Self::Lent(tensor.assume_writable(), keep),
            }
        }
    }

    /// # Safety
    ///
    /// As for [`Tensor::assume_host_accessible`].
    pub(crate) unsafe fn assume_host_accessible(self) -> Self {
        match self {
            // SAFETY: the caller's promise.
            Self::Managed(tensor) => Self::Managed(unsafe { tensor.assume_host_accessible() }),
            // Main memory, which the host can access as it is.
            lent @ Self::Lent(..) => lent,
        }
    }

    /// # Safety
    ///
    /// As for [`Tensor::view_mut`].
    #[inline]
    pub(crate) unsafe fn view_mut<T: Element>(&mut self) -> Result<TensorViewMut<'_, T>, Error> {
        // SAFETY: the caller's promise.
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
    /// As for an import, though the description was checked when it was made. The function is not called then.
    pub(crate) fn lend<R>(self, f: impl FnOnce(BorrowedTensor<'_>) -> R) -> Result<R, Error> {
        match self {
            Self::Lent(tensor, _keep) => Ok(f(tensor)),
            Self::Managed(tensor) => {
                let raw = dl_tensor(&tensor)?;
                // SAFETY: S4 holds, since shape and strides are those of the description. S5 and S6 hold until the tensor is
                // dropped, which is after the call.
                let borrowed = unsafe {
                    match &tensor {
                        AnyManagedTensor::Legacy(_) => BorrowedTensor::from_raw(&raw const raw),
                        AnyManagedTensor::Versioned(tensor) => {
                            BorrowedTensor::from_raw_with_flags(&raw const raw, tensor.flags())
                        }
                    }
                };
                borrowed.map(f)
            }
        }
    }

    /// Makes it an owned tensor of the current ABI.
    pub(crate) fn into_versioned(self) -> Result<ManagedTensorVersioned, Error> {
        match self {
            Self::Managed(AnyManagedTensor::Versioned(tensor)) => Ok(tensor),
            Self::Managed(AnyManagedTensor::Legacy(tensor)) => {
                tensor.into_versioned().map_err(|rejected| rejected.error())
            }
            Self::Lent(tensor, keep) => export(&tensor, keep),
        }
    }
}

/// Describes a tensor as C does, with the shape and strides of its description, which stay where the description is.
#[inline(always)]
pub(crate) fn dl_tensor(tensor: &Descriptor) -> Result<sys::DLTensor, Error> {
    let ndim = tensor.ndim();
    Ok(sys::DLTensor {
        data: tensor.data(),
        device: tensor.device().into(),
        ndim: i32::try_from(ndim).map_err(|_| Error::TooManyAxes { ndim, max: 64 })?,
        dtype: tensor.dtype().into(),
        shape: tensor.shape().as_ptr().cast_mut(),
        strides: tensor.strides().as_ptr().cast_mut(),
        byte_offset: tensor.byte_offset(),
    })
}

/// Makes an owned tensor of lent memory, whose deleter drops `keep`.
#[cold]
fn export(tensor: &Descriptor, keep: KeepAlive) -> Result<ManagedTensorVersioned, Error> {
    let native = |numbers: &[i64]| -> Result<Vec<isize>, Error> {
        numbers.iter().map(|&n| isize::try_from(n).map_err(|_| Error::ExtentOverflow)).collect()
    };
    let (shape, strides) = (native(tensor.shape())?, native(tensor.strides())?);
    let shape: Vec<usize> = shape.into_iter().map(isize::unsigned_abs).collect();
    let extents = tensor.layout().byte_extents();
    let nbytes = extents.end.wrapping_sub(extents.start).unsigned_abs();
    // What is lent has no offset.
    let start = tensor.data().wrapping_byte_offset(extents.start);
    let first = tensor.layout().extents().start().unsigned_abs();
    // SAFETY: the bytes of the extents stay in place and readable as long as `keep` lives; whether they can be written is
    // said below.
    let memory = unsafe { Adopted::new(keep, start, nbytes, tensor.device()) };
    let mut exporter = Exporter::new(memory).dtype(tensor.dtype()).shape(&shape);
    exporter = exporter.strides(&strides).offset(first);
    if tensor.access() != Access::Writable {
        exporter = exporter.read_only();
    }
    exporter.build().map_err(|rejected| rejected.error())
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
