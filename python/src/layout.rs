//! Shapes and strides without a copy: new shapes, other orders of axes, the same bytes as other elements.

use dlpack_pyo3::dlpack::layout::Layout;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::{self, integers};
use crate::errors::{DTypeError, IndexError, LayoutError, ValueError};
use crate::tensor::{Part, Tensor};

#[pymethods]
impl Tensor {
    /// The same elements with the axes in another order; without arguments, in reverse order.
    ///
    /// >>> import dlpack
    /// >>> t = dlpack.asdlpack(b"abcdef").reshape(2, 3)
    /// >>> t.permute(1, 0).shape, t.permute().strides
    /// ((3, 2), (1, 3))
    #[pyo3(signature = (*axes), text_signature = "($self, *axes)")]
    fn permute(&self, axes: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let ndim = self.tensor.ndim();
        let axes = integers(axes)?;
        let axes: Vec<usize> = if axes.is_empty() {
            (0..ndim).rev().collect()
        } else {
            axes.iter().map(|&axis| axis_of(axis, ndim)).collect::<PyResult<_>>()?
        };
        let mut seen = axes.clone();
        seen.sort_unstable();
        if !seen.into_iter().eq(0..ndim) {
            let text = format!("expected each of {ndim} axes once, found {axes:?}");
            return Err(ValueError::new_err(text));
        }
        let pick = |all: &[i64]| axes.iter().filter_map(|&axis| all.get(axis).copied()).collect();
        let (shape, strides): (Vec<i64>, Vec<i64>) =
            (pick(self.tensor.shape()), pick(self.tensor.strides()));
        self.with_layout(&shape, &strides)
    }

    /// The same elements, in row-major order, in another shape. One size may be -1.
    ///
    /// This never copies: `LayoutError` says so if the strides do not allow it, and `t.copy().reshape(...)` does it.
    ///
    /// >>> import dlpack
    /// >>> dlpack.asdlpack(b"abcdef").reshape(2, -1).shape
    /// (2, 3)
    #[pyo3(signature = (*shape), text_signature = "($self, *shape)")]
    fn reshape(&self, shape: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let shape = self.complete(integers(shape)?)?;
        let strides = strides_for(self.tensor.shape(), self.tensor.strides(), &shape);
        let strides = strides.ok_or_else(|| {
            LayoutError::new_err(format!(
                "elements of strides {:?} have no strides in the shape {shape:?}: call .copy() first",
                self.tensor.strides()
            ))
        })?;
        self.with_layout(&shape, &strides)
    }

    /// The same bytes as elements of another dtype: a name such as "float32" or "f4", or the dtype of a library. After a single
    /// letter, the number counts bytes, as in NumPy: "i8" is "int64".
    ///
    /// If their size differs, the last axis changes, and must be contiguous.
    ///
    /// >>> import dlpack
    /// >>> dlpack.asdlpack(bytes(8)).view("float32").tolist()
    /// [0.0, 0.0]
    #[pyo3(text_signature = "($self, dtype)")]
    fn view(&self, dtype: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (own, dtype) = (self.tensor.dtype(), arguments::dtype(dtype)?);
        let refuse = |what: &str| Err(DTypeError::new_err(format!("{own} as {dtype}: {what}")));
        let (Some(old), Some(new)) = (own.itemsize(), dtype.itemsize()) else {
            return if own == dtype {
                self.with_layout(self.tensor.shape(), self.tensor.strides())
            } else {
                refuse("elements of less than a byte cannot be seen as others")
            };
        };
        let (mut shape, mut strides) =
            (self.tensor.shape().to_vec(), self.tensor.strides().to_vec());
        if old != new {
            let is_empty = shape.contains(&0);
            let (Some((last, sizes)), Some((step, rest))) =
                (shape.split_last_mut(), strides.split_last_mut())
            else {
                return refuse("a tensor without axes has no axis that could change");
            };
            if *step != 1 && *last != 1 && !is_empty {
                return refuse("the last axis is not contiguous: call .copy() first");
            }
            // Sizes of elements are small.
            let (old, new) = (i64::try_from(old).unwrap_or(1), i64::try_from(new).unwrap_or(1));
            let Some(bytes) = last.checked_mul(old).filter(|bytes| bytes % new == 0) else {
                return refuse("the last axis is not a whole number of such elements");
            };
            (*last, *step) = (bytes / new, 1);
            for (stride, &size) in rest.iter_mut().zip(sizes.iter()) {
                match stride.checked_mul(old).filter(|bytes| bytes % new == 0) {
                    Some(bytes) => *stride = bytes / new,
                    // No two elements lie along the axis.
                    None if size == 1 || is_empty => *stride = 0,
                    None => return refuse("the strides are not whole numbers of such elements"),
                }
            }
        }
        let (shape, strides) = (&shape, &strides);
        self.part(&Part { dtype, shape, strides, first: 0, is_read_only: false })
    }
}

