//! Whether the arrays of a class are worth asking for their buffer.

use core::sync::atomic::{AtomicU8, Ordering};

use dlpack::{DataTypeCode, Descriptor, DeviceType};

/// The number of objects of a class, one after the other, that had a buffer to offer by their class, and refused it.
///
/// To refuse, JAX formats an exception, which costs an eighth of what `__dlpack__` costs. It refuses for each array that is on
/// another device, or has a dtype such as `bfloat16`, and a program tends to have many of these and few others.
#[derive(Debug, Default)]
pub(super) struct Refusals(AtomicU8);

impl Refusals {
    /// To ask an object by `__dlpack__` that would have lent its buffer costs six refusals.
    const MANY: u8 = 8;

    /// Returns `true` if the next object will probably refuse, too.
    pub(super) fn are_many(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= Self::MANY
    }

    pub(super) fn add(&self) {
        // Nothing depends on refusals that other threads count at the same time.
        self.0.store(self.0.load(Ordering::Relaxed).saturating_add(1), Ordering::Relaxed);
    }

    pub(super) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Returns `true` if a buffer can describe such a tensor.
pub(super) fn has_format(tensor: &Descriptor) -> bool {
    let dtype = tensor.dtype();
    let is_number = matches!(
        dtype.code,
        DataTypeCode::INT
            | DataTypeCode::UINT
            | DataTypeCode::FLOAT
            | DataTypeCode::COMPLEX
            | DataTypeCode::BOOL
    );
    tensor.device().device_type == DeviceType::CPU && is_number && dtype.bits >= 8
}
