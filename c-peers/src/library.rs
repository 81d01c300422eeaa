//! The libraries, and the table of functions that the shim of each has.

use core::ffi::{CStr, c_char, c_void};
use core::fmt;
use core::ptr;
use std::sync::OnceLock;

use libloading::os::unix::{Library as Loaded, RTLD_LOCAL, RTLD_NOW};

use crate::tensor::Description;

/// Takes over a managed tensor, and returns a tensor of the library's.
pub type Import = unsafe extern "C" fn(*mut c_void, *mut Reason) -> *mut c_void;
/// Exports a tensor of the library's as a managed tensor.
pub type Export = unsafe extern "C" fn(*mut c_void, *mut Reason) -> *mut c_void;

/// `Peer` in `shims/peer.h`.
#[derive(Debug)]
#[repr(C)]
#[allow(missing_docs, reason = "the header has them")]
pub struct Table {
    pub major: u32,
    pub minor: u32,
    pub import_legacy: Option<Import>,
    pub import_versioned: Option<Import>,
    pub export_legacy: Option<Export>,
    pub export_versioned: Option<Export>,
    pub export_read_only: Option<Export>,
    pub export_copy: Option<Export>,
    pub make: unsafe extern "C" fn(*const Request, *mut Reason) -> *mut c_void,
    pub view: unsafe extern "C" fn(
        *mut c_void,
        *const i64,
        *const i64,
        i32,
        i64,
        *mut Reason,
    ) -> *mut c_void,
    pub describe: unsafe extern "C" fn(*mut c_void, *mut Description),
    pub read: unsafe extern "C" fn(*mut c_void, *mut c_void),
    pub write: Option<unsafe extern "C" fn(*mut c_void, *const c_void)>,
    pub release: unsafe extern "C" fn(*mut c_void),
}

/// `Request` in `shims/peer.h`.
#[derive(Debug)]
#[repr(C)]
#[allow(missing_docs, reason = "the header has them")]
pub struct Request {
    pub shape: *const i64,
    pub ndim: i32,
    pub code: u8,
    pub bits: u8,
    pub lanes: u16,
    pub elements: *const c_void,
    pub nbytes: usize,
    pub freed: unsafe extern "C" fn(*mut c_void),
    pub context: *mut c_void,
}

/// Why a function failed.
#[repr(C)]
pub struct Reason([c_char; 512]);

impl Reason {
    /// Calls a function that writes a reason if it returns null.
    ///
    /// # Errors
    ///
    /// The reason.
    pub fn of(call: impl FnOnce(*mut Self) -> *mut c_void) -> Result<ptr::NonNull<c_void>, String> {
        let mut reason = Self([0; 512]);
        ptr::NonNull::new(call(&raw mut reason)).ok_or_else(|| reason.to_string())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: shims end the text with a zero, and the array starts as zeros.
        f.write_str(&unsafe { CStr::from_ptr(self.0.as_ptr()) }.to_string_lossy())
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A library, which is loaded when it is first used and stays loaded.
#[derive(Debug)]
pub struct Library {
    /// Its name, for messages.
    pub name: &'static str,
    shim: &'static str,
    symbol: &'static CStr,
    loaded: OnceLock<Loaded>,
}

/// libtvm_ffi, by its C API.
pub static TVM_FFI: Library = Library::new("tvm-ffi", env!("TVM_FFI_SHIM"), c"peer");
/// libtorch, by the functions of ATen.
pub static TORCH: Library = Library::new("torch", env!("TORCH_SHIM"), c"peer");
/// The tensors of Arrow C++.
pub static ARROW: Library = Library::new("arrow", env!("ARROW_SHIM"), c"peer");
/// The arrays of Arrow C++, which have one axis and cannot be written.
pub static ARROW_ARRAYS: Library = Library::new("arrow arrays", env!("ARROW_SHIM"), c"peer_array");

impl Library {
    const fn new(name: &'static str, shim: &'static str, symbol: &'static CStr) -> Self {
        Self { name, shim, symbol, loaded: OnceLock::new() }
    }

    /// Returns the functions.
    pub fn table(&self) -> &Table {
        // SAFETY: the symbol is a constant of this type, in a library that stays loaded.
        unsafe { &*self.get::<*const Table>(self.symbol) }
    }

    /// Returns a symbol of the shim.
    ///
    /// # Safety
    ///
    /// `T` is a pointer to what the symbol is.
    pub unsafe fn get<T: Copy>(&self, symbol: &CStr) -> T {
        let loaded = self.loaded.get_or_init(|| {
            // SAFETY: nothing but the library's own start runs when it is loaded.
            unsafe { Loaded::open(Some(self.shim), RTLD_NOW | RTLD_LOCAL) }.expect("the library")
        });
        // SAFETY: the caller's promise about `T`.
        *unsafe { loaded.get(symbol.to_bytes_with_nul()) }.expect("a symbol of the shim")
    }
}
