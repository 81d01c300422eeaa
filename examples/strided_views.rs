//! Crops, flips and new shapes: other strides over the same memory.

use dlpack::{Error, Exporter, ManagedTensorVersioned, TensorView, TensorViewMut};

fn main() -> Result<(), Error> {
    from_c()?;
    of_a_slice()?;
    of_a_mutable_slice()
}

/// A producer may store a tensor backwards. Indices do not depend on that.
fn from_c() -> Result<(), Error> {
    let backwards = Exporter::new([6_i32, 5, 4, 3, 2, 1]).shape(&[2, 3]).strides(&[-3, -1]);
    let raw = backwards.offset(5).into_raw()?;
    // SAFETY: the producer passes the tensor on, and keeps to the standard.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    // SAFETY: it has written all elements, and does not write them again.
    let tensor = unsafe { tensor.assume_frozen() };
    assert_eq!(tensor.layout().extents(), -5..=0);

    let view = tensor.view::<i32>()?;
    println!("stored backwards: {view:#?}");
    assert!(view.iter().eq(&[1, 2, 3, 4, 5, 6]));

    // There is no slice in this order. A sum does not depend on the order.
    assert_eq!(view.as_slice(), Err(Error::NotContiguous));
    assert_eq!(view.as_slice_memory_order()?, [6, 5, 4, 3, 2, 1]);
    assert_eq!(view.reduce_memory_order(0, |a, b| a + b), 21);
    Ok(())
}

fn of_a_slice() -> Result<(), Error> {
    let data: [u8; 24] = core::array::from_fn(|i| i.try_into().unwrap_or(u8::MAX));
    let view = TensorView::from_slice(&data, &[2, 3, 4])?;

    let crop = view.slice(1, 1..)?.slice(2, ..2)?;
    println!("a crop: {crop:#?}");
    assert!(crop.iter().eq(&[4, 5, 8, 9, 16, 17, 20, 21]));

    let every_other_column = view.step_by(2, 2)?;
    assert_eq!(
        (every_other_column.shape(), every_other_column.strides()),
        (&[2, 3, 2][..], &[12, 4, 2][..])
    );

    let flipped = view.flip(0)?;
    assert_eq!(flipped[[0, 0, 0]], 12);
    assert_eq!(flipped.strides(), [-12, 4, 1]);

    let channels_first = view.permute(&[2, 0, 1])?;
    assert_eq!(channels_first.shape(), [4, 2, 3]);
    assert_eq!(channels_first[[3, 1, 2]], view[[1, 2, 3]]);

    // A new shape that would have to move elements is refused.
    assert_eq!(view.reshape(&[6, 4])?[[5, 3]], 23);
    assert_eq!(flipped.reshape(&[2, 12])?.strides(), [-12, 1]);
    assert_eq!(flipped.reshape(&[24]).err(), Some(Error::ReshapeNeedsCopy));

    // A copy is in row-major order.
    let mut ordered = [0; 24];
    channels_first.copy_to(&mut ordered)?;
    assert_eq!(ordered[..6], [0, 4, 8, 12, 16, 20]);
    Ok(())
}

fn of_a_mutable_slice() -> Result<(), Error> {
    let mut data = [0_u8; 12];
    let mut view = TensorViewMut::from_slice(&mut data, &[3, 4])?;

    // Reborrowing gives a part of a view.
    view.reborrow().slice(1, 1..3)?.fill(1);
    view.reborrow().select(0, 1)?.flip(0)?.copy_from_slice(&[5, 6, 7, 8])?;
    view[[2, 3]] = 9;

    // Two disjoint parts can be written at the same time.
    let (mut top, bottom) = view.split_at(0, 1)?;
    top.copy_from(&bottom.as_view().slice(0, 1..)?)?;

    println!("written through views: {data:?}");
    assert_eq!(data, [0, 1, 1, 9, 8, 7, 6, 5, 0, 1, 1, 9]);
    Ok(())
}
