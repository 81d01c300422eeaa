//! What became of one tensor that the C library made.

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use crate::ffi;

/// Outlives its tensor and counts the calls of its deleter; may be dropped before or after it.
///
/// A tensor made without a deleter lives as long as its record.
#[derive(Debug)]
pub struct Record {
    raw: NonNull<ffi::Record>,
}

// SAFETY: the C side takes its lock for every access.
unsafe impl Send for Record {}
// SAFETY: as above.
unsafe impl Sync for Record {}

impl Record {
    /// Takes the record that `ct_make_*` wrote.
    ///
    /// # Safety
    ///
    /// Nobody else releases it.
    pub(crate) unsafe fn from_raw(raw: *mut ffi::Record) -> Self {
        Self { raw: NonNull::new(raw).expect("a tensor comes with a record") }
    }

    /// How often the deleter was called.
    pub fn deleted(&self) -> u32 {
        // SAFETY: `raw` is ours until drop.
        unsafe { ffi::ct_record_deleted(self.raw.as_ptr()) }
    }

    /// Whether the deleter is yet to be called.
    pub fn is_alive(&self) -> bool {
        // SAFETY: `raw` is ours until drop.
        unsafe { ffi::ct_record_alive(self.raw.as_ptr()) != 0 }
    }

    /// The thread that ran the deleter, in the numbers of [`current_thread`].
    pub fn thread(&self) -> Option<u64> {
        // SAFETY: `raw` is ours until drop.
        let thread = unsafe { ffi::ct_record_thread(self.raw.as_ptr()) };
        (thread != 0).then_some(thread)
    }

    /// Where the tensor's own copy of its bytes starts.
    pub fn data(&self) -> *mut c_void {
        // SAFETY: `raw` is ours until drop.
        unsafe { ffi::ct_record_data(self.raw.as_ptr()) }
    }

    /// Overwrites shape and strides in place, as a framework does that resizes a tensor it has exported.
    pub fn resize_live(&self, shape: &[i64], strides: &[i64]) {
        assert_eq!(shape.len(), strides.len());
        let (shape_ptr, strides_ptr) = (shape.as_ptr(), strides.as_ptr());
        // SAFETY: `raw` is ours until drop, and both arrays are `len` long.
        let rc =
            unsafe { ffi::ct_resize_live(self.raw.as_ptr(), shape_ptr, strides_ptr, shape.len()) };
        assert_eq!(rc, 0, "the tensor is gone or its arrays are shorter");
    }

    /// Overwrites the shape in place, for a tensor without strides.
    pub fn resize_live_shape(&self, shape: &[i64]) {
        // SAFETY: `raw` is ours until drop; null strides are left alone.
        let rc = unsafe {
            ffi::ct_resize_live(self.raw.as_ptr(), shape.as_ptr(), ptr::null(), shape.len())
        };
        assert_eq!(rc, 0, "the tensor is gone or its array is shorter");
    }

    /// Frees the arrays of shape and strides and points the tensor at new ones.
    pub fn move_live(&self, shape: &[i64], strides: &[i64]) {
        assert_eq!(shape.len(), strides.len());
        let (shape_ptr, strides_ptr) = (shape.as_ptr(), strides.as_ptr());
        // SAFETY: `raw` is ours until drop, and both arrays are `len` long.
        let rc =
            unsafe { ffi::ct_move_live(self.raw.as_ptr(), shape_ptr, strides_ptr, shape.len()) };
        assert_eq!(rc, 0, "the tensor is gone or has no arrays");
    }

    /// Frees the arrays of shape and strides, to which the struct goes on pointing.
    pub fn free_live(&self) {
        // SAFETY: `raw` is ours until drop.
        let rc = unsafe { ffi::ct_free_live(self.raw.as_ptr()) };
        assert_eq!(rc, 0, "the tensor is gone");
    }

    /// Makes the arrays of shape and strides inaccessible: a read of them ends the process. They must have pages of their own;
    /// see [`Spec::guard_dims`](crate::Spec::guard_dims).
    pub fn forbid_live(&self) {
        // SAFETY: `raw` is ours until drop.
        let rc = unsafe { ffi::ct_forbid_live(self.raw.as_ptr()) };
        assert_eq!(rc, 0, "the tensor is gone, or its arrays have no pages of their own");
    }

    /// Frees the array of the shape alone.
    pub fn move_live_shape(&self, shape: &[i64]) {
        // SAFETY: `raw` is ours until drop; null strides are left alone.
        let rc = unsafe {
            ffi::ct_move_live(self.raw.as_ptr(), shape.as_ptr(), ptr::null(), shape.len())
        };
        assert_eq!(rc, 0, "the tensor is gone");
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // SAFETY: `raw` is ours, and this is the last use.
        unsafe { ffi::ct_record_release(self.raw.as_ptr()) }
    }
}

/// The tensors alive in this process, those of other tests included.
pub fn live() -> u64 {
    ffi::ct_live()
}

/// The calls of a deleter of the C library, in this process, with a pointer that is none of its tensors.
pub fn stray_deletes() -> u64 {
    ffi::ct_stray_deletes()
}

/// Whether guard pages can be asked for here.
pub fn has_guard_pages() -> bool {
    ffi::ct_has_guard_pages() != 0
}

/// Whether AddressSanitizer catches every access to a deleted tensor; otherwise it reads as 0xDD.
pub fn hides_deleted() -> bool {
    ffi::ct_hides_deleted() != 0
}

/// A number for the calling thread, as the C library sees it.
pub fn current_thread() -> u64 {
    ffi::ct_current_thread()
}
