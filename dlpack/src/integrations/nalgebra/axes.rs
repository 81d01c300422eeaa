//! Shapes and strides, some of which are part of a type, compared with those of a view.

use nalgebra::{Dim, U1};

use crate::error::Error;
use crate::view::TensorView;

/// One axis of a view.
#[derive(Clone, Copy)]
struct Extent {
    axis: usize,
    size: usize,
    stride: isize,
}

/// The shape and the strides of a view, if they are those of the types.
#[expect(clippy::type_complexity, reason = "as `ViewStorage` takes them")]
pub(super) fn shape_and_strides<T, R: Dim, C: Dim, RStride: Dim, CStride: Dim>(
    view: &TensorView<'_, T>,
) -> Result<((R, C), (RStride, CStride)), Error> {
    let (rows, columns) = rows_and_columns::<T, C>(view)?;
    let shape = (rows.size::<R>()?, columns.size::<C>()?);
    let row_stride = rows.stride::<RStride>(view.is_empty(), 1)?;
    // Where there is one column, its stride means nothing, and gets the value for columns side by side.
    let side_by_side = rows.size.saturating_mul(row_stride.value()).max(1);
    let column_stride = columns.stride::<CStride>(view.is_empty(), side_by_side)?;
    Ok((shape, (row_stride, column_stride)))
}

/// The two axes; a tensor of one axis is one column, where the type has one column.
fn rows_and_columns<T, C: Dim>(view: &TensorView<'_, T>) -> Result<(Extent, Extent), Error> {
    match (view.shape(), view.strides()) {
        (&[rows, columns], &[row_stride, column_stride]) => Ok((
            Extent { axis: 0, size: rows, stride: row_stride },
            Extent { axis: 1, size: columns, stride: column_stride },
        )),
        (&[rows], &[stride]) if C::is::<U1>() => {
            Ok((Extent { axis: 0, size: rows, stride }, Extent { axis: 1, size: 1, stride: 0 }))
        }
        _ => Err(Error::NdimMismatch { expected: 2, found: view.ndim() }),
    }
}

impl Extent {
    fn size<D: Dim>(self) -> Result<D, Error> {
        let Self { axis, size, .. } = self;
        match D::try_to_usize() {
            Some(expected) if expected != size => {
                Err(Error::ShapeMismatch { axis, expected, found: size })
            }
            _ => Ok(D::from_usize(size)),
        }
    }

    /// The stride, or one that will do where it means nothing.
    ///
    /// Never 0 where there are elements: the iterators of `nalgebra` know the end of a column by its address.
    fn stride<D: Dim>(self, empty: bool, otherwise: usize) -> Result<D, Error> {
        let Self { axis, size, stride } = self;
        let expected = D::try_to_usize();
        if empty {
            return Ok(D::from_usize(expected.unwrap_or(otherwise)));
        }
        let found =
            if size == 1 { expected.or(Some(otherwise)) } else { usize::try_from(stride).ok() };
        match (found.filter(|&found| found != 0), expected) {
            (None, _) => Err(Error::StrideNotPositive { axis, stride }),
            (Some(found), Some(expected)) if found != expected => {
                Err(Error::StrideMismatch { axis, expected, found })
            }
            (Some(found), _) => Ok(D::from_usize(found)),
        }
    }
}
