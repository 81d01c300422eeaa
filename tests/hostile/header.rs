//! What surrounds the tensor: the pointer, the version, the flags.

use std::ptr;

use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{Access, Error, Flags, ManagedTensor, ManagedTensorVersioned, Version};
use harness::abi::Abi;

use crate::support::{SIX, accept, guarded, read, refuse, six};

fn unsupported(major: u32, minor: u32) -> Error {
    Error::UnsupportedVersion { found: Version { major, minor } }
}

#[test]
fn h001_null_pointer() {
    // SAFETY: a null pointer is allowed.
    let legacy = unsafe { ManagedTensor::from_raw(ptr::null_mut()) };
    assert_eq!(legacy.map(drop), Err(Error::NullTensor));
    // SAFETY: the same.
    let versioned = unsafe { ManagedTensorVersioned::from_raw(ptr::null_mut()) };
    assert_eq!(versioned.map(drop), Err(Error::NullTensor));
    // SAFETY: the same.
    let strict = unsafe { ManagedTensorVersioned::from_raw_strict(ptr::null_mut()) };
    assert_eq!(strict.map(drop), Err(Error::NullTensor));
}

#[test]
fn h002_version_1_3() {
    accept(&six().version(1, 3), |tensor: ManagedTensorVersioned| {
        assert_eq!(tensor.version(), Some(Version { major: 1, minor: 3 }));
        assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
    });
}

#[test]
fn h003_any_minor_version() {
    for minor in [0, 1, 2, 99, u32::MAX] {
        accept(&six().version(1, minor), |tensor: ManagedTensorVersioned| {
            assert_eq!(tensor.version(), Some(Version { major: 1, minor }));
            assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
        });
    }
}

#[test]
fn h004_version_2_0_ends_after_the_flags() {
    // What another major has after its flags nobody knows: here it is nonsense, or not even mapped.
    let spec = six().version(2, 0).ndim(-1).null_shape().flags(u64::MAX);
    refuse::<DLManagedTensorVersioned>(&spec, unsupported(2, 0));
    let spec = guarded(spec, |spec| spec.guard_header());
    refuse::<DLManagedTensorVersioned>(&spec, unsupported(2, 0));
}

#[test]
fn h005_version_0_8() {
    refuse::<DLManagedTensorVersioned>(&six().version(0, 8), unsupported(0, 8));
}

#[test]
fn h006_newest_version_without_deleter() {
    let (raw, record) = six().version(u32::MAX, 0).null_deleter().make_versioned();
    // SAFETY: C passes it on.
    let refused = unsafe { ManagedTensorVersioned::from_raw(raw) }.map(drop);
    assert_eq!(refused, Err(unsupported(u32::MAX, 0)));
    assert_eq!(record.deleted(), 0);
}

#[test]
fn h017_unknown_flag() {
    accept(&six().flags(1 << 40), |tensor: ManagedTensorVersioned| {
        assert_eq!(tensor.flags().bits(), 1 << 40);
        assert_eq!(tensor.flags().unknown().bits(), 1 << 40);
        assert_eq!(tensor.access(), Access::Writable);
        assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
    });
}

#[test]
fn h018_all_flags() {
    accept(&six().flags(u64::MAX), |tensor: ManagedTensorVersioned| {
        let flags = tensor.flags();
        assert_eq!((flags.bits(), flags.unknown().bits()), (u64::MAX, u64::MAX - 7));
        assert!(flags.is_read_only() && flags.is_copied() && flags.is_padded());
        assert!(
            flags.contains(Flags::READ_ONLY | Flags::IS_COPIED | Flags::IS_SUBBYTE_TYPE_PADDED)
        );
        assert_eq!(tensor.access(), Access::ReadOnly);
        // Padding is for elements smaller than a byte.
        assert_eq!(tensor.nbytes(), 24);
        assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
    });
}

#[test]
fn h019_legacy_has_no_version_and_no_flags() {
    accept(&six().version(2, 7).flags(1), |tensor: ManagedTensor| {
        assert_eq!((tensor.version(), tensor.flags()), (None, Flags::NONE));
        assert_eq!(tensor.access(), Access::Unknown);
        assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
    });
}

#[test]
fn h020_misaligned_header() {
    fn row<A: Abi>() {
        let required = align_of::<A>();
        let spec = six().header_shift(required / 2);
        refuse::<A>(&spec, Error::MisalignedHeader { required });
        // Not even the version is read: it could not be.
        refuse::<A>(&spec.version(2, 0), Error::MisalignedHeader { required });
    }
    row::<DLManagedTensorVersioned>();
    row::<DLManagedTensor>();
}

#[test]
fn h019_writing_takes_a_promise_then() {
    accept(&six(), |tensor: ManagedTensor| {
        // SAFETY: C's memory can be written.
        let tensor = unsafe { tensor.assume_writable() };
        assert_eq!((tensor.access(), tensor.flags()), (Access::Writable, Flags::NONE));
    });
}
