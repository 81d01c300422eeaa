//! The buffer protocol for tensors in main memory, which `memoryview` and libraries without DLPack use.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::{CStr, c_int, c_void};
use core::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dlpack::layout::Layout;
use dlpack::{Access, DataType, Descriptor, Device, Error, ManagedTensorVersioned};
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;

use super::class::{Export, import};
use super::trampoline::{catch, panicked};
use crate::import::{Text, object, to_err, to_py_err};
use crate::raw::{Attached, SavedException, ffi};
use crate::route::{Release, release_of};

/// Implements `__getbuffer__`.
///
/// # Safety
///
/// Python calls this: `view` is null or can be written.
#[doc(hidden)]
pub unsafe fn get_buffer<T: Export>(
    slf: &Bound<'_, T>,
    view: *mut ffi::Py_buffer,
    flags: c_int,
) -> PyResult<()> {
    if view.is_null() {
        return Err(PyBufferError::new_err(Text("expected a place for the buffer, found null")));
    }
    // SAFETY: `view` can be written, as Python promises.
    unsafe {
        // For a failure.
        (&raw mut (*view).obj).write(ptr::null_mut());
        let made = catch(|| {
            let holder = Holder::of(slf)?;
            let mut filled = Lent::new(import(slf)?)?.into_buffer(flags)?;
            filled.obj = holder.hold(slf, &mut filled)?;
            Ok(filled)
        });
        view.write(made.unwrap_or_else(|payload| Err(panicked(payload)))?);
    }
    Ok(())
}

/// The object of which Python is told that it has lent a buffer, and which releases it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// The object itself, whose class stays as it is.
    Itself,
    /// The object itself, whose class has a function of Python that is called when a buffer is released, and no other base that would
    /// release it.
    Derived,
    /// A [`Loan`]. An object of a derived class may be of another one by the time of the release, or its class have other bases,
    /// by one of which Python would release the buffer, or by none.
    Loan,
}

/// The buffers that objects of derived classes hold, as the addresses of the object and of what it has lent. Such an object may also
/// release what it has lent as one of another base, which may have left anything in `internal`.
static HELD: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

fn held() -> MutexGuard<'static, Vec<(usize, usize)>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Holder {
    #[inline(never)]
    fn of<T: Export>(slf: &Bound<'_, T>) -> PyResult<Self> {
        if slf.as_any().is_exact_instance_of::<T>() {
            return Ok(Self::Itself);
        }
        let py = slf.py();
        let own = T::type_object(py);
        let class = object(slf.as_any().as_borrowed()).class().to_owned();
        let release = release_of(class.borrow(), object(own.as_any().as_borrowed()));
        Ok(match release.map_err(|raised| to_err(py, raised))? {
            Release { by_python: true, by_another: false } => Self::Derived,
            _ => Self::Loan,
        })
    }

    /// Returns a new reference of the holder. If there is none, what is lent is dropped.
    #[inline(never)]
    fn hold<T: Export>(
        self,
        slf: &Bound<'_, T>,
        filled: &mut ffi::Py_buffer,
    ) -> PyResult<*mut ffi::PyObject> {
        let lent = filled.internal;
        match self {
            Self::Itself => {}
            Self::Derived => held().push((slf.as_ptr().addr(), lent.addr())),
            Self::Loan => {
                filled.internal = ptr::null_mut();
                return Bound::new(slf.py(), Loan(lent.cast()))
                    .map(|loan| loan.into_any().into_ptr());
            }
        }
        Ok(slf.clone().into_any().into_ptr())
    }
}

/// What holds a buffer in the place of an object of a derived class.
#[pyclass(frozen, module = "dlpack_pyo3")]
struct Loan(
    /// # Invariants
    ///
    /// `into_buffer` made this pointer of a box, which nobody else frees.
    *mut Lent,
);

// SAFETY: the tensor may be dropped on any thread, and nobody follows the pointer before that.
unsafe impl Send for Loan {}
// SAFETY: as for `Send`.
unsafe impl Sync for Loan {}

impl Drop for Loan {
    fn drop(&mut self) {
        // SAFETY: the invariant of the field. Python drops this on attached threads, as does `hold`.
        unsafe { give_back(self.0) }
    }
}

