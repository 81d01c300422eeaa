//! What is done with elements.

use dlpack::{Error, TensorView, TensorViewMut};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};
use harness::abi::Abi;
use harness::{Spec, dtype};

use crate::allocates;

/// Everything that a view of up to eight axes can do.
#[test]
fn views_allocate_nothing() {
    let spec = Spec::of(&[1_i32, 2, 3, 4, 5, 6]).shape(&[2, 3]);
    let (tensor, _record) = DLManagedTensorVersioned::from_c(&spec);
    // SAFETY: C wrote the elements, and nobody else knows of them.
    let mut tensor = unsafe { tensor.assume_exclusive() };
    let mut copy = [0; 6];
    allocates(0, || -> Result<(), Error> {
        let view = tensor.view::<i32>()?;
        assert_eq!(tensor.as_slice::<i32>()?, [1, 2, 3, 4, 5, 6]);
        assert_eq!(view.as_slice()?.len() + view.as_slice_memory_order()?.len(), 12);
        let columns = view.transpose();
        assert!(columns.iter().eq(&[1, 4, 2, 5, 3, 6]));
        let part = view.slice(1, 1..)?.flip(0)?.step_by(1, 2)?.insert_axis(0)?.select(0, 0)?;
        assert_eq!((part.shape(), part.get(&[0, 0])), (&[2, 1][..], Some(&5)));
        assert_eq!(view.permute(&[1, 0])?.reshape(&[3, 2, 1])?.numel(), 6);
        assert_eq!(view.split_at(1, 1)?.0.numel(), 2);
        assert_eq!(columns.fold_memory_order(0, |a, &b| a + b), 21);
        assert_eq!(columns.reduce_memory_order(0, |a, b| a + b), 21);
        columns.copy_to(&mut copy)?;
        Ok(())
    })
    .unwrap();
    assert_eq!(copy, [1, 4, 2, 5, 3, 6]);
    allocates(0, || -> Result<(), Error> {
        let mut view = tensor.view_mut::<i32>()?;
        view.iter_mut().for_each(|x| *x += 1);
        view.reborrow().transpose().copy_from_slice(&copy)?;
        view.as_mut_slice()?[0] = 7;
        let (mut low, high) = view.split_at(0, 1)?;
        low.copy_from(&high.as_view())?;
        low.fill(9);
        Ok(())
    })
    .unwrap();
    assert_eq!(tensor.as_slice::<i32>(), Ok(&[9, 9, 9, 4, 5, 6][..]));
}

#[test]
fn packed_views_allocate_nothing() {
    let spec = Spec::new(dtype(1, 4, 1)).shape(&[4]).data(&[0x21_u8, 0x43]);
    let (tensor, _record) = DLManagedTensor::from_c(&spec);
    // SAFETY: C wrote the elements, and nobody writes them now.
    let tensor = unsafe { tensor.assume_frozen() };
    allocates(0, || -> Result<(), Error> {
        let view = tensor.packed_view::<dlpack::types::U4>()?;
        assert!(view.iter().map(dlpack::types::U4::to_u8).eq([1, 2, 3, 4]));
        view.unpack_to(&mut [0_u8; 4], dlpack::types::U4::to_u8)
    })
    .unwrap();
}

#[test]
fn lending_allocates_nothing() {
    let mut numbers = [1_u16, 2, 3, 4];
    allocates(0, || -> Result<(), Error> {
        let view = TensorView::from_slice(&numbers, &[2, 2])?;
        assert!(view.with_dl_tensor(|raw| !raw.is_null())?);
        let mut view = TensorViewMut::from_slice(&mut numbers, &[4])?;
        assert!(view.with_dl_tensor(|raw| !raw.is_null())?);
        Ok(())
    })
    .unwrap();
}

#[test]
fn the_first_write_allocates_nothing() {
    let (copy, _record) = DLManagedTensorVersioned::from_c(&Spec::of(&[1_u8, 2]).flags(2));
    let tensor = allocates(0, || copy.try_exclusive().unwrap().fill(7_u8).unwrap());
    assert_eq!(tensor.as_slice::<u8>(), Ok(&[7, 7][..]));
}
