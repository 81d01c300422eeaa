//! Both sides of a copy at random: axes in any order, backwards, with gaps.

use dlpack::{TensorView, TensorViewMut};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config;

use crate::number::{Number, for_each_size};

/// How one side of a copy stores an axis.
#[derive(Clone, Copy, Debug)]
struct Axis {
    /// Axes with smaller keys run slower.
    key: u8,
    /// Elements before the first, and from one to the next.
    lead: usize,
    step: usize,
    backwards: bool,
}

#[derive(Clone, Debug)]
struct Side {
    shape: Vec<usize>,
    axes: Vec<Axis>,
}

impl Side {
    /// The axes, the one that runs slowest first.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.shape.len()).collect();
        order.sort_by_key(|&axis| self.axes[axis].key);
        order
    }

    /// How many elements an axis is cut from.
    fn stored(&self, axis: usize) -> usize {
        self.axes[axis].lead + self.shape[axis] * self.axes[axis].step
    }

    fn stored_shape(&self) -> Vec<usize> {
        self.order().into_iter().map(|axis| self.stored(axis)).collect()
    }

    /// Where axis `i` of the view is stored.
    fn places(&self) -> Vec<usize> {
        let order = self.order();
        (0..order.len()).map(|axis| order.iter().position(|&a| a == axis).unwrap()).collect()
    }

    fn view<'a, T>(&self, memory: &'a [T]) -> TensorView<'a, T> {
        let view = TensorView::from_slice(memory, &self.stored_shape()).unwrap();
        let mut view = view.permute(&self.places()).unwrap();
        for (axis, &Axis { lead, step, backwards, .. }) in self.axes.iter().enumerate() {
            view = view.slice(axis, lead..).unwrap().step_by(axis, step).unwrap();
            view = if backwards { view.flip(axis).unwrap() } else { view };
        }
        view
    }

    fn view_mut<'a, T>(&self, memory: &'a mut [T]) -> TensorViewMut<'a, T> {
        let view = TensorViewMut::from_slice(memory, &self.stored_shape()).unwrap();
        let mut view = view.permute(&self.places()).unwrap();
        for (axis, &Axis { lead, step, backwards, .. }) in self.axes.iter().enumerate() {
            view = view.slice(axis, lead..).unwrap().step_by(axis, step).unwrap();
            view = if backwards { view.flip(axis).unwrap() } else { view };
        }
        view
    }

    /// The place of an element, counted by hand.
    fn place(&self, index: &[usize]) -> usize {
        self.order().into_iter().fold(0, |place, axis| {
            let Axis { lead, step, backwards, .. } = self.axes[axis];
            let k = if backwards { self.shape[axis] - 1 - index[axis] } else { index[axis] };
            place * self.stored(axis) + lead + k * step
        })
    }

    fn numel(&self) -> usize {
        self.stored_shape().iter().product()
    }
}

fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |all, &size| {
        let longer = |index: Vec<usize>| (0..size).map(move |k| [&index[..], &[k]].concat());
        all.into_iter().flat_map(longer).collect()
    })
}

fn copy<T: Number>(from: &Side, to: &Side) {
    let source = T::numbers(from.numel());
    let before = vec![T::number(250); to.numel()];

    let mut expected = before.clone();
    let indices = indices(&from.shape);
    for index in &indices {
        expected[to.place(index)] = source[from.place(index)];
    }
    let mut target = before;
    to.view_mut(&mut target).copy_from(&from.view(&source)).unwrap();
    assert!(target == expected, "elements of {} bytes", size_of::<T>());

    let row_major: Vec<T> = indices.iter().map(|index| source[from.place(index)]).collect();
    let mut copied = T::numbers(row_major.len());
    from.view(&source).copy_to(&mut copied).unwrap();
    assert!(copied == row_major, "elements of {} bytes", size_of::<T>());
}

fn axes(ndim: usize) -> impl Strategy<Value = Vec<Axis>> {
    let axis = (any::<u8>(), 0..=2_usize, select(&[1, 1, 1, 2, 3][..]), any::<bool>());
    vec(axis.prop_map(|(key, lead, step, backwards)| Axis { key, lead, step, backwards }), ndim)
}

/// Shapes of at most two long axes, so that they meet in tiles and stay small.
fn shape() -> impl Strategy<Value = Vec<usize>> {
    let long = || select(&[1, 5, 8, 9, 31, 33, 40][..]);
    let short = vec(0..=3_usize, 0..=2);
    (long(), long(), short, any::<bool>(), any::<bool>()).prop_map(
        |(a, b, mut shape, first, both)| {
            shape.insert(if first { 0 } else { shape.len() }, a);
            if both {
                shape.insert(shape.len() / 2, b);
            }
            shape
        },
    )
}

fn sides() -> impl Strategy<Value = (Side, Side)> {
    shape().prop_flat_map(|shape| {
        let side = || (Just(shape.clone()), axes(shape.len()));
        let side = move || side().prop_map(|(shape, axes)| Side { shape, axes });
        (side(), side())
    })
}

/// So many, unless `PROPTEST_CASES` says how many an emulator has the time for.
fn cases(count: u32) -> Config {
    let default = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { count };
    Config { cases, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn any_two_sides((from, to) in sides()) {
        for_each_size!(copy(&from, &to));
    }
}
