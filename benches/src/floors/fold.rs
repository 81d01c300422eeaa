//! Reductions of `float32` elements in the order of memory, vector by vector.
//!
//! With the instructions that every x86-64 has, as the crates in the rows are built for these.

/// As many independent partial results as fill the registers.
const LANES: usize = 32;

/// Elements of a row-major cube, cropped on all sides alike.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    pub elements: &'a [f32],
    /// The side of the cube.
    pub side: usize,
    /// What is left out at the start and at the end of each axis.
    pub margin: usize,
}

impl<'a> Window<'a> {
    /// The stretches of memory that lie side by side.
    #[inline(always)]
    fn rows(self) -> impl Iterator<Item = &'a [f32]> {
        let Self { elements, side, margin } = self;
        let inner = margin..side - margin;
        let columns = inner.clone();
        inner.clone().flat_map(move |i| {
            let columns = columns.clone();
            inner.clone().map(move |j| &elements[(i * side + j) * side..][columns.clone()])
        })
    }
}

#[inline(always)]
pub fn sum(elements: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    reduce(&mut lanes, elements, |a, b| a + b);
    lanes.into_iter().sum()
}

#[inline(always)]
pub fn sum_window(window: Window<'_>) -> f32 {
    let mut lanes = [0.0; LANES];
    for row in window.rows() {
        reduce(&mut lanes, row, |a, b| a + b);
    }
    lanes.into_iter().sum()
}

#[inline(always)]
pub fn max_window(window: Window<'_>) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for row in window.rows() {
        reduce(&mut lanes, row, larger);
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, larger)
}

/// One instruction, where [`f32::max`] takes several to treat NaN as it promises.
#[inline(always)]
pub fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn reduce(lanes: &mut [f32; LANES], elements: &[f32], combine: impl Fn(f32, f32) -> f32) {
    let (blocks, rest) = elements.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &element) in lanes.iter_mut().zip(block) {
            *lane = combine(*lane, element);
        }
    }
    for (lane, &element) in lanes.iter_mut().zip(rest) {
        *lane = combine(*lane, element);
    }
}
