//! Tensors of other libraries that are dropped one after another, however many of them keep each other alive.
//!
//! The deleter of a tensor may drop an array whose memory is that of another tensor, and so on. So the tensor goes under a struct
//! of ours, which says the same, and whose deleter gives it back as [`raw`](crate::raw) does with objects.

use core::ffi::c_void;
use core::mem;
use core::ops::Deref;
use core::ptr;
use std::sync::OnceLock;

use alloc::boxed::Box;
use alloc::vec::Vec;

use dlpack::{
    Access, AnyManagedTensor, Descriptor, DeviceType, Error, Exporter, Flags,
    ManagedTensorVersioned, Version, sys,
};

use crate::raw::{End, Undisturbed, end_other};

/// A tensor, and the struct that says the same of it.
struct InTurn {
    managed: sys::DLManagedTensorVersioned,
    /// The shape and the strides of the struct, which its consumer may write.
    dims: Vec<i64>,
    /// `None` until the struct has been imported.
    tensor: Option<Undisturbed<AnyManagedTensor>>,
}

/// A deleter of another library may take the interpreter's lock, as those of CuPy, Warp and cuda.core do, and some do not look whether
/// there is an interpreter.
impl End for AnyManagedTensor {
    fn may_need_interpreter(&self) -> bool {
        !is_own(self)
    }
}

/// Makes a tensor of the current ABI, which is dropped in its turn. One of this extension is returned as it is, if its owner can be
/// found again: that keeps no other tensor alive, or is dropped in its turn.
///
/// # Errors
///
/// As for [`AnyManagedTensor::into_versioned`]. The tensor is dropped.
///
/// # Safety
///
/// As for [`HeldTensor::into_versioned`](super::HeldTensor::into_versioned).
pub(super) unsafe fn in_turn(
    tensor: AnyManagedTensor,
    host: bool,
    alone: bool,
) -> Result<ManagedTensorVersioned, Error> {
    let is_own = is_own(&tensor);
    let tensor = match tensor {
        // An error, since missing elements are not passed on in another ABI.
        AnyManagedTensor::Legacy(tensor) if is_missing(&tensor) => {
            return Ok(tensor.into_versioned()?);
        }
        AnyManagedTensor::Legacy(tensor) if is_own => {
            let tensor = tensor.into_versioned()?;
            if tensor.shared().is_some() {
                return Ok(tensor);
            }
            tensor.into()
        }
        tensor if is_own => return Ok(tensor.into_versioned()?),
        tensor => tensor,
    };
    let needs_promise = host && tensor.device().device_type != DeviceType::CPU;
    // Safe code may write a copy that the host can access, which the device may not have written yet, and which code of Python may have, too.
    let is_kept = alone || !tensor.device().is_host_accessible();
    let without = if is_kept { Flags::NONE } else { Flags::IS_COPIED };
    let tensor = under_struct(tensor, without).map_err(|(error, _tensor)| error)?;
    // SAFETY: as the caller promises.
    Ok(if needs_promise { unsafe { tensor.assume_host_accessible() } } else { tensor })
}

/// As [`in_turn`], but what was promised about the host is lost. If there is no memory for a struct, the tensor is returned as it is.
pub(crate) fn versioned_in_turn(tensor: ManagedTensorVersioned) -> ManagedTensorVersioned {
    if is_missing(&tensor) || is_own_versioned(&tensor) {
        return tensor;
    }
    under_struct(tensor, Flags::NONE).unwrap_or_else(|(_error, tensor)| tensor)
}

/// Gives up a tensor that [`versioned_in_turn`] has made of the one with the struct `raw`, whose deleter is not called.
///
/// # Safety
///
/// `versioned_in_turn` has returned this tensor, and nothing else was done with it.
pub(crate) unsafe fn forget(
    tensor: ManagedTensorVersioned,
    raw: *mut sys::DLManagedTensorVersioned,
) {
    let made = tensor.into_raw();
    if made != raw {
        // SAFETY: as the caller promises, this is a struct of `under_struct`, whose context is its box, and nobody uses it again.
        mem::forget(unsafe { Box::<InTurn>::from_raw((*made).manager_ctx.cast()) }.tensor);
    }
}

