//! Views of strides that no slice gives: broadcast, overlapping, and spread any way.

use dlpack::{Exporter, TensorView};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::cases;
use crate::model::Model;
use crate::reading::{check, follow, values};
use crate::scenario::wishes;

/// The lowest and the highest place of a layout, by its corners.
fn reach(shape: &[usize], strides: &[isize]) -> (usize, usize) {
    let (mut low, mut high) = (0, 0);
    for (&size, &stride) in shape.iter().zip(strides) {
        let step = (isize::try_from(size).unwrap() - 1) * stride;
        (low, high) = (low + step.min(0), high + step.max(0));
    }
    (low.unsigned_abs(), high.unsigned_abs())
}

fn with_view<R>(
    shape: &[usize],
    strides: &[isize],
    body: impl FnOnce(TensorView<'_, u32>, Model, &[u32]) -> R,
) -> R {
    let (low, high) = if shape.contains(&0) { (0, 0) } else { reach(shape, strides) };
    let mut memory = values(low + high + 1);
    let place = memory.as_mut_ptr();
    let tensor = Exporter::new(memory).shape(shape).strides(strides).offset(low).build().unwrap();
    // SAFETY: the exported vector lies where it lay, and is only read here.
    let memory = unsafe { std::slice::from_raw_parts(place, low + high + 1) };
    body(tensor.view().unwrap(), Model::strided(shape, strides, low), memory)
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn any_strides(axes in vec((0..=4_usize, -6..=6_isize), 0..=4), wishes in wishes(6)) {
        let (shape, strides): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
        with_view(&shape, &strides, |view, model, memory| follow(view, model, &wishes, memory));
    }

    #[test]
    fn strides_of_zero(axes in vec((1..=4_usize, 0..=1_isize), 1..=4), wishes in wishes(6)) {
        // One axis steps by 1 at most, so that many neighbours have equal strides.
        let (shape, strides): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
        with_view(&shape, &strides, |view, model, memory| follow(view, model, &wishes, memory));
    }
}

#[test]
fn by_hand() {
    let rows: [(&[usize], &[isize], &[u32]); 6] = [
        (&[2, 3], &[0, 1], &[100, 103, 106, 100, 103, 106]),
        (&[2, 3], &[1, 0], &[100, 100, 100, 103, 103, 103]),
        (&[3, 2], &[1, 1], &[100, 103, 103, 106, 106, 109]),
        (&[2, 2], &[-1, 1], &[103, 106, 100, 103]),
        (&[4], &[0], &[100; 4]),
        (&[2, 3], &[3, 2], &[100, 106, 112, 109, 115, 121]),
    ];
    for (shape, strides, expected) in rows {
        with_view(shape, strides, |view, model, memory| {
            assert_eq!(view.to_vec(), expected, "{shape:?} {strides:?}");
            check(&view, &model, memory);
        });
    }
}

/// Axes that all stand still are one walk of stride 0.
#[test]
fn reshaped() {
    with_view(&[2, 3], &[0, 0], |view, model, memory| {
        check(&view.reshape(&[6]).unwrap(), &model.reshape(&[6]).unwrap(), memory);
    });
    with_view(&[2, 3], &[0, 1], |view, _, _| assert!(view.reshape(&[6]).is_err()));
}
