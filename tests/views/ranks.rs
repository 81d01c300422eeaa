//! Ranks above eight, whose shapes and strides lie on the heap.

use dlpack::{Error, TensorView, TensorViewMut};

use crate::model::Model;
use crate::operations::Operation;
use crate::reading::{check, values};

/// Ten axes of 2 in an order in which none can be joined with its neighbour.
const SHUFFLED: [usize; 10] = [0, 2, 4, 6, 8, 9, 7, 5, 3, 1];

#[test]
fn ten_axes() {
    let memory = values(1 << 10);
    let view = TensorView::from_slice(&memory, &[2; 10]).unwrap();
    let model = Model::row_major(&[2; 10]);
    check(&view, &model, &memory);
    check(&view.transpose(), &model.transpose(), &memory);

    let (mut view, mut model) =
        (view.permute(&SHUFFLED).unwrap(), model.permute(&SHUFFLED).unwrap());
    check(&view, &model, &memory);
    for axis in [9, 0, 4] {
        (view, model) = (view.flip(axis).unwrap(), model.flip(axis).unwrap());
    }
    check(&view, &model, &memory);
}

/// Down to a rank that needs no heap, and up again.
#[test]
fn across_the_inline_capacity() {
    let memory = values(512);
    let mut view = TensorView::from_slice(&memory, &[2; 9]).unwrap();
    let mut model = Model::row_major(&[2; 9]);
    for operation in [
        Operation::Permute(vec![8, 0, 7, 1, 6, 2, 5, 3, 4]),
        Operation::Select(4, 1),
        Operation::Flip(0),
        Operation::Select(0, 0),
        Operation::InsertAxis(3),
        Operation::InsertAxis(8),
        Operation::InsertAxis(9),
        Operation::Slice(1, 1, 2),
        Operation::Transpose,
        Operation::Step(9, 2),
        Operation::Select(9, 0),
        Operation::Tail(5, 1),
    ] {
        (view, model) = (operation.on_view(&view).unwrap(), operation.on_model(&model).unwrap());
        check(&view, &model, &memory);
    }
    let flat = TensorView::from_slice(&memory, &[512]).unwrap();
    check(&flat.reshape(&[2; 9]).unwrap(), &Model::row_major(&[2; 9]), &memory);
}

#[test]
fn copies() {
    let memory = values(1 << 10);
    let source = TensorView::from_slice(&memory, &[2; 10]).unwrap().permute(&SHUFFLED).unwrap();
    let places = Model::row_major(&[2; 10]).permute(&SHUFFLED).unwrap().places();
    let mut copied = vec![0; 1 << 10];
    let mut target = TensorViewMut::from_slice(&mut copied, &[2; 10]).unwrap();
    target.copy_from(&source).unwrap();
    assert!(copied.iter().zip(&places).all(|(&found, &place)| found == memory[place]));

    let mut written = values(1 << 10);
    let target = TensorViewMut::from_slice(&mut written, &[2; 10]).unwrap();
    let mut target = target.permute(&SHUFFLED).unwrap();
    target.reborrow().flip(3).unwrap().copy_from_slice(&memory).unwrap();
    target = target.flip(3).unwrap();
    assert!(target.into_view().iter().eq(&memory));
}

#[test]
fn sixty_four_axes() {
    let mut shape = [1; 64];
    (shape[0], shape[31], shape[63]) = (3, 4, 5);
    let mut memory = values(60);
    let view = TensorView::from_slice(&memory, &shape).unwrap();
    let model = Model::row_major(&shape);
    check(&view, &model, &memory);
    let (turned, model) = (view.transpose().flip(32).unwrap(), model.transpose());
    let model = model.flip(32).unwrap();
    check(&turned, &model, &memory);
    assert_eq!(turned.insert_axis(0).unwrap_err(), Error::TooManyAxes { ndim: 65, max: 64 });
    assert_eq!(turned.select(1, 0).unwrap().insert_axis(7).unwrap().shape(), turned.shape());
    // Lists on the 31 axes up to that of size 4, and within each of those 4 on the 32 axes after it.
    let printed = format!("{:?}", view.select(0, 0).unwrap());
    assert_eq!(printed.matches('[').count(), 31 + 4 * 32);

    let mut view = TensorViewMut::from_slice(&mut memory, &shape).unwrap();
    view.fill(0);
    assert_eq!(view.iter_mut().len(), 60);
    *view.get_mut(&[0; 64]).unwrap() = 1;
    assert_eq!(memory[..2], [1, 0]);
}
