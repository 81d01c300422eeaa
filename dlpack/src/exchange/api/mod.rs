//! A library's table of functions, for its callers.

mod table;

mod allocate;
mod objects;

use core::ffi::{c_int, c_void};
use core::fmt;
use core::ptr::NonNull;

use crate::sys;
use crate::vocabulary::Version;

/// The functions with which a library exchanges tensors, read from its `DLPackExchangeAPI`.
///
/// The standard allows one of them to be missing, but any may be: a method that needs a missing function returns
/// [`Error::MissingFunction`](crate::Error::MissingFunction). Objects are the tensors of the library's language, such as a `PyObject*`; only their address
/// is used here.
///
/// None of the functions waits for a device: work that is queued on the library's stream may still write a tensor that
/// they return. Enqueue your own work on [`current_stream`](Self::current_stream), or wait for that stream.
///
/// # Examples
///
/// ```
/// use dlpack::{DataType, Device, Error, exchange::ExchangeApi, sys};
///
/// /// Allocates zeros with a library, and returns their sum.
/// ///
/// /// # Safety
/// ///
/// /// Clauses E1 to E4 of [`ExchangeApi::from_raw`] hold for the table.
/// unsafe fn zeros(table: *const sys::DLPackExchangeAPI) -> Result<f32, Error> {
///     // SAFETY: clauses E1 to E4 hold.
///     let library = unsafe { ExchangeApi::from_raw(table) }?;
///     let tensor = library.allocate(DataType::F32, &[2, 3], Device::CPU)?.fill(0.0_f32)?;
///     Ok(tensor.view::<f32>()?.iter().sum())
/// }
///
/// # mod boxes { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/boxes.rs")); }
/// let table = boxes::TABLE.as_raw(); // Of the library in the documentation of `Library`.
/// // SAFETY: clauses E1 to E4 hold for that library.
/// assert_eq!(unsafe { zeros(table) }, Ok(0.0));
/// // SAFETY: clause E1 allows a null pointer.
/// assert_eq!(unsafe { zeros(core::ptr::null()) }, Err(Error::NullTable));
/// ```
#[derive(Clone, Copy)]
pub struct ExchangeApi {
    /// # Invariants
    ///
    /// Clauses E1 to E4 of [`ExchangeApi::from_raw`] hold for the table that this points to, and for `functions`.
    table: NonNull<sys::DLPackExchangeAPI>,
    version: Version,
    functions: Functions,
}

/// Copies of the functions in a table of our major version, in their order.
///
/// A function that calls into the library's language may never return: before 3.14, CPython may end the thread by unwinding
/// it. The types say so, for callers that can prevent it. The methods that call these functions hold no value meanwhile that
/// would have to be dropped.
#[derive(Clone, Copy)]
#[repr(C)]
struct Functions {
    allocate: sys::DLPackManagedTensorAllocator,
    tensor_from_object: Option<
        unsafe extern "C-unwind" fn(*mut c_void, *mut *mut sys::DLManagedTensorVersioned) -> c_int,
    >,
    object_from_tensor: Option<
        unsafe extern "C-unwind" fn(*mut sys::DLManagedTensorVersioned, *mut *mut c_void) -> c_int,
    >,
    lend: Option<unsafe extern "C-unwind" fn(*mut c_void, *mut sys::DLTensor) -> c_int>,
    current_stream:
        Option<unsafe extern "C-unwind" fn(sys::DLDeviceType, i32, *mut *mut c_void) -> c_int>,
}

// SAFETY: the table is not dereferenced again. Clause E3 allows any thread for the function that a safe method calls, and
// the contracts of the `unsafe` methods say on which threads they may be called.
unsafe impl Send for ExchangeApi {}
// SAFETY: nothing changes behind a shared reference.
unsafe impl Sync for ExchangeApi {}

impl fmt::Debug for ExchangeApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeApi").field("version", &self.version).finish_non_exhaustive()
    }
}
