//! Floats of eight bits and fewer, to and from `f32`: arithmetic on bit patterns, and no types.

/// The patterns that are not finite numbers, and what an `f32` becomes that the format cannot hold.
#[derive(Clone, Copy)]
enum Specials {
    /// As IEEE 754: the largest exponent holds infinities and NaNs. Too large becomes infinity.
    Ieee,
    /// `fn`: all ones is NaN. Too large becomes NaN.
    Nan,
    /// `fnuz`: what would be negative zero is the only NaN. Too large becomes NaN.
    NanForNegativeZero,
    /// None. Too large becomes the largest, and NaN a zero of the opposite sign.
    Absent,
}

/// A binary float: a sign bit, an exponent, and the mantissa in the lowest bits.
#[derive(Clone, Copy)]
pub(super) struct Format {
    /// The bits without the sign.
    magnitude_bits: u32,
    mantissa_bits: u32,
    /// An `f32`'s exponent field, less this, is the exponent field here.
    rebias: u32,
    specials: Specials,
}

impl Format {
    pub(super) const E3M4: Self = Self::new(3, 4, 3, Specials::Ieee);
    pub(super) const E4M3: Self = Self::new(4, 3, 7, Specials::Ieee);
    pub(super) const E4M3B11FNUZ: Self = Self::new(4, 3, 11, Specials::NanForNegativeZero);
    pub(super) const E4M3FN: Self = Self::new(4, 3, 7, Specials::Nan);
    pub(super) const E4M3FNUZ: Self = Self::new(4, 3, 8, Specials::NanForNegativeZero);
    pub(super) const E5M2: Self = Self::new(5, 2, 15, Specials::Ieee);
    pub(super) const E5M2FNUZ: Self = Self::new(5, 2, 16, Specials::NanForNegativeZero);
    pub(super) const E2M3FN: Self = Self::new(2, 3, 1, Specials::Absent);
    pub(super) const E3M2FN: Self = Self::new(3, 2, 3, Specials::Absent);
    pub(super) const E2M1FN: Self = Self::new(2, 1, 1, Specials::Absent);

    const fn new(exponent_bits: u32, mantissa_bits: u32, bias: u32, specials: Specials) -> Self {
        let magnitude_bits = exponent_bits + mantissa_bits;
        Self { magnitude_bits, mantissa_bits, rebias: 127 - bias, specials }
    }

    /// Returns the value of the lowest bits, exactly.
    pub(super) const fn decode(self, bits: u8) -> f32 {
        let sign = (bits as u32 >> self.magnitude_bits & 1) << 31;
        let magnitude = bits as u32 & self.ones();
        let special = match self.specials {
            Specials::Ieee if magnitude == self.infinity() => {
                return f32::from_bits(sign | 0x7f80_0000);
            }
            Specials::Ieee => magnitude > self.infinity(),
            Specials::Nan => magnitude == self.ones(),
            Specials::NanForNegativeZero => magnitude == 0 && sign != 0,
            Specials::Absent => false,
        };
        if special {
            return f32::from_bits(sign | 0x7fc0_0000);
        }
        let exponent = magnitude >> self.mantissa_bits;
        let fraction = magnitude & ((1 << self.mantissa_bits) - 1);
        let (significand, exponent) = if exponent == 0 {
            (fraction, 1)
        } else {
            (fraction | 1 << self.mantissa_bits, exponent)
        };
        let unit = f32::from_bits((exponent + self.rebias - self.mantissa_bits) << 23);
        // Negating the pattern rather than the number keeps the sign of zero.
        f32::from_bits((significand as f32 * unit).to_bits() | sign)
    }

    /// Returns the pattern of the nearest number, the one with an even last bit if there are two.
    pub(super) const fn encode(self, value: f32) -> u8 {
        let sign = value.to_bits() >> 31 << self.magnitude_bits;
        let opposite = sign ^ (1 << self.magnitude_bits);
        let magnitude = self.round(value.to_bits() & 0x7fff_ffff);
        let pattern = match self.specials {
            Specials::Ieee if value.is_nan() => {
                sign | self.infinity() | 1 << (self.mantissa_bits - 1)
            }
            Specials::Ieee if magnitude > self.infinity() => sign | self.infinity(),
            Specials::Nan if value.is_nan() || magnitude > self.ones() => sign | self.ones(),
            Specials::NanForNegativeZero if value.is_nan() || magnitude > self.ones() => {
                1 << self.magnitude_bits
            }
            Specials::NanForNegativeZero if magnitude == 0 => 0,
            Specials::Absent if value.is_nan() => opposite,
            Specials::Absent if magnitude > self.ones() => sign | self.ones(),
            _ => sign | magnitude,
        };
        let [byte, ..] = pattern.to_le_bytes();
        byte
    }

    /// Rounds the magnitude of an `f32` to the mantissa of this format, as if its exponents had no upper end.
    const fn round(self, bits: u32) -> u32 {
        let field = bits >> 23;
        let (significand, field) =
            if field == 0 { (bits, 1) } else { (bits & 0x007f_ffff | 0x0080_0000, field) };
        let smallest = self.rebias + 1;
        let (exponent, shortfall) =
            if field < smallest { (1, smallest - field) } else { (field - self.rebias, 0) };
        let dropped = 23 - self.mantissa_bits + shortfall;
        if dropped > 24 {
            // Less than half of the smallest number, as a significand has 24 bits.
            return 0;
        }
        let kept = significand >> dropped;
        let rest = significand & ((1 << dropped) - 1);
        let half = 1 << (dropped - 1);
        let up = rest > half || (rest == half && kept & 1 == 1);
        // A carry out of the mantissa belongs in the exponent, which lies just above it.
        ((exponent - 1) << self.mantissa_bits) + kept + up as u32
    }

    const fn ones(self) -> u32 {
        (1 << self.magnitude_bits) - 1
    }

    const fn infinity(self) -> u32 {
        self.ones() & !((1 << self.mantissa_bits) - 1)
    }
}

/// A power of two and nothing else: no sign, no zero, no mantissa, no infinity.
pub(super) struct PowerOfTwo;

impl PowerOfTwo {
    /// `2^(bits - 127)`, but NaN for all ones.
    pub(super) const fn decode(self, bits: u8) -> f32 {
        match bits {
            0 => f32::from_bits(0x0040_0000),
            255 => f32::NAN,
            exponent => f32::from_bits((exponent as u32) << 23),
        }
    }

    /// Returns the nearest power, the larger if there are two; NaN for what is not positive or too large.
    pub(super) const fn encode(self, value: f32) -> u8 {
        let bits = value.to_bits();
        if bits == 0 || bits >= 0x7f80_0000 {
            return 255;
        }
        // Half-way to the next power is half of the range of the mantissa. The smallest power is a subnormal `f32`
        // whose one is the highest bit of the mantissa, so half-way is one bit further down.
        let half = if bits < 0x0080_0000 { 0x0020_0000 } else { 0x0040_0000 };
        let [byte, ..] = ((bits + half) >> 23).to_le_bytes();
        byte
    }
}
