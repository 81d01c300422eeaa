//! How a failure in Rust becomes an exception.

use alloc::borrow::Cow;
use alloc::string::String;
use core::ffi::{CStr, c_char};
use core::fmt::{self, Write};
use core::ptr::{self, NonNull};

use dlpack::{Error, ErrorKind};

use super::attached::Attached;
use super::exception::SavedException;
use super::ffi;
use super::module::loaded;
use super::name::names;
use super::object::{Object, Owned};
use super::once_object::OnceObject;
use super::tuple::make_tuple;
use super::unwind;

/// Stands for an exception that is set in this thread. Its holder returns to Python, or clears the exception.
#[derive(Debug)]
#[must_use = "an exception is set"]
pub(crate) struct Raised(());

impl Raised {
    /// Makes the value for an exception that is set, which the caller has made sure of.
    #[inline]
    pub(crate) const fn new() -> Self {
        Self(())
    }

    /// Returns `true` if an exception is set.
    #[inline]
    pub(crate) fn is_set(_: Attached<'_>) -> bool {
        // SAFETY: the thread is attached.
        !unsafe { ffi::PyErr_Occurred() }.is_null()
    }

    /// Returns `true` if the exception is an instance of the class or of one derived from it.
    pub(crate) fn is(&self, class: Class) -> bool {
        // SAFETY: an exception is set, hence the thread is attached; and the result is a class.
        unsafe { ffi::PyErr_ExceptionMatches(class.get(Attached::assume())) != 0 }
    }

    /// Returns `true` if the exception is an instance of the class, and not of one derived from it.
    pub(crate) fn is_exactly(&self, class: Class) -> bool {
        // SAFETY: an exception is set, hence the thread is attached.
        unsafe { ffi::PyErr_Occurred() == class.get(Attached::assume()) }
    }

    /// Drops a value as if no exception were set yet, since its deleter may run any code.
    #[cold]
    #[inline(never)]
    pub(crate) fn after_dropping<T>(self, py: Attached<'_>, value: T) -> Self {
        let _saved = SavedException::take(py);
        drop(value);
        self
    }

    /// Forgets the exception, unless it is not an `Exception`, and so interrupts the program, or says that there is not enough memory or stack,
    /// and so nothing about whoever was asked.
    pub(crate) fn forget(self) -> Result<(), Self> {
        if !self.is(Class::Any) || self.is(Class::Memory) || self.is(Class::Recursion) {
            return Err(self);
        }
        self.clear();
        Ok(())
    }

    /// Forgets the exception.
    pub(crate) fn clear(self) {
        // SAFETY: an exception is set, hence the thread is attached.
        unsafe { unwind::clear_error() }
    }
}

/// The classes of exceptions that are raised, or that make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// `Exception`, which is the base of all others here.
    Any,
    Attribute,
    Type,
    Value,
    Buffer,
    Memory,
    Runtime,
    Recursion,
    /// `CopyError`, which is a `BufferError` and a `ValueError`: for a copy that must not be made, the array API standard
    /// asks for the one in one place and for the other in another.
    Copy,
}

impl Class {
    /// Returns the class of the exception that an error of `dlpack` becomes.
    pub(crate) const fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::OutOfMemory => Self::Memory,
            ErrorKind::DType => Self::Type,
            ErrorKind::InvalidArgument => Self::Value,
            ErrorKind::CopyPolicy => Self::Copy,
            ErrorKind::Failed if matches!(error, Error::Panicked) => Self::Runtime,
            _ => Self::Buffer,
        }
    }

    fn get(self, py: Attached<'_>) -> *mut ffi::PyObject {
        if self == Self::Copy {
            return copy_error(py);
        }
        // SAFETY: Python writes these once, before any code of an extension runs.
        unsafe {
            match self {
                Self::Any => ffi::PyExc_Exception,
                Self::Attribute => ffi::PyExc_AttributeError,
                Self::Type => ffi::PyExc_TypeError,
                Self::Value => ffi::PyExc_ValueError,
                Self::Buffer | Self::Copy => ffi::PyExc_BufferError,
                Self::Memory => ffi::PyExc_MemoryError,
                Self::Runtime => ffi::PyExc_RuntimeError,
                Self::Recursion => ffi::PyExc_RecursionError,
            }
        }
    }
}

