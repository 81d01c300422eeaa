//! `tests/c/ct.h`, by hand.

use std::ffi::{c_char, c_int, c_void};

use dlpack_sys::{DLDataType, DLManagedTensor, DLManagedTensorVersioned, DLTensor};

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[repr(C)]
        #[derive(Debug)]
        pub struct $name {
            opaque: [u8; 0],
        }
    )*};
}

opaque! {
    /// `ct_record`.
    Record,
    /// `ct_thread`.
    Thread,
    /// `ct_bag`.
    Bag,
}

/// `ct_spec`.
#[repr(C)]
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "ct.h says what each field is")]
pub struct Spec {
    pub major: u32,
    pub minor: u32,
    pub flags: u64,
    pub device_type: i32,
    pub device_id: i32,
    pub dtype: DLDataType,
    pub ndim: i32,
    pub shape: *const i64,
    pub shape_len: usize,
    pub strides: *const i64,
    pub strides_len: usize,
    pub bytes: *const c_void,
    pub bytes_len: usize,
    pub origin: usize,
    pub borrowed: *mut c_void,
    pub byte_offset: u64,
    pub data_shift: usize,
    pub header_shift: usize,
    pub options: u32,
    pub sleep_ms: u32,
    pub on_delete: Option<unsafe extern "C" fn(*mut c_void)>,
    pub on_delete_arg: *mut c_void,
}

/// `ct_layout`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "ct.h says what each field is")]
pub struct Layout {
    pub size: usize,
    pub align: usize,
    pub offset: usize,
}

pub const NULL_SHAPE: u32 = 1 << 0;
pub const NULL_STRIDES: u32 = 1 << 1;
pub const NULL_DATA: u32 = 1 << 2;
pub const NULL_DELETER: u32 = 1 << 3;
pub const NULL_CONTEXT: u32 = 1 << 4;
pub const GUARD_DATA_END: u32 = 1 << 5;
pub const GUARD_DATA_START: u32 = 1 << 6;
pub const GUARD_DIMS_END: u32 = 1 << 7;
pub const GUARD_HEADER: u32 = 1 << 8;
pub const FREE_ON_DELETE: u32 = 1 << 9;

type Lend = unsafe extern "C" fn(*const DLTensor, *mut c_void) -> c_int;

unsafe extern "C" {
    pub fn ct_make_versioned(
        spec: *const Spec,
        record: *mut *mut Record,
    ) -> *mut DLManagedTensorVersioned;
    pub fn ct_make_legacy(spec: *const Spec, record: *mut *mut Record) -> *mut DLManagedTensor;
    pub fn ct_record_deleted(record: *const Record) -> u32;
    pub fn ct_record_alive(record: *const Record) -> c_int;
    pub fn ct_record_thread(record: *const Record) -> u64;
    pub fn ct_record_data(record: *const Record) -> *mut c_void;
    pub fn ct_record_release(record: *mut Record);
    pub safe fn ct_live() -> u64;
    pub safe fn ct_stray_deletes() -> u64;
    pub safe fn ct_has_guard_pages() -> c_int;
    pub safe fn ct_hides_deleted() -> c_int;
    pub safe fn ct_current_thread() -> u64;
    pub fn ct_resize_live(
        r: *mut Record,
        shape: *const i64,
        strides: *const i64,
        n: usize,
    ) -> c_int;
    pub fn ct_free_live(r: *mut Record) -> c_int;
    pub fn ct_forbid_live(r: *mut Record) -> c_int;
    pub fn ct_move_live(r: *mut Record, shape: *const i64, strides: *const i64, n: usize) -> c_int;
    pub fn ct_call_with_tensor(spec: *const Spec, callback: Lend, ctx: *mut c_void) -> c_int;

    pub safe fn ct_element_bits(dtype: DLDataType, flags: u64) -> u64;
    pub safe fn ct_element_bytes(dtype: DLDataType, flags: u64) -> usize;
    pub fn ct_numel(tensor: *const DLTensor) -> i64;
    pub fn ct_is_row_major(tensor: *const DLTensor) -> c_int;
    pub fn ct_offset_of(tensor: *const DLTensor, index: *const i64) -> i64;
    pub fn ct_read_element(
        tensor: *const DLTensor,
        flags: u64,
        index: *const i64,
        element: *mut c_void,
    ) -> c_int;
    pub fn ct_write_element(
        tensor: *const DLTensor,
        flags: u64,
        index: *const i64,
        element: *const c_void,
    ) -> c_int;
    pub fn ct_gather(t: *const DLTensor, flags: u64, out: *mut c_void, capacity: usize) -> c_int;
    pub fn ct_scatter(t: *const DLTensor, flags: u64, from: *const c_void, len: usize) -> c_int;
    pub fn ct_fill(tensor: *const DLTensor, flags: u64, element: *const c_void) -> c_int;
    pub fn ct_checksum(tensor: *const DLTensor, flags: u64, checksum: *mut u64) -> c_int;

    pub fn ct_delete_versioned(tensor: *mut c_void);
    pub fn ct_delete_legacy(tensor: *mut c_void);
    pub fn ct_consume_versioned(t: *mut DLManagedTensorVersioned, checksum: *mut u64) -> c_int;
    pub fn ct_consume_legacy(tensor: *mut DLManagedTensor, checksum: *mut u64) -> c_int;
    pub fn ct_vandalise_and_delete_versioned(tensor: *mut DLManagedTensorVersioned);
    pub fn ct_vandalise_and_delete_legacy(tensor: *mut DLManagedTensor);
    pub fn ct_thread_start(run: unsafe extern "C" fn(*mut c_void), arg: *mut c_void)
    -> *mut Thread;
    pub fn ct_thread_join(thread: *mut Thread);
    pub safe fn ct_bag_new() -> *mut Bag;
    pub fn ct_hold_versioned(bag: *mut Bag, tensor: *mut DLManagedTensorVersioned) -> c_int;
    pub fn ct_hold_legacy(bag: *mut Bag, tensor: *mut DLManagedTensor) -> c_int;
    pub fn ct_held(bag: *const Bag) -> usize;
    pub fn ct_release(bag: *mut Bag);

    pub safe fn ct_constant_count() -> usize;
    pub fn ct_constant_name(i: usize) -> *const c_char;
    pub fn ct_constant_value(i: usize) -> u64;
    pub safe fn ct_layout_count() -> usize;
    pub fn ct_layout_name(i: usize) -> *const c_char;
    pub fn ct_layout_of(name: *const c_char, layout: *mut Layout) -> c_int;

    pub safe fn ct_last_error() -> *const c_char;
}
