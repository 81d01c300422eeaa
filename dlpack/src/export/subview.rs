//! A part of a shared tensor as a tensor of its own.

use alloc::sync::Arc;
use core::ops::Range;

use super::block::Draft;
use super::place::Heap;
use super::record::{self, Fields};
use super::share::Keep;
use crate::dims::Dims;
use crate::error::Error;
use crate::layout::{self, Layout};
use crate::managed::{Descriptor, Frozen, ManagedTensorVersioned, Tensor};
use crate::view::TensorView;
use crate::vocabulary::{Element, Flags};

impl<O: Tensor + Send + Sync + 'static> Frozen<O> {
    /// Gives a part of the tensor to one more consumer, read-only: a crop, a step, a transpose, or what else a view can be.
    ///
    /// The new tensor keeps this one alive. One allocation, no copy; above 8 dimensions a few more, for shape and strides of the
    /// view and of the description that a tensor in Rust keeps.
    ///
    /// # Errors
    ///
    /// - As for [`view`](Self::view), and what `choose` returns.
    /// - [`Error::OutOfBounds`] if it returns a view of other memory.
    /// - [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dlpack::Exporter;
    ///
    /// let picture = Exporter::new(vec![1_u8, 2, 3, 4, 5, 6]).shape(&[2, 3]).build()?;
    /// let picture = Arc::new(picture.freeze());
    /// let column = picture.share_view::<u8>(|pixels| pixels.select(1, 2))?;
    /// drop(picture);
    /// assert_eq!((column.shape(), column.strides()), (&[2][..], &[3][..]));
    /// assert_eq!(column.view::<u8>()?.to_vec(), [3, 6]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    ///
    /// A view of something shorter-lived cannot be returned:
    ///
    /// ```compile_fail,E0521
    /// use std::sync::Arc;
    /// use dlpack::{Exporter, TensorView};
    ///
    /// let tensor = Arc::new(Exporter::new(vec![1_u8, 2]).build()?.freeze());
    /// let other = vec![1_u8, 2];
    /// let view = TensorView::from_slice(&other, &[2])?;
    /// let child = tensor.share_view::<u8>(|_| Ok(view))?;
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn share_view<T: Element>(
        self: &Arc<Self>,
        choose: impl for<'v> FnOnce(TensorView<'v, T>) -> Result<TensorView<'v, T>, Error>,
    ) -> Result<Frozen<ManagedTensorVersioned>, Error> {
        let view = choose(self.view::<T>()?)?;
        let (fields, mut tensor) = describe(self, &view)?;
        tensor.host = self.host;
        let draft = Draft::new(Keep(Arc::clone(self)), Heap, tensor.ndim())?;
        let shaped = draft.with_dims(tensor.shape(), tensor.strides())?;
        let tensor = record::versioned(shaped, &fields, tensor);
        // SAFETY: the promise that this type stands for; the elements are some of those of the tensor, which is kept alive.
        Ok(unsafe { tensor.assume_frozen() })
    }
}

/// What a part of a tensor says of itself.
fn describe<T: Element>(
    parent: &Descriptor,
    view: &TensorView<'_, T>,
) -> Result<(Fields, Descriptor), Error> {
    let mut dims = Dims::<i64>::zeroed(view.ndim())?;
    let (shape, strides) = dims.both_mut();
    for (to, &from) in shape.iter_mut().zip(view.shape()) {
        *to = i64::try_from(from).map_err(|_| Error::ShapeOverflow)?;
    }
    for (to, &from) in strides.iter_mut().zip(view.strides()) {
        *to = i64::try_from(from).map_err(|_| Error::ExtentOverflow)?;
    }
    layout::normalize_strides(shape, strides);
    let layout = Layout::new(shape, strides, T::DTYPE, false)?;
    let mut data = core::ptr::null_mut();
    if layout.numel() != 0 {
        let first = view.strided().origin();
        let part = bytes(first.addr().get(), &layout);
        let whole = bytes(parent.address()?.addr().get(), &parent.layout);
        if part.start < whole.start || part.end > whole.end {
            return Err(Error::OutOfBounds { available: parent.nbytes() });
        }
        data = first.as_ptr().cast();
    }
    let (device, flags) = (parent.device.canonical(), Flags::READ_ONLY);
    let fields = Fields { data, byte_offset: 0, device, dtype: T::DTYPE, flags };
    Ok((fields, fields.describe(dims, layout)))
}

/// The addresses from the first byte to the last. They are within one allocation, so that nothing overflows.
fn bytes(first: usize, layout: &Layout) -> Range<usize> {
    let extents = layout.byte_extents();
    first.wrapping_add_signed(extents.start)..first.wrapping_add_signed(extents.end)
}
