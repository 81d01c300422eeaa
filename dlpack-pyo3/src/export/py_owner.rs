//! Python objects as owners of memory.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Deref;

use pyo3::{Bound, Py, PyAny};

use crate::raw::{give_back, try_attach};

/// A Python object that is kept alive by this value, which any thread may drop at any time.
///
/// Use this as the owner of a tensor whose memory belongs to a Python object. The last consumer of the tensor may drop it on
/// a thread that Python does not know, with or without the interpreter's lock, or after the interpreter is gone. Dropping
/// this
///
/// - on an attached thread gives the reference back at once, or, if many objects that keep each other alive are ending on this
///   thread, as soon as one of those has ended;
/// - on any other thread attaches first, and waits until it can. So a thread that holds a lock must not drop this if an
///   attached thread may wait for the lock;
/// - leaks the reference once the interpreter finalises, when there is nothing to attach to. With the feature `abi3` that
///   includes attached threads, since the limited API cannot tell which threads are;
/// - in a `__traverse__` leaks the reference, if it is the last one.
///
/// Do not keep a [`Py`] in the owner of a tensor. If one is dropped on a thread that PyO3 has not attached, such as one on
/// which another library calls a deleter, its reference is kept until the next call into an extension that shares PyO3's
/// state with this one. And where a function of C releases the interpreter's lock in a call from PyO3, and calls a deleter,
/// PyO3 takes the thread for attached, and changes the object without the lock.
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
///
/// # Elements inside an object
///
/// Elements that an object of a frozen class holds are exported without a copy by [`Exporter::of`](dlpack::Exporter::of).
/// Consumers get them read-only, since Rust may be reading them, too. PyTorch ignores that; see
/// [`Export`](trait@crate::Export#read-only-memory).
///
/// ```
/// use dlpack_pyo3::dlpack::{Exporter, OpaqueTensor};
/// use dlpack_pyo3::{Export, PyOwner, PyTensor, to_py_err};
/// use pyo3::prelude::*;
///
/// #[pyclass(frozen)]
/// struct Image {
///     pixels: Vec<u8>,
///     width: usize,
/// }
///
/// impl Export for Image {
///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<OpaqueTensor> {
///         let image = slf.get();
///         let shape = [image.pixels.len() / image.width, image.width];
///         let pixels = Exporter::of(PyOwner::from(slf.clone()), |image| &image.get().pixels);
///         pixels.shape(&shape).into_opaque().map_err(to_py_err)
///     }
/// }
///
/// dlpack_pyo3::export!(Image);
///
/// Python::attach(|py| {
///     let image = Bound::new(py, Image { pixels: vec![0; 6], width: 3 })?;
///     let tensor: PyTensor = image.extract()?;
///     assert_eq!(tensor.shape(), [2, 3]);
///     assert_eq!(tensor.data().cast_const().cast(), image.get().pixels.as_ptr());
///     PyResult::Ok(())
/// })?;
/// # PyResult::Ok(())
/// ```
///
/// An object of a class that is not frozen may replace its elements, so this does not compile:
///
/// ```compile_fail,E0271
/// # use dlpack_pyo3::PyOwner;
/// # use dlpack_pyo3::dlpack::Exporter;
/// # use pyo3::prelude::*;
/// #[pyclass]
/// struct Image {
///     pixels: Vec<u8>,
/// }
///
/// fn export(image: PyOwner<Image>) {
///     let pixels = Exporter::of(image, |image| image.get().pixels.as_slice());
/// }
/// ```
///
/// The object does not keep other elements than its own alive, so this does not compile:
///
/// ```compile_fail
/// # use dlpack_pyo3::PyOwner;
/// # use dlpack_pyo3::dlpack::Exporter;
/// # use pyo3::prelude::*;
/// fn export(owner: PyOwner, pixels: &[u8]) {
///     let pixels = Exporter::of(owner, |_| pixels);
/// }
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
        // SAFETY: this value owns one reference.
        try_attach(|py| unsafe { give_back(py, self.0.as_ptr()) });
    }
}

impl<T> fmt::Debug for PyOwner<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PyOwner").field(&self.0.as_ptr()).finish()
    }
}
