//! Asks a library for a new tensor, and listens to what it says if there is none.

use core::ffi::{c_char, c_void};
use core::ptr;

use super::api::ExchangeApi;
use super::prototype::row_major;
use super::report::{AllocateError, Report};
use crate::dims::Dims;
use crate::error::Error;
use crate::layout::Layout;
use crate::managed::{Access, Descriptor, ExclusiveUninit, ManagedTensorVersioned};
use crate::sys;
use crate::vocabulary::{DataType, Device};

const NAME: &str = "managed_tensor_allocator";

impl ExchangeApi {
    /// Asks the library for a new tensor, of this dtype, shape and device.
    ///
    /// The elements are uninitialised. What their strides are is the library's choice, in theory.
    ///
    /// # Errors
    ///
    /// Before the library is asked: [`Error::MissingFunction`], and any error of
    /// [`Layout::new`](crate::layout::Layout::new) for the shape.
    ///
    /// When it refuses: [`Error::CallFailed`], with a [`report`](AllocateError::report) of what it said.
    ///
    /// When its tensor is not what was asked for: any error of
    /// [`ManagedTensorVersioned::from_raw`](ManagedTensorVersioned::from_raw), [`Error::DTypeMismatch`],
    /// [`Error::NdimMismatch`], [`Error::ShapeMismatch`], [`Error::DeviceMismatch`] or [`Error::ReadOnly`]. The deleter
    /// has been called then, unless there is [no tensor](Error::NullTensor) at all.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, Device, exchange::ExchangeApi};
    ///
    /// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
    /// # // SAFETY: the example library of `Library`.
    /// # let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
    /// let tensor = library.allocate(DataType::F32, &[2, 3], Device::CPU)?.fill(1.5_f32)?;
    /// assert_eq!(tensor.view::<f32>()?.iter().sum::<f32>(), 9.0);
    ///
    /// let refused = library.allocate(DataType::F32, &[2, 3], Device::cuda(0)).unwrap_err();
    /// assert_eq!(refused.report().map(|report| report.message()), Some("this library has no devices"));
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn allocate(
        &self,
        dtype: DataType,
        shape: &[usize],
        device: Device,
    ) -> Result<ExclusiveUninit<ManagedTensorVersioned>, AllocateError> {
        let allocate = self.functions.allocate.ok_or(Error::MissingFunction { name: NAME })?;
        let (mut dims, _) = row_major(dtype, shape)?;
        let mut prototype = prototype(dtype, &mut dims, device)?;
        let mut tensor = ptr::null_mut();
        let mut listener = Listener { calls: 0, report: Report::EMPTY };
        let context = (&raw mut listener).cast::<c_void>();
        // SAFETY: clauses E2 and E3; the prototype, the result and the listener outlive the call.
        let code = unsafe { allocate(&raw mut prototype, &raw mut tensor, context, Some(listen)) };
        if code != 0 {
            // Whatever is in `tensor` now was not written on success.
            let error = Error::CallFailed { name: NAME, code };
            return Err(AllocateError::new(error, listener.report));
        }
        // SAFETY: clause E4.
        let tensor = unsafe { ManagedTensorVersioned::from_raw(tensor) }?;
        is_as_wanted(&tensor, dtype, dims.shape(), device)?;
        // SAFETY: clause E4: nobody else reaches the memory.
        Ok(unsafe { ExclusiveUninit::new(tensor) })
    }
}

fn prototype(
    dtype: DataType,
    dims: &mut Dims<i64>,
    device: Device,
) -> Result<sys::DLTensor, Error> {
    let ndim = i32::try_from(dims.ndim()).map_err(|_| Error::ShapeOverflow)?;
    let (shape, strides) = dims.both_mut();
    Ok(sys::DLTensor {
        data: ptr::null_mut(),
        device: device.canonical().into(),
        ndim,
        dtype: dtype.into(),
        shape: shape.as_mut_ptr(),
        strides: strides.as_mut_ptr(),
        byte_offset: 0,
    })
}

/// Compares the tensor that came with the one that was asked for.
fn is_as_wanted(
    tensor: &Descriptor,
    dtype: DataType,
    shape: &[i64],
    device: Device,
) -> Result<(), Error> {
    if tensor.dtype() != dtype {
        return Err(Error::DTypeMismatch { expected: dtype, found: tensor.dtype() });
    }
    if tensor.ndim() != shape.len() {
        return Err(Error::NdimMismatch { expected: shape.len(), found: tensor.ndim() });
    }
    let sizes = shape.iter().zip(tensor.shape()).enumerate();
    if let Some((axis, (&expected, &found))) = sizes.into_iter().find(|(_, (a, b))| a != b) {
        // Both fit: they are sizes of tensors that were checked, but for empty ones.
        let [expected, found] = [expected, found].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        return Err(Error::ShapeMismatch { axis, expected, found });
    }
    if tensor.device().canonical() != device.canonical() {
        return Err(Error::DeviceMismatch { expected: device, found: tensor.device() });
    }
    if tensor.access() != Access::Writable {
        return Err(Error::ReadOnly);
    }
    if Layout::is_disjoint(tensor.shape(), tensor.strides()) {
        Ok(())
    } else {
        // Nobody can fill it.
        Err(Error::Overlapping)
    }
}

/// What was said through `SetError`.
struct Listener {
    calls: usize,
    report: Report,
}

/// The `SetError` that is passed on. Copies the strings, which may be gone after the call.
///
/// # Safety
///
/// `context` is null or points to a [`Listener`] that nobody else uses; the strings are null or end in NUL.
unsafe extern "C" fn listen(context: *mut c_void, kind: *const c_char, message: *const c_char) {
    // SAFETY: the caller's promise.
    let Some(listener) = (unsafe { context.cast::<Listener>().as_mut() }) else { return };
    if listener.calls == 0 {
        // SAFETY: the caller's promise.
        listener.report = unsafe { Report::from_c(kind, message) };
    }
    listener.calls = listener.calls.saturating_add(1);
}
