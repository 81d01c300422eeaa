//! The elements of a tensor as a slice that owns the tensor.

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::Exclusive;
use crate::error::{Error, RejectedError};

/// A slice of a tensor's elements, for containers that own what they hold.
///
/// It dereferences to `[T]`, can be sent and shared, keeps the tensor alive, and gives it back with
/// [`into_inner`](Self::into_inner). `P` is the [`Frozen`](crate::Frozen) tensor of
/// [`Frozen::into_slice`](crate::Frozen::into_slice) and [`Frozen::into_bytes`](crate::Frozen::into_bytes), or the
/// [`Exclusive`] one of [`Exclusive::into_slice`], whose elements can be written.
///
/// # Examples
///
/// ```
/// use dlpack::{Exclusive, Exporter, ManagedTensorVersioned, TensorSlice};
///
/// struct Image {
///     width: usize,
///     samples: TensorSlice<f32, Exclusive<ManagedTensorVersioned>>,
/// }
///
/// let tensor = Exporter::new(vec![1.0_f32; 6]).shape(&[2, 3]).build()?;
/// let mut image = Image { width: tensor.size(1)?, samples: tensor.into_slice()? };
/// image.samples[image.width] = 7.0;
/// let tensor = image.samples.into_inner();
/// assert_eq!(tensor.view::<f32>()?[[1, 0]], 7.0);
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Debug)]
pub struct TensorSlice<T, P> {
    /// # Invariant
    ///
    /// While `tensor` lives, these can be read through `&[T]`, and also written through `&mut [T]` if it is an
    /// [`Exclusive`] tensor.
    elements: NonNull<[T]>,
    tensor: P,
}

// SAFETY: a tensor that can be sent, and a slice of it, which is sent as a `&mut [T]` is.
unsafe impl<T: Send, P: Send> Send for TensorSlice<T, P> {}
// SAFETY: a shared reference gives `&[T]`, and `&mut` is needed to write.
unsafe impl<T: Sync, P: Sync> Sync for TensorSlice<T, P> {}

impl<T, P> TensorSlice<T, P> {
    /// # Safety
    ///
    /// The elements hold the invariant of [`TensorSlice`], also when `tensor` is moved.
    pub(super) unsafe fn new(
        tensor: P,
        elements: Result<NonNull<[T]>, Error>,
    ) -> Result<Self, RejectedError<P>> {
        let (tensor, elements) = RejectedError::unless_ok(tensor, elements)?;
        Ok(Self { elements, tensor })
    }

    /// Returns the tensor.
    pub fn into_inner(self) -> P {
        self.tensor
    }
}

impl<T, P> Deref for TensorSlice<T, P> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the invariant, and `self` is borrowed with the slice.
        unsafe { self.elements.as_ref() }
    }
}

impl<T, O> DerefMut for TensorSlice<T, Exclusive<O>> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: the invariant, and `self` is mutably borrowed with the slice.
        unsafe { self.elements.as_mut() }
    }
}

impl<T, P> AsRef<[T]> for TensorSlice<T, P> {
    fn as_ref(&self) -> &[T] {
        self
    }
}
