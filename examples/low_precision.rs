//! Elements of types that Rust does not have: 16-bit, 8-bit and 4-bit floats.
//!
//! The part on 16-bit floats needs `--features half`.

use std::error::Error;

use dlpack::types::{F4E2m1fn, F8E4m3fn};
use dlpack::{DataType, Exporter, Flags, ManagedTensorVersioned};

fn main() -> Result<(), Box<dyn Error>> {
    eight_bits()?;
    four_bits_packed()?;
    four_bits_padded()?;
    four_bits_exported()?;
    #[cfg(feature = "half")]
    sixteen_bits()?;
    #[cfg(not(feature = "half"))]
    println!("float16 and bfloat16: run with `--features half`");
    Ok(())
}

/// An 8-bit float is an element like any other. Each of the eight formats has its own type.
fn eight_bits() -> Result<(), Box<dyn Error>> {
    let weights = [0.3_f32, -1.0, 448.0, 1000.0].map(F8E4m3fn::from_f32);
    println!("float8_e4m3fn: {weights:?}");
    let tensor = Exporter::new(weights).build()?;
    assert_eq!(tensor.dtype().to_string(), "float8_e4m3fn");
    assert_eq!(tensor.nbytes(), 4);
    let values = tensor.view::<F8E4m3fn>()?.iter().map(|value| value.to_f32()).collect::<Vec<_>>();
    assert_eq!(values[..3], [0.3125, -1.0, 448.0]);
    assert!(values[3].is_nan(), "too large for a format without infinity");
    Ok(())
}

/// Two 4-bit floats share a byte, the first in the low bits. A packed view returns values, not references.
fn four_bits_packed() -> Result<(), Box<dyn Error>> {
    let bytes = Exporter::new([0x21_u8, 0xF7, 0x03]).dtype(DataType::F4_E2M1FN);
    let raw = bytes.shape(&[5]).into_raw()?;
    // SAFETY: the producer passes the tensor on, and keeps to the standard.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;
    // SAFETY: it has written all elements, and does not write them again.
    let tensor = unsafe { tensor.assume_frozen() };
    assert_eq!((tensor.numel(), tensor.nbytes()), (5, 3));

    let values = tensor.packed_view::<F4E2m1fn>()?;
    println!("{}, packed: {values:?}", tensor.dtype());
    let mut unpacked = [0.0; 5];
    values.unpack_to(&mut unpacked, F4E2m1fn::to_f32)?;
    assert_eq!(unpacked, [0.5, 1.0, 6.0, -6.0, 1.5]);
    Ok(())
}

/// In a padded tensor, each value takes a byte, and strides can be any. The view has the same type.
fn four_bits_padded() -> Result<(), Box<dyn Error>> {
    let bytes = Exporter::new([7_u8, 2, 1]).dtype(DataType::F4_E2M1FN).padded();
    let raw = bytes.shape(&[3]).strides(&[-1]).offset(2).into_raw()?;
    // SAFETY: as above.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw)?.assume_frozen() };
    assert_eq!(tensor.flags(), Flags::IS_SUBBYTE_TYPE_PADDED);
    assert_eq!((tensor.numel(), tensor.nbytes()), (3, 3));

    let values = tensor.packed_view::<F4E2m1fn>()?;
    println!("{}, padded: {values:?}", tensor.dtype());
    assert!(values.iter().map(F4E2m1fn::to_f32).eq([0.5, 1.0, 6.0]));
    Ok(())
}

/// To export packed values, the owner holds bytes, and the dtype says what they mean.
fn four_bits_exported() -> Result<(), Box<dyn Error>> {
    let bytes = [1.0_f32, 2.0, 3.0, 4.0].map(|x| F4E2m1fn::from_f32(x).to_bits());
    let packed = vec![bytes[0] | bytes[1] << 4, bytes[2] | bytes[3] << 4];
    let tensor = Exporter::new(packed).dtype(DataType::F4_E2M1FN).shape(&[2, 2]).build()?;
    assert_eq!(tensor.packed_view::<F4E2m1fn>()?.get(3).map(F4E2m1fn::to_f32), Some(4.0));
    println!("exported: {tensor:?}");
    assert_eq!((tensor.dtype().bits, tensor.strides()), (4, &[2, 1][..]));
    Ok(())
}

#[cfg(feature = "half")]
fn sixteen_bits() -> Result<(), Box<dyn Error>> {
    use half::{bf16, f16};

    let tensor = Exporter::new(vec![f16::from_f32(0.5), f16::MAX]).build()?;
    println!("{}: {:?}", tensor.dtype(), tensor.view::<f16>()?);
    assert_eq!(tensor.view::<f16>()?[[1]].to_f32(), 65504.0);

    // A format of the same size is another dtype.
    let tensor = Exporter::new(vec![bf16::from_f32(0.5)]).build()?;
    assert_eq!(tensor.dtype(), DataType::BF16);
    assert!(tensor.view::<f16>().is_err());
    Ok(())
}
