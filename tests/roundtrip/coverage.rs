//! The cases are not all alike: of each kind that matters there are enough.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::imported::{Foreign, foreign};
use crate::layouts::{Layout, layouts};

const SAMPLES: usize = 2000;

/// What a strategy gives, the same on every run.
fn samples<T>(strategy: impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..SAMPLES).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// At least one case in a hundred is of the kind, and at least one is not.
#[track_caller]
fn some<T>(samples: &[T], kind: impl Fn(&T) -> bool) {
    let count = samples.iter().filter(|sample| kind(sample)).count();
    assert!((SAMPLES / 100..SAMPLES).contains(&count), "{count} of {SAMPLES}");
}

#[test]
fn layouts_of_every_kind() {
    let all = samples(layouts());
    some(&all, |layout| layout.shape.is_empty());
    some(&all, |layout| layout.shape.contains(&0));
    some(&all, |layout| layout.shape.len() > 8);
    some(&all, |layout| layout.strides.is_none());
    some(&all, |layout| layout.reach().0 < 0);
    some(&all, |layout| layout.reach().1 > 50);
    some(&all, |layout| layout.strides().contains(&0) && !layout.shape.contains(&0));
    let of_one = |layout: &Layout| {
        layout.shape.iter().zip(layout.strides()).any(|(&size, step)| size == 1 && step < -20)
    };
    some(&all, of_one);
}

#[test]
fn foreign_tensors_of_every_kind() {
    let all = samples(foreign());
    let model = |foreign: &Foreign| foreign.place().0;
    some(&all, |foreign| model(foreign).is_row_major() && model(foreign).numel() > 1);
    some(&all, |foreign| !model(foreign).is_row_major() && model(foreign).is_disjoint());
    some(&all, |foreign| !model(foreign).is_disjoint());
    some(&all, |foreign| model(foreign).element_bits() % 8 != 0 && model(foreign).numel() > 1);
    some(&all, |foreign| model(foreign).padded && foreign.dtype.bits < 8);
    some(&all, |foreign| foreign.dtype.lanes > 1);
    some(&all, |foreign| foreign.place().1 > 0);
    some(&all, |foreign| foreign.shift % 8 != 0);
    some(&all, |foreign| foreign.null_strides && model(foreign).numel() > 1);
    some(&all, |foreign| foreign.legacy);
    some(&all, |foreign| foreign.flags > 7);
    some(&all, |foreign| foreign.minor > 3);
}
