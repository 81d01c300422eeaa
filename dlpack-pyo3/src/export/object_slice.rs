//! Elements that a Python object holds.

use core::fmt;
use core::ptr::NonNull;

use dlpack::{Element, Owner, Shared};
use pyo3::pyclass::boolean_struct::True;
use pyo3::{Bound, PyClass};

use super::py_owner::PyOwner;

/// Elements that an object of a frozen class holds, for an [`Exporter`](dlpack::Exporter), without a copy.
///
/// This keeps the object alive. Consumers get the elements read-only, since Rust may be reading them, too.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::dlpack::{Exporter, OpaqueTensor};
/// use dlpack_pyo3::{Export, ObjectSlice, PyTensor, to_py_err};
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
///         let pixels = ObjectSlice::new(slf, |image| &image.pixels);
///         Exporter::new(pixels).shape(&shape).into_opaque().map_err(to_py_err)
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
/// # use dlpack_pyo3::ObjectSlice;
/// # use pyo3::prelude::*;
/// #[pyclass]
/// struct Image {
///     pixels: Vec<u8>,
/// }
///
/// fn pixels(image: &Bound<'_, Image>) -> ObjectSlice<u8> {
///     ObjectSlice::new(image, |image| &image.pixels)
/// }
/// ```
///
/// The object does not keep other elements than its own alive, so this does not compile:
///
/// ```compile_fail,E0308
/// # use dlpack_pyo3::ObjectSlice;
/// # use pyo3::prelude::*;
/// # #[pyclass(frozen)]
/// # struct Image { pixels: Vec<u8> }
/// fn others<'a>(image: &Bound<'_, Image>, pixels: &'a [u8]) -> ObjectSlice<u8> {
///     ObjectSlice::new(image, |_| pixels)
/// }
/// ```
pub struct ObjectSlice<E> {
    /// # Invariants
    ///
    /// A slice that was borrowed from `object`, and is valid for as long as that lives.
    elements: NonNull<[E]>,
    #[expect(dead_code, reason = "held until it is dropped")]
    object: PyOwner,
}

// SAFETY: this stands for a shared borrow of the elements, which can be read on any thread.
unsafe impl<E: Sync> Send for ObjectSlice<E> {}
// SAFETY: as for `Send`.
unsafe impl<E: Sync> Sync for ObjectSlice<E> {}

impl<E: Element> ObjectSlice<E> {
    /// Borrows elements of the object for as long as the result lives.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::ObjectSlice;
    /// use dlpack_pyo3::dlpack::{Access, Exporter};
    /// use pyo3::prelude::*;
    ///
    /// #[pyclass(frozen)]
    /// struct Corners([f64; 4]);
    ///
    /// Python::attach(|py| {
    ///     let corners = Bound::new(py, Corners([0.0, 0.5, 1.0, 1.5]))?;
    ///     let tensor = Exporter::new(ObjectSlice::new(&corners, |corners| &corners.0)).build();
    ///     let tensor = tensor.map_err(dlpack_pyo3::to_py_err)?;
    ///     drop(corners);
    ///     assert_eq!(tensor.access(), Access::ReadOnly);
    ///     assert_eq!(tensor.as_slice::<f64>(), Ok(&[0.0, 0.5, 1.0, 1.5][..]));
    ///     PyResult::Ok(())
    /// })?;
    /// # PyResult::Ok(())
    /// ```
    pub fn new<T>(object: &Bound<'_, T>, elements: impl for<'a> FnOnce(&'a T) -> &'a [E]) -> Self
    where
        T: PyClass<Frozen = True> + Sync,
    {
        let elements = NonNull::from(elements(object.get()));
        Self { elements, object: object.clone().into_any().into() }
    }
}

// SAFETY: nobody gets exclusive access to the contents of an object of a frozen class before it is freed, so that they can be
// borrowed for as long as it lives; and the function returns elements for any such lifetime. Elements are plain data, which
// cannot be written through a shared reference.
unsafe impl<E: Element> Owner for ObjectSlice<E> {
    type Element = E;
    type Sharing = Shared;

    fn memory(&mut self) -> *mut [E] {
        self.elements.as_ptr()
    }
}

impl<E> fmt::Debug for ObjectSlice<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectSlice").field("len", &self.elements.len()).finish_non_exhaustive()
    }
}
