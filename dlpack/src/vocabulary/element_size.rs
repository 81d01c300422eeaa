//! How many bits and bytes the elements of a dtype take.

use super::data_type::DataType;

impl DataType {
    /// Returns whether a lane is narrower than a byte.
    ///
    /// Such lanes are packed without gaps, lowest bits first, unless the tensor's flags say that each has a byte of its
    /// own ([`Flags::is_padded`](super::Flags::is_padded)).
    #[must_use]
    pub const fn is_sub_byte(self) -> bool {
        self.bits < 8
    }

    /// Returns the bits from one element to the next in a compact tensor.
    ///
    /// Lanes narrower than a byte take their own width each, or a byte each if `padded`; the standard does not say what
    /// `padded` means for several lanes, and this is the reading taken here. An element of wider lanes is rounded up to
    /// whole bytes, `padded` or not.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DataType;
    ///
    /// assert_eq!(DataType::F4_E2M1FN.element_bits(false), 4);
    /// assert_eq!(DataType::F4_E2M1FN.element_bits(true), 8);
    /// assert_eq!(DataType::F32.with_lanes(4).element_bits(false), 128);
    /// ```
    #[must_use]
    pub const fn element_bits(self, padded: bool) -> u32 {
        let lanes = self.lanes as u32;
        match (self.is_sub_byte(), padded) {
            (true, true) => 8 * lanes,
            (true, false) => self.bits as u32 * lanes,
            (false, _) => (self.bits as u32 * lanes).next_multiple_of(8),
        }
    }

    /// Returns the bytes of one element, or `None` if a packed element is not a whole, positive number of bytes.
    #[must_use]
    pub const fn itemsize(self) -> Option<usize> {
        let bits = self.element_bits(false);
        if bits != 0 && bits % 8 == 0 { Some((bits / 8) as usize) } else { None }
    }

    /// Returns the bytes of `count` compact elements, rounded up once at the end, or `None` if they exceed [`isize::MAX`].
    ///
    /// `padded` is as for [`DataType::element_bits`].
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::DataType;
    ///
    /// assert_eq!(DataType::F32.nbytes(6, false), Some(24));
    /// assert_eq!(DataType::F4_E2M1FN.nbytes(5, false), Some(3));
    /// assert_eq!(DataType::F4_E2M1FN.nbytes(5, true), Some(5));
    /// assert_eq!(DataType::U16.nbytes(usize::MAX, false), None);
    /// ```
    #[must_use]
    pub const fn nbytes(self, count: usize, padded: bool) -> Option<usize> {
        let bits = self.element_bits(padded) as usize;
        // Eight elements take `bits` bytes, so nothing overflows here that would not overflow in bytes.
        let Some(eights) = (count / 8).checked_mul(bits) else { return None };
        let Some(bytes) = eights.checked_add((count % 8 * bits).div_ceil(8)) else { return None };
        if bytes <= isize::MAX.unsigned_abs() { Some(bytes) } else { None }
    }
}
