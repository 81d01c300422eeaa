//! Compares what the crate says of every layout of up to four axes with small numbers to what its elements, one by one, show.
//!
//! `DLPACK_EVERY=5,8` makes it sizes below 5 and strides from -8 to 8.

use dlpack::layout::Layout;
use dlpack::{DataType, Error, TensorView};

use crate::exact::Facts;
use crate::found;
use crate::widths::Width;

const WIDTHS: [Width; 4] = [Width::U1, Width::F4, Width::U8, Width::F32];

/// The least size that is too large, and the largest stride.
fn limits() -> (i64, i64) {
    match std::env::var("DLPACK_EVERY") {
        Ok(words) => {
            let (sizes, stride) = words.split_once(',').expect("two numbers");
            (sizes.parse().unwrap(), stride.parse().unwrap())
        }
        Err(_) if cfg!(miri) => (2, 1),
        // Set where the machine is emulated, or a sanitizer or valgrind makes it slow.
        Err(_) if std::env::var_os("PROPTEST_CASES").is_some() => (3, 2),
        Err(_) => (4, 3),
    }
}

/// A layout, with the offsets of its elements in row-major and in column-major order, each found from those of a layout of one
/// axis less.
#[derive(Clone, Default)]
struct Case {
    shape: Vec<i64>,
    strides: Vec<i64>,
    rows: Vec<i64>,
    columns: Vec<i64>,
}

impl Case {
    fn without_axes() -> Self {
        Self { rows: vec![0], columns: vec![0], ..Self::default() }
    }

    /// With an axis after the others.
    fn with(&self, size: i64, stride: i64) -> Self {
        let (mut case, steps) = (self.clone(), || (0..size).map(|k| k * stride));
        case.shape.push(size);
        case.strides.push(stride);
        case.rows =
            self.rows.iter().flat_map(|offset| steps().map(move |step| offset + step)).collect();
        case.columns =
            steps().flat_map(|step| self.columns.iter().map(move |offset| offset + step)).collect();
        case
    }

    /// How many places there are from the first to the last, and whether each has at most one element.
    fn places(&self) -> (usize, bool) {
        let (Some(first), Some(last)) = (self.rows.iter().min(), self.rows.iter().max()) else {
            return (0, true);
        };
        let span = usize::try_from(last - first + 1).unwrap();
        let mut seen = vec![false; span];
        let is_new = |offset: &i64| {
            let place = usize::try_from(offset - first).unwrap();
            !core::mem::replace(&mut seen[place], true)
        };
        (span, self.rows.iter().all(is_new))
    }

    fn facts(&self, bits: i64) -> Facts {
        let (Some(&first), Some(&last)) = (self.rows.iter().min(), self.rows.iter().max()) else {
            return Facts::EMPTY;
        };
        let byte = |bit: i64| bit.div_euclid(8);
        let numel = i64::try_from(self.rows.len()).unwrap();
        let (nbytes, start, end) =
            (byte(numel * bits + 7), byte(first * bits), byte(last * bits + bits - 1) + 1);
        let [numel, nbytes, first, last, start, end] =
            [numel, nbytes, first, last, start, end].map(i128::from);
        Facts { numel, nbytes, first, last, start, end }
    }

