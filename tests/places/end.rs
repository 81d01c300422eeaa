//! The ways in which a tensor ends.

use std::thread;

use dlpack::Managed;
use harness::abi::Abi;

/// How a tensor comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Deleted,
    DeletedElsewhere,
    Vandalised,
    DroppedInRust,
}

impl End {
    pub(crate) const ALL: [Self; 4] =
        [Self::Deleted, Self::DeletedElsewhere, Self::Vandalised, Self::DroppedInRust];

    /// # Safety
    ///
    /// The tensor is one of this crate's and is passed on.
    pub(crate) unsafe fn of<A: Abi>(self, raw: *mut A) {
        match self {
            // SAFETY: the caller's promise.
            Self::Deleted => unsafe { delete(raw) },
            Self::DeletedElsewhere => {
                let raw = Sent(raw);
                // SAFETY: the caller's promise; deleters run on any thread.
                thread::spawn(move || unsafe { delete(raw.get()) }).join().expect("no panic");
            }
            // SAFETY: the caller's promise.
            Self::Vandalised => unsafe { vandalise_and_delete(raw) },
            // SAFETY: the caller's promise. What has too many axes for Rust is deleted too.
            Self::DroppedInRust => drop(unsafe { Managed::from_raw(raw) }),
        }
    }
}

/// A tensor on its way to another thread.
pub(crate) struct Sent<A>(pub(crate) *mut A);

// SAFETY: whoever has the pointer owns the tensor, and deleters run on any thread.
unsafe impl<A> Send for Sent<A> {}

impl<A> Sent<A> {
    pub(crate) fn get(self) -> *mut A {
        self.0
    }
}

/// # Safety
///
/// As for [`End::of`].
pub(crate) unsafe fn delete<A: Abi>(raw: *mut A) {
    // SAFETY: the caller's promise.
    let deleter = unsafe { *(*raw).deleter() }.expect("a deleter");
    // SAFETY: the caller's promise.
    unsafe { deleter(raw) }
}

/// Overwrites all that a consumer can reach but the context, and deletes.
///
/// # Safety
///
/// As for [`End::of`].
unsafe fn vandalise_and_delete<A: Abi>(raw: *mut A) {
    // SAFETY: the caller's promise.
    let managed = unsafe { &mut *raw };
    let deleter = managed.deleter().take().expect("a deleter");
    managed.spoil();
    // SAFETY: the tensor is alive.
    let fields = unsafe { &mut *A::tensor(managed) };
    let ndim = usize::try_from(fields.ndim).expect("a number of axes");
    for axis in 0..ndim {
        // SAFETY: there are as many sizes.
        unsafe { fields.shape.add(axis).write(i64::MIN) };
        // SAFETY: there are as many strides.
        unsafe { fields.strides.add(axis).write(i64::MAX) };
    }
    fields.data = std::ptr::dangling_mut();
    fields.shape = std::ptr::null_mut();
    fields.strides = std::ptr::dangling_mut();
    fields.ndim = -1;
    fields.byte_offset = u64::MAX;
    fields.dtype.lanes = 0;
    fields.device.device_id = -7;
    // SAFETY: the caller's promise.
    unsafe { deleter(raw) }
}
