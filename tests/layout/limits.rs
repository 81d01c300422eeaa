//! Huge sizes and strides: refused exactly when a number that is stated of the layout does not fit.

use dlpack::Error;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::case::{any_width, order};
use crate::exact::{Facts, Refusal, closed_form};
use crate::widths::{WIDTHS, Width};
use crate::{cases, found};

const MAX: i128 = isize::MAX as i128;

/// The oracle's refusal as the error that stands for it.
fn expected(shape: &[i64], strides: &[i64], width: Width) -> Result<Facts, Error> {
    closed_form(shape, strides, width.bits).map_err(|refusal| match refusal {
        Refusal::Negative => {
            let (axis, &size) = shape.iter().enumerate().find(|&(_, &size)| size < 0).unwrap();
            Error::NegativeSize { axis, size }
        }
        Refusal::Shape => Error::ShapeOverflow,
        Refusal::Extent => Error::ExtentOverflow,
    })
}

fn check(shape: &[i64], strides: &[i64], width: Width) -> Result<Facts, Error> {
    let found = found(shape, strides, width);
    assert_eq!(found, expected(shape, strides, width), "{shape:?} {strides:?} {width:?}");
    found
}

/// Numbers of every magnitude, next to powers of two more often than not.
fn huge() -> impl Strategy<Value = i64> {
    let power = (0..=62_u32, -2..=2_i64).prop_map(|(k, more)| (1_i64 << k).saturating_add(more));
    let number = prop_oneof![4 => power, 1 => any::<i64>(), 1 => Just(i64::MAX), 2 => 0..=4_i64];
    (number, any::<bool>()).prop_map(|(n, negative)| if negative { n.wrapping_neg() } else { n })
}

fn size() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 1..=3_i64, 1 => Just(0_i64), 6 => huge().prop_map(i64::saturating_abs), 1 => huge()]
}

proptest! {
    #![proptest_config(cases(20_000))]

    #[test]
    fn refused_exactly_when_something_does_not_fit(
        axes in vec((size(), huge()), 0..=5),
        width in any_width(),
    ) {
        let (shape, strides): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
        prop_assert_eq!(found(&shape, &strides, width), expected(&shape, &strides, width));
    }

    #[test]
    fn the_order_of_the_axes_does_not_matter(
        axes in vec((size(), huge()), 0..=5),
        width in any_width(),
        key: u64,
    ) {
        let turned = order(axes.len(), key).into_iter().map(|axis| axes[axis]);
        let (shape, strides): (Vec<_>, Vec<_>) = turned.unzip();
        let turned = found(&shape, &strides, width);
        let (shape, strides): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
        match (found(&shape, &strides, width), turned) {
            // Which of several negative sizes is named depends on the order.
            (Err(Error::NegativeSize { axis, size }), Err(Error::NegativeSize { .. })) => {
                prop_assert_eq!(shape[axis], size);
            }
            (found, turned) => prop_assert_eq!(found, turned),
        }
    }
}

/// The largest number of elements whose bytes, and whose offsets, fit.
fn most_elements(width: Width) -> i128 {
    (MAX * 8 / width.bits).min(MAX)
}

/// The numbers around `n` that a size or a stride can be.
fn around(n: i128) -> impl Iterator<Item = i64> {
    (n - 3..=n + 3).filter_map(|n| i64::try_from(n).ok())
}

#[test]
fn strides_around_the_limit() {
    for width in WIDTHS {
        let (mut taken, mut refused) = (0, 0);
        let mut count = |result: Result<Facts, Error>| match result {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        };
        for size in [2, 3, 4, 5, 7, 8, 9, 17, 1000, (1 << 20) + 1] {
            for stride in around(most_elements(width) / i128::from(size - 1)) {
                for stride in [stride, stride.wrapping_neg()] {
                    count(check(&[size], &[stride], width));
                    for more in [1, -1, 5, -5, stride] {
                        count(check(&[size, 2], &[stride, more], width));
                        count(check(&[2, 1, size], &[more, i64::MIN, stride], width));
                    }
                }
            }
        }
        assert!(taken > 100 && refused > 100, "{width:?}: {taken} taken, {refused} refused");
    }
}

/// Both directions at once, so that either end fits and only their distance does not.
#[test]
fn distances_around_the_limit() {
    for width in WIDTHS {
        let (mut taken, mut refused) = (0, 0);
        for up in around(most_elements(width) / 2) {
            for down in around(most_elements(width) / 2) {
                match check(&[2, 2], &[up, -down], width) {
                    Ok(_) => taken += 1,
                    Err(_) => refused += 1,
                }
            }
        }
        // Packed elements this small cannot be that far apart: their offsets would not fit.
        assert!(taken > 0 && (refused > 0 || width.bits < 8), "{width:?}");
    }
}

#[test]
fn sizes_around_the_limit() {
    for width in WIDTHS {
        for rows in [1, 2, 3, 8, 1 << 20] {
            for size in around(most_elements(width) / i128::from(rows)) {
                for strides in [[size, 1], [1, rows], [-size, -1], [0, 0], [0, 1], [1, 0]] {
                    let _ = check(&[rows, size], &strides, width);
                    let _ = check(&[rows, size, 0], &[strides[0], strides[1], 0], width);
                }
            }
        }
        let most = most_elements(width).min(i64::MAX.into());
        let most = i64::try_from(most).unwrap();
        assert!(check(&[most], &[1], width).is_ok());
        assert!(check(&[most], &[0], width).is_ok());
        if let Some(more) = most.checked_add(1) {
            assert!(check(&[more], &[1], width).is_err());
        }
    }
}
