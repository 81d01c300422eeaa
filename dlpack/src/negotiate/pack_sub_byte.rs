//! Packed copies of padded sub-byte elements.

use alloc::vec::Vec;
use core::ops::Deref;

use crate::error::Error;
use crate::export::Exporter;
use crate::managed::{Descriptor, Frozen, ManagedTensorVersioned};

/// Copies padded sub-byte elements, which take a byte each, into new memory in which they are packed.
pub(super) fn copy<O>(tensor: &Frozen<O>) -> Result<ManagedTensorVersioned, Error>
where
    O: Deref<Target = Descriptor>,
{
    let mut bytes = Vec::<u8>::new();
    bytes.try_reserve_exact(tensor.nbytes()).map_err(|_| Error::AllocationFailed)?;
    // SAFETY: a `Frozen` promises that the elements are initialised and do not change. `nbytes` bytes are reserved, and
    // the copy writes all of them.
    unsafe {
        tensor.copy_bytes(bytes.as_mut_ptr())?;
        bytes.set_len(tensor.nbytes());
    }
    pack(&mut bytes, tensor.dtype().bits);
    let dims = tensor.native_dims()?;
    let exporter = Exporter::new(bytes).dtype(tensor.dtype()).copied();
    Ok(exporter.shape(bytemuck::cast_slice(dims.shape())).build()?.into_inner())
}

/// Packs the low `bits` bits of all bytes at the front, lowest bit first. The bytes behind them are unspecified.
fn pack(bytes: &mut [u8], bits: u8) {
    let bits = usize::from(bits);
    for from in 0..bytes.len() {
        let value = u16::from(bytes[from]) & ((1 << bits) - 1);
        let (byte, bit) = position(from, bits);
        // A value may reach into the next byte. Neither is behind `from`, since a value takes less than a byte.
        let [low, high] = (value << bit).to_le_bytes();
        bytes[byte] = if bit == 0 { low } else { bytes[byte] | low };
        if bit + bits > 8 {
            bytes[byte + 1] = high;
        }
    }
}

/// Returns the byte in which a value of `bits` bits begins, and the bit within that byte.
///
/// Counts in bytes: the number of bits before a value may overflow.
const fn position(index: usize, bits: usize) -> (usize, usize) {
    let rest = index % 8 * bits;
    (index / 8 * bits + rest / 8, rest % 8)
}

#[cfg(test)]
mod tests {
    use super::position;

    /// On 32-bit targets some of these are real: `usize::MAX` bits are 715,827,882 values of 6 bits.
    #[test]
    fn positions_do_not_wrap() {
        let last = usize::MAX / 6;
        for bits in 1..8 {
            for index in [0, 1, 7, 8, 9, last - 1, last, last + 1, usize::MAX / 2] {
                let before = u128::try_from(index).unwrap() * u128::try_from(bits).unwrap();
                let (byte, bit) = position(index, bits);
                let found = u128::try_from(byte).unwrap() * 8 + u128::try_from(bit).unwrap();
                assert_eq!((found, bit < 8), (before, true), "value {index} of {bits} bits");
            }
        }
    }
}
