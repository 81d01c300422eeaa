//! The formats of buffers, in the notation of Python's module `struct`.

use core::ffi::{c_int, c_long, c_short};
use core::fmt::Display;
use core::slice;

use dlpack::DataType;

use crate::raw::{Attached, Class, Raised, raise};

/// Returns the dtype of elements in this format, if they are plain numbers in this machine's byte order.
pub(super) fn dtype_of(format: &[u8]) -> Option<DataType> {
    let (is_native, letters) = match *format {
        [b'@', ref rest @ ..] => (true, rest),
        [b'=', ref rest @ ..] => (false, rest),
        [b'<', ref rest @ ..] if cfg!(target_endian = "little") => (false, rest),
        [b'>' | b'!', ref rest @ ..] if cfg!(target_endian = "big") => (false, rest),
        // A single byte has the same order everywhere.
        [b'<' | b'>' | b'!', ref rest @ (b'?' | b'b' | b'B' | b'c')] => {
            (false, slice::from_ref(rest))
        }
        _ => (true, format),
    };
    Some(match *letters {
        [b'?'] => DataType::BOOL,
        [b'b'] => DataType::I8,
        [b'B' | b'c'] => DataType::U8,
        [b'e'] => DataType::F16,
        [b'f'] => DataType::F32,
        [b'd'] => DataType::F64,
        [b'Z', b'f'] | [b'F'] => DataType::C64,
        [b'Z', b'd'] | [b'D'] => DataType::C128,
        [letter] => integer(letter, is_native)?,
        _ => return None,
    })
}

/// Returns the dtype of integers, which have the sizes of C's types in a native format, and fixed sizes in others.
fn integer(letter: u8, is_native: bool) -> Option<DataType> {
    let size = match (letter.to_ascii_lowercase(), is_native) {
        (b'h', true) => size_of::<c_short>(),
        (b'h', false) => 2,
        (b'i', true) => size_of::<c_int>(),
        (b'l', true) => size_of::<c_long>(),
        (b'i' | b'l', false) => 4,
        (b'q', _) => 8,
        (b'n', true) => size_of::<isize>(),
        _ => return None,
    };
    Some(match (size, letter.is_ascii_lowercase()) {
        (2, true) => DataType::I16,
        (2, false) => DataType::U16,
        (4, true) => DataType::I32,
        (4, false) => DataType::U32,
        (8, true) => DataType::I64,
        (8, false) => DataType::U64,
        _ => return None,
    })
}

/// Raises the `BufferError` for elements that no dtype describes.
#[cold]
pub(super) fn refuse(py: Attached<'_>, format: impl Display) -> Raised {
    raise(
        py,
        Class::Buffer,
        format_args!(
            "expected a buffer of numbers in this machine's byte order, found the format \"{format}\""
        ),
    )
}
