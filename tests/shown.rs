//! What few programs call: how types are shown, their defaults, and functions that others are made of.
#![cfg(feature = "alloc")]

use core::mem::MaybeUninit;

use dlpack::allocator::{Pool, Slot};
use dlpack::loan::Loaned;
use dlpack::{
    DataType, Device, Exporter, Flags, ManagedTensorVersioned, TensorView, allocator::Global,
};

#[test]
fn types_are_shown_by_their_names() {
    let slot = Slot::<[u8; 2], 1>::default();
    assert_eq!(format!("{slot:?}"), "Slot { is_free: true, .. }");
    let pool = Pool::new::<[u8; 2]>(3, 1).unwrap();
    assert_eq!(format!("{pool:?}"), "Pool { capacity: 3, in_use: 0, .. }");
    let (loan, claim) = Loaned::new(vec![1_u8]).unwrap();
    assert_eq!(format!("{loan:?}"), "Loaned { .. }");
    assert_eq!(format!("{claim:?}"), "Claim { is_returned: false, .. }");
    drop(loan);
    assert_eq!(format!("{claim:?}"), "Claim { is_returned: true, .. }");
}

#[test]
fn flags_are_combined() {
    let mut flags = Flags::READ_ONLY;
    flags |= Flags::IS_COPIED;
    assert_eq!(flags, Flags::READ_ONLY | Flags::IS_COPIED);
    assert_eq!(flags & Flags::IS_COPIED, Flags::IS_COPIED);
}

#[test]
fn elements_are_copied_with_room_that_was_reserved() {
    let view = TensorView::from_slice(&[1_u8, 2, 3, 4], &[2, 2]).unwrap();
    assert_eq!(view.transpose().try_to_vec().unwrap(), [1, 3, 2, 4]);
}

#[test]
fn uninitialised_tensors_are_filled_from_a_view() {
    let new =
        || ManagedTensorVersioned::allocate_in(Global, DataType::U8, &[2, 2], Device::CPU).unwrap();
    let tensor = new();
    assert_eq!(tensor.uninit_view::<u8>().unwrap().shape(), [2, 2]);
    assert_eq!(size_of::<MaybeUninit<u8>>(), 1);
    let view = TensorView::from_slice(&[1_u8, 2, 3, 4], &[2, 2]).unwrap();
    let filled = tensor.copy_from(&view.transpose()).unwrap();
    assert_eq!(filled.freeze().as_slice::<u8>().unwrap(), [1, 3, 2, 4]);
    // SAFETY: nobody else has the struct.
    let back = unsafe { ManagedTensorVersioned::from_raw(new().into_raw()) }.unwrap();
    assert_eq!(back.shape(), [2, 2]);
}

#[test]
fn owners_come_back_from_promises() {
    let tensor = Exporter::new(vec![1_u8, 2]).build().unwrap();
    assert_eq!(tensor.into_owner::<Vec<u8>>().unwrap(), [1, 2]);
    let tensor = Exporter::new(vec![1_u8, 2]).build().unwrap().freeze();
    assert_eq!(tensor.into_owner::<Vec<u8>>().unwrap(), [1, 2]);
}
