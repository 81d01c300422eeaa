//! Exceptions: how a failure in Rust becomes one.

use core::ffi::{CStr, c_char};
use core::fmt::{self, Write};
use core::ptr::{self, NonNull};

use dlpack::Error;

use super::attached::Attached;
use super::ffi;
use super::object::{Object, Owned};
use super::once::Once;
use super::pending::Pending;
use super::tuple::tuple;

/// That an exception is set in this thread. Whoever has this returns to Python, or clears the exception.
#[derive(Debug)]
#[must_use = "an exception is set"]
pub(crate) struct Raised(());

impl Raised {
    /// Says that an exception is set, which the caller has seen to.
    #[inline]
    pub(crate) const fn new() -> Self {
        Self(())
    }

    /// Whether the exception is of this class, or one derived from it.
    pub(crate) fn is(&self, class: *mut ffi::PyObject) -> bool {
        // SAFETY: a class, and an exception is set on this attached thread.
        (unsafe { ffi::PyErr_ExceptionMatches(class) }) != 0
    }

    /// Drops a value as if no exception were set yet, for values whose owners may run any code when they end.
    #[cold]
    #[inline(never)]
    pub(crate) fn after_dropping<T>(self, py: Attached<'_>, value: T) -> Self {
        let _pending = Pending::take(py);
        drop(value);
        self
    }

    /// Forgets the exception.
    pub(crate) fn clear(self) {
        // SAFETY: this thread is attached, since an exception is set in it.
        unsafe { ffi::PyErr_Clear() }
    }
}

/// The classes of exceptions that are raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Type,
    Value,
    Buffer,
    Memory,
    Runtime,
    /// A `BufferError` that is also a `ValueError`: of a copy that must not be made, the array API standard says the one
    /// in one place and the other in another.
    Copy,
}

impl Kind {
    /// What an error of `dlpack` is for Python.
    ///
    /// What cannot be exchanged is a `BufferError`, as the array API standard has it.
    pub(crate) const fn of(error: Error) -> Self {
        match error {
            Error::AllocationFailed => Self::Memory,
            Error::InvalidStream { .. } | Error::UnknownStreamKind { .. } => Self::Value,
            Error::DTypeMismatch { .. } => Self::Type,
            Error::Copied | Error::CopyNeeded { .. } => Self::Copy,
            Error::Panicked => Self::Runtime,
            _ => Self::Buffer,
        }
    }

    fn class(self, py: Attached<'_>) -> *mut ffi::PyObject {
        match self {
            Self::Copy => copy_error(py),
            // SAFETY: written once, before any code of an extension runs; so are the others.
            Self::Type => unsafe { ffi::PyExc_TypeError },
            // SAFETY: the same.
            Self::Value => unsafe { ffi::PyExc_ValueError },
            // SAFETY: the same.
            Self::Buffer => unsafe { ffi::PyExc_BufferError },
            // SAFETY: the same.
            Self::Memory => unsafe { ffi::PyExc_MemoryError },
            // SAFETY: the same.
            Self::Runtime => unsafe { ffi::PyExc_RuntimeError },
        }
    }
}

/// The class of [`Kind::Copy`], or the first of its bases if it cannot be made.
fn copy_error(py: Attached<'_>) -> *mut ffi::PyObject {
    static CLASS: Once = Once::new();
    let class = CLASS.get(py, || {
        let bases = [Kind::Buffer, Kind::Value].map(|base| {
            // SAFETY: a class.
            let class = unsafe { NonNull::new_unchecked(base.class(py)) };
            // SAFETY: it lives as long as the interpreter.
            unsafe { Object::new(class) }
        });
        let bases = tuple(py, &bases)?;
        let name = c"dlpack_pyo3.CopyError".as_ptr();
        // SAFETY: the thread is attached; a name with a module, and classes.
        let class = unsafe { ffi::PyErr_NewException(name, bases.as_ptr(), ptr::null_mut()) };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Owned::or_raised(class) }
    });
    class.map_or_else(
        |raised| {
            raised.clear();
            Kind::Buffer.class(py)
        },
        Object::as_ptr,
    )
}

/// Sets an exception with this text.
#[cold]
pub(crate) fn raise(py: Attached<'_>, kind: Kind, text: fmt::Arguments<'_>) -> Raised {
    let mut message = Message { bytes: [0; MESSAGE], len: 0 };
    // A longer text is cut.
    let _ = message.write_fmt(text);
    // SAFETY: the thread is attached; a class, and a text that ends in NUL.
    unsafe { ffi::PyErr_SetString(kind.class(py), message.as_ptr()) };
    Raised::new()
}

/// Sets the exception for an error of `dlpack`.
#[cold]
pub(crate) fn raise_error(py: Attached<'_>, error: Error) -> Raised {
    raise(py, Kind::of(error), format_args!("{error}"))
}

const MESSAGE: usize = 512;

/// Text that ends in NUL, made without an allocation.
struct Message {
    /// # Invariants
    ///
    /// From `len` on all is NUL, and that is at least one byte.
    bytes: [u8; MESSAGE],
    len: usize,
}

impl Message {
    fn as_ptr(&self) -> *const c_char {
        CStr::from_bytes_until_nul(&self.bytes).map_or(c"".as_ptr(), CStr::as_ptr)
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            let end = self.len + c.len_utf8();
            let Some(room) = self.bytes.get_mut(self.len..end).filter(|_| end < MESSAGE) else {
                return Err(fmt::Error);
            };
            c.encode_utf8(room);
            self.len = end;
        }
        Ok(())
    }
}
