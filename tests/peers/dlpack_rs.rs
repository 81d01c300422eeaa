//! dlpack-rs 0.3.
//!
//! | | mistake | here |
//! | --- | --- | --- |
//! | 1 | a slice of a null shape; negative numbers of axes cast to sizes | test |
//! | 2 | the owner is asked for its memory and moved afterwards | `pyo3_dlpack_c2` |
//! | 3 | any number of strides for any number of axes | test |
//! | 4 | contents that may not leave their thread | does not compile |
//! | 5 | no version check, flags that cannot be read, `no_std` in name only | test; the interpreter: Python layer, not here yet |

use dlpack::{Error, Flags, Version};
use harness::Spec;

use crate::support::{import, imported};

/// NumPy exports scalars with a null shape.
#[test]
fn dlpack_rs_d1_scalars_without_a_shape() {
    let spec = Spec::of(&[7_i64]).shape(&[]).null_shape().null_strides();
    for version in [(1, 0), (1, 3)] {
        let (tensor, record) = imported(&spec.clone().version(version.0, version.1));
        assert_eq!((tensor.ndim(), tensor.shape(), tensor.numel()), (0, &[][..], 1));
        // SAFETY: C wrote the element, and nobody writes it now.
        let tensor = unsafe { tensor.assume_frozen() };
        assert_eq!(tensor.view::<i64>().unwrap()[[]], 7);
        drop(tensor);
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn dlpack_rs_d1_negative_numbers_of_axes() {
    let (result, record) = import(&Spec::of(&[7_i64]).shape(&[]).null_shape().ndim(-2));
    assert_eq!(result.unwrap_err(), Error::NegativeNdim { ndim: -2 });
    assert_eq!(record.deleted(), 1);
}

#[cfg(feature = "alloc")]
#[test]
fn dlpack_rs_d3_as_many_strides_as_axes() {
    use dlpack::Exporter;

    for strides in [&[][..], &[4], &[4, 2], &[4, 2, 1, 1]] {
        let refused =
            Exporter::new(vec![0_u16; 8]).shape(&[2, 2, 2]).strides(strides).build().unwrap_err();
        assert_eq!(
            refused.error(),
            Error::StridesLenMismatch { expected: 3, found: strides.len() }
        );
        assert_eq!(refused.into_inner().len(), 8);
    }
}

#[test]
fn dlpack_rs_d5_the_version_is_checked() {
    for (major, accepted) in [(0, false), (1, true), (2, false)] {
        let (result, record) = import(&Spec::of(&[7_i64]).version(major, 1));
        assert_eq!(result.is_ok(), accepted);
        if let Ok(tensor) = result {
            assert_eq!(tensor.version(), Some(Version::new(1, 1)));
        }
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn dlpack_rs_d5_flags_are_readable() {
    for bits in [0, 1, 2, 4, 7, 1 << 40, u64::MAX] {
        let (tensor, _record) = imported(&Spec::of(&[7_i64]).flags(bits));
        assert_eq!(tensor.flags(), Flags::from_bits(bits));
        assert_eq!(tensor.flags().bits(), bits);
    }
}

/// The attribute is unconditional; that it holds is shown by building for a target that has no `std`.
#[test]
fn dlpack_rs_d5_no_std_is_meant() {
    for source in
        [include_str!("../../dlpack/src/lib.rs"), include_str!("../../dlpack-sys/src/lib.rs")]
    {
        assert!(source.lines().any(|line| line == "#![no_std]"));
        assert!(!source.lines().any(|line| line.contains("extern crate std")));
    }
}
