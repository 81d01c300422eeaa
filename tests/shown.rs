//! How types that manage memory are printed.
#![cfg(feature = "alloc")]

use dlpack::allocator::{Pool, Slot};
use dlpack::loan::Loaned;

#[test]
fn slots_and_pools() {
    let slot = Slot::<[u8; 2], 1>::default();
    assert_eq!(format!("{slot:?}"), "Slot { is_free: true, .. }");
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
