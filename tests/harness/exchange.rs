//! `tests/c/exchange.h`: the libraries in C that have the exchange API, and their consumer.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use dlpack_sys::{DLDataType, DLDevice, DLManagedTensorVersioned, DLPackExchangeAPI, DLTensor};

use crate::{Record, ffi};

/// `CT_STREAM`.
pub const STREAM: usize = 0x5713;

#[repr(C)]
struct RawPlan {
    code: i32,
    writes: i32,
    out: *mut c_void,
    lent: *const DLTensor,
    set_error_calls: u32,
    deletes: u32,
    kind: *const c_char,
    message: *const c_char,
}

/// `ct_asked`.
#[repr(C)]
#[allow(missing_docs, reason = "exchange.h says what each field is")]
pub struct Asked {
    pub calls: u32,
    pub dtype: DLDataType,
    pub device: DLDevice,
    pub ndim: i32,
    pub shape: [i64; 64],
}

#[repr(C)]
struct RawSaid {
    calls: u32,
    kind: [c_char; 256],
    message: [c_char; 512],
}

unsafe extern "C" {
    safe fn ct_library() -> *const DLPackExchangeAPI;
    fn ct_object_new(tensor: *mut DLManagedTensorVersioned) -> *mut c_void;
    fn ct_object_release(object: *mut c_void);
    fn ct_object_tensor(object: *const c_void) -> *const DLTensor;
    safe fn ct_objects_alive() -> u64;
    safe fn ct_take_allocated() -> *mut ffi::Record;
    safe fn ct_fail_next_allocation();

    safe fn ct_planned_library() -> *const DLPackExchangeAPI;
    fn ct_plan_set(plan: *const RawPlan);
    fn ct_plan_asked(asked: *mut Asked);

    fn ct_ask_tensor(
        api: *const DLPackExchangeAPI,
        prototype: *const DLTensor,
        out: *mut *mut DLManagedTensorVersioned,
        said: *mut RawSaid,
    ) -> c_int;
    fn ct_read_exported(
        api: *const DLPackExchangeAPI,
        object: *mut c_void,
        checksum: *mut u64,
    ) -> c_int;
    fn ct_read_lent(
        api: *const DLPackExchangeAPI,
        object: *mut c_void,
        checksum: *mut u64,
    ) -> c_int;
    fn ct_give_tensor(
        api: *const DLPackExchangeAPI,
        tensor: *mut DLManagedTensorVersioned,
        object: *mut *mut c_void,
    ) -> c_int;
    fn ct_ask_stream(
        api: *const DLPackExchangeAPI,
        device_type: i32,
        device_id: i32,
        stream: *mut *mut c_void,
    ) -> c_int;
}

/// The library that keeps to the standard.
pub fn library() -> *const DLPackExchangeAPI {
    ct_library()
}

/// The library that does as it is told by a [`Plan`].
pub fn planned_library() -> *const DLPackExchangeAPI {
    ct_planned_library()
}

/// The record of the last tensor that [`library`] allocated on this thread.
pub fn take_allocated() -> Option<Record> {
    let raw = ct_take_allocated();
    // SAFETY: C has just given it up.
    (!raw.is_null()).then(|| unsafe { Record::from_raw(raw) })
}

/// The next allocation of [`library`] on this thread fails.
pub fn fail_next_allocation() {
    ct_fail_next_allocation();
}

/// The objects of [`library`], those of other tests included.
pub fn objects_alive() -> u64 {
    ct_objects_alive()
}

/// The error that [`library`] has set on this thread; empty after a success.
pub fn pending_error() -> String {
    // SAFETY: C keeps a string for each thread.
    unsafe { CStr::from_ptr(ffi::ct_last_error()) }.to_str().expect("ASCII").to_owned()
}

/// One holder of an object of [`library`].
#[derive(Debug)]
pub struct Object(NonNull<c_void>);

impl Object {
    /// Makes an object of a tensor.
    ///
    /// # Safety
    ///
    /// The tensor is live, and nobody else will delete it.
    pub unsafe fn new(tensor: *mut DLManagedTensorVersioned) -> Self {
        // SAFETY: the caller's promise.
        let object = unsafe { ct_object_new(tensor) };
        Self(NonNull::new(object).expect("memory for an object"))
    }

    /// Takes over an object that a function of the library returned.
    ///
    /// # Safety
    ///
    /// Nobody else releases it.
    pub unsafe fn from_raw(object: NonNull<c_void>) -> Self {
        Self(object)
    }

    /// For the functions of the library.
    pub fn as_ptr(&self) -> *mut c_void {
        self.0.as_ptr()
    }

    /// The tensor that it holds.
    pub fn tensor(&self) -> *const DLTensor {
        // SAFETY: the object is alive.
        unsafe { ct_object_tensor(self.0.as_ptr()) }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: this holder is ours.
        unsafe { ct_object_release(self.0.as_ptr()) }
    }
}

/// What each function of [`planned_library`] does; by default it succeeds, and writes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    code: i32,
    writes: i32,
    out: *mut c_void,
    lent: *const DLTensor,
    set_error_calls: u32,
    deletes: bool,
    kind: Option<&'a CStr>,
    message: Option<&'a CStr>,
}

