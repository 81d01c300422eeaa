//! Tensors of other libraries that are dropped one after another, however many of them keep each other alive.
//!
//! The deleter of a tensor may drop an array whose memory is that of another tensor, and so on. When the first tensor is
//! dropped, each of the others would be dropped within the one before, on a stack that ends. From a certain depth on, a tensor
//! waits until the one before it has been dropped, as objects do in [`raw`](crate::raw).

use core::cell::{Cell, RefCell};
use core::mem::{self, ManuallyDrop};
use std::sync::OnceLock;

use dlpack::{AnyManagedTensor, Descriptor, DeviceType, Error, Exporter, Flags};

/// How many tensors are dropped within each other.
const DEPTH: u32 = 32;

thread_local! {
    /// How many tensors are dropped within each other now.
    static DROPPING: Cell<u32> = const { Cell::new(0) };
    /// What waits for the one at the greatest depth. This is not dropped with its thread, so that it can be used until then.
    static WAITING: RefCell<ManuallyDrop<Vec<AnyManagedTensor>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// A tensor that keeps memory alive and is dropped in its turn, on the thread that drops this.
#[derive(Debug)]
pub(super) struct InTurn(ManuallyDrop<AnyManagedTensor>);

impl InTurn {
    pub(super) fn new(tensor: AnyManagedTensor) -> Self {
        Self(ManuallyDrop::new(tensor))
    }
}

impl Drop for InTurn {
    fn drop(&mut self) {
        // SAFETY: the value is not used again.
        let tensor = unsafe { ManuallyDrop::take(&mut self.0) };
        let depth = DROPPING.get();
        let Some(tensor) = (if depth < DEPTH { Some(tensor) } else { wait(tensor) }) else {
            return;
        };
        DROPPING.set(depth.saturating_add(1));
        drop(tensor);
        if depth + 1 == DEPTH {
            while let Some(next) = next() {
                drop(next);
            }
        }
        // Counted and not restored, since a deleter may switch to another stack of the thread, as greenlets do.
        DROPPING.set(DROPPING.get().saturating_sub(1));
    }
}

/// Has a tensor wait. It is returned if there is no room for it.
fn wait(tensor: AnyManagedTensor) -> Option<AnyManagedTensor> {
    WAITING.with(|waiting| {
        let mut waiting = waiting.borrow_mut();
        if waiting.try_reserve(1).is_err() {
            return Some(tensor);
        }
        waiting.push(tensor);
        None
    })
}

/// Takes one of those that wait. When none is left, their room is given back.
fn next() -> Option<AnyManagedTensor> {
    WAITING.with(|waiting| {
        let mut waiting = waiting.borrow_mut();
        let next = waiting.pop();
        if next.is_none() {
            drop(mem::take(&mut **waiting));
        }
        next
    })
}

/// Returns `true` if a tensor under a header of ours says the same as this one, and another library has exported this one.
///
/// A tensor that is marked as a copy keeps no other tensor alive. Tensors of Rust give their owners back as they are.
pub(super) fn fits(tensor: &AnyManagedTensor) -> bool {
    tensor.device().device_type == DeviceType::CPU
        && tensor.dtype().itemsize().is_some()
        && tensor.flags().without(Flags::READ_ONLY) == Flags::NONE
        && has_address(tensor)
        && has_plain_strides(tensor)
        && !is_own(tensor)
}

/// Returns `true` if there is no offset to be added, and the elements have addresses that are not null and do not wrap.
fn has_address(tensor: &Descriptor) -> bool {
    let (bytes, start) = (tensor.layout().byte_extents(), tensor.data().addr());
    let is_in_space = |distance| start.checked_add_signed(distance).is_some_and(|end| end > 0);
    start > 0 && tensor.byte_offset() == 0 && is_in_space(bytes.start) && is_in_space(bytes.end)
}

/// Returns `true` if an exporter writes the same strides: it normalises those of axes along which no two elements lie.
fn has_plain_strides(tensor: &Descriptor) -> bool {
    let mut expected = 1_i64;
    let mut is_row_major = |(&size, &stride): (&i64, &i64)| {
        let is = size > 0 && stride == expected;
        expected = expected.wrapping_mul(size);
        is
    };
    let (shape, strides) = (tensor.shape(), tensor.strides());
    shape.iter().all(|&size| size > 1) || shape.iter().zip(strides).rev().all(&mut is_row_major)
}

/// Returns `true` if this extension has exported the tensor, also if the deleters of its tensors are not known.
fn is_own(tensor: &AnyManagedTensor) -> bool {
    static OWN: OnceLock<Option<[usize; 2]>> = OnceLock::new();
    let Some([versioned, legacy]) = *OWN.get_or_init(|| own_deleters().ok()) else { return true };
    match tensor {
        // SAFETY: clause S1 of the import contract: the struct is valid until its deleter runs, which the tensor owns.
        AnyManagedTensor::Versioned(it) => deleter(unsafe { (*it.as_raw()).deleter }) == versioned,
        // SAFETY: as above.
        AnyManagedTensor::Legacy(it) => deleter(unsafe { (*it.as_raw()).deleter }) == legacy,
        _ => true,
    }
}

/// Returns the addresses of the deleters that all tensors of this extension have, in the current and in the legacy ABI.
#[cold]
fn own_deleters() -> Result<[usize; 2], Error> {
    let tensor = || Exporter::new([0_u8]).build();
    let (versioned, legacy) = (tensor()?.into_inner(), tensor()?.into_inner().into_legacy()?);
    // SAFETY: structs of tensors that live here.
    unsafe { Ok([deleter((*versioned.as_raw()).deleter), deleter((*legacy.as_raw()).deleter)]) }
}

/// Returns the address of a deleter, or 0 if there is none.
fn deleter<T>(deleter: Option<unsafe extern "C" fn(*mut T)>) -> usize {
    deleter.map_or(0, |deleter| deleter as usize)
}
