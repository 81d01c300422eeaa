//! What the C library writes, and what a producer does to a tensor that is out already.

use harness::consumer::{fill, gather, gather_managed, scatter, write};
use harness::release::delete;
use harness::{Spec, bytes_of, dtype};

use crate::dims;

#[test]
fn scattered_elements_leave_the_gaps_alone() {
    let mut memory = [0_u16; 8];
    let spec = Spec::new(dtype(1, 16, 1)).shape(&[2, 2]).strides(&[-4, 2]);
    let spec = spec.borrow(memory[4..].as_mut_ptr().cast());
    let elements = [1_u16, 2, 3, 4];
    let (wrote, back) = spec.lend(|tensor| {
        // SAFETY: lent by C, over `memory`, which nobody else uses.
        let wrote = unsafe { scatter(tensor, 0, bytes_of(&elements)) };
        // SAFETY: as above.
        (wrote, unsafe { gather(tensor, 0) })
    });
    assert!(wrote);
    assert_eq!(back.as_deref(), Some(bytes_of(&elements)));
    // Row 0 starts at element 4, row 1 at element 0.
    assert_eq!(memory, [3, 0, 4, 0, 1, 0, 2, 0]);
}

#[test]
fn fills_and_writes() {
    let mut memory = [0_u8; 6];
    let spec = Spec::new(dtype(1, 8, 1)).shape(&[2, 2]).strides(&[3, 1]);
    let spec = spec.borrow(memory.as_mut_ptr().cast());
    // SAFETY: lent by C, over `memory`, which nobody else uses.
    assert!(spec.lend(|tensor| unsafe { fill(tensor, 0, &[7]) }));
    // SAFETY: as above, and two entries for two axes.
    assert!(spec.lend(|tensor| unsafe { write(tensor, 0, &[1, 0], &[9]) }));
    // SAFETY: as above.
    assert!(!spec.lend(|tensor| unsafe { write(tensor, 0, &[2, 0], &[9]) }));
    // SAFETY: as above.
    assert!(!spec.lend(|tensor| unsafe { scatter(tensor, 0, &[1, 2, 3]) }), "one too few");
    assert_eq!(memory, [7, 7, 0, 9, 7, 0]);
}

#[test]
fn live_dims_change_in_place() {
    let (tensor, record) = Spec::of(&[1_u8, 2, 3, 4, 5, 6]).shape(&[2, 3]).make_versioned();
    let before = dims(tensor);
    record.resize_live(&[3, 2], &[1, 3]);
    assert_eq!(dims(tensor), before);
    // SAFETY: live.
    assert_eq!(unsafe { gather_managed(tensor) }, Some(vec![1, 4, 2, 5, 3, 6]));
    // SAFETY: live.
    unsafe { delete(tensor) };
    assert_eq!(record.deleted(), 1);
}

#[test]
fn live_dims_move() {
    for header_shift in [0, 4] {
        let spec = Spec::of(&[1_u8, 2, 3, 4, 5, 6]).shape(&[2, 3]).header_shift(header_shift);
        let (tensor, record) = spec.make_legacy();
        // SAFETY: live, perhaps misaligned.
        let before = unsafe { tensor.read_unaligned() };
        record.move_live(&[6], &[1]);
        // SAFETY: as above.
        let after = unsafe { tensor.read_unaligned() };
        // SAFETY: the new array has one entry.
        assert_eq!(unsafe { *after.dl_tensor.shape }, 6);
        // SAFETY: as above.
        assert_eq!(unsafe { *after.dl_tensor.strides }, 1);
        assert_eq!(before.dl_tensor.data, after.dl_tensor.data);
        record.move_live_shape(&[5]);
        // SAFETY: live, perhaps misaligned.
        let last = unsafe { tensor.read_unaligned() };
        // SAFETY: the new array has one entry.
        assert_eq!(unsafe { *last.dl_tensor.shape }, 5);
        // SAFETY: live; only the address is used.
        unsafe { after.deleter.expect("there is one")(tensor) };
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
#[should_panic(expected = "the tensor is gone")]
fn dims_of_the_dead_stay() {
    let (tensor, record) = Spec::of(&[1_u8]).make_versioned();
    // SAFETY: live.
    unsafe { delete(tensor) };
    record.resize_live(&[1], &[1]);
}