/// Returns `CopyError`, or its first base if the class cannot be made.
fn copy_error(py: Attached<'_>) -> *mut ffi::PyObject {
    static CLASS: OnceObject = OnceObject::new();
    let class = CLASS.get(py, || {
        let bases = [Class::Buffer, Class::Value].map(|base| {
            // SAFETY: a class of Python's own, which lives as long as the interpreter; the thread is attached.
            unsafe { Object::new(NonNull::new_unchecked(base.get(py))) }
        });
        let bases = make_tuple(py, &bases)?;
        let name = c"dlpack_pyo3.CopyError".as_ptr();
        // SAFETY: the thread is attached, the name has a module, and the bases are classes. Python only reads the description
        // of the method, which lives for ever. The results are new references, or null with an exception set.
        unsafe {
            let class = unwind::new_exception(name, bases.as_ptr(), ptr::null_mut());
            let class = Owned::or_raised(class)?;
            let reduce = ptr::from_ref(REDUCE).cast_mut();
            let reduce = Owned::or_raised(unwind::new_method(class.as_ptr().cast(), reduce))?;
            let name = REDUCE.ml_name;
            match unwind::set_attr(class.as_ptr(), name, reduce.as_ptr()) {
                0 => Ok(class),
                _ => Err(Raised::new()),
            }
        }
    });
    class.map_or_else(
        |raised| {
            raised.clear();
            Class::Buffer.get(py)
        },
        Object::as_ptr,
    )
}

/// `CopyError.__reduce__`, by which exceptions reach another process.
const REDUCE: &ffi::PyMethodDef = &ffi::PyMethodDef {
    ml_name: c"__reduce__".as_ptr(),
    ml_meth: ffi::PyMethodDefPointer { PyCFunction: reduce },
    ml_flags: ffi::METH_NOARGS,
    ml_doc: ptr::null(),
};

/// Says how to make the exception again. No module has its class, so that another process makes a class of that name.
///
/// # Safety
///
/// CPython calls this as a method with `METH_NOARGS`.
unsafe extern "C" fn reduce(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: CPython calls methods on attached threads, with a live object.
    let error = unsafe { Object::new(NonNull::new_unchecked(slf)) };
    remake(error).map_or(ptr::null_mut(), Owned::into_ptr)
}

/// Makes the tuple of a function and its arguments.
fn remake(error: Object<'_>) -> Result<Owned<'_>, Raised> {
    let py = error.attached();
    let args = error.attr(&names::ARGS)?;
    // SAFETY: live objects on an attached thread, of which the second is a string, as the format says. The results are new
    // references, or null with an exception set.
    let text = unsafe {
        let args = Owned::or_raised(unwind::repr(args.as_ptr()))?;
        Owned::or_raised(ffi::PyUnicode_FromFormat(REMAKE.as_ptr(), args.as_ptr()))?
    };
    let arguments = make_tuple(py, &[text.borrow()])?;
    let Some(builtins) = loaded(py, &names::BUILTINS)? else {
        return Err(raise(py, Class::Runtime, format_args!("expected the module builtins")));
    };
    let eval = builtins.attr(&names::EVAL)?;
    make_tuple(py, &[eval.borrow(), arguments.borrow()])
}

/// From there, it goes on as the first of its bases.
const REMAKE: &CStr =
    c"type('CopyError', (BufferError, ValueError), {'__module__': 'dlpack_pyo3', \
                        '__reduce__': lambda self: (BufferError, self.args)})(*%U)";

/// Sets an exception with this text, unless what is set is not an `Exception`, and so interrupts the program: a text may name a
/// class, and to look at that may run Python code.
#[cold]
pub(crate) fn raise(py: Attached<'_>, class: Class, text: fmt::Arguments<'_>) -> Raised {
    let mut message = Message { bytes: [0; MESSAGE], len: 0 };
    // A longer text is cut.
    let _ = message.write_fmt(text);
    if Raised::is_set(py) && !Raised::new().is(Class::Any) {
        return Raised::new();
    }
    // SAFETY: the thread is attached; the class is one of exceptions, and the text ends in NUL.
    unsafe { unwind::set_error(class.get(py), message.as_ptr()) };
    Raised::new()
}

/// Sets the exception for an error of `dlpack`.
#[cold]
pub(crate) fn raise_error(py: Attached<'_>, error: Error) -> Raised {
    raise(py, Class::of(&error), format_args!("{}", ForPython(error)))
}

/// Writes an error without what comes after a semicolon, which names functions of Rust that help.
pub(crate) struct ForPython(pub(crate) Error);

impl fmt::Display for ForPython {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(UpToSemicolon { to: f, ended: false }, "{}", self.0)
    }
}

struct UpToSemicolon<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    ended: bool,
}

impl Write for UpToSemicolon<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.ended {
            return Ok(());
        }
        let (text, ended) = text.split_once(';').map_or((text, false), |(head, _)| (head, true));
        self.ended = ended;
        self.to.write_str(text)
    }
}

const MESSAGE: usize = 512;

/// Returns as much of a text of C as a message has room for. There may be no memory for a copy of the whole.
pub(crate) fn beginning(text: &CStr) -> Cow<'_, str> {
    let bytes = text.to_bytes();
    String::from_utf8_lossy(bytes.get(..MESSAGE).unwrap_or(bytes))
}

/// A text that ends in NUL, written without an allocation.
struct Message {
    /// # Invariants
    ///
    /// All bytes from `len` on are NUL, and there is at least one of them.
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
