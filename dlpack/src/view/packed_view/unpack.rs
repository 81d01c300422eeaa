//! Many packed values at once.

use super::{PackedView, mask};
use crate::error::Error;
use crate::vocabulary::SubByte;

/// From this many values on, a table of all pairs of 4-bit values pays.
const TABLE_PAYS: usize = 2048;

impl<T: SubByte> PackedView<'_, T> {
    /// Writes all values to a slice, in row-major order.
    ///
    /// This is the fast way to many values. `convert` is called for each value, or for each pattern of bits and its
    /// results kept.
    ///
    /// # Errors
    ///
    /// [`Error::LenMismatch`] if the slice does not have [`len`](Self::len) values.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, Exporter, types::U4};
    ///
    /// let tensor = Exporter::new(vec![0x21_u8]).dtype(DataType::U4).build()?;
    /// let mut values = [0.0_f32; 2];
    /// tensor.packed_view::<U4>()?.unpack_to(&mut values, |x| x.to_u8().into())?;
    /// assert_eq!(values, [1.0, 2.0]);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn unpack_to<V: Copy>(
        &self,
        values: &mut [V],
        convert: impl Fn(T) -> V,
    ) -> Result<(), Error> {
        if values.len() != self.len {
            return Err(Error::LenMismatch { expected: self.len, found: values.len() });
        }
        let done = match self.slice {
            Some(bytes) if self.width == 4 => unpack_pairs(bytes, values, &convert),
            Some(bytes) if self.width < 8 => unpack_eights(bytes, values, &convert),
            _ => {
                values.iter_mut().zip(self.iter()).for_each(|(to, value)| *to = convert(value));
                self.len
            }
        };
        for (i, to) in values.iter_mut().enumerate().skip(done) {
            if let Some(value) = self.get(i) {
                *to = convert(value);
            }
        }
        Ok(())
    }
}

/// Unpacks two values of 4 bits at a time, and returns how many are done.
fn unpack_pairs<T: SubByte, V: Copy>(
    bytes: &[u8],
    values: &mut [V],
    convert: &impl Fn(T) -> V,
) -> usize {
    let pair = |byte| [convert(T::from_bits(byte & 0xF)), convert(T::from_bits(byte >> 4))];
    let pairs = values.chunks_exact_mut(2).zip(bytes);
    let done = 2 * pairs.len();
    if done < TABLE_PAYS {
        pairs.for_each(|(to, &byte)| to.copy_from_slice(&pair(byte)));
        return done;
    }
    let mut byte = u8::MAX;
    let table: [_; 256] = core::array::from_fn(|_| {
        byte = byte.wrapping_add(1);
        pair(byte)
    });
    pairs.for_each(|(to, &byte)| to.copy_from_slice(&table[usize::from(byte)]));
    done
}

/// Unpacks eight values at a time, which fill as many bytes as a value has bits, and returns how many are done.
fn unpack_eights<T: SubByte, V>(
    bytes: &[u8],
    values: &mut [V],
    convert: &impl Fn(T) -> V,
) -> usize {
    let bits = usize::from(T::DTYPE.bits.clamp(1, 7));
    let eights = values.chunks_exact_mut(8).zip(bytes.chunks_exact(bits));
    let done = 8 * eights.len();
    for (to, from) in eights {
        let mut word = [0; 8];
        word[..bits].copy_from_slice(from);
        let word = u64::from_le_bytes(word);
        for (k, value) in to.iter_mut().enumerate() {
            let [low, ..] = (word >> (k * bits)).to_le_bytes();
            *value = convert(T::from_bits(low & mask::<T>()));
        }
    }
    done
}