/// Implements `__releasebuffer__`.
///
/// # Safety
///
/// Python calls this: `view` has not been released, and [`get_buffer`] filled it, or the function of another base of the object's
/// class.
#[doc(hidden)]
pub unsafe fn release_buffer<T: Export>(slf: &Bound<'_, T>, view: *mut ffi::Py_buffer) {
    // SAFETY: Python calls this with a buffer.
    let lent = unsafe { (*view).internal };
    if !slf.as_any().is_exact_instance_of::<T>() {
        let mut held = held();
        let own = (slf.as_ptr().addr(), lent.addr());
        let Some(place) = held.iter().position(|one| *one == own) else {
            // A class that is derived from this one and from one such as `bytes` lends by the one, and releases by the other.
            return;
        };
        held.swap_remove(place);
    }
    // SAFETY: Python calls this on attached threads. `into_buffer` made this pointer of a box, and the buffer is released once.
    unsafe { give_back(lent.cast()) }
}

/// # Safety
///
/// `into_buffer` made this pointer of a box, which is passed on. The thread is attached.
unsafe fn give_back(lent: *mut Lent) {
    // SAFETY: the box of `into_buffer`, which the caller passes on, so that nobody else frees it; and the caller's thread is attached.
    let (thread, lent) = unsafe { (Attached::assume(), Box::from_raw(lent)) };
    // The tensor's deleter must not see an exception that is set.
    let _saved = SavedException::take(thread);
    drop(lent);
}

/// The tensor of a buffer, and the numbers that the buffer points to.
struct Lent {
    tensor: ManagedTensorVersioned,
    /// The address of the first element, if there is one.
    start: *mut c_void,
    shape: Vec<ffi::Py_ssize_t>,
    /// In bytes.
    strides: Vec<ffi::Py_ssize_t>,
    /// `None` for elements that a consumer can only have as bytes.
    format: Option<&'static CStr>,
    /// The size of an element in bytes; 1 for elements that are smaller than that.
    size: ffi::Py_ssize_t,
}

impl Lent {
    fn new(tensor: ManagedTensorVersioned) -> PyResult<Self> {
        let device = tensor.device();
        if device.canonical() != Device::CPU {
            return Err(to_py_err(Error::NotHostAccessible { device }));
        }
        let dtype = tensor.dtype();
        let format = format_of(dtype);
        let size = match dtype.itemsize() {
            Some(size) => ffi::Py_ssize_t::try_from(size)?,
            None => 1,
        };
        let start = start_of(&tensor).map_err(to_py_err)?;
        let mut strides = tensor.strides().to_vec();
        Layout::normalize_strides(tensor.shape(), &mut strides);
        let shape = tensor.shape().iter().map(|&n| ffi::Py_ssize_t::try_from(n).ok());
        let strides = strides.iter().map(|&n| ffi::Py_ssize_t::try_from(n).ok()?.checked_mul(size));
        match (shape.collect(), strides.collect()) {
            (Some(shape), Some(strides)) => {
                Ok(Self { tensor, start, shape, strides, format, size })
            }
            // The extents were checked, so that this can only be a stride that is never taken.
            _ => Err(to_py_err(Error::ExtentOverflow)),
        }
    }

    /// Refuses a request that this tensor cannot meet.
    fn check(&self, flags: c_int) -> PyResult<()> {
        let asks = |all: c_int| flags & all == all;
        let dtype = self.tensor.dtype();
        if (asks(ffi::PyBUF_FORMAT) && self.format.is_none())
            || (asks(ffi::PyBUF_ND) && dtype.itemsize().is_none())
        {
            let text = format!("expected a dtype that buffers have a format for, found {dtype}");
            return Err(PyBufferError::new_err(Text(text)));
        }
        let (rows, columns) = (self.tensor.is_contiguous(), self.tensor.is_column_major());
        let missing = if asks(ffi::PyBUF_WRITABLE) && self.is_read_only() {
            "writable memory, found read-only memory"
        } else if asks(ffi::PyBUF_C_CONTIGUOUS) && !rows {
            "contiguous elements in row-major order, found other strides"
        } else if asks(ffi::PyBUF_F_CONTIGUOUS) && !columns {
            "contiguous elements in column-major order, found other strides"
        } else if asks(ffi::PyBUF_ANY_CONTIGUOUS) && !rows && !columns {
            "contiguous elements, found other strides"
        } else if !asks(ffi::PyBUF_STRIDES) && !rows {
            "a consumer that asks for strides, found one that does not"
        } else {
            return Ok(());
        };
        Err(PyBufferError::new_err(Text(format!("expected {missing}"))))
    }

