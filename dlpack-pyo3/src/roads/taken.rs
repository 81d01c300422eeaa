//! What has been taken, and who keeps it alive.

use core::ops::Deref;

use dlpack::{
    Access, Adopted, AnyManagedTensor, BorrowedTensor, Descriptor, Element, Error, Exporter,
    ManagedTensorVersioned, Tensor, TensorViewMut, Version,
};

#[cfg(any(not(Py_LIMITED_API), Py_3_11))]
use crate::raw::Buffer;
use crate::raw::Reference;

/// A tensor that came in, until it is dropped.
#[derive(Debug)]
pub(crate) enum Taken {
    /// The producer's own struct, with a deleter.
    Managed(AnyManagedTensor),
    /// A description of an object's memory, and what keeps that in place.
    Lent(BorrowedTensor<'static>, Keeper),
}

/// What keeps memory of a Python object where it is. Any thread may drop it.
#[derive(Debug)]
pub(crate) enum Keeper {
    /// A reference to the object, as all of its exports hold one.
    Object(#[expect(dead_code, reason = "to be dropped")] Reference),
    /// A buffer that is not released.
    #[cfg(any(not(Py_LIMITED_API), Py_3_11))]
    Buffer(#[expect(dead_code, reason = "to be dropped")] Buffer),
}

impl Taken {
    /// # Safety
    ///
    /// As for [`Tensor::assume_writable`].
    pub(crate) unsafe fn assume_writable(self) -> Self {
        match self {
            // SAFETY: the caller's promise.
            Self::Managed(tensor) => Self::Managed(unsafe { tensor.assume_writable() }),
            // SAFETY: the caller's promise.
            Self::Lent(tensor, keeper) => Self::Lent(unsafe { tensor.assume_writable() }, keeper),
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
        match self {
            // SAFETY: the caller's promise.
            Self::Managed(tensor) => unsafe { tensor.view_mut() },
            // SAFETY: the caller's promise.
            Self::Lent(tensor, _) => unsafe { tensor.view_mut() },
        }
    }

    /// Checks that there are strides, if the version asks for them.
    pub(crate) fn check_strict(&self) -> Result<(), Error> {
        let Self::Managed(AnyManagedTensor::Versioned(tensor)) = self else { return Ok(()) };
        if tensor.ndim() == 0 || !tensor.version().is_some_and(Version::requires_strides) {
            return Ok(());
        }
        // SAFETY: a struct that lives as long as the tensor; a field of it, which is not followed.
        let strides = unsafe { (*tensor.as_raw()).dl_tensor.strides };
        if strides.is_null() { Err(Error::NullStrides { ndim: tensor.ndim() }) } else { Ok(()) }
    }

    /// Passes the tensor to a function, and drops it afterwards.
    ///
    /// # Errors
    ///
    /// As for an import, since a struct is looked at once more. The function is not called then.
    pub(crate) fn lend<R>(self, f: impl FnOnce(BorrowedTensor<'_>) -> R) -> Result<R, Error> {
        match self {
            Self::Lent(tensor, _keeper) => Ok(f(tensor)),
            Self::Managed(tensor) => tensor.to_borrowed().map(f),
        }
    }

    /// The same tensor in the current ABI, for others.
    pub(crate) fn into_versioned(self) -> Result<ManagedTensorVersioned, Error> {
        match self {
            Self::Managed(AnyManagedTensor::Versioned(tensor)) => Ok(tensor),
            Self::Managed(AnyManagedTensor::Legacy(tensor)) => {
                tensor.into_versioned().map_err(|rejected| rejected.error())
            }
            Self::Lent(tensor, keeper) => export(&tensor, keeper),
        }
    }
}

/// Makes a tensor with a deleter, which drops the keeper.
#[cold]
fn export(tensor: &Descriptor, keeper: Keeper) -> Result<ManagedTensorVersioned, Error> {
    let native = |numbers: &[i64]| -> Result<Vec<isize>, Error> {
        numbers.iter().map(|&n| isize::try_from(n).map_err(|_| Error::ExtentOverflow)).collect()
    };
    let (shape, strides) = (native(tensor.shape())?, native(tensor.strides())?);
    let shape: Vec<usize> = shape.into_iter().map(isize::unsigned_abs).collect();
    let extents = tensor.layout().byte_extents();
    let nbytes = extents.end.wrapping_sub(extents.start).unsigned_abs();
    // Main memory of one object, as its library describes it: without an offset.
    let start = tensor.data().wrapping_byte_offset(extents.start);
    let first = tensor.layout().extents().start().unsigned_abs();
    // SAFETY: the bytes of the extents stay in place, and readable, as long as the keeper lives; whether they can be
    // written is said below.
    let memory = unsafe { Adopted::new(keeper, start, nbytes, tensor.device()) };
    let mut exporter = Exporter::new(memory).dtype(tensor.dtype()).shape(&shape);
    exporter = exporter.strides(&strides).offset(first);
    if tensor.access() != Access::Writable {
        exporter = exporter.read_only();
    }
    exporter.build().map_err(|rejected| rejected.error())
}

impl Deref for Taken {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        match self {
            Self::Managed(tensor) => tensor,
            Self::Lent(tensor, _) => tensor,
        }
    }
}

impl From<AnyManagedTensor> for Taken {
    #[inline]
    fn from(tensor: AnyManagedTensor) -> Self {
        Self::Managed(tensor)
    }
}