impl<'a> Plan<'a> {
    /// Returns this number, and writes nothing.
    pub fn returns(code: i32) -> Self {
        Self {
            code,
            writes: 0,
            out: ptr::null_mut(),
            lent: ptr::null(),
            set_error_calls: 0,
            deletes: false,
            kind: None,
            message: None,
        }
    }

    /// Writes this pointer.
    pub fn writes<T>(self, out: *mut T) -> Self {
        Self { writes: if out.is_null() { 1 } else { 2 }, out: out.cast(), ..self }
    }

    /// Writes a copy of this tensor, where one is to be lent.
    pub fn lends(self, lent: *const DLTensor) -> Self {
        Self { writes: 2, lent, ..self }
    }

    /// Calls `SetError` so often.
    pub fn says(self, calls: u32, kind: Option<&'a CStr>, message: Option<&'a CStr>) -> Self {
        Self { set_error_calls: calls, kind, message, ..self }
    }

    /// Deletes the tensor that it is given.
    pub fn deletes(self) -> Self {
        Self { deletes: true, ..self }
    }

    /// Runs `body` with this plan for all functions, on this thread, and says what the library was asked for.
    pub fn during<R>(self, body: impl FnOnce() -> R) -> (R, Asked) {
        let text = |text: Option<&'a CStr>| text.map_or(ptr::null(), CStr::as_ptr);
        let raw = RawPlan {
            code: self.code,
            writes: self.writes,
            out: self.out,
            lent: self.lent,
            set_error_calls: self.set_error_calls,
            deletes: self.deletes.into(),
            kind: text(self.kind),
            message: text(self.message),
        };
        // SAFETY: the strings outlive this call, and nobody calls the library after it.
        unsafe { ct_plan_set(&raw) };
        let result = body();
        let mut asked = MaybeUninit::uninit();
        // SAFETY: C writes all of it.
        unsafe { ct_plan_asked(asked.as_mut_ptr()) };
        // SAFETY: the same.
        (result, unsafe { asked.assume_init() })
    }
}

/// What an allocator answered its consumer in C.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it returned.
    pub code: i32,
    /// What it wrote; starts as 0xDEAD.
    pub tensor: *mut DLManagedTensorVersioned,
    /// How often it called `SetError`.
    pub calls: u32,
    /// The kind that it said last.
    pub kind: String,
    /// The message that it said last.
    pub message: String,
}

/// Asks for a tensor like the prototype; all fields but dtype, device, ndim and shape are replaced by garbage.
///
/// # Safety
///
/// The table is that of a library.
pub unsafe fn ask_tensor(
    table: *const DLPackExchangeAPI,
    prototype: &DLTensor,
    listens: bool,
) -> Answer {
    let mut tensor = ptr::without_provenance_mut(0xDEAD);
    let mut said = RawSaid { calls: 0, kind: [0; 256], message: [0; 512] };
    let listener = if listens { &raw mut said } else { ptr::null_mut() };
    // SAFETY: the caller's promise.
    let code = unsafe { ct_ask_tensor(table, prototype, &raw mut tensor, listener) };
    let text = |from: *const c_char| {
        // SAFETY: C ends its strings.
        let text: CString = unsafe { CStr::from_ptr(from) }.to_owned();
        text.into_string().expect("UTF-8")
    };
    let (kind, message) = (text(said.kind.as_ptr()), text(said.message.as_ptr()));
    Answer { code, tensor, calls: said.calls, kind, message }
}

/// Exports an object, computes the checksum of the tensor and deletes it; else what the function returned, or 1 if its
/// answer makes no sense.
///
/// # Safety
///
/// The table is that of a library, and the object is one of its.
pub unsafe fn read_exported(
    table: *const DLPackExchangeAPI,
    object: *mut c_void,
) -> Result<u64, i32> {
    let mut checksum = 0;
    // SAFETY: the caller's promise.
    let code = unsafe { ct_read_exported(table, object, &raw mut checksum) };
    if code == 0 { Ok(checksum) } else { Err(code) }
}

/// As [`read_exported`], of a tensor that is lent.
///
/// # Safety
///
/// As for [`read_exported`].
pub unsafe fn read_lent(table: *const DLPackExchangeAPI, object: *mut c_void) -> Result<u64, i32> {
    let mut checksum = 0;
    // SAFETY: the caller's promise.
    let code = unsafe { ct_read_lent(table, object, &raw mut checksum) };
    if code == 0 { Ok(checksum) } else { Err(code) }
}

/// Makes an object of a tensor, which C leaks if that fails.
///
/// # Safety
///
/// The table is that of a library; the tensor is live.
pub unsafe fn give_tensor(
    table: *const DLPackExchangeAPI,
    tensor: *mut DLManagedTensorVersioned,
) -> Result<*mut c_void, i32> {
    let mut object = ptr::null_mut();
    // SAFETY: the caller's promise.
    let code = unsafe { ct_give_tensor(table, tensor, &raw mut object) };
    if code == 0 { Ok(object) } else { Err(code) }
}

/// Asks for a stream, starting with 0xDEAD.
///
/// # Safety
///
/// The table is that of a library.
pub unsafe fn ask_stream(
    table: *const DLPackExchangeAPI,
    device_type: i32,
    device_id: i32,
) -> (i32, *mut c_void) {
    let mut stream = ptr::without_provenance_mut(0xDEAD);
    // SAFETY: the caller's promise.
    let code = unsafe { ct_ask_stream(table, device_type, device_id, &raw mut stream) };
    (code, stream)
}
