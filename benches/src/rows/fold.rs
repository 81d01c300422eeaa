//! Reductions whose order does not matter, over layouts whose logical order is not that of memory.

use core::hint::black_box;

use dlpack::TensorView;
use ndarray::{ArrayView3, s};

use crate::contender::{Contender, Instructions, Role, Row, Target};
use crate::data;
use crate::floors::fold::{self as floor, Window};

/// The side of the cubes; a window is cropped to it.
const SIDE: usize = 64;
const MARGIN: usize = 4;

pub(super) fn rows() -> Vec<Row> {
    let row = |name, what, contenders| Row {
        name,
        what,
        target: Target { time: 1.20, instructions: Instructions::Silent, mallocs: 0 },
        counted: 4,
        contenders,
    };
    vec![
        row("sum-dense", "sum of 64 × 64 × 64 float32 in row-major order", dense),
        row("sum-permuted", "sum of 64 × 64 × 64 float32, axes permuted", permuted),
        row("sum-window", "sum of a 64 × 64 × 64 window of float32, axes permuted", window),
        row("max-window", "maximum of a 64 × 64 × 64 window of float32, axes permuted", max_window),
    ]
}

fn contender(
    role: Role,
    name: &'static str,
    reduce: impl Fn() -> f32 + Copy + 'static,
) -> Contender {
    let once = move || {
        black_box(reduce());
    };
    Contender::new(role, name, once, move || vec![("result", data::whole(reduce().into()))])
}

fn cube(side: usize) -> &'static [f32] {
    data::numbers(side.pow(3)).leak()
}

fn ours(elements: &'static [f32], side: usize) -> TensorView<'static, f32> {
    TensorView::from_slice(elements, &[side, side, side]).expect("a cube")
}

fn ndarray(elements: &'static [f32], side: usize) -> ArrayView3<'static, f32> {
    ArrayView3::from_shape((side, side, side), elements).expect("a cube")
}

/// A view that lives as long as the program, so that closures can be copied.
fn keep<T>(view: T) -> &'static T {
    Box::leak(Box::new(view))
}

fn sums(
    floor: impl Fn() -> f32 + Copy + 'static,
    ours: TensorView<'static, f32>,
    ndarray: ArrayView3<'static, f32>,
) -> Vec<Contender> {
    let (ours, ndarray) = (keep(ours), keep(ndarray));
    vec![
        contender(Role::Floor, "floor", floor),
        contender(Role::Ours, "dlpack", move || {
            black_box(ours).reduce_memory_order(0.0, |a, b| a + b)
        }),
        contender(Role::Peer, "ndarray", move || black_box(ndarray).sum()),
    ]
}

fn dense() -> Vec<Contender> {
    let elements = cube(SIDE);
    sums(move || floor::sum(black_box(elements)), ours(elements, SIDE), ndarray(elements, SIDE))
}

fn permuted() -> Vec<Contender> {
    let elements = cube(SIDE);
    sums(
        move || floor::sum(black_box(elements)),
        ours(elements, SIDE).permute(&[2, 0, 1]).expect("a permutation"),
        ndarray(elements, SIDE).permuted_axes([2, 0, 1]),
    )
}

fn windows() -> (Window<'static>, TensorView<'static, f32>, ArrayView3<'static, f32>) {
    let side = SIDE + 2 * MARGIN;
    let elements = cube(side);
    let inner = MARGIN..side - MARGIN;
    let mut ours = ours(elements, side);
    for axis in 0..3 {
        ours = ours.slice(axis, inner.clone()).expect("a window");
    }
    let inner = s![MARGIN..side - MARGIN, MARGIN..side - MARGIN, MARGIN..side - MARGIN];
    (
        Window { elements, side, margin: MARGIN },
        ours.permute(&[2, 0, 1]).expect("a permutation"),
        ndarray(elements, side).slice_move(inner).permuted_axes([2, 0, 1]),
    )
}

fn window() -> Vec<Contender> {
    let (window, ours, ndarray) = windows();
    sums(move || floor::sum_window(black_box(window)), ours, ndarray)
}

fn max_window() -> Vec<Contender> {
    let (window, ours, ndarray) = windows();
    let (ours, ndarray) = (keep(ours), keep(ndarray));
    vec![
        contender(Role::Floor, "floor", move || floor::max_window(black_box(window))),
        contender(Role::Ours, "dlpack", move || {
            black_box(ours).reduce_memory_order(f32::NEG_INFINITY, floor::larger)
        }),
        contender(Role::Peer, "ndarray", move || {
            black_box(ndarray).fold(f32::NEG_INFINITY, |a, &b| floor::larger(a, b))
        }),
    ]
}
