//! A tensor as the standard describes it: elements in memory, found one bit after another.

use dlpack_sys::DLDataType;

/// Where the elements of a tensor are in a piece of memory.
#[derive(Clone, Debug)]
pub struct Model {
    pub dtype: DLDataType,
    pub padded: bool,
    pub shape: Vec<i64>,
    /// In elements.
    pub strides: Vec<i64>,
    /// The byte in which the first element begins.
    pub origin: usize,
}

impl Model {
    fn lane_bits(&self) -> usize {
        if self.dtype.bits < 8 && self.padded { 8 } else { self.dtype.bits.into() }
    }

    /// From one element to the next; elements of whole bytes and odd widths are rounded up.
    pub fn element_bits(&self) -> usize {
        let bits = self.lane_bits() * usize::from(self.dtype.lanes);
        if self.dtype.bits < 8 { bits } else { bits.div_ceil(8) * 8 }
    }

    /// The bytes that one element takes in [`gather`](Self::gather).
    pub fn element_bytes(&self) -> usize {
        self.element_bits().div_ceil(8)
    }

    pub fn numel(&self) -> usize {
        self.offsets().len()
    }

    /// The bytes of all elements side by side.
    pub fn nbytes(&self) -> usize {
        (self.numel() * self.element_bits()).div_ceil(8)
    }

    /// The elements' offsets from the first one, in row-major order.
    pub fn offsets(&self) -> Vec<i64> {
        let axes = self.shape.iter().zip(&self.strides);
        axes.fold(vec![0], |offsets, (&size, &stride)| {
            let steps = |from: &i64| (0..size).map(|k| from + k * stride).collect::<Vec<_>>();
            offsets.iter().flat_map(steps).collect()
        })
    }

    /// Whether the elements lie one after another in row-major order.
    pub fn is_row_major(&self) -> bool {
        self.offsets().into_iter().eq((0..).take(self.numel()))
    }

    /// Whether no two elements are in the same place.
    pub fn is_disjoint(&self) -> bool {
        let mut offsets = self.offsets();
        offsets.sort_unstable();
        offsets.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// The bit of the memory in which an element begins.
    fn bit(&self, offset: i64) -> usize {
        let bit = i64::try_from(self.origin * 8).unwrap();
        let bit = bit + offset * i64::try_from(self.element_bits()).unwrap();
        usize::try_from(bit).expect("the memory begins earlier")
    }

    /// All elements in row-major order, each from a byte of its own on, first lane lowest, the rest zero.
    pub fn gather(&self, memory: &[u8]) -> Vec<u8> {
        let element = |offset: i64| {
            let start = self.bit(offset);
            let mut bytes = vec![0; self.element_bytes()];
            for i in (0..self.element_bits()).filter(|i| self.has_meaning(*i)) {
                let bit = memory[(start + i) / 8] >> ((start + i) % 8) & 1;
                bytes[i / 8] |= bit << (i % 8);
            }
            bytes
        };
        self.offsets().into_iter().flat_map(element).collect()
    }

    /// Bits above those of a padded lane have none.
    fn has_meaning(&self, i: usize) -> bool {
        self.dtype.bits >= 8 || i % self.lane_bits() < self.dtype.bits.into()
    }

    /// The lanes of all elements in row-major order, for dtypes smaller than a byte.
    pub fn lanes(&self, memory: &[u8]) -> Vec<u8> {
        let lane = |start: usize| {
            let bit = |i: usize| memory[(start + i) / 8] >> ((start + i) % 8) & 1;
            (0..self.dtype.bits.into()).fold(0, |bits, i| bits | bit(i) << i)
        };
        let lanes = |offset| {
            let start = self.bit(offset);
            (0..self.dtype.lanes.into()).map(move |k| start + k * self.lane_bits())
        };
        self.offsets().into_iter().flat_map(lanes).map(lane).collect()
    }

    /// Writes all elements, given as [`gather`](Self::gather) gives them, in row-major order.
    pub fn scatter(&self, memory: &mut [u8], elements: &[u8]) {
        let size = self.element_bytes();
        for (offset, element) in self.offsets().into_iter().zip(elements.chunks(size)) {
            let start = self.bit(offset);
            for i in 0..self.element_bits() {
                let bit = element[i / 8] >> (i % 8) & 1;
                let byte = &mut memory[(start + i) / 8];
                *byte = *byte & !(1 << ((start + i) % 8)) | bit << ((start + i) % 8);
            }
        }
    }
}

/// FNV-1a with 64 bits.
pub fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn nibbles_by_hand() {
    let dtype = DLDataType { code: 1, bits: 4, lanes: 1 };
    let packed = Model { dtype, padded: false, shape: vec![3], strides: vec![-1], origin: 1 };
    assert_eq!(packed.gather(&[0x21, 0x43]), [3, 2, 1]);
    assert_eq!(packed.lanes(&[0x21, 0x43]), [3, 2, 1]);
    let mut memory = [0x21, 0x43];
    packed.scatter(&mut memory, &[9, 8, 7]);
    assert_eq!(memory, [0x87, 0x49]);
    let padded = Model { padded: true, ..packed };
    assert_eq!(Model { origin: 2, ..padded }.gather(&[0x11, 0x22, 0x33]), [3, 2, 1]);
}

#[test]
fn pairs_by_hand() {
    let dtype = DLDataType { code: 0, bits: 16, lanes: 2 };
    let columns = Model { dtype, padded: false, shape: vec![1, 2], strides: vec![9, 2], origin: 1 };
    let memory: Vec<u8> = (0..16).collect();
    assert_eq!(columns.gather(&memory), [1, 2, 3, 4, 9, 10, 11, 12]);
    assert_eq!((columns.numel(), columns.nbytes()), (2, 8));
    assert!(!columns.is_row_major() && columns.is_disjoint());
    let empty = Model { shape: vec![2, 0], ..columns.clone() };
    assert_eq!((empty.gather(&memory), empty.is_row_major()), (vec![], true));
    assert_eq!(Model { shape: vec![], strides: vec![], ..columns }.gather(&memory), [1, 2, 3, 4]);
}

/// The published test vectors of FNV-1a.
#[test]
fn checksums_by_the_book() {
    assert_eq!(checksum(b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(checksum(b"a"), 0xaf63_dc4c_8601_ec8c);
    assert_eq!(checksum(b"foobar"), 0x8594_4171_f739_67e8);
}
