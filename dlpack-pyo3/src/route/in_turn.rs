//! Tensors of other libraries that are dropped one after another, however many of them keep each other alive.
//!
//! The deleter of a tensor may drop an array whose memory is that of another tensor, and so on. So the tensor goes under a struct
//! of ours, which says the same, and whose deleter gives it back as [`raw`](crate::raw) does with objects.

use core::ffi::c_void;
use core::ptr;
use std::sync::OnceLock;

use alloc::boxed::Box;
use alloc::vec::Vec;

use dlpack::{
    Access, AnyManagedTensor, DeviceType, Error, Exporter, Flags, ManagedTensorVersioned, Version,
    sys,
};

use crate::raw::end_other;

/// A tensor, and the struct that says the same of it.
struct InTurn {
    managed: sys::DLManagedTensorVersioned,
    tensor: AnyManagedTensor,
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
/// If `host` is set, the host can access the memory, as for [`AnyManagedTensor::assume_host_accessible`].
pub(super) unsafe fn in_turn(
    tensor: AnyManagedTensor,
    host: bool,
) -> Result<ManagedTensorVersioned, Error> {
    let is_own = is_own(&tensor);
    let tensor = match tensor {
        tensor if tensor.data().is_null() && !tensor.is_empty() => {
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
    let mut place = Vec::new();
    place.try_reserve_exact(1).map_err(|_| Error::AllocationFailed)?;
    place.push(InTurn { managed: describe(&tensor), tensor });
    let place: *mut InTurn = Box::into_raw(place.into_boxed_slice()).cast();
    // SAFETY: the box, which nobody else knows yet. Clauses S1 to S4 of the import contract: the deleter owns the box, in which shape
    // and strides stay; clauses S5 and S6 hold for the tensor in it, with the same flags, but for `READ_ONLY`, which is left out only
    // if the memory can be written.
    unsafe {
        let InTurn { managed, tensor } = &mut *place;
        managed.manager_ctx = place.cast();
        managed.dl_tensor.shape = tensor.shape().as_ptr().cast_mut();
        managed.dl_tensor.strides = tensor.strides().as_ptr().cast_mut();
        let tensor = ManagedTensorVersioned::from_raw(&raw mut (*place).managed)?;
        // As the caller promises.
        Ok(if needs_promise { tensor.assume_host_accessible() } else { tensor })
    }
}

/// Describes a tensor, but for its shape, its strides and the context of the deleter.
fn describe(tensor: &AnyManagedTensor) -> sys::DLManagedTensorVersioned {
    let flags = tensor.flags().without(Flags::READ_ONLY);
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
/// [`in_turn`] has made the struct, and its deleter has not run.
unsafe extern "C" fn delete(managed: *mut sys::DLManagedTensorVersioned) {
    // SAFETY: the context is the box, which is passed on. By clause S3 of the import contract, the deleter of the tensor in it may be
    // called on any thread and does not unwind.
    unsafe { end_other((*managed).manager_ctx, release) }
}

/// # Safety
///
/// The address of a box of [`in_turn`], which is passed on.
unsafe fn release(place: *mut c_void) {
    // SAFETY: a box that nobody uses again. A slice of one has the same layout.
    drop(unsafe { Box::<InTurn>::from_raw(place.cast()) });
}

/// Returns `true` if this extension has made the struct of the tensor, also if the deleters of its tensors are not known.
fn is_own(tensor: &AnyManagedTensor) -> bool {
    static OWN: OnceLock<[usize; 2]> = OnceLock::new();
    let [versioned, legacy] = match OWN.get() {
        Some(own) => *own,
        None => match own_deleters() {
            Ok(own) => *OWN.get_or_init(|| own),
            Err(_) => return true,
        },
    };
    match tensor {
        AnyManagedTensor::Versioned(it) => {
            // SAFETY: clause S1 of the import contract: the struct is valid until its deleter runs, which the tensor owns.
            let deleter = address(unsafe { (*it.as_raw()).deleter });
            deleter == versioned || deleter == address(Some(delete))
        }
        // SAFETY: as above.
        AnyManagedTensor::Legacy(it) => address(unsafe { (*it.as_raw()).deleter }) == legacy,
        _ => true,
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
