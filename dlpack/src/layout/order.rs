//! The order in which elements lie in memory, and the strides of the two canonical orders.

use super::check::Layout;

impl Layout {
    /// Returns `true` if the elements lie side by side with the last axis running fastest (C order).
    ///
    /// Axes of size 1 are ignored, since their stride addresses nothing, and an empty tensor has every order. A
    /// shape and strides of different lengths have none.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::layout::Layout;
    ///
    /// assert!(Layout::is_c_contiguous(&[2, 3], &[3, 1]));
    /// assert!(Layout::is_c_contiguous(&[1, 3], &[-999, 1]));
    /// assert!(!Layout::is_c_contiguous(&[2, 3], &[1, 2]));
    /// ```
    pub fn is_c_contiguous(shape: &[i64], strides: &[i64]) -> bool {
        shape.len() == strides.len() && is_compact(shape.iter().zip(strides).rev())
    }

    /// Returns `true` if the elements lie side by side with the first axis running fastest (Fortran order).
    ///
    /// As for [`is_c_contiguous`](Self::is_c_contiguous), axes of size 1 are ignored and an empty tensor has every order.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::layout::Layout;
    ///
    /// assert!(Layout::is_f_contiguous(&[2, 3], &[1, 2]));
    /// assert!(Layout::is_f_contiguous(&[0, 3], &[0, 0]));
    /// assert!(!Layout::is_f_contiguous(&[2, 3], &[3, 1]));
    /// ```
    pub fn is_f_contiguous(shape: &[i64], strides: &[i64]) -> bool {
        shape.len() == strides.len() && is_compact(shape.iter().zip(strides))
    }

    /// Writes the strides, in elements, that make `shape` row-major.
    ///
    /// Axes of size 0 count as 1, so that the strides of an empty tensor are well defined. Saturates
    /// where [`new`](Self::new) would refuse the shape.
    ///
    /// # Panics
    ///
    /// Panics if the slices differ in length.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::layout::Layout;
    ///
    /// let mut strides = [0; 3];
    /// Layout::write_row_major_strides(&[2, 3, 4], &mut strides);
    /// assert_eq!(strides, [12, 4, 1]);
    /// ```
    pub fn write_row_major_strides(shape: &[i64], strides: &mut [i64]) {
        assert_eq!(shape.len(), strides.len(), "one stride for each axis");
        write_compact(shape.iter().rev().copied().zip(strides.iter_mut().rev()));
    }

    /// Writes the strides, in elements, that make `shape` column-major.
    ///
    /// As for [`write_row_major_strides`](Self::write_row_major_strides).
    ///
    /// # Panics
    ///
    /// Panics if the slices differ in length.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::layout::Layout;
    ///
    /// let mut strides = [0; 3];
    /// Layout::write_column_major_strides(&[2, 3, 4], &mut strides);
    /// assert_eq!(strides, [1, 2, 6]);
    /// ```
    pub fn write_column_major_strides(shape: &[i64], strides: &mut [i64]) {
        assert_eq!(shape.len(), strides.len(), "one stride for each axis");
        write_compact(shape.iter().copied().zip(strides.iter_mut()));
    }

    /// Gives strides that address nothing their canonical value.
    ///
    /// Those of axes of size 1 become the product of the sizes after them; those of an empty tensor become the row-major
    /// ones. Consumers that do not ignore such strides, as they should, then see what they expect.
    ///
    /// # Panics
    ///
    /// Panics if the slices differ in length.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::layout::Layout;
    ///
    /// let mut strides = [-999, 7, 1];
    /// Layout::normalize_strides(&[1, 2, 3], &mut strides);
    /// assert_eq!(strides, [6, 7, 1]);
    /// ```
    pub fn normalize_strides(shape: &[i64], strides: &mut [i64]) {
        assert_eq!(shape.len(), strides.len(), "one stride for each axis");
        let mut canonical = canonical(shape.contains(&0));
        for (&size, stride) in shape.iter().zip(strides).rev() {
            *stride = canonical(size, *stride);
        }
    }
}

/// `axes` run from the fastest to the slowest.
fn is_compact<'a>(axes: impl Iterator<Item = (&'a i64, &'a i64)>) -> bool {
    let mut expected = Some(1_i64);
    let mut compact = true;
    for (&size, &stride) in axes {
        if size == 0 {
            return true;
        }
        if size != 1 {
            compact &= expected == Some(stride);
            expected = expected.and_then(|e| e.checked_mul(size));
        }
    }
    compact
}

fn write_compact<'a>(axes: impl Iterator<Item = (i64, &'a mut i64)>) {
    let mut next = 1_i64;
    for (size, stride) in axes {
        *stride = next;
        next = next.saturating_mul(size.max(1));
    }
}

/// Gives the strides that address nothing their canonical value, when it is called with the size and the stride of each axis,
/// from the last to the first.
#[inline]
pub(crate) fn canonical(is_empty: bool) -> impl FnMut(i64, i64) -> i64 {
    // The product of the sizes after the axis, but for those that are 0.
    let mut after = 1_i64;
    move |size, given| {
        let stride = if size == 1 || is_empty { after } else { given };
        after = after.saturating_mul(size.max(1));
        stride
    }
}
