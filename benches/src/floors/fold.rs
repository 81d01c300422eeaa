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
    /// Calls `f` with each stretch of memory whose elements lie side by side.
    #[inline(always)]
    fn each_row(self, mut f: impl FnMut(&'a [f32])) {
        let Self { elements, side, margin } = self;
        for i in margin..side - margin {
            for j in margin..side - margin {
                let row = &elements[(i * side + j) * side..][..side];
                f(&row[margin..side - margin]);
            }
        }
    }
}

#[inline(always)]
pub fn sum(elements: &[f32]) -> f32 {
    let mut partial = Partial::new(0.0);
    partial.add(elements, |a, b| a + b);
    partial.end(|a, b| a + b)
}

#[inline(always)]
pub fn sum_window(window: Window<'_>) -> f32 {
    let mut partial = Partial::new(0.0);
    window.each_row(|row| partial.add(row, |a, b| a + b));
    partial.end(|a, b| a + b)
}

#[inline(always)]
pub fn max_window(window: Window<'_>) -> f32 {
    let mut partial = Partial::new(f32::NEG_INFINITY);
    window.each_row(|row| partial.add(row, larger));
    partial.end(larger)
}

/// One instruction, where [`f32::max`] takes several to treat NaN as it promises.
#[inline(always)]
pub fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// Results that lie side by side in vector registers, and one of the elements that fill no register.
struct Partial {
    lanes: [f32; LANES],
    rest: f32,
}

impl Partial {
    #[inline(always)]
    fn new(identity: f32) -> Self {
        Self { lanes: [identity; LANES], rest: identity }
    }

    #[inline(always)]
    fn add(&mut self, elements: &[f32], combine: impl Fn(f32, f32) -> f32) {
        let (blocks, rest) = elements.as_chunks::<LANES>();
        let mut lanes = self.lanes;
        for block in blocks {
            for lane in 0..LANES {
                lanes[lane] = combine(lanes[lane], block[lane]);
            }
        }
        self.lanes = lanes;
        self.rest = rest.iter().copied().fold(self.rest, combine);
    }

    #[inline(always)]
    fn end(self, combine: impl Fn(f32, f32) -> f32) -> f32 {
        self.lanes.into_iter().fold(self.rest, combine)
    }
}