/// Puts a tensor under a struct that says the same, but for some flags.
///
/// # Errors
///
/// [`Error::AllocationFailed`], and the tensor.
fn under_struct<T>(tensor: T, without: Flags) -> Result<ManagedTensorVersioned, (Error, T)>
where
    T: Deref<Target = Descriptor> + Into<AnyManagedTensor>,
{
    let (mut place, mut dims) = (Vec::new(), Vec::new());
    let ndim = tensor.ndim();
    if place.try_reserve_exact(1).is_err() || dims.try_reserve_exact(2 * ndim).is_err() {
        return Err((Error::AllocationFailed, tensor));
    }
    dims.extend_from_slice(tensor.shape());
    dims.extend_from_slice(tensor.strides());
    place.push(InTurn { managed: describe(&tensor, without), dims, tensor: None });
    let place: *mut InTurn = Box::into_raw(place.into_boxed_slice()).cast();
    // SAFETY: the box, which nobody else knows yet. Clauses S1 to S4 of the import contract: the deleter owns the box, and with it
    // shape and strides; clauses S5 and S6 hold for the tensor, which is in the box from then on, with the same flags, but for
    // `IS_COPIED`, and for `READ_ONLY`, which is left out only if the memory can be written.
    unsafe {
        let (shape, strides) = (*place).dims.split_at_mut(ndim);
        (*place).managed.dl_tensor.shape = shape.as_mut_ptr();
        (*place).managed.dl_tensor.strides = strides.as_mut_ptr();
        (*place).managed.manager_ctx = place.cast();
        let made = ManagedTensorVersioned::from_raw(&raw mut (*place).managed);
        match made {
            Ok(made) => {
                (*place).tensor = Some(Undisturbed::new(tensor.into()));
                Ok(made)
            }
            // The deleter was called for the box, in which the tensor is not.
            Err(error) => Err((error, tensor)),
        }
    }
}

/// Returns `true` for a tensor with elements at the address null, which may be an offset of a device.
fn is_missing(tensor: &Descriptor) -> bool {
    tensor.data().is_null() && !tensor.is_empty()
}

/// Describes a tensor, but for shape, strides and the context of the deleter.
fn describe(tensor: &Descriptor, without: Flags) -> sys::DLManagedTensorVersioned {
    let flags = tensor.flags().without(Flags::READ_ONLY).without(without);
    let is_writable = tensor.access() == Access::Writable;
    sys::DLManagedTensorVersioned {
        version: tensor.version().unwrap_or(Version::CURRENT).into(),
        manager_ctx: ptr::null_mut(),
        deleter: Some(delete),
        flags: if is_writable { flags } else { flags.with(Flags::READ_ONLY) }.bits(),
        dl_tensor: sys::DLTensor {
            data: tensor.data(),
            device: tensor.device().into(),
            // Cannot fail: there are at most 64 axes.
            ndim: tensor.ndim().try_into().unwrap_or(0),
            dtype: tensor.dtype().into(),
            shape: ptr::null_mut(),
            strides: ptr::null_mut(),
            byte_offset: tensor.byte_offset(),
        },
    }
}

/// # Safety
///
/// [`under_struct`] has made the struct, and its deleter has not run.
unsafe extern "C" fn delete(managed: *mut sys::DLManagedTensorVersioned) {
    // SAFETY: the context is the box, which is passed on. By clause S3 of the import contract, the deleter of the tensor in it may be
    // called on any thread and does not unwind.
    unsafe { end_other((*managed).manager_ctx, release) }
}

/// # Safety
///
/// The address of a box of [`under_struct`], which is passed on.
unsafe fn release(place: *mut c_void) {
    // SAFETY: a box that nobody uses again. A slice of one has the same layout.
    drop(unsafe { Box::<InTurn>::from_raw(place.cast()) });
}

/// Returns `true` if this extension has made the struct of the tensor, as far as the deleters of its tensors are known.
fn is_own(tensor: &AnyManagedTensor) -> bool {
    match tensor {
        AnyManagedTensor::Versioned(tensor) => is_own_versioned(tensor),
        AnyManagedTensor::Legacy(tensor) => known_deleters().is_some_and(|[_, own]| {
            // SAFETY: clause S1 of the import contract: the struct is valid until its deleter runs, which the tensor owns.
            address(unsafe { (*tensor.as_raw()).deleter }) == own
        }),
        _ => true,
    }
}

/// As [`is_own`], for a tensor of the current ABI.
fn is_own_versioned(tensor: &ManagedTensorVersioned) -> bool {
    known_deleters().is_some_and(|[own, _]| {
        // SAFETY: clause S1 of the import contract: the struct is valid until its deleter runs, which the tensor owns.
        let deleter = unsafe { (*tensor.as_raw()).deleter };
        address(deleter) == own || address(deleter) == address(Some(delete))
    })
}

/// Returns [`own_deleters`], which are asked for once.
fn known_deleters() -> Option<[usize; 2]> {
    static OWN: OnceLock<[usize; 2]> = OnceLock::new();
    match OWN.get() {
        Some(own) => Some(*own),
        None => own_deleters().ok().map(|own| *OWN.get_or_init(|| own)),
    }
}

/// Returns the addresses of the deleters that tensors of this extension have in the current and in the legacy ABI.
#[cold]
fn own_deleters() -> Result<[usize; 2], Error> {
    let tensor = || Exporter::new([0_u8]).build();
    let (versioned, legacy) = (tensor()?.into_inner(), tensor()?.into_inner().into_legacy()?);
    // SAFETY: structs of tensors that live here.
    unsafe { Ok([address((*versioned.as_raw()).deleter), address((*legacy.as_raw()).deleter)]) }
}

/// Returns the address of a deleter, or 0 if there is none.
fn address<T>(deleter: Option<unsafe extern "C" fn(*mut T)>) -> usize {
    deleter.map_or(0, |deleter| deleter as usize)
}
