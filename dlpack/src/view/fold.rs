//! Folds that visit elements in the order of their addresses.

use super::rows::{Row, Rows, all_rows};
use super::tensor_view::TensorView;
use super::view_element::ViewElement;

/// Independent partial results of [`TensorView::reduce_memory_order`]: enough to fill vector registers.
const LANES: usize = 32;
/// Rows of fewer elements are taken side by side.
const SHORT: usize = 8;

impl<T> TensorView<'_, T> {
    /// Folds over all elements in the order of their addresses, which is fast for any strides.
    ///
    /// The visiting order is unspecified where axes overlap, so use this only when the order does not matter. Overlapping
    /// elements are visited once for each index.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorView;
    ///
    /// let view = TensorView::from_slice(&[3, 1, 2, 5], &[2, 2])?.transpose();
    /// assert_eq!(view.fold_memory_order(0, |max, &x| x.max(max)), 5);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn fold_memory_order<A>(&self, init: A, mut f: impl FnMut(A, &T) -> A) -> A {
        let mut folded = init;
        for rows in all_rows(self.strided().clone().into_memory_order()) {
            for i in 0..rows.count {
                // SAFETY: there are so many rows, and the view keeps the tensor there.
                let row = unsafe { rows.row(i) };
                folded = fold_row(&row, folded, &mut f);
            }
        }
        folded
    }
}

impl<I: ViewElement> TensorView<'_, I> {
    /// Combines all elements in the order of their addresses, many at a time.
    ///
    /// `combine` must not care for grouping or order, as sums, products, minima and maxima do not, rounding
    /// aside; `identity` must change nothing. Several partial results run side by side, so that the compiler can
    /// use vector instructions even for floating-point sums, which also makes those more accurate than one
    /// running sum.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::TensorView;
    ///
    /// let view = TensorView::from_slice(&[1.0_f32, 2.0, 3.0, 4.0], &[2, 2])?.transpose();
    /// assert_eq!(view.reduce_memory_order(0.0, |a, b| a + b), 10.0);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn reduce_memory_order(
        &self,
        identity: I::Value,
        combine: impl Fn(I::Value, I::Value) -> I::Value,
    ) -> I::Value {
        let mut lanes = [identity; LANES];
        for rows in all_rows(self.strided().clone().into_memory_order()) {
            if rows.first.len < SHORT && rows.count >= SHORT {
                reduce_short_rows(&rows, &mut lanes, &combine);
            } else if rows.first.stride == 1 {
                reduce_rows::<I, true>(&rows, &mut lanes, &combine);
            } else {
                reduce_rows::<I, false>(&rows, &mut lanes, &combine);
            }
        }
        lanes.into_iter().fold(identity, combine)
    }
}

fn fold_row<A, T>(row: &Row<T>, init: A, mut f: impl FnMut(A, &T) -> A) -> A {
    if row.stride == 1 {
        // SAFETY: the invariant of the view; the row is of its elements, side by side.
        let elements = unsafe { core::slice::from_raw_parts(row.start.as_ptr(), row.len) };
        return elements.iter().fold(init, f);
    }
    let mut folded = init;
    for k in 0..row.len {
        // SAFETY: the invariant of the view that the row is of; `k` is within the row.
        folded = f(folded, unsafe { row.at(k).as_ref() });
    }
    folded
}

/// Rows whose elements lie side by side (`UNIT`) or not.
///
/// What is left of a row is taken in blocks of half the size each, at places that the compiler knows, so that all lanes
/// stay in registers.
fn reduce_rows<I: ViewElement, const UNIT: bool>(
    rows: &Rows<I>,
    lanes: &mut [I::Value; LANES],
    combine: &impl Fn(I::Value, I::Value) -> I::Value,
) {
    let mut partial = *lanes;
    for i in 0..rows.count {
        // SAFETY: there are so many rows, and the view that they are of keeps the tensor there.
        let row = unsafe { rows.row(i) };
        let mut at = 0;
        while reduce_block::<I, UNIT, LANES>(&row, &mut at, &mut partial, 0, combine) {}
        reduce_block::<I, UNIT, 16>(&row, &mut at, &mut partial, 0, combine);
        reduce_block::<I, UNIT, 8>(&row, &mut at, &mut partial, 16, combine);
        reduce_block::<I, UNIT, 4>(&row, &mut at, &mut partial, 24, combine);
        reduce_block::<I, UNIT, 2>(&row, &mut at, &mut partial, 28, combine);
        reduce_block::<I, UNIT, 1>(&row, &mut at, &mut partial, 30, combine);
    }
    *lanes = partial;
}

/// Combines `N` elements of a row, from `at` on, with as many lanes, from `first` on. Returns `false` if there are fewer left.
#[inline(always)]
fn reduce_block<I: ViewElement, const UNIT: bool, const N: usize>(
    row: &Row<I>,
    at: &mut usize,
    lanes: &mut [I::Value; LANES],
    first: usize,
    combine: &impl Fn(I::Value, I::Value) -> I::Value,
) -> bool {
    if row.len - *at < N {
        return false;
    }
    let stride = if UNIT { 1 } else { row.stride };
    let row = Row { stride, ..*row };
    for (k, lane) in lanes[first..first + N].iter_mut().enumerate() {
        // SAFETY: the invariant of the view that the row is of; the block lies within the row.
        *lane = combine(*lane, unsafe { row.at(*at + k).as_ref() }.value());
    }
    *at += N;
    true
}

/// Rows too short to fill lanes: so many rows are taken side by side.
fn reduce_short_rows<I: ViewElement>(
    rows: &Rows<I>,
    lanes: &mut [I::Value; LANES],
    combine: &impl Fn(I::Value, I::Value) -> I::Value,
) {
    let mut partial = [lanes[0]; SHORT];
    partial.copy_from_slice(&lanes[..SHORT]);
    let whole = rows.count / SHORT * SHORT;
    for start in (0..whole).step_by(SHORT) {
        reduce_abreast(rows, start, &mut partial, combine);
    }
    for start in whole..rows.count {
        reduce_abreast(rows, start, &mut partial[..1], combine);
    }
    lanes[..SHORT].copy_from_slice(&partial);
}

/// Combines rows from `start` on, one with each lane.
#[inline(always)]
fn reduce_abreast<I: ViewElement>(
    rows: &Rows<I>,
    start: usize,
    lanes: &mut [I::Value],
    combine: &impl Fn(I::Value, I::Value) -> I::Value,
) {
    for k in 0..rows.first.len {
        for (i, lane) in lanes.iter_mut().enumerate() {
            // SAFETY: the invariant of the view that the rows are of; there are so many rows of so many elements.
            let element = unsafe { rows.row(start + i).at(k).as_ref() };
            *lane = combine(*lane, element.value());
        }
    }
}