    fn is_read_only(&self) -> bool {
        self.tensor.access() != Access::Writable
    }

    /// Returns the address of the first element.
    fn start(&self) -> *mut c_void {
        if self.tensor.is_empty() {
            // Some consumers take null for a request to allocate memory.
            return ptr::from_ref(self).cast_mut().cast();
        }
        self.start
    }

    /// Makes a buffer of this, without an object yet.
    fn into_buffer(self, flags: c_int) -> PyResult<ffi::Py_buffer> {
        self.check(flags)?;
        let len = ffi::Py_ssize_t::try_from(self.tensor.nbytes())?;
        let ndim = c_int::try_from(self.shape.len())?;
        let mut lent = Box::new(self);
        let shaped = flags & ffi::PyBUF_ND == ffi::PyBUF_ND;
        let strided = flags & ffi::PyBUF_STRIDES == ffi::PyBUF_STRIDES;
        let formatted = flags & ffi::PyBUF_FORMAT == ffi::PyBUF_FORMAT;
        // A scalar has no shape and strides, and neither has a buffer for which they were not requested.
        let numbers = |numbers: &mut [ffi::Py_ssize_t], wanted: bool| {
            if wanted && ndim > 0 { numbers.as_mut_ptr() } else { ptr::null_mut() }
        };
        Ok(ffi::Py_buffer {
            buf: lent.start(),
            obj: ptr::null_mut(),
            len,
            itemsize: lent.size,
            readonly: c_int::from(lent.is_read_only()),
            // Without a shape, a buffer is contiguous bytes.
            ndim: if shaped { ndim } else { 1 },
            format: match lent.format {
                Some(format) if formatted => format.as_ptr().cast_mut(),
                _ => ptr::null_mut(),
            },
            shape: numbers(&mut lent.shape, shaped),
            strides: numbers(&mut lent.strides, strided),
            suboffsets: ptr::null_mut(),
            internal: Box::into_raw(lent).cast(),
        })
    }
}

/// Returns the address of the first element, after a check that the whole tensor lies within the address space.
fn start_of(tensor: &Descriptor) -> Result<*mut c_void, Error> {
    let data = tensor.data();
    if tensor.is_empty() {
        return Ok(data);
    }
    if data.is_null() {
        return Err(Error::NullData);
    }
    let byte_offset = tensor.byte_offset();
    let offset =
        isize::try_from(byte_offset).map_err(|_| Error::ByteOffsetOverflow { byte_offset })?;
    let extents = tensor.layout().byte_extents();
    let first = data.addr().checked_add_signed(offset);
    let end = |extent| first?.checked_add_signed(extent);
    match (end(extents.start), end(extents.end)) {
        (Some(low), Some(_)) if low != 0 => Ok(data.wrapping_byte_offset(offset)),
        _ => Err(Error::AddressOverflow),
    }
}

/// Returns the format of elements, in the notation of the module `struct` and of NumPy.
fn format_of(dtype: DataType) -> Option<&'static CStr> {
    Some(match dtype {
        DataType::BOOL => c"?",
        DataType::I8 => c"b",
        DataType::I16 => c"h",
        DataType::I32 => c"i",
        DataType::I64 => c"q",
        DataType::U8 => c"B",
        DataType::U16 => c"H",
        DataType::U32 => c"I",
        DataType::U64 => c"Q",
        DataType::F16 => c"e",
        DataType::F32 => c"f",
        DataType::F64 => c"d",
        DataType::C64 => c"Zf",
        DataType::C128 => c"Zd",
        _ => return None,
    })
}
