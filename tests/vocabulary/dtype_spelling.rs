//! Every dtype has a spelling of its own, the one that arrays use.

use std::fmt::Write;

use dlpack::{DataType, DataTypeCode};

use crate::round_trip;

const LANES: [u16; 7] = [0, 1, 2, 4, 10, 256, 65535];

#[test]
fn every_dtype_is_read_back() {
    let mut buffer = String::new();
    for code in 0..=u8::MAX {
        for bits in 0..=u8::MAX {
            for lanes in LANES {
                let dtype = DataType::new(DataTypeCode::new(code), bits, lanes);
                buffer.clear();
                write!(buffer, "{dtype}").unwrap();
                assert_eq!(buffer.parse(), Ok(dtype), "{buffer}");
            }
        }
        round_trip(&mut buffer, "DataType", DataType::new(DataTypeCode::new(code), 24, 3));
    }
}

#[test]
fn every_number_of_lanes_is_read_back() {
    let mut buffer = String::new();
    for lanes in 0..=u16::MAX {
        round_trip(&mut buffer, "DataType", DataType::F8_E4M3B11FNUZ.with_lanes(lanes));
    }
}

#[test]
fn dtypes_are_spelled_as_arrays_spell_them() {
    for (code, bits, lanes, text) in [
        (0, 8, 1, "int8"),
        (0, 4, 1, "int4"),
        (1, 64, 1, "uint64"),
        (2, 16, 1, "float16"),
        (2, 32, 1, "float32"),
        (2, 32, 4, "float32x4"),
        (2, 8, 1, "float8"),
        (3, 64, 1, "opaque_handle64"),
        (4, 16, 1, "bfloat16"),
        (5, 64, 1, "complex64"),
        (5, 128, 2, "complex128x2"),
        (6, 8, 1, "bool"),
        (6, 1, 1, "bool1"),
        (6, 8, 4, "boolx4"),
        (7, 8, 1, "float8_e3m4"),
        (8, 8, 1, "float8_e4m3"),
        (9, 8, 1, "float8_e4m3b11fnuz"),
        (10, 8, 1, "float8_e4m3fn"),
        (10, 8, 4, "float8_e4m3fnx4"),
        (10, 9, 1, "float8_e4m3fn[bits=9]"),
        (11, 8, 1, "float8_e4m3fnuz"),
        (12, 8, 1, "float8_e5m2"),
        (13, 8, 1, "float8_e5m2fnuz"),
        (14, 8, 1, "float8_e8m0fnu"),
        (15, 6, 1, "float6_e2m3fn"),
        (16, 6, 1, "float6_e3m2fn"),
        (17, 4, 1, "float4_e2m1fn"),
        (17, 4, 2, "float4_e2m1fnx2"),
        (17, 8, 2, "float4_e2m1fn[bits=8]x2"),
        (18, 32, 1, "code18_32"),
        (255, 0, 0, "code255_0x0"),
    ] {
        let dtype = DataType::new(DataTypeCode::new(code), bits, lanes);
        assert_eq!(dtype.to_string(), text);
        assert_eq!(text.parse(), Ok(dtype));
    }
}

#[test]
fn constants_are_what_their_names_say() {
    for (dtype, text) in [
        (DataType::I2, "int2"),
        (DataType::I4, "int4"),
        (DataType::I8, "int8"),
        (DataType::I16, "int16"),
        (DataType::I32, "int32"),
        (DataType::I64, "int64"),
        (DataType::I128, "int128"),
        (DataType::U1, "uint1"),
        (DataType::U2, "uint2"),
        (DataType::U4, "uint4"),
        (DataType::U8, "uint8"),
        (DataType::U16, "uint16"),
        (DataType::U32, "uint32"),
        (DataType::U64, "uint64"),
        (DataType::U128, "uint128"),
        (DataType::F16, "float16"),
        (DataType::F32, "float32"),
        (DataType::F64, "float64"),
        (DataType::BF16, "bfloat16"),
        (DataType::C32, "complex32"),
        (DataType::C64, "complex64"),
        (DataType::C128, "complex128"),
        (DataType::BOOL, "bool"),
        (DataType::F8_E3M4, "float8_e3m4"),
        (DataType::F8_E4M3, "float8_e4m3"),
        (DataType::F8_E4M3B11FNUZ, "float8_e4m3b11fnuz"),
        (DataType::F8_E4M3FN, "float8_e4m3fn"),
        (DataType::F8_E4M3FNUZ, "float8_e4m3fnuz"),
        (DataType::F8_E5M2, "float8_e5m2"),
        (DataType::F8_E5M2FNUZ, "float8_e5m2fnuz"),
        (DataType::F8_E8M0FNU, "float8_e8m0fnu"),
        (DataType::F6_E2M3FN, "float6_e2m3fn"),
        (DataType::F6_E3M2FN, "float6_e3m2fn"),
        (DataType::F4_E2M1FN, "float4_e2m1fn"),
    ] {
        assert_eq!(dtype.to_string(), text);
    }
}

#[test]
fn rust_spellings_are_read_where_numpy_has_no_other_use_for_them() {
    for (text, canonical) in [
        ("i16", "int16"),
        ("i32", "int32"),
        ("i64", "int64"),
        ("i128", "int128"),
        ("u16", "uint16"),
        ("u32", "uint32"),
        ("u64", "uint64"),
        ("u128", "uint128"),
        ("f32", "float32"),
        ("f32x4", "float32x4"),
        ("f64", "float64"),
        ("bf16", "bfloat16"),
        ("c64", "complex64"),
        ("c128", "complex128"),
        ("float32x1", "float32"),
        ("bool8", "bool"),
        ("code2_32", "float32"),
        ("float8_e5m2[bits=8]", "float8_e5m2"),
    ] {
        assert_eq!(text.parse::<DataType>().unwrap().to_string(), canonical);
    }
}

#[test]
fn what_is_no_dtype_is_refused() {
    for text in [
        "",
        " ",
        "float",
        "int",
        "x4",
        "f",
        "f16",
        "i8",
        "u8",
        "f8",
        "i4",
        "c32",
        "half",
        "Float32",
        "float32 ",
        " float32",
        "float-32",
        "float+32",
        "float032",
        "float256",
        "float32x",
        "float32x-1",
        "float32x04",
        "float32x65536",
        "float32x4x4",
        "float32X4",
        "bool[bits=1]",
        "float8_e4m3fn[bits=9",
        "float8_e4m3fn[bits=]",
        "float8_e4m3fn9",
        "float8_e4m3f",
        "float6",
        "float4_e2m1",
        "code18",
        "code256_8",
        "code18_",
        "code_8",
        "complexx4",
        "int8[bits=8]",
        "float32\0",
        "float３２",
    ] {
        // A number of bits is all that some of the names above lack.
        let expected =
            if text == "float6" { Ok(DataType::new(DataTypeCode::FLOAT, 6, 1)) } else { Err(()) };
        assert_eq!(text.parse::<DataType>().map_err(drop), expected, "{text:?}");
    }
}
