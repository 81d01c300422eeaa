//! Dtypes in the notation of NumPy's array interface: a byte order, a kind, and a size in bytes.

use dlpack_pyo3::dlpack::{DataType, DataTypeCode};

use crate::errors::brief;

const NATIVE: char = if cfg!(target_endian = "little") { '<' } else { '>' };

/// Returns the dtype of a typestr such as `<f4`, or says why there is none.
pub(crate) fn parse(typestr: &str) -> Result<DataType, String> {
    let mut letters = typestr.chars();
    let (Some(order), Some(kind)) = (letters.next(), letters.next()) else {
        return Err(format!("{:?} is not a typestr", brief(typestr)));
    };
    let size: Option<u32> = letters.as_str().parse().ok();
    let dtype = size.and_then(|size| of_kind(kind, size)).ok_or_else(|| refuse(typestr, kind))?;
    if dtype.bits > 8 && !matches!(order, '=' | '|') && order != NATIVE {
        return Err(format!("elements {:?} are not in this machine's byte order", brief(typestr)));
    }
    Ok(dtype)
}

/// Returns the dtype of a typestr without a byte order, such as `f4`, which stands for this machine's.
pub(crate) fn parse_native(text: &str) -> Option<DataType> {
    let mut letters = text.chars();
    let kind = letters.next()?;
    let is_size =
        !letters.as_str().is_empty() && letters.as_str().bytes().all(|c| c.is_ascii_digit());
    letters.as_str().parse().ok().filter(|_| is_size).and_then(|size| of_kind(kind, size))
}

/// Returns the dtype of elements of one kind and of `size` bytes, in this machine's byte order.
pub(crate) fn of_kind(kind: char, size: u32) -> Option<DataType> {
    let (code, sizes): (_, &[u32]) = match kind {
        'b' => (DataTypeCode::BOOL, &[1]),
        'i' => (DataTypeCode::INT, &[1, 2, 4, 8]),
        'u' => (DataTypeCode::UINT, &[1, 2, 4, 8]),
        // A longer float is that of the machine's C compiler, which no DLPack dtype describes.
        'f' => (DataTypeCode::FLOAT, &[2, 4, 8]),
        'c' => (DataTypeCode::COMPLEX, &[8, 16]),
        _ => return None,
    };
    let bits = sizes.contains(&size).then(|| u8::try_from(size * 8).ok())??;
    Some(DataType::new(code, bits, 1))
}

fn refuse(typestr: &str, kind: char) -> String {
    let what = match kind {
        'm' | 'M' => "are times",
        'O' => "are Python objects",
        'S' | 'U' => "are text",
        'V' => "are records",
        't' => "are single bits",
        _ => "have no dtype in DLPack",
    };
    format!("elements {:?} {what}", brief(typestr))
}

/// Returns the typestr of a dtype, if it has one.
pub(crate) fn of(dtype: DataType) -> Option<String> {
    if dtype.lanes != 1 {
        return None;
    }
    let kind = match dtype.code {
        DataTypeCode::BOOL => 'b',
        DataTypeCode::INT => 'i',
        DataTypeCode::UINT => 'u',
        DataTypeCode::FLOAT => 'f',
        DataTypeCode::COMPLEX => 'c',
        _ => return None,
    };
    let size = u32::from(dtype.bits) / 8;
    let order = if size > 1 { NATIVE } else { '|' };
    (of_kind(kind, size)? == dtype).then(|| format!("{order}{kind}{size}"))
}
