//! Elements of less than a byte: packed little bit-endian, `(D >> (i * bits)) & mask`, or padded to a byte each.

use harness::consumer::{element_bits, element_bytes, fill, gather, gather_managed, read, write};
use harness::release::delete;
use harness::{Spec, dtype};

const PADDED: u64 = 4;

fn gathered(spec: &Spec, flags: u64) -> Vec<u8> {
    // SAFETY: lent by C, and the specs here are true.
    spec.lend(|tensor| unsafe { gather(tensor, flags) }).expect("can be walked")
}

#[test]
fn nibbles() {
    let five = Spec::new(dtype(17, 4, 1)).shape(&[5]).data(&[0x21_u8, 0x43, 0xF5]);
    assert_eq!(gathered(&five, 0), [1, 2, 3, 4, 5]);
    assert_eq!(gathered(&five.clone().shape(&[2]).byte_offset(1), 0), [3, 4]);
    assert_eq!(gathered(&five.clone().shape(&[3]).strides(&[2]), 0), [1, 3, 5]);
    assert_eq!(gathered(&five.clone().shape(&[2, 2]).strides(&[1, 2]), 0), [1, 3, 2, 4]);
    let backwards = five.shape(&[4]).strides(&[-1]).byte_offset(2);
    assert_eq!(gathered(&backwards, 0), [5, 4, 3, 2]);
}

#[test]
fn six_bits_across_bytes() {
    // 1 | 2 << 6 | 3 << 12 | 63 << 18 = 0xFC3081
    let four = Spec::new(dtype(15, 6, 1)).shape(&[4]).data(&[0x81_u8, 0x30, 0xFC]);
    assert_eq!(gathered(&four, 0), [1, 2, 3, 63]);
    assert_eq!(gathered(&four.clone().shape(&[2]).strides(&[3]), 0), [1, 63]);
    // SAFETY: lent by C, and one entry for one axis.
    let second = four.lend(|tensor| unsafe { read(tensor, 0, &[1]) });
    assert_eq!(second, Some(vec![2]));
}

#[test]
fn single_bits() {
    let nine = Spec::new(dtype(6, 1, 1)).shape(&[9]).data(&[0b1000_0101_u8, 0b1]);
    assert_eq!(gathered(&nine, 0), [1, 0, 1, 0, 0, 0, 0, 1, 1]);
}

#[test]
fn padded() {
    let five = Spec::new(dtype(17, 4, 1)).shape(&[5]).data(&[0xF1_u8, 0x02, 0x13, 0x04, 0x05]);
    assert_eq!(gathered(&five, PADDED), [1, 2, 3, 4, 5]);
    assert_eq!(gathered(&five.clone().strides(&[-1]).origin(4), PADDED), [5, 4, 3, 2, 1]);

    let (tensor, record) = five.flags(PADDED).make_versioned();
    // SAFETY: live.
    assert_eq!(unsafe { gather_managed(tensor) }, Some(vec![1, 2, 3, 4, 5]));
    // SAFETY: live.
    unsafe { delete(tensor) };
    assert_eq!(record.deleted(), 1);
}

#[test]
fn lanes() {
    let pairs = Spec::new(dtype(17, 4, 2)).shape(&[3]).data(&[0x21_u8, 0x43, 0x65]);
    assert_eq!(gathered(&pairs, 0), [0x21, 0x43, 0x65]);
    // Three nibbles an element: 0x321, then 0x654.
    let threes = Spec::new(dtype(17, 4, 3)).shape(&[2]).data(&[0x21_u8, 0x43, 0x65]);
    assert_eq!(gathered(&threes, 0), [0x21, 0x03, 0x54, 0x06]);
}

#[test]
fn sizes() {
    for (bits, lanes, flags, expected_bits, expected_bytes) in [
        (4, 1, 0, 4, 1),
        (4, 2, 0, 8, 1),
        (4, 3, 0, 12, 2),
        (6, 1, 0, 6, 1),
        (6, 4, 0, 24, 3),
        (1, 9, 0, 9, 2),
        (4, 1, PADDED, 8, 1),
        (4, 2, PADDED, 16, 2),
        (8, 1, PADDED, 8, 1),
    ] {
        let width = dtype(1, bits, lanes);
        assert_eq!(element_bits(width, flags), expected_bits);
        assert_eq!(element_bytes(width, flags), expected_bytes);
    }
}

#[test]
fn neighbours_survive_a_write() {
    let mut memory = [0xFF_u8; 3];
    let five = Spec::new(dtype(0, 4, 1)).shape(&[5]).borrow(memory.as_mut_ptr().cast());
    // SAFETY: lent by C, over `memory`, which nobody else uses.
    assert!(five.lend(|tensor| unsafe { write(tensor, 0, &[2], &[0x0]) }));
    assert_eq!(memory, [0xFF, 0xF0, 0xFF]);
    let five = five.borrow(memory.as_mut_ptr().cast());
    // SAFETY: as above.
    assert!(five.lend(|tensor| unsafe { fill(tensor, 0, &[0x9]) }));
    assert_eq!(memory, [0x99, 0x99, 0xF9]);

    let mut memory = [0_u8; 3];
    let four = Spec::new(dtype(15, 6, 1)).shape(&[4]).borrow(memory.as_mut_ptr().cast());
    // SAFETY: as above.
    assert!(four.lend(|tensor| unsafe { write(tensor, 0, &[1], &[0x3F]) }));
    assert_eq!(memory, [0b1100_0000, 0b0000_1111, 0]);
}
