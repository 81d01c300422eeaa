//! How values are printed.
#![cfg(feature = "alloc")]

use std::sync::Arc;

use dlpack::allocator::{Pool, Slot};
use dlpack::loan::Loaned;
use dlpack::negotiate::{ForeignProducer, RawProducer, Status};
use dlpack::types::U4;
use dlpack::{DataType, Exporter, OnDrop};

#[test]
fn slots_and_pools() {
    let slot = Slot::<[u8; 2], 1>::default();
    assert_eq!(format!("{slot:?}"), "Slot { is_free: true, .. }");
    static ROOM: Slot<[u8; 2], 1> = Slot::new();
    // SAFETY: nobody allocates in it.
    let single = unsafe { ROOM.single() };
    assert_eq!(format!("{single:?}"), "Slot { is_free: true, .. }");
    let pool = Pool::new::<[u8; 2]>(3, 1).unwrap();
    assert_eq!(format!("{pool:?}"), "Pool { capacity: 3, in_use: 0, .. }");
}

#[test]
fn loans() {
    let (loan, claim) = Loaned::new(vec![1_u8]).unwrap();
    assert_eq!(format!("{loan:?}"), "Loaned { .. }");
    assert_eq!(format!("{claim:?}"), "Claim { is_returned: false, .. }");
    drop(loan);
    assert_eq!(format!("{claim:?}"), "Claim { is_returned: true, .. }");
}

#[test]
fn tensors() {
    let tensor = Exporter::new([1_u8, 2]).build().unwrap().into_inner();
    let shown = format!("{tensor:?}");
    let start =
        "Tensor { dtype: uint8, shape: [2], strides: [1], device: cpu, access: Writable, data: 0x";
    assert!(shown.starts_with(start) && shown.ends_with(" + 0, .. }"), "{shown}");
    assert_eq!(format!("{:?}", &*tensor), shown);
    let opaque = Exporter::new([1_u8, 2]).into_opaque().unwrap();
    assert_eq!(format!("{opaque:?}"), "OpaqueTensor { .. }");
    assert_eq!(format!("{:?}", OnDrop::new(|| ())), "OnDrop { .. }");
}

#[test]
fn elements() {
    let mut tensor = Exporter::new([1_u8, 2]).build().unwrap();
    assert_eq!(format!("{:?}", tensor.view::<u8>().unwrap()), "[1, 2]");
    assert_eq!(format!("{:?}", tensor.view_mut::<u8>().unwrap()), "[1, 2]");
    let packed = Exporter::new([0x21_u8]).dtype(DataType::U4).build().unwrap();
    assert_eq!(format!("{:?}", packed.packed_view::<U4>().unwrap()), "[1, 2]");
}

#[test]
fn what_is_negotiated() {
    let states = [Status::OK, Status::REFUSED, Status::INVALID, Status::NO_MEMORY, Status::FAILED];
    assert_eq!(
        states.map(|it| format!("{it:?}")),
        ["Status(ok)", "Status(refused)", "Status(invalid)", "Status(no memory)", "Status(failed)"]
    );
    let tensor = Arc::new(Exporter::shared([1_u8]).build().unwrap());
    let raw = RawProducer::new(tensor).unwrap();
    // SAFETY: a table of this crate, which is passed on.
    let producer = unsafe { ForeignProducer::from_raw(raw) }.unwrap();
    let shown = format!("{producer:?}");
    assert!(shown.starts_with("ForeignProducer("), "{shown}");
}
