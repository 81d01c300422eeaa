//! A square matrix copied to its transpose, against a plain copy of as many bytes.

use core::cell::RefCell;
use core::hint::black_box;
use std::rc::Rc;

use dlpack::TensorView;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::contender::{Contender, Instructions, Outcome, Role, Row, Target};
use crate::data;

pub(super) fn rows() -> Vec<Row> {
    let row = |name, what, time, contenders| Row {
        name,
        what,
        target: Target { time, instructions: Instructions::Silent, mallocs: 0 },
        counted: 1,
        contenders,
    };
    vec![
        row("transpose-64", "transposed copy of 64² float32 (16 KiB)", 1.7, contenders::<64>),
        row("transpose-256", "transposed copy of 256² float32 (256 KiB)", 1.7, contenders::<256>),
        row("transpose-1000", "transposed copy of 1000² float32 (4 MB)", 1.7, contenders::<1000>),
        row("transpose-1024", "transposed copy of 1024² float32 (4 MiB)", 1.7, contenders::<1024>),
        row("transpose-2048", "transposed copy of 2048² float32 (16 MiB)", 1.7, contenders::<2048>),
        // Where a copy needs streaming stores to be fast.
        row(
            "transpose-4096",
            "transposed copy of 4096² float32 (64 MiB)",
            1.15,
            contenders::<4096>,
        ),
    ]
}

/// Less than this, twice, fits into the first-level cache of most processors.
const FIRST_CACHE: usize = 24 << 10;

/// The source and the one destination of all contenders.
#[derive(Clone)]
struct Matrices {
    from: Rc<[f32]>,
    to: Rc<RefCell<Vec<f32>>>,
}

fn contenders<const SIDE: usize>() -> Vec<Contender> {
    let from = data::numbers(SIDE * SIDE).into();
    let both = Matrices { from, to: Rc::new(RefCell::new(vec![0.0; SIDE * SIDE])) };
    vec![
        floor(SIDE, both.clone()),
        contender(Role::Ours, "dlpack", both.clone(), |from, to| {
            let view = TensorView::from_slice(from, &[SIDE, SIDE]).expect("a matrix");
            view.transpose().copy_to(to).expect("as many elements");
        }),
        contender(Role::Peer, "ndarray", both, |from, to| {
            let from = ArrayView2::from_shape((SIDE, SIDE), from).expect("a matrix");
            let mut to = ArrayViewMut2::from_shape((SIDE, SIDE), to).expect("a matrix");
            to.assign(&from.t());
        }),
    ]
}

fn contender(
    role: Role,
    name: &'static str,
    both: Matrices,
    copy: impl Fn(&[f32], &mut [f32]) + Copy + 'static,
) -> Contender {
    let Matrices { from, to } = both.clone();
    let once = move || {
        let mut to = to.borrow_mut();
        copy(black_box(&from), black_box(&mut to));
    };
    let outcome = move || {
        let mut to = both.to.borrow_mut();
        to.fill(f32::NAN);
        copy(&both.from, &mut to);
        fingerprint(&to)
    };
    Contender::new(role, name, once, outcome)
}

/// Copies plainly, which leaves something else behind: what the others are compared with is a naive transposition.
fn floor(side: usize, both: Matrices) -> Contender {
    let Matrices { from, to } = both.clone();
    let once = move || {
        let mut to = to.borrow_mut();
        black_box(&mut to[..]).copy_from_slice(black_box(&from));
    };
    let outcome = move || {
        let mut to = both.to.borrow_mut();
        for (at, to) in to.iter_mut().enumerate() {
            *to = both.from[at % side * side + at / side];
        }
        fingerprint(&to)
    };
    let remark = if side * side * size_of::<f32>() < FIRST_CACHE {
        "copies and transposes nothing, within the first-level cache: one instruction moves 64 bytes a cycle there, while a \
         transposition takes a load, two shuffles and a store for every 16 bytes"
    } else {
        "copies as many bytes and transposes nothing"
    };
    Contender::new(Role::Floor, "floor", once, outcome).remark(remark)
}

/// A number that depends on each element and on its place.
fn fingerprint(elements: &[f32]) -> Outcome {
    let number = elements.iter().fold(0_u64, |number, element| {
        (number ^ u64::from(element.to_bits())).wrapping_mul(0x0100_0000_01b3).rotate_left(5)
    });
    vec![("fingerprint", number.cast_signed())]
}