    fn check(&self) {
        let Self { shape, strides, rows, columns } = self;
        for width in WIDTHS {
            let expected = Ok(self.facts(i64::try_from(width.bits).unwrap()));
            assert_eq!(found(shape, strides, width), expected, "{shape:?} {strides:?} {width:?}");
        }
        let in_order = |offsets: &[i64]| (0..).zip(offsets).all(|(place, &offset)| place == offset);
        let layout = Layout::new(shape, strides, DataType::U8, false).unwrap();
        assert_eq!(
            Layout::is_c_contiguous(shape, strides),
            in_order(rows),
            "{shape:?} {strides:?}"
        );
        assert_eq!(layout.is_row_major(), in_order(rows), "{shape:?} {strides:?}");
        assert_eq!(
            Layout::is_f_contiguous(shape, strides),
            in_order(columns),
            "{shape:?} {strides:?}"
        );
        let (span, is_disjoint) = self.places();
        assert_eq!(layout.covers_its_extents(), span == rows.len(), "{shape:?} {strides:?}");
        // `true` must be right, and a layout without gaps and overlaps must get it.
        let says = Layout::is_disjoint(shape, strides);
        assert!(!says || is_disjoint, "{shape:?} {strides:?}");
        assert!(says || !is_disjoint || span != rows.len(), "{shape:?} {strides:?}");
        let mut normal = strides.clone();
        Layout::normalize_strides(shape, &mut normal);
        assert_eq!(found(shape, &normal, Width::U8), found(shape, strides, Width::U8));
    }
}

/// Calls a function with a layout and with each that has up to `axes` more axes, and returns how many there are.
fn each(case: &Case, axes: usize, limits: (i64, i64), act: &mut impl FnMut(&Case)) -> u64 {
    act(case);
    let mut count = 1;
    if axes > 0 {
        for size in 0..limits.0 {
            for stride in -limits.1..=limits.1 {
                count += each(&case.with(size, stride), axes - 1, limits, act);
            }
        }
    }
    count
}

#[test]
fn every_layout() {
    let limits = limits();
    let count = each(&Case::without_axes(), 4, limits, &mut Case::check);
    let axes = u64::try_from(limits.0 * (2 * limits.1 + 1)).unwrap();
    assert_eq!(count, (0..=4).map(|n| axes.pow(n)).sum::<u64>());
    println!("{count} layouts");
}

/// Compares a part of a view with the offsets that its elements should have. Each value is its own place in memory, of which 100 is
/// the offset 0.
#[track_caller]
fn check_part(part: Result<TensorView<'_, u16>, Error>, expected: impl Iterator<Item = i64>) {
    let part = part.unwrap();
    let expected: Vec<i64> = expected.collect();
    let found: Vec<i64> = part.iter().map(|&place| i64::from(place) - 100).collect();
    assert_eq!(found, expected, "{:?} {:?}", part.shape(), part.strides());
}

#[test]
fn every_part_of_a_view() {
    let places: Vec<u16> = (0..200).collect();
    let mut count = 0_u64;
    let limits = if cfg!(miri) { (3, 1) } else { (5, 4) };
    each(&Case::without_axes(), 2, limits, &mut |case| {
        let shape: Vec<usize> = case.shape.iter().map(|&n| n.try_into().unwrap()).collect();
        let strides: Vec<isize> = case.strides.iter().map(|&n| n.try_into().unwrap()).collect();
        // SAFETY: the offsets of all elements lie between -100 and 99, so that they are in `places`, which nobody writes.
        let view =
            unsafe { TensorView::from_raw_parts(places.as_ptr().add(100), &shape, &strides) }
                .unwrap();
        let Some(last) = shape.len().checked_sub(1) else { return };
        // In row-major order the last axis runs fastest, so that each chunk has all of its indices.
        let size = shape[last];
        let rows = || case.rows.chunks(size.max(1)).map(<[i64]>::to_vec);
        for start in 0..=size {
            for end in start..=size {
                check_part(
                    view.slice(last, start..end),
                    rows().flat_map(|row| row[start..end].to_vec()),
                );
                count += 1;
            }
            if start < size {
                check_part(view.select(last, start), rows().map(|row| row[start]));
            }
        }
        for step in 1..=size + 1 {
            check_part(
                view.step_by(last, step),
                rows().flat_map(|row| row.into_iter().step_by(step).collect::<Vec<_>>()),
            );
        }
        check_part(
            view.flip(last),
            rows().flat_map(|row| row.into_iter().rev().collect::<Vec<_>>()),
        );
        check_part(
            view.slice(last, ..).and_then(|all| all.flip(last)?.flip(last)),
            case.rows.iter().copied(),
        );
    });
    assert!(count > 100);
}
