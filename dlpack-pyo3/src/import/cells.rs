//! Reading elements that others may write.
//!
//! NumPy and other libraries release the interpreter lock while they compute, so an attached thread is not the only one that
//! writes. Elements are therefore read by atomic loads. As far as Rust can tell, foreign code then writes by atomic stores, and
//! a read returns some mixture of old and new bytes, which is a valid value of every [`Element`].

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicUsize, Ordering};

use dlpack::view::{ReadCell, Unaligned};
use dlpack::{Element, Error, TensorView};
use pyo3::Python;

use super::untyped::UntypedTensor;

/// The elements of a [`PyTensor`](crate::PyTensor), which can be read while others may write them.
///
/// This cannot leave the thread, and cannot be used while the thread is detached from the interpreter.
///
/// # Examples
///
/// ```
/// use dlpack_pyo3::PyTensor;
/// use pyo3::prelude::*;
///
/// # Python::attach(|py| {
/// let bytes = pyo3::types::PyBytes::new(py, &[3, 7, 5]);
/// let tensor = bytes.extract::<PyTensor<u8>>()?;
/// let cells = tensor.cells(py)?;
/// assert_eq!(cells.shape(), [3]);
/// assert_eq!(cells.iter().map(u32::from).sum::<u32>(), 15);
/// # Ok::<(), PyErr>(())
/// # })?;
/// # Ok::<(), PyErr>(())
/// ```
///
/// This does not compile, since the thread is detached:
///
/// ```compile_fail,E0277
/// # use dlpack_pyo3::PyTensor;
/// # use pyo3::prelude::*;
/// fn sum(py: Python<'_>, tensor: PyTensor<u32>) -> PyResult<u32> {
///     let cells = tensor.cells(py)?;
///     Ok(py.detach(|| cells.iter().sum()))
/// }
/// ```
pub struct Cells<'a, T> {
    view: TensorView<'a, ReadCell<T>>,
    py: PhantomData<Python<'a>>,
}

impl<'a, T: Element> Cells<'a, T> {
    pub(super) fn new(_: Python<'a>, tensor: &'a UntypedTensor) -> Result<Self, Error> {
        // SAFETY: foreign memory counts as initialised. Others may write it, but the cells are read by `load` only, which uses
        // atomic loads.
        let view = unsafe { tensor.view_as::<ReadCell<T>>() }?;
        Ok(Self { view, py: PhantomData })
    }

    /// Returns the number of elements along each axis.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack_pyo3::PyTensor;
    /// # use pyo3::prelude::*;
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, &[3, 7, 5]);
    /// let tensor = bytes.extract::<PyTensor<u8>>()?;
    /// assert_eq!(tensor.cells(py)?.shape(), [3]);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.view.shape()
    }

    /// Returns the current value of the element at an index, or `None` if there is no such element.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack_pyo3::PyTensor;
    /// # use pyo3::prelude::*;
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, &[3, 7, 5]);
    /// let tensor = bytes.extract::<PyTensor<u8>>()?;
    /// assert_eq!(tensor.cells(py)?.get(&[1]), Some(7));
    /// assert_eq!(tensor.cells(py)?.get(&[3]), None);
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn get(&self, index: &[usize]) -> Option<T> {
        self.view.get(index).map(load)
    }

    /// Iterates over the elements in row-major order. Each is read when the iterator reaches it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use dlpack_pyo3::PyTensor;
    /// # use pyo3::prelude::*;
    /// # Python::attach(|py| {
    /// let bytes = pyo3::types::PyBytes::new(py, &[3, 7, 5]);
    /// let tensor = bytes.extract::<PyTensor<u8>>()?;
    /// assert!(tensor.cells(py)?.iter().eq([3, 7, 5]));
    /// # Ok::<(), PyErr>(())
    /// # })?;
    /// # Ok::<(), PyErr>(())
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + use<'a, T> {
        let py = self.py;
        self.view.iter().map(move |cell| {
            // Captured, so that the iterator cannot be used on a detached thread either.
            let _attached = py;
            load(cell)
        })
    }
}

impl<T> fmt::Debug for Cells<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cells").field("shape", &self.view.shape()).finish_non_exhaustive()
    }
}

/// Copies the elements in row-major order.
pub(super) fn to_vec<T: Element>(py: Python<'_>, tensor: &UntypedTensor) -> Result<Vec<T>, Error> {
    let mut elements = Vec::new();
    elements.try_reserve_exact(tensor.numel()).map_err(|_| Error::AllocationFailed)?;
    match Cells::<T>::new(py, tensor) {
        Ok(cells) => elements.extend(cells.iter()),
        Err(Error::Misaligned { .. }) => {
            // SAFETY: as in `Cells::new`.
            let view = unsafe { tensor.view_as::<Unaligned<T>>() }?;
            elements.extend(view.iter().map(|element| {
                // SAFETY: an element of the view, and any address is aligned for bytes.
                unsafe { load_in::<T, AtomicU8>((&raw const *element).cast()) }
            }));
        }
        Err(error) => return Err(error),
    }
    Ok(elements)
}

/// Reads an element.
#[inline]
fn load<T: Element>(cell: &ReadCell<T>) -> T {
    let from = (&raw const *cell).cast::<T>();
    // SAFETY: an element of the view, which is aligned, and whose size is a multiple of its alignment and of the atomic type.
    // On the targets of CPython, a `usize` is aligned to no more than a type that is aligned to 8 bytes or more.
    unsafe {
        match align_of::<T>() {
            1 => load_in::<T, AtomicU8>(from),
            2 => load_in::<T, AtomicU16>(from),
            4 => load_in::<T, AtomicU32>(from),
            _ => load_in::<T, AtomicUsize>(from),
        }
    }
}

/// Reads an element in parts.
///
/// # Safety
///
/// `from` points to an element, which others may write by atomic stores. It is aligned for `A`, and the size of `T` is a
/// multiple of that of `A`.
#[inline]
unsafe fn load_in<T: Element, A: Atom>(from: *const T) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    for part in 0..size_of::<T>() / size_of::<A>() {
        // SAFETY: both parts are within the element and the value. The part of the element is aligned and may be read by an
        // atomic load, as the caller promises; that of the value need not be aligned.
        unsafe {
            let bits = (*from.cast::<A>().add(part)).load();
            value.as_mut_ptr().cast::<A::Bits>().add(part).write_unaligned(bits);
        }
    }
    // SAFETY: all parts were written, and any bytes are a valid `Element`.
    unsafe { value.assume_init() }
}

/// A type that is read by one atomic load.
trait Atom {
    type Bits;

    fn load(&self) -> Self::Bits;
}

macro_rules! atoms {
    ($($atom:ty => $bits:ty,)*) => {$(
        impl Atom for $atom {
            type Bits = $bits;

            #[inline]
            fn load(&self) -> $bits {
                self.load(Ordering::Relaxed)
            }
        }
    )*};
}

atoms! {
    AtomicU8 => u8,
    AtomicU16 => u16,
    AtomicU32 => u32,
    AtomicUsize => usize,
}
