//! New tensors from a library's allocator.

use core::ffi::{c_char, c_void};
use core::ptr;

use super::super::prototype::row_major;
use super::super::report::Report;
use super::ExchangeApi;
use crate::error::Error;
use crate::layout::Layout;
use crate::managed::{Access, Descriptor, ExclusiveUninit, Fields, ManagedTensorVersioned};
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
    /// - If the library refuses: its report, whose [`error`](Report::error) is [`Error::CallFailed`].
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
    /// // SAFETY: clauses E1 to E4 hold for the library in the documentation of `Library`, here as a module `boxes`.
    /// let library = unsafe { ExchangeApi::from_raw(boxes::TABLE.as_raw()) }?;
    /// let tensor = library.allocate(DataType::F32, &[2, 3], Device::CPU)?.fill(1.5_f32)?;
    /// assert_eq!(tensor.view::<f32>()?.iter().sum::<f32>(), 9.0);
    ///
    /// let refused = library.allocate(DataType::F32, &[2, 3], Device::cuda(0)).unwrap_err();
    /// assert_eq!(refused.message(), "this library has no devices");
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn allocate(
        &self,
        dtype: DataType,
        shape: &[usize],
        device: Device,
    ) -> Result<ExclusiveUninit<ManagedTensorVersioned>, Report> {
        let allocate = self.functions.allocate.ok_or(Error::MissingFunction { name: NAME })?;
        let (mut dims, _) = row_major(dtype, shape)?;
        let data = ptr::null_mut();
        let fields = Fields { data, byte_offset: 0, device: device.canonical(), dtype };
        let (sizes, strides) = dims.both_mut();
        let mut prototype =
            fields.dl_tensor(shape.len(), [sizes, strides].map(<[i64]>::as_mut_ptr));
        let mut tensor = ptr::null_mut();
        let mut listener = Listener { called: false, report: Report::EMPTY };
        let context = (&raw mut listener).cast::<c_void>();
        // SAFETY: clauses E2 and E3: the function may be called, and uses its arguments during the call only.
        let code = unsafe { allocate(&raw mut prototype, &raw mut tensor, context, Some(listen)) };
        if code != 0 {
            // The standard defines `tensor` only on success, so it is not read here.
            return Err(listener.report.of(Error::CallFailed { name: NAME, code }));
        }
        // SAFETY: clause E4: clauses S1 to S6 hold.
        let tensor = unsafe { ManagedTensorVersioned::from_raw(tensor) }?;
        check(&tensor, dtype, shape, device)?;
        // SAFETY: clause E4: nobody else accesses the memory.
        Ok(unsafe { ExclusiveUninit::new(tensor) })
    }
}

/// Checks that an allocated tensor is as requested.
fn check(
    tensor: &Descriptor,
    dtype: DataType,
    shape: &[usize],
    device: Device,
) -> Result<(), Error> {
    if tensor.dtype() != dtype {
        return Err(Error::DTypeMismatch { expected: dtype, found: tensor.dtype() });
    }
    if tensor.ndim() != shape.len() {
        return Err(Error::NdimMismatch { expected: shape.len(), found: tensor.ndim() });
    }
    for (axis, &size) in shape.iter().enumerate() {
        tensor.check_size(axis, size)?;
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
