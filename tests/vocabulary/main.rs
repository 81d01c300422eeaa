//! The words of the standard: their numbers, their spelling, their sizes, and the Rust types that stand for them.

mod dtype_spelling;
mod element_size;
mod elements;
mod header;
mod spelling;

use std::fmt::{Debug, Display, Write};
use std::str::FromStr;

use dlpack::Error;

/// Writes `value`, reads it back, and compares; `Debug` must be the same text in the type's name.
fn round_trip<T>(buffer: &mut String, name: &str, value: T)
where
    T: Copy + PartialEq + Debug + Display + FromStr<Err = Error>,
{
    buffer.clear();
    write!(buffer, "{value}").unwrap();
    assert_eq!(buffer.parse(), Ok(value), "{buffer}");
    assert_eq!(format!("{value:?}"), format!("{name}({buffer})"));
}
