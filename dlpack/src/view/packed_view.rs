//! Elements smaller than a byte, which have no address of their own.

mod unpack;

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;

use super::tensor_view::TensorView;
use crate::dims::Dims;
use crate::vocabulary::SubByte;

/// Values smaller than a byte, packed into bytes or padded to a byte each.
///
/// In a packed tensor, value `i` is bits `i·bits` and up of the whole memory, read as one little-endian number; it
/// may lie across two bytes. Values are numbered in row-major order; if elements have more than one lane, their lanes
/// come one after another.
///
/// # Examples
///
/// ```
/// use dlpack::{DataType, Exporter, types::F4E2m1fn};
///
/// let bytes = Exporter::new(vec![0x21_u8, 0x07]);
/// let tensor = bytes.dtype(DataType::F4_E2M1FN).shape(&[3]).build()?;
/// let view = tensor.packed_view::<F4E2m1fn>()?;
/// assert!(view.iter().map(F4E2m1fn::to_f32).eq([0.5, 1.0, 6.0]));
/// # Ok::<(), dlpack::Error>(())
/// ```
#[derive(Clone)]
pub struct PackedView<'a, T> {
    dims: Dims<isize>,
    lanes: u16,
    len: usize,
    /// The bytes of the elements, of which all are whole unless the bytes lie side by side. They are on an axis of their own if
    /// an element has several.
    bytes: TensorView<'a, u8>,
    /// The same bytes, if they lie side by side.
    slice: Option<&'a [u8]>,
    /// How many bits a value takes: its own, or eight if it is padded.
    width: u8,
    values: PhantomData<T>,
}

impl<'a, T: SubByte> PackedView<'a, T> {
    /// `bytes` have `len` values of `width` bits.
    pub(crate) fn new(
        dims: Dims<isize>,
        lanes: u16,
        len: usize,
        bytes: TensorView<'a, u8>,
        width: u8,
    ) -> Self {
        let slice = bytes.as_slice().ok();
        Self { dims, lanes, len, bytes, slice, width, values: PhantomData }
    }

    /// Returns the shape, in elements.
    pub fn shape(&self) -> &[usize] {
        bytemuck::cast_slice(self.dims.shape())
    }

    /// Returns the number of values in an element.
    pub const fn lanes(&self) -> u16 {
        self.lanes
    }

    /// Returns the number of values: elements times lanes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if there are no values.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns value `i` in row-major order, or `None` if there are not as many.
    pub fn get(&self, i: usize) -> Option<T> {
        if i >= self.len {
            return None;
        }
        let bits = match self.slice {
            Some(bytes) => unpack(self.width, i, |at| bytes.get(at)),
            None => unpack(self.width, i, |at| nth(&self.bytes, at)),
        };
        Some(T::from_bits(bits & mask::<T>()))
    }

    /// Iterates over the values in row-major order.
    ///
    /// # Examples
    ///
    /// ```
    /// use dlpack::{DataType, Exporter, types::U4};
    ///
    /// let tensor = Exporter::new(vec![0x21_u8]).dtype(DataType::U4).build()?;
    /// let mut values = tensor.packed_view::<U4>()?.iter();
    /// assert_eq!(values.next().map(U4::to_u8), Some(1));
    /// assert_eq!(values.len(), 1);
    /// # Ok::<(), dlpack::Error>(())
    /// ```
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = T> + FusedIterator + fmt::Debug + use<'a, T> {
        let (slice, width, mut bytes) = (self.slice, self.width, self.bytes.iter());
        // Bits that have been read and not used, and how many these are.
        let (mut read, mut count) = (0_u16, 0_u8);
        (0..self.len).map(move |i| {
            if let Some(bytes) = slice {
                return T::from_bits(unpack(width, i, |at| bytes.get(at)) & mask::<T>());
            }
            if count < width {
                read |= u16::from(bytes.next().copied().unwrap_or(0)) << count;
                count += 8;
            }
            let [bits, _] = read.to_le_bytes();
            (read, count) = (read >> width, count - width);
            T::from_bits(bits & mask::<T>())
        })
    }
}

fn mask<T: SubByte>() -> u8 {
    u8::MAX.checked_shr(u32::from(8 - T::DTYPE.bits.min(8))).unwrap_or(0)
}

/// The bits of value `i` of values of so many bits, with others above them.
fn unpack<'a>(bits: u8, i: usize, byte: impl Fn(usize) -> Option<&'a u8>) -> u8 {
    let bits = usize::from(bits);
    // As `i·bits`, but without overflow.
    let bit = (i % 8) * bits;
    let at = (i / 8) * bits + bit / 8;
    let low = byte(at).copied().unwrap_or(0);
    let high = byte(at + 1).copied().unwrap_or(0);
    let [shifted, _] = (u16::from_le_bytes([low, high]) >> (bit % 8)).to_le_bytes();
    shifted
}

/// Element `i` of a view in row-major order.
fn nth<'a>(view: &TensorView<'a, u8>, i: usize) -> Option<&'a u8> {
    let mut index = [0; crate::dims::CAPACITY];
    let index = index.get_mut(..view.ndim())?;
    let mut rest = i;
    for (k, &size) in index.iter_mut().zip(view.shape()).rev() {
        *k = rest.checked_rem(size)?;
        rest = rest.checked_div(size)?;
    }
    view.get(index)
}

impl<T: SubByte + fmt::Debug> fmt::Debug for PackedView<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 16;
        let mut list = f.debug_list();
        list.entries(self.iter().take(SHOWN));
        if self.len > SHOWN { list.finish_non_exhaustive() } else { list.finish() }
    }
}
