//! Reductions of rows of all lengths around those at which lanes are taken otherwise.

use dlpack::TensorView;

/// A number that tells from a sum which elements are in it, most likely.
fn number(n: usize) -> u64 {
    u64::try_from(n + 1).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A window of `rows` rows of `len` elements, `step` apart, in each of two planes.
fn check(rows: usize, len: usize, step: usize) {
    let (height, width) = (rows + 1, len * step + 1);
    let elements: Vec<u64> = (0..2 * height * width).map(number).collect();
    let view = TensorView::from_slice(&elements, &[2, height, width]).unwrap();
    let view = view.slice(1, 1..).unwrap().slice(2, 1..).unwrap().step_by(2, step).unwrap();
    let mut expected = Vec::new();
    for plane in 0..2 {
        for row in 1..height {
            expected
                .extend((0..len).map(|k| number((plane * height + row) * width + 1 + k * step)));
        }
    }
    let sum = expected.iter().fold(0, |sum: u64, &x| sum.wrapping_add(x));
    let most = expected.iter().copied().max().unwrap_or(0);
    for view in [view.permute(&[2, 0, 1]).unwrap(), view.flip(1).unwrap(), view] {
        let place = format!("{rows} rows of {len}, {step} apart");
        assert_eq!(view.reduce_memory_order(0, u64::wrapping_add), sum, "{place}");
        assert_eq!(view.reduce_memory_order(0, u64::max), most, "{place}");
        let mut seen = view.fold_memory_order(Vec::new(), |mut seen, &x| {
            seen.push(x);
            seen
        });
        assert_eq!(seen.len(), expected.len());
        seen.sort_unstable();
        expected.sort_unstable();
        assert!(seen == expected, "{place}");
    }
}

#[test]
fn rows_of_all_lengths() {
    let most = if cfg!(miri) { 12 } else { 70 };
    for step in [1, 2] {
        for len in 0..=most {
            for rows in [1, 3, 9] {
                check(rows, len, step);
            }
        }
        for rows in 0..=20 {
            for len in [1, 2, 7, 8] {
                check(rows, len, step);
            }
        }
    }
}
