//! New tensors from a library's allocator.

use core::ffi::{c_char, c_void};
use core::ptr;

use super::super::prototype::row_major;
use super::super::report::{AllocateError, Report};
use super::ExchangeApi;
use crate::dims::Dims;
use crate::error::Error;
use crate::layout::Layout;
use crate::managed::{Access, Descriptor, ExclusiveUninit, ManagedTensorVersioned};
use crate::sys;
use crate::vocabulary::{DataType, Device};

const NAME: &str = "managed_tensor_allocator";

impl ExchangeApi {
    /// Allocates a tensor of this dtype, shape and device.
    ///
    /// The elements are uninitialised. The library may choose any strides, although libraries in use choose row-major
    /// ones.
    ///
    /// # Errors
    ///
    /// - Before the library is called: [`Error::MissingFunction`], and any error of
    ///   [`Layout::new`](crate::layout::Layout::new) for the shape.
    /// - If the library refuses: [`Error::CallFailed`], with the [`report`](AllocateError::report) of the library.
    /// - If the tensor is not as requested: any error of
    ///   [`ManagedTensorVersioned::from_raw`](ManagedTensorVersioned::from_raw), [`Error::DTypeMismatch`],
    ///   [`Error::NdimMismatch`], [`Error::ShapeMismatch`], [`Error::DeviceMismatch`], [`Error::ReadOnly`] or
    ///   [`Error::Overlapping`]. The deleter has been called.
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
        let mut listener = Listener { called: false, report: Report::EMPTY };
        let context = (&raw mut listener).cast::<c_void>();
        // SAFETY: clauses E2 and E3: the function may be called, and uses its arguments during the call only.
        let code = unsafe { allocate(&raw mut prototype, &raw mut tensor, context, Some(listen)) };
        if code != 0 {
            // The standard defines `tensor` only on success, so it is not read here.
            let error = Error::CallFailed { name: NAME, code };
            return Err(AllocateError::new(error, listener.report));
        }
        // SAFETY: clause E4: clauses S1 to S6 hold.
        let tensor = unsafe { ManagedTensorVersioned::from_raw(tensor) }?;
        check(&tensor, dtype, dims.shape(), device)?;
        // SAFETY: clause E4: nobody else accesses the memory.
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

/// Checks that an allocated tensor is as requested.
fn check(tensor: &Descriptor, dtype: DataType, shape: &[i64], device: Device) -> Result<(), Error> {
    if tensor.dtype() != dtype {
        return Err(Error::DTypeMismatch { expected: dtype, found: tensor.dtype() });
    }
    if tensor.ndim() != shape.len() {
        return Err(Error::NdimMismatch { expected: shape.len(), found: tensor.ndim() });
    }
    let sizes = shape.iter().zip(tensor.shape()).enumerate();
    if let Some((axis, (&expected, &found))) = sizes.into_iter().find(|(_, (a, b))| a != b) {
        // Both fit, except for sizes of empty tensors, which are not bounded by memory.
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
        // Such a tensor could not be filled.
        Err(Error::Overlapping)
    }
}

/// The report of a library, written through `SetError`.
struct Listener {
    called: bool,
    report: Report,
}

/// The `SetError` of our calls. It copies the first report, since the strings are valid during the call only.
///
/// # Safety
///
/// Clause **E3** holds: `context` is null or the [`Listener`] of the call, and the strings are null or end in NUL.
unsafe extern "C" fn listen(context: *mut c_void, kind: *const c_char, message: *const c_char) {
    // SAFETY: clause E3: the listener lives during the call, and only this thread uses it.
    let Some(listener) = (unsafe { context.cast::<Listener>().as_mut() }) else { return };
    if !listener.called {
        listener.called = true;
        // SAFETY: clause E3: the strings are null or end in NUL.
        listener.report = unsafe { Report::from_c(kind, message) };
    }
}
