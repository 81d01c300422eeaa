//! Indices and slices: views of a part of the elements.

use core::sync::atomic::{AtomicUsize, Ordering};

use dlpack_pyo3::dlpack::layout::Layout;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyEllipsis, PySlice, PyTuple};

use crate::errors::{IndexError, TypeError, class_of};
use crate::tensor::{Part, Tensor};

#[pymethods]
impl Tensor {
    fn __len__(&self) -> PyResult<usize> {
        match self.tensor.shape().first() {
            Some(&size) => Ok(usize::try_from(size)?),
            None => Err(TypeError::new_err("a tensor without axes has no len()")),
        }
    }

    /// A view of the elements at an index: integers, slices, ... and None, or a tuple of them.
    fn __getitem__(&self, index: &Bound<'_, PyAny>) -> PyResult<Self> {
        let items: Vec<_> = match index.cast::<PyTuple>() {
            Ok(items) if items.len() > MOST => {
                let text = format!("expected at most {MOST} indices, found {}", items.len());
                return Err(IndexError::new_err(text));
            }
            Ok(items) => items.iter().collect(),
            Err(_) => vec![index.clone()],
        };
        let mut cursor = Cursor::new(self);
        let takes =
            |item: &&Bound<'_, PyAny>| !item.is_none() && !item.is_instance_of::<PyEllipsis>();
        let named = items.iter().filter(takes).count();
        if named > self.tensor.ndim() {
            let ndim = self.tensor.ndim();
            let text = format!("expected at most {ndim} indices, one for each axis, found {named}");
            return Err(IndexError::new_err(text));
        }
        let mut skipped = Some(self.tensor.ndim() - named);
        for item in &items {
            if item.is_none() {
                cursor.insert();
            } else if item.is_instance_of::<PyEllipsis>() {
                let several = || IndexError::new_err("expected one ... at most, found several");
                cursor.keep(skipped.take().ok_or_else(several)?);
            } else {
                cursor.take(item)?;
            }
        }
        cursor.keep(skipped.unwrap_or(0));
        self.part(&Part {
            dtype: self.tensor.dtype(),
            shape: &cursor.shape,
            strides: &cursor.strides,
            first: cursor.first,
            is_read_only: false,
        })
    }

    fn __iter__(slf: Bound<'_, Self>) -> PyResult<TensorIterator> {
        slf.get().__len__()?;
        Ok(TensorIterator { tensor: slf.unbind(), next: AtomicUsize::new(0) })
    }
}

/// As many items as an index can have: an integer for each axis, a `None` for each of the result, and one `...`.
const MOST: usize = 2 * Layout::MAX_NDIM + 1;

/// Where an index has come to.
struct Cursor<'a> {
    axes: core::iter::Zip<core::slice::Iter<'a, i64>, core::slice::Iter<'a, i64>>,
    axis: usize,
    /// In bytes; 1 for elements that no index can tell apart by bytes, which `Tensor::part` then refuses.
    itemsize: isize,
    shape: Vec<i64>,
    strides: Vec<i64>,
    /// In bytes.
    first: isize,
}

impl<'a> Cursor<'a> {
    fn new(tensor: &'a Tensor) -> Self {
        let tensor = &tensor.tensor;
        let itemsize = tensor.dtype().itemsize().and_then(|size| isize::try_from(size).ok());
        Self {
            axes: tensor.shape().iter().zip(tensor.strides()),
            axis: 0,
            itemsize: itemsize.unwrap_or(1),
            shape: Vec::new(),
            strides: Vec::new(),
            first: 0,
        }
    }

    fn next(&mut self) -> (i64, i64) {
        self.axis += 1;
        // The indices were counted before.
        self.axes.next().map_or((0, 0), |(&size, &stride)| (size, stride))
    }

    fn insert(&mut self) {
        self.shape.push(1);
        self.strides.push(1);
    }

    fn keep(&mut self, count: usize) {
        for _ in 0..count {
            let (size, stride) = self.next();
            self.shape.push(size);
            self.strides.push(stride);
        }
    }

    /// Takes an integer or a slice.
    fn take(&mut self, item: &Bound<'_, PyAny>) -> PyResult<()> {
        let (axis, (size, stride)) = (self.axis, self.next());
        let (size, stride) = (isize::try_from(size)?, isize::try_from(stride)?);
        if let Ok(slice) = item.cast::<PySlice>() {
            let slice = slice.indices(size)?;
            let count = i64::try_from(slice.slicelength)?;
            if count > 0 {
                self.skip(slice.start, stride);
            }
            self.shape.push(count);
            self.strides.push(i64::try_from(stride.wrapping_mul(slice.step))?);
            return Ok(());
        }
        if item.is_instance_of::<PyBool>() {
            return Err(refuse(item));
        }
        let index: isize = item.extract().map_err(|error: PyErr| {
            if error.is_instance_of::<PyTypeError>(item.py()) {
                refuse(item)
            } else if error.is_instance_of::<PyOverflowError>(item.py()) {
                IndexError::new_err(format!(
                    "an index is out of range for axis {axis} of size {size}"
                ))
            } else {
                error
            }
        })?;
        let found = if index < 0 { index.saturating_add(size) } else { index };
        if !(0..size).contains(&found) {
            let text = format!("index {index} is out of range for axis {axis} of size {size}");
            return Err(IndexError::new_err(text));
        }
        self.skip(found, stride);
        Ok(())
    }

    /// Moves the first element. `Tensor::part` checks where that leads.
    fn skip(&mut self, count: isize, stride: isize) {
        let bytes = count.wrapping_mul(stride).wrapping_mul(self.itemsize);
        self.first = self.first.wrapping_add(bytes);
    }
}

fn refuse(item: &Bound<'_, PyAny>) -> PyErr {
    let found = match class_of(item) {
        Ok(found) => found,
        // The name may be a property of a metaclass, which raises an exception of its own.
        Err(raised) => return raised,
    };
    TypeError::new_err(format!(
        "expected integers, slices, ... or None as an index, found {found}: arrays and masks are indices of \
         numpy.from_dlpack(t)"
    ))
}

/// Iterates over the views along the first axis.
#[pyclass(frozen, module = "dlpack._core")]
pub(crate) struct TensorIterator {
    tensor: Py<Tensor>,
    next: AtomicUsize,
}

#[pymethods]
impl TensorIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Tensor>> {
        let tensor = self.tensor.get();
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        if next >= tensor.__len__()? {
            self.next.store(usize::MAX / 2, Ordering::Relaxed);
            return Ok(None);
        }
        tensor.__getitem__(&next.into_pyobject(py)?.into_any()).map(Some)
    }
}
