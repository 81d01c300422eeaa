//! Compares the crate to the model about which `evidence/arithmetic/prove.py` proves its lemmas. `evidence/arithmetic/vectors.tsv`
//! has many inputs, with the results of the model.

use dlpack::layout::Layout;
use dlpack::{DataType, DataTypeCode, Error, TensorView};

const VECTORS: &str = include_str!("../../evidence/arithmetic/vectors.tsv");

/// The fields of each line that begins with a word.
fn lines(kind: &str) -> impl Iterator<Item = Vec<&'static str>> + '_ {
    let fields = |line: &'static str| line.split('\t').collect::<Vec<_>>();
    VECTORS.lines().map(fields).filter(move |fields| fields[0] == kind)
}

fn numbers(field: &str) -> Vec<i64> {
    field.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

#[test]
fn layouts() {
    let mut count = 0;
    for fields in lines("layout") {
        let &[_, shape, strides, dtype, wide, narrow] = &fields[..] else { panic!("{fields:?}") };
        let [code, bits, lanes, padded] = numbers(dtype).try_into().unwrap();
        let code = DataTypeCode::new(code.try_into().unwrap());
        let dtype = DataType::new(code, bits.try_into().unwrap(), lanes.try_into().unwrap());
        let found = Layout::new(&numbers(shape), &numbers(strides), dtype, padded == 1);
        let found = match found {
            Ok(layout) => {
                let (extents, bytes) = (layout.extents(), layout.byte_extents());
                let (numel, nbytes) = (layout.numel(), layout.nbytes());
                let (first, last) = (extents.start(), extents.end());
                format!("{numel} {nbytes} {first} {last} {} {}", bytes.start, bytes.end)
            }
            Err(Error::NegativeSize { .. }) => "negative".to_owned(),
            Err(Error::ShapeOverflow) => "shape".to_owned(),
            Err(Error::ExtentOverflow) => "extent".to_owned(),
            Err(error) => panic!("{fields:?}: {error}"),
        };
        let expected = if cfg!(target_pointer_width = "64") { wide } else { narrow };
        assert_eq!(found, expected, "{fields:?}");
        count += 1;
    }
    assert!(count >= 400);
}

#[test]
fn overlaps() {
    let mut count = 0;
    for fields in lines("disjoint") {
        let &[_, shape, strides, expected] = &fields[..] else { panic!("{fields:?}") };
        let found = Layout::is_disjoint(&numbers(shape), &numbers(strides));
        assert_eq!(found.to_string(), expected, "{fields:?}");
        count += 1;
    }
    assert!(count >= 250);
}

#[test]
fn parts_of_views() {
    /// More than any of the views reaches to either side.
    const MIDDLE: usize = 200;
    let places: Vec<u16> = (0..400).collect();
    let mut count = 0;
    for fields in lines("view") {
        let &[_, shape, strides, operation, arguments, expected] = &fields[..] else {
            panic!("{fields:?}")
        };
        let small = |n: i64| usize::try_from(n).unwrap();
        let shape: Vec<usize> = numbers(shape).into_iter().map(small).collect();
        let strides: Vec<isize> =
            numbers(strides).into_iter().map(|n| n.try_into().unwrap()).collect();
        let [axis, a, b] = numbers(arguments).try_into().unwrap();
        let (axis, a, b) = (small(axis), small(a), small(b));
        // SAFETY: the offsets of all elements lie between -200 and 199, so that they are in `places`, which nobody writes.
        let view =
            unsafe { TensorView::from_raw_parts(places.as_ptr().add(MIDDLE), &shape, &strides) };
        let view = view.unwrap();
        let part = match operation {
            "slice" => view.slice(axis, a..b),
            "step" => view.step_by(axis, a),
            "flip" => view.flip(axis),
            _ => panic!("{operation}"),
        };
        let part = part.unwrap();
        let first =
            i64::from(*part.get(&vec![0; part.ndim()]).unwrap()) - i64::try_from(MIDDLE).unwrap();
        let size = part.shape()[axis];
        // The stride of an axis of one index means nothing.
        let stride = if size == 1 { None } else { Some(part.strides()[axis]) };
        let [offset, new_size, new_stride] = numbers(expected).try_into().unwrap();
        assert_eq!((first, size), (offset, small(new_size)), "{fields:?}");
        assert!(stride.is_none_or(|found| i64::try_from(found) == Ok(new_stride)), "{fields:?}");
        count += 1;
    }
    assert!(count >= 250);
}
