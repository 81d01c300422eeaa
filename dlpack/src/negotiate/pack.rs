//! Copies of padded elements, packed.

use alloc::vec::Vec;
use core::ops::Deref;

use crate::error::Error;
use crate::export::Exporter;
use crate::managed::{Descriptor, Frozen, ManagedTensorVersioned};

/// Copies a tensor whose values are smaller than a byte and take a byte each into new memory where they share bytes.
pub(super) fn copy<O>(tensor: &Frozen<O>) -> Result<ManagedTensorVersioned, Error>
where
    O: Deref<Target = Descriptor>,
{
    let mut bytes = Vec::<u8>::new();
    bytes.try_reserve_exact(tensor.nbytes()).map_err(|_| Error::AllocationFailed)?;
    // SAFETY: the type promises that the elements are initialised and stay as they are, and there is room for them.
    unsafe { tensor.copy_bytes(bytes.as_mut_ptr()) }?;
    // SAFETY: as many bytes have just been written.
    unsafe { bytes.set_len(tensor.nbytes()) };
    pack(&mut bytes, tensor.dtype().bits);
    let dims = tensor.native_dims()?;
    let exporter = Exporter::new(bytes).dtype(tensor.dtype()).copied();
    Ok(exporter.shape(bytemuck::cast_slice(dims.shape())).build()?.into_inner())
}

/// Moves the low `bits` bits of all bytes together to the front, lowest first. What is behind them means nothing.
fn pack(bytes: &mut [u8], bits: u8) {
    let bits = usize::from(bits);
    for from in 0..bytes.len() {
        let value = u16::from(bytes[from]) & ((1 << bits) - 1);
        let (byte, bit) = position(from, bits);
        // A value may reach into the next byte. Both are at or before `from`, as a value takes less than a byte.
        let [low, high] = (value << bit).to_le_bytes();
        bytes[byte] = if bit == 0 { low } else { bytes[byte] | low };
        if bit + bits > 8 {
            bytes[byte + 1] = high;
        }
    }
}

/// Returns the byte in which a value of `bits` bits begins, and the bit within that byte.
///
/// Counts bytes, since the number of bits before a value need not fit.
const fn position(index: usize, bits: usize) -> (usize, usize) {
    let rest = index % 8 * bits;
    (index / 8 * bits + rest / 8, rest % 8)
}

#[cfg(test)]
mod tests {
    use super::position;

    /// With 32 bits, some of these are in reach: `usize::MAX` bits are 715,827,882 values of 6.
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
