//! Python objects as owners of memory that others use.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Deref;

use pyo3::{Bound, Py, PyAny};

use crate::raw::{dec_ref, reach};

/// A Python object that is kept alive, to be dropped wherever and whenever that happens.
///
/// The owner for a tensor whose memory belongs to a Python object. Its last consumer may let go of it on a thread that
/// Python never saw, with or without the interpreter's lock, or after the interpreter is gone. Dropping this
///
/// - on an attached thread gives the reference back at once,
/// - on any other attaches, and does the same. It waits until it can, so that a thread that holds a lock must not drop
///   this if an attached thread may wait for the same lock;
/// - leaks the reference from the moment on in which the interpreter finalises, when there is nothing to attach to; with the
///   feature `abi3` also on an attached thread, since the limited API does not tell which is.
///
/// A [`Py`] that is dropped on a thread that PyO3 has not attached, such as one on which another library calls a deleter,
/// waits for the next call into an extension that shares PyO3's state with this one. The memory of a tensor should not
/// wait for that.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::Kept;
/// use pyo3::prelude::*;
/// use pyo3::types::PyBytes;
///
/// let kept = Python::attach(|py| Kept::from(PyBytes::new(py, b"image")));
/// // Any thread may have it,
/// let kept = std::thread::spawn(move || kept).join().unwrap();
/// // and use it where it is attached.
/// Python::attach(|py| assert_eq!(kept.bind(py).as_bytes(), b"image"));
/// ```
pub struct Kept<T = PyAny>(ManuallyDrop<Py<T>>);

impl<T> From<Py<T>> for Kept<T> {
    fn from(object: Py<T>) -> Self {
        Self(ManuallyDrop::new(object))
    }
}

impl<T> From<Bound<'_, T>> for Kept<T> {
    fn from(object: Bound<'_, T>) -> Self {
        Self::from(object.unbind())
    }
}

impl<T> Deref for Kept<T> {
    type Target = Py<T>;

    fn deref(&self) -> &Py<T> {
        &self.0
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        // SAFETY: one reference is this value's, and the thread is attached.
        reach(|_| unsafe { dec_ref(self.0.as_ptr()) });
    }
}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.0.as_ptr()).finish()
    }
}
