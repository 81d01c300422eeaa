use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::AssertUnwindSafe;
use std::ptr::NonNull;
use std::sync::Arc;

use dlpack::allocator::Global;
use dlpack::exchange::{ExchangeTable, Library, Offer, Report};
use dlpack::{DataType, Device, Error, ManagedTensorVersioned, OpaqueTensor};

/// A library whose objects are boxed tensors.
pub struct Boxes;

pub static TABLE: ExchangeTable<Boxes> = ExchangeTable::new();

thread_local!(static LAST_ERROR: RefCell<Option<Error>> = const { RefCell::new(None) });

// SAFETY: `allocate` keeps no pointer to its tensor, nothing can fail after `accept`, and a box lends what it owns.
unsafe impl Library for Boxes {
    type Error = Error;

    fn catch_unwind<R>(call: impl FnOnce() -> R) -> Option<R> {
        std::panic::catch_unwind(AssertUnwindSafe(call)).ok()
    }

    fn set_error(error: Error) {
        LAST_ERROR.set(Some(error));
    }

    fn allocate(
        dtype: DataType,
        shape: &[usize],
        device: Device,
    ) -> Result<ManagedTensorVersioned, Report> {
        if device != Device::CPU {
            return Err(Report::new("ValueError", "this library has no devices"));
        }
        Ok(ManagedTensorVersioned::allocate_in(Global, dtype, shape, device)?.into_inner())
    }

    unsafe fn tensor_from_object(object: NonNull<c_void>) -> Result<OpaqueTensor, Error> {
        // SAFETY: a live object of this library.
        unsafe { object.cast::<Arc<ManagedTensorVersioned>>().as_ref() }.share_opaque()
    }

    unsafe fn object_from_tensor(offer: Offer<'_>) -> Result<NonNull<c_void>, Error> {
        let object = Box::new(Arc::new(offer.accept()));
        NonNull::new(Box::into_raw(object).cast()).ok_or(Error::NullObject)
    }

    const LENDS: bool = true;

    unsafe fn lend(object: NonNull<c_void>) -> Result<dlpack::sys::DLTensor, Error> {
        // SAFETY: a live object of this library.
        let tensor = unsafe { object.cast::<Arc<ManagedTensorVersioned>>().as_ref() };
        // This refuses read-only and padded tensors, since a `DLTensor` has no flags.
        tensor.as_dl_tensor()
    }
}

/// Drops an object.
///
/// # Safety
///
/// `object` is an object of this library, and is not used again.
pub unsafe fn release(object: NonNull<c_void>) {
    // SAFETY: objects of this library are boxes, and this one is not used again.
    drop(unsafe { Box::from_raw(object.as_ptr().cast::<Arc<ManagedTensorVersioned>>()) });
}
