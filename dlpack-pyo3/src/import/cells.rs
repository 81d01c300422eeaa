//! Reading elements that others may write.
//!
//! NumPy and others release the interpreter lock while they compute, so that being attached keeps nobody from writing.
//! Elements are therefore read by atomic loads. As far as Rust can tell, foreign code writes by atomic stores then, and
//! what is read is some mixture of old and new bytes, which for an [`Element`] is always a value.

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicUsize, Ordering};

use dlpack::{Element, Error, ReadCell, TensorView};
use pyo3::Python;

use super::untyped::UntypedTensor;

/// The elements of a [`PyTensor`](crate::PyTensor), to read them while others may write them.
///
/// Cannot leave the thread, nor outlive that it is attached to the interpreter.
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
/// While the thread is detached, they are out of reach:
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
        tensor.check_ready_for_host()?;
        // SAFETY: the elements are foreign memory, of which Rust knows nothing, and hence initialised. That nobody writes
        // them is not promised: the cells are read by `load` only, which can stand that.
        let view = unsafe { tensor.cell_view::<T>() }?;
        Ok(Self { view, py: PhantomData })
    }

    /// The number of elements along each axis.
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

    /// The element at an index, as it is now; `None` if there is no such element.
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

    /// The elements in row-major order, each as it is when the iterator comes to it.
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
        self.view.iter().map(load)
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
            // SAFETY: as for cells.
            let view = unsafe { tensor.unaligned_view::<T>() }?;
            elements.extend(view.iter().map(|element| {
                // SAFETY: an element, and bytes are aligned for whatever it is.
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
    match align_of::<T>() {
        // SAFETY: an element, in parts that are as much aligned as it is; so are the others.
        1 => unsafe { load_in::<T, AtomicU8>(from) },
        // SAFETY: the same.
        2 => unsafe { load_in::<T, AtomicU16>(from) },
        // SAFETY: the same.
        4 => unsafe { load_in::<T, AtomicU32>(from) },
        // SAFETY: the same; no address has a greater alignment than its size on the targets of CPython.
        _ => unsafe { load_in::<T, AtomicUsize>(from) },
    }
}

/// Reads an element in parts.
///
/// # Safety
///
/// `from` is an element, which may be written meanwhile, and aligned for `A`; its size is a multiple of that of `A`.
#[inline]
unsafe fn load_in<T: Element, A: Atom>(from: *const T) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    for part in 0..size_of::<T>() / size_of::<A>() {
        // SAFETY: within the element.
        let from = unsafe { from.cast::<A>().add(part) };
        // SAFETY: the caller's promise.
        let bits = unsafe { &*from }.load();
        // SAFETY: within the value.
        let to = unsafe { value.as_mut_ptr().cast::<A::Bits>().add(part) };
        // SAFETY: room for a part, of a value that may be less aligned.
        unsafe { to.write_unaligned(bits) };
    }
    // SAFETY: all parts were written, and an `Element` has no invalid values.
    unsafe { value.assume_init() }
}

/// What is read at once.
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
