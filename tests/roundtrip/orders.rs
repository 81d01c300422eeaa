//! Axes that are row-major up to any one of them: all that an import may find out at any axis.

use dlpack_sys::DLDataType;

use crate::imported::Foreign;
use crate::layouts::Layout;
use crate::seen;

/// Takes a tensor in from C, in either ABI, and compares it with what was asked for.
fn comes_in(shape: &[i64], strides: Option<&[i64]>) {
    for legacy in [false, true] {
        let layout = Layout { shape: shape.to_vec(), strides: strides.map(<[i64]>::to_vec) };
        let foreign = Foreign {
            dtype: DLDataType { code: 2, bits: 16, lanes: 1 },
            layout,
            device: (1, 0),
            minor: 3,
            flags: 0,
            offset: 4,
            shift: 0,
            null_strides: strides.is_none(),
            legacy,
        };
        let (tensor, record) = foreign.take_in();
        foreign.check(&tensor, &record);
        // SAFETY: C wrote the elements, and nobody writes them now.
        unsafe { seen::check(&tensor, &foreign.place().0, &foreign.memory()) };
        drop(tensor);
        assert_eq!(record.deleted(), 1);
    }
}

fn row_major(shape: &[i64]) -> Vec<i64> {
    Layout { shape: shape.to_vec(), strides: None }.strides()
}

#[test]
fn no_strides_at_any_rank() {
    for ndim in 0..=10 {
        comes_in(&vec![2; ndim], None);
        comes_in(&vec![1; ndim], None);
    }
}

#[test]
fn one_axis_out_of_order() {
    for ndim in 1..=9 {
        let shape = vec![2; ndim];
        let dense = row_major(&shape);
        comes_in(&shape, Some(&dense));
        for axis in 0..ndim {
            for stride in [-dense[axis], 2 * dense[axis], 0, dense[axis] + 1] {
                let mut strides = dense.clone();
                strides[axis] = stride;
                comes_in(&shape, Some(&strides));
            }
        }
    }
}

#[test]
fn one_axis_of_another_size() {
    for size in [0, 1, 3] {
        for ndim in 1..=9 {
            for axis in 0..ndim {
                let mut shape = vec![2; ndim];
                shape[axis] = size;
                let mut strides = row_major(&shape);
                comes_in(&shape, Some(&strides));
                comes_in(&shape, None);
                // Addresses nothing where there are fewer than two elements.
                strides[axis] = if size < 2 { -999 } else { -5 };
                comes_in(&shape, Some(&strides));
            }
        }
    }
}

#[test]
fn two_axes_swapped() {
    for ndim in 2..=9 {
        let shape: Vec<i64> = (0..ndim).map(|axis| 1 + axis % 3).collect();
        let dense = row_major(&shape);
        for axis in 1..shape.len() {
            let (mut shape, mut strides) = (shape.clone(), dense.clone());
            shape.swap(axis - 1, axis);
            strides.swap(axis - 1, axis);
            comes_in(&shape, Some(&strides));
        }
    }
}
