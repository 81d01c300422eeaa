//! What views look like when they are printed.

use std::mem::MaybeUninit;

use dlpack::{TensorView, TensorViewMut, view::Unaligned};

fn printed(shape: &[usize]) -> String {
    let numbers: Vec<usize> = (0..shape.iter().product()).collect();
    format!("{:?}", TensorView::from_slice(&numbers, shape).unwrap())
}

#[test]
fn nested_lists() {
    assert_eq!(printed(&[]), "0");
    assert_eq!(printed(&[3]), "[0, 1, 2]");
    assert_eq!(printed(&[1]), "[0]");
    assert_eq!(printed(&[2, 3]), "[[0, 1, 2], [3, 4, 5]]");
    assert_eq!(printed(&[3, 1]), "[[0], [1], [2]]");
    assert_eq!(printed(&[1, 2, 2]), "[[[0, 1], [2, 3]]]");
}

#[test]
fn nothing() {
    assert_eq!(printed(&[0]), "[]");
    assert_eq!(printed(&[2, 0]), "[]");
    assert_eq!(printed(&[0, 3]), "[]");
    // However long the other axes are.
    let view = TensorView::<u8>::from_slice(&[], &[isize::MAX.unsigned_abs(), 0]).unwrap();
    assert_eq!(format!("{view:?}"), "[]");
    assert_eq!(format!("{:#?}", view.slice(0, 3..9).unwrap()), "[] shape=[6, 0] strides=[1, 1]");
}

#[test]
fn long_axes_are_printed_in_part() {
    assert_eq!(printed(&[101]), "[0, 1, 2, ..., 98, 99, 100]");
    assert_eq!(printed(&[2, 60]), "[[0, 1, 2, ..., 57, 58, 59], [60, 61, 62, ..., 117, 118, 119]]");
    assert_eq!(
        printed(&[60, 2]),
        "[[0, 1], [2, 3], [4, 5], ..., [114, 115], [116, 117], [118, 119]]"
    );
    assert_eq!(
        printed(&[11, 10]),
        "[[0, 1, 2, ..., 7, 8, 9], [10, 11, 12, ..., 17, 18, 19], [20, 21, 22, ..., 27, 28, 29], ..., \
         [80, 81, 82, ..., 87, 88, 89], [90, 91, 92, ..., 97, 98, 99], [100, 101, 102, ..., 107, 108, 109]]"
    );
    // Seven of 119 are shortened to six; six of 120 are not.
    assert!(printed(&[7, 17]).contains("], ..., ["));
    assert!(!printed(&[6, 20]).contains("], ..., ["));
}

#[test]
fn a_hundred_elements_are_printed_whole() {
    let hundred: Vec<usize> = (0..100).collect();
    assert_eq!(printed(&[100]), format!("{hundred:?}"));
    let rows: Vec<_> = hundred.chunks(10).collect();
    assert_eq!(printed(&[10, 10]), format!("{rows:?}"));
}

#[test]
fn the_alternate_form_adds_shape_and_strides() {
    let numbers = [1, 2, 3, 4, 5, 6];
    let view = TensorView::from_slice(&numbers, &[2, 3]).unwrap();
    assert_eq!(format!("{view:#?}"), "[[1, 2, 3], [4, 5, 6]] shape=[2, 3] strides=[3, 1]");
    let turned = view.transpose().flip(0).unwrap();
    assert_eq!(format!("{turned:#?}"), "[[3, 6], [2, 5], [1, 4]] shape=[3, 2] strides=[-1, 3]");
    let scalar = view.select(0, 1).unwrap().select(0, 1).unwrap();
    assert_eq!(format!("{scalar:#?}"), "5 shape=[] strides=[]");
    // The elements stay on their line.
    let options = TensorView::from_slice(&[Some(1), None], &[2]).unwrap();
    assert_eq!(format!("{options:#?}"), "[Some(1), None] shape=[2] strides=[1]");
}

#[test]
fn a_mutable_view_prints_as_a_shared_one() {
    let mut numbers = [1, 2, 3, 4];
    let mut view = TensorViewMut::from_slice(&mut numbers, &[2, 2]).unwrap();
    assert_eq!(format!("{view:?}"), "[[1, 2], [3, 4]]");
    assert_eq!(format!("{:#?}", view.reborrow()), "[[1, 2], [3, 4]] shape=[2, 2] strides=[2, 1]");
}

#[test]
fn elements_print_as_they_do_alone() {
    let words = ["a", "b c"];
    assert_eq!(format!("{:?}", TensorView::from_slice(&words, &[2]).unwrap()), r#"["a", "b c"]"#);
    let floats = [0.5_f32, -0.0, f32::NAN];
    assert_eq!(format!("{:?}", TensorView::from_slice(&floats, &[3]).unwrap()), "[0.5, -0.0, NaN]");
    let unaligned = [Unaligned::new(1.5_f64)];
    assert_eq!(format!("{:?}", TensorView::from_slice(&unaligned, &[1]).unwrap()), "[1.5]");
    let uninit = [MaybeUninit::<u8>::uninit()];
    let printed = format!("{:?}", TensorView::from_slice(&uninit, &[1]).unwrap());
    assert_eq!(printed, format!("{uninit:?}"));
}

#[test]
fn iterators() {
    let mut numbers = [1, 2, 3];
    let view = TensorView::from_slice(&numbers, &[3]).unwrap();
    let mut iter = view.iter();
    iter.next();
    assert_eq!(format!("{iter:?}"), "Iter { left: 2, .. }");
    let mut view = TensorViewMut::from_slice(&mut numbers, &[3]).unwrap();
    assert_eq!(format!("{:?}", view.iter_mut()), "IterMut { left: 3, .. }");
}

#[cfg(feature = "alloc")]
#[test]
fn no_shape_makes_printing_endless() {
    use dlpack::Exporter;

    let long = Exporter::new(vec![7_u8]).shape(&[1 << 30]).strides(&[0]).build().unwrap();
    assert_eq!(format!("{:?}", long.view::<u8>().unwrap()), "[7, 7, 7, ..., 7, 7, 7]");
    let deep = Exporter::new(vec![7_u8]).shape(&[2; 30]).strides(&[0; 30]).build().unwrap();
    let printed = format!("{:?}", deep.view::<u8>().unwrap());
    assert!(printed.len() < 20_000, "{} characters", printed.len());
    assert!(printed.ends_with("...], ...]"), "{printed}");
}

#[test]
fn options_reach_the_elements() {
    let thirds = [1.0_f32 / 3.0, 2.0 / 3.0];
    let view = TensorView::from_slice(&thirds, &[2]).unwrap();
    assert_eq!(format!("{view:.2?}"), "[0.33, 0.67]");
}