impl Tensor {
    fn with_layout(&self, shape: &[i64], strides: &[i64]) -> PyResult<Self> {
        let dtype = self.tensor.dtype();
        self.part(&Part { dtype, shape, strides, first: 0, is_read_only: false })
    }

    /// Puts the size for which -1 stands into a shape, and checks that the elements fill it.
    fn complete(&self, mut shape: Vec<i64>) -> PyResult<Vec<i64>> {
        let (numel, asked) = (self.tensor.numel(), format!("{shape:?}"));
        let refuse =
            || ValueError::new_err(format!("{numel} elements do not fill the shape {asked}"));
        let count = i64::try_from(numel).unwrap_or(i64::MAX);
        if let Some(unknown) = shape.iter().position(|&size| size == -1) {
            let others = shape.iter().enumerate().filter(|&(axis, _)| axis != unknown);
            let others = others.map(|(_, &size)| size).try_fold(1, i64::checked_mul);
            let known = others.filter(|&known| known > 0 && count % known == 0);
            let known = known.ok_or_else(refuse)?;
            shape
                .iter_mut()
                .filter(|size| **size == -1)
                .take(1)
                .for_each(|size| *size = count / known);
        }
        let product = if shape.contains(&0) {
            Some(0)
        } else {
            shape.iter().copied().try_fold(1, i64::checked_mul)
        };
        let fits = product == Some(count) && shape.iter().all(|&size| size >= 0);
        if fits { Ok(shape) } else { Err(refuse()) }
    }
}

fn axis_of(axis: i64, ndim: usize) -> PyResult<usize> {
    let count = i64::try_from(ndim).unwrap_or(i64::MAX);
    let found = if axis < 0 { axis.saturating_add(count) } else { axis };
    usize::try_from(found)
        .ok()
        .filter(|&axis| axis < ndim)
        .ok_or_else(|| IndexError::new_err(format!("axis {axis} is out of range for {ndim} axes")))
}

/// Returns the strides by which elements of a strided tensor have another shape in row-major order, or `None` if there are none.
/// Both shapes have as many elements.
fn strides_for(shape: &[i64], strides: &[i64], new: &[i64]) -> Option<Vec<i64>> {
    let mut result = vec![0; new.len()];
    Layout::write_row_major_strides(new, &mut result);
    if new.contains(&0) {
        return Some(result);
    }
    // Runs of axes that are as good as one axis, from the last: how many elements, and how far apart.
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for (&size, &stride) in shape.iter().zip(strides).rev().filter(|&(&size, _)| size != 1) {
        match runs.last_mut() {
            Some((count, step)) if step.checked_mul(*count) == Some(stride) => {
                *count = count.checked_mul(size)?;
            }
            _ => runs.push((size, stride)),
        }
    }
    // Each new axis must lie within one of them.
    let mut runs = runs.into_iter();
    let (mut count, mut step, mut filled) = (1, 1, 1_i64);
    for (stride, &size) in result.iter_mut().zip(new).rev().filter(|&(_, &size)| size != 1) {
        if filled == count {
            (count, step) = runs.next()?;
            filled = 1;
        }
        *stride = step.checked_mul(filled)?;
        filled = filled.checked_mul(size)?;
        if count % filled != 0 {
            return None;
        }
    }
    Some(result)
}
