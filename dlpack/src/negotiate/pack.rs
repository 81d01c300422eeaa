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
    let mut filled = 0_usize;
    for from in 0..bytes.len() {
        let value = u16::from(bytes[from]) & ((1 << bits) - 1);
        let (byte, bit) = (filled / 8, filled % 8);
        // A value may reach into the next byte. Both are at or before `from`, as a value takes less than a byte.
        let [low, high] = (value << bit).to_le_bytes();
        bytes[byte] = if bit == 0 { low } else { bytes[byte] | low };
        if bit + bits > 8 {
            bytes[byte + 1] = high;
        }
        filled += bits;
    }
}
