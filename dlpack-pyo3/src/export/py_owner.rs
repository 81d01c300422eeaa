//! Python objects as owners of memory.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Deref;

use pyo3::{Bound, Py, PyAny};

use crate::raw::{dec_ref, try_attach};

/// A Python object that is kept alive by this value, which any thread may drop at any time.
///
/// Use this as the owner of a tensor whose memory belongs to a Python object. The last consumer of the tensor may drop it on
/// a thread that Python does not know, with or without the interpreter's lock, or after the interpreter is gone. Dropping
/// this
///
/// - on an attached thread gives the reference back at once;
/// - on any other thread attaches first, and waits until it can. So a thread that holds a lock must not drop this if an
///   attached thread may wait for the lock;
/// - leaks the reference once the interpreter finalises, when there is nothing to attach to. With the feature `abi3` that
///   includes attached threads, since the limited API cannot tell which threads are.
///
/// If a [`Py`] is dropped on a thread that PyO3 has not attached, such as one on which another library calls a deleter, its
/// reference is kept until the next call into an extension that shares PyO3's state with this one. The memory of a tensor
/// should not wait for that.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::PyOwner;
/// use pyo3::prelude::*;
/// use pyo3::types::PyBytes;
///
/// let owner = Python::attach(|py| PyOwner::from(PyBytes::new(py, b"image")));
/// // Any thread may have it,
/// let owner = std::thread::spawn(move || owner).join().unwrap();
/// // and use it where it is attached.
/// Python::attach(|py| assert_eq!(owner.bind(py).as_bytes(), b"image"));
/// ```
pub struct PyOwner<T = PyAny>(ManuallyDrop<Py<T>>);

impl<T> From<Py<T>> for PyOwner<T> {
    fn from(object: Py<T>) -> Self {
        Self(ManuallyDrop::new(object))
    }
}

impl<T> From<Bound<'_, T>> for PyOwner<T> {
    fn from(object: Bound<'_, T>) -> Self {
        Self::from(object.unbind())
    }
}

impl<T> Deref for PyOwner<T> {
    type Target = Py<T>;

    fn deref(&self) -> &Py<T> {
        &self.0
    }
}

impl<T> Drop for PyOwner<T> {
    fn drop(&mut self) {
        // SAFETY: this value owns one reference, and the thread is attached.
        try_attach(|_| unsafe { dec_ref(self.0.as_ptr()) });
    }
}

impl<T> fmt::Debug for PyOwner<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PyOwner").field(&self.0.as_ptr()).finish()
    }
}
