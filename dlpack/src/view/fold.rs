//! Folds that visit elements in the order of their addresses.

use super::item::Item;
use super::rows::{Cursor, Row};
use super::shared::TensorView;

/// Independent partial results of [`TensorView::reduce_memory_order`]: enough to fill vector registers.
const LANES: usize = 32;

impl<T> TensorView<'_, T> {
    /// Folds over all elements in the order of their addresses, which is fast for any strides.
    ///
    /// For work that does not depend on the order, which is another where axes interleave, as they do in overlapping
    /// tensors. Overlapping elements are visited once for each index.
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
        let mut cursor = Cursor::new(self.strided().clone().into_memory_order());
        let mut folded = init;
        while let Some(row) = cursor.next_row() {
            if row.stride == 1 {
                // SAFETY: the invariant of the view; the row is of its elements, side by side.
                let elements = unsafe { core::slice::from_raw_parts(row.start.as_ptr(), row.len) };
                folded = elements.iter().fold(folded, &mut f);
                continue;
            }
            for k in 0..row.len {
                // SAFETY: `k` is within the row, and the view keeps the tensor there.
                let element = unsafe { row.at(k) };
                // SAFETY: the invariant of the view.
                folded = f(folded, unsafe { element.as_ref() });
            }
        }
        folded
    }
}

impl<I: Item> TensorView<'_, I> {
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
        let mut cursor = Cursor::new(self.strided().clone().into_memory_order());
        let mut lanes = [identity; LANES];
        while let Some(row) = cursor.next_row() {
            if row.stride == 1 {
                // SAFETY: the invariant of the view; the row is of its elements, side by side.
                let elements = unsafe { core::slice::from_raw_parts(row.start.as_ptr(), row.len) };
                reduce_slice(elements, &mut lanes, &combine);
            } else {
                reduce_strided(&row, &mut lanes, &combine);
            }
        }
        lanes.into_iter().fold(identity, combine)
    }
}

fn reduce_slice<I: Item>(
    elements: &[I],
    lanes: &mut [I::Value; LANES],
    combine: &impl Fn(I::Value, I::Value) -> I::Value,
) {
    let mut partial = *lanes;
    let mut blocks = elements.chunks_exact(LANES);
    for block in &mut blocks {
        for (lane, element) in partial.iter_mut().zip(block) {
            *lane = combine(*lane, element.value());
        }
    }
    for (lane, element) in partial.iter_mut().zip(blocks.remainder()) {
        *lane = combine(*lane, element.value());
    }
    *lanes = partial;
}

fn reduce_strided<I: Item>(
    row: &Row<I>,
    lanes: &mut [I::Value; LANES],
    combine: &impl Fn(I::Value, I::Value) -> I::Value,
) {
    for k in 0..row.len {
        // SAFETY: `k` is within the row, and the view that the row is of keeps the tensor there.
        let element = unsafe { row.at(k) };
        // SAFETY: the invariant of that view.
        let value = unsafe { element.as_ref() }.value();
        let lane = &mut lanes[k % LANES];
        *lane = combine(*lane, value);
    }
}
