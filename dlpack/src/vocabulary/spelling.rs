//! The spelling of dtypes, both ways: every value of the three fields has a text of its own, and is read back from it.

use core::fmt;

use super::data_type::DataType;
use super::data_type_code::DataTypeCode;
use super::parse::decimal;

/// Spellings from Rust. Those that NumPy reads as a number of bytes (`i8`, `u8`, `f16`, `c32`) are left out.
const ALIASES: [(&str, DataType); 13] = [
    ("i16", DataType::I16),
    ("i32", DataType::I32),
    ("i64", DataType::I64),
    ("i128", DataType::I128),
    ("u16", DataType::U16),
    ("u32", DataType::U32),
    ("u64", DataType::U64),
    ("u128", DataType::U128),
    ("f32", DataType::F32),
    ("f64", DataType::F64),
    ("bf16", DataType::BF16),
    ("c64", DataType::C64),
    ("c128", DataType::C128),
];

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, bits, lanes } = *self;
        match code.implied_bits() {
            Some(implied) if implied == bits => write!(f, "{code}")?,
            Some(_) if code != DataTypeCode::BOOL => write!(f, "{code}[bits={bits}]")?,
            None if !code.is_known() => write!(f, "{code}_{bits}")?,
            _ => write!(f, "{code}{bits}")?,
        }
        if lanes == 1 { Ok(()) } else { write!(f, "x{lanes}") }
    }
}

impl DataType {
    pub(crate) fn read(text: &str) -> Option<Self> {
        // A name may begin with another (`float8_e4m3fn`, `float8_e4m3`, `float`), so the right one is the one after
        // which nothing is left over.
        let mut named = DataTypeCode::KNOWN.iter();
        let mut aliases = ALIASES.iter();
        named
            .find_map(|&(code, name)| after_name(code, text.strip_prefix(name)?))
            .or_else(|| unnamed(text))
            .or_else(|| {
                aliases.find_map(|&(name, dtype)| with_lanes(dtype, text.strip_prefix(name)?))
            })
    }
}

/// Reads the width and the lanes that follow the name of a known code.
fn after_name(code: DataTypeCode, rest: &str) -> Option<DataType> {
    let (digits, after_digits) = split_digits(rest);
    let (bits, rest) = match code.implied_bits() {
        Some(_) if rest.starts_with("[bits=") && code != DataTypeCode::BOOL => {
            let (bits, rest) = rest.strip_prefix("[bits=")?.split_once(']')?;
            (decimal(bits)?, rest)
        }
        Some(implied) if digits.is_empty() => (implied, rest),
        Some(_) if code != DataTypeCode::BOOL => return None,
        _ => (decimal(digits)?, after_digits),
    };
    with_lanes(DataType::new(code, bits, 1), rest)
}

/// Reads `code18_32`, with or without lanes.
fn unnamed(text: &str) -> Option<DataType> {
    let (code, rest) = text.strip_prefix("code")?.split_once('_')?;
    let (bits, rest) = split_digits(rest);
    with_lanes(DataType::new(DataTypeCode::new(decimal(code)?), decimal(bits)?, 1), rest)
}

/// Reads the lanes, which are the last thing in the text.
fn with_lanes(scalar: DataType, rest: &str) -> Option<DataType> {
    if rest.is_empty() {
        return Some(scalar);
    }
    Some(scalar.with_lanes(decimal(rest.strip_prefix('x')?)?))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}
