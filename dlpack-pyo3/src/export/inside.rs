//! Elements that lie inside a Python object.

use core::fmt;
use core::ptr::NonNull;

use dlpack::{Element, Owner, Shared};
use pyo3::pyclass::boolean_struct::True;
use pyo3::{Bound, PyClass};

use super::keep::Kept;

/// Elements that lie inside an object of a frozen class, for an [`Exporter`](dlpack::Exporter), without a copy.
///
/// Keeps the object alive. Consumers get the elements read-only: Rust may be reading them, too.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::dlpack::{Exporter, Parcel};
/// use dlpack_pyo3::{Export, Inside, PyTensor, to_py_err};
/// use pyo3::prelude::*;
///
/// #[pyclass(frozen)]
/// struct Image {
///     pixels: Vec<u8>,
///     width: usize,
/// }
///
/// impl Export for Image {
///     fn tensor(slf: &Bound<'_, Self>) -> PyResult<Parcel> {
///         let image = slf.get();
///         let shape = [image.pixels.len() / image.width, image.width];
///         let pixels = Inside::new(slf, |image| &image.pixels);
///         Exporter::new(pixels).shape(&shape).into_parcel().map_err(to_py_err)
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
/// An object of a class that is not frozen may replace its elements, and is not taken:
///
/// ```compile_fail,E0271
/// # use dlpack_pyo3::Inside;
/// # use pyo3::prelude::*;
/// #[pyclass]
/// struct Image {
///     pixels: Vec<u8>,
/// }
///
/// fn pixels(image: &Bound<'_, Image>) -> Inside<u8> {
///     Inside::new(image, |image| &image.pixels)
/// }
/// ```
///
/// Elements of anything else than the object are none that it keeps alive:
///
/// ```compile_fail,E0308
/// # use dlpack_pyo3::Inside;
/// # use pyo3::prelude::*;
/// # #[pyclass(frozen)]
/// # struct Image { pixels: Vec<u8> }
/// fn others<'a>(image: &Bound<'_, Image>, pixels: &'a [u8]) -> Inside<u8> {
///     Inside::new(image, |_| pixels)
/// }
/// ```
pub struct Inside<E> {
    /// # Invariants
    ///
    /// A slice that was borrowed from `object`, for as long as that lives.
    elements: NonNull<[E]>,
    #[expect(dead_code, reason = "kept alive")]
    object: Kept,
}

// SAFETY: it stands for a shared borrow of the elements, and they can be read on any thread.
unsafe impl<E: Sync> Send for Inside<E> {}
// SAFETY: the same.
unsafe impl<E: Sync> Sync for Inside<E> {}

impl<E: Element> Inside<E> {
    /// Borrows elements of the object for as long as the result lives.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack_pyo3::Inside;
    /// use dlpack_pyo3::dlpack::{Access, Exporter};
    /// use pyo3::prelude::*;
    ///
    /// #[pyclass(frozen)]
    /// struct Corners([f64; 4]);
    ///
    /// Python::attach(|py| {
    ///     let corners = Bound::new(py, Corners([0.0, 0.5, 1.0, 1.5]))?;
    ///     let tensor = Exporter::new(Inside::new(&corners, |corners| &corners.0)).build();
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

// SAFETY: nobody gets exclusive access to what is in an object of a frozen class before it is freed, so that it can be
// borrowed for as long as it lives; the function gave elements for any such time. They have no way to be written through a
// shared reference, since a type of plain elements has no such places.
unsafe impl<E: Element> Owner for Inside<E> {
    type Element = E;
    type Sharing = Shared;

    fn memory(&mut self) -> *mut [E] {
        self.elements.as_ptr()
    }
}

impl<E> fmt::Debug for Inside<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inside").field("len", &self.elements.len()).finish_non_exhaustive()
    }
}
