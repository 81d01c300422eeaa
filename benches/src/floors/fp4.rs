//! `float4_e2m1fn`, two values to a byte, to `float32`.

/// The values of the eight magnitudes.
const MAGNITUDES: [f32; 8] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];

/// Decodes all values, the one in the low half of a byte first. There are twice as many values as bytes.
pub fn decode(bytes: &[u8], values: &mut [f32]) {
    assert_eq!(values.len(), 2 * bytes.len(), "two values in a byte");
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: just detected.
        return unsafe { permute::decode(bytes, values) };
    }
    decode_each(bytes, values);
}

fn decode_each(bytes: &[u8], values: &mut [f32]) {
    for (pair, &byte) in values.chunks_exact_mut(2).zip(bytes) {
        pair[0] = decode_one(byte & 0xF);
        pair[1] = decode_one(byte >> 4);
    }
}

fn decode_one(bits: u8) -> f32 {
    let magnitude = MAGNITUDES[usize::from(bits & 7)];
    if bits & 8 == 0 { magnitude } else { -magnitude }
}

/// Eight values at a time: the table is a register, and a permutation looks all of them up.
#[cfg(target_arch = "x86_64")]
mod permute {
    use core::arch::x86_64::{
        _mm256_and_si256, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_or_si256,
        _mm256_permutevar8x32_ps, _mm256_set1_epi32, _mm256_setr_epi32, _mm256_setr_ps,
        _mm256_slli_epi32, _mm256_srlv_epi32, _mm256_storeu_ps,
    };

    use super::{MAGNITUDES, decode_each};

    #[target_feature(enable = "avx2")]
    pub(super) fn decode(bytes: &[u8], values: &mut [f32]) {
        let [a, b, c, d, e, f, g, h] = MAGNITUDES;
        let table = _mm256_setr_ps(a, b, c, d, e, f, g, h);
        let shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
        let sign = _mm256_set1_epi32(i32::MIN);
        let (words, rest) = bytes.as_chunks::<4>();
        let (eights, last) = values.split_at_mut(8 * words.len());
        for (eight, &word) in eights.chunks_exact_mut(8).zip(words) {
            let nibbles = _mm256_srlv_epi32(_mm256_set1_epi32(i32::from_le_bytes(word)), shifts);
            // Of each index the instruction looks at the lowest three bits.
            let magnitudes = _mm256_permutevar8x32_ps(table, nibbles);
            let signs = _mm256_and_si256(_mm256_slli_epi32::<28>(nibbles), sign);
            let bits = _mm256_or_si256(_mm256_castps_si256(magnitudes), signs);
            let floats = _mm256_castsi256_ps(bits);
            // SAFETY: there is room for eight.
            unsafe { _mm256_storeu_ps(eight.as_mut_ptr(), floats) };
        }
        decode_each(rest, last);
    }
}
