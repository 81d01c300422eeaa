//! Tensors taken in from C, with the record that counts their deleter's calls.

use dlpack::{Error, ManagedTensor, ManagedTensorVersioned};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};
use harness::abi::Abi;
use harness::{Record, Spec, has_guard_pages};

/// Has C make a versioned tensor and takes it in.
pub fn import(spec: &Spec) -> (Result<ManagedTensorVersioned, Error>, Record) {
    let (raw, record) = spec.make_versioned();
    // SAFETY: C passes the tensor on; the specs of these tests hold the contract wherever they are not refused.
    (unsafe { ManagedTensorVersioned::from_raw(raw) }, record)
}

/// Has C make a legacy tensor and takes it in.
pub fn import_legacy(spec: &Spec) -> (Result<ManagedTensor, Error>, Record) {
    let (raw, record) = spec.make_legacy();
    // SAFETY: as in `import`.
    (unsafe { ManagedTensor::from_raw(raw) }, record)
}

/// `import` of a tensor that must be taken in.
#[track_caller]
pub fn imported(spec: &Spec) -> (ManagedTensorVersioned, Record) {
    DLManagedTensorVersioned::from_c(spec)
}

/// `import_legacy` of a tensor that must be taken in.
#[track_caller]
pub fn imported_legacy(spec: &Spec) -> (ManagedTensor, Record) {
    DLManagedTensor::from_c(spec)
}

/// Both ABIs refuse the tensor with `error` and run its deleter once.
#[track_caller]
pub fn assert_refused(spec: &Spec, error: Error) {
    let (result, record) = import(spec);
    assert_eq!(result.unwrap_err(), error);
    assert_eq!(record.deleted(), 1);
    let (result, record) = import_legacy(spec);
    assert_eq!(result.unwrap_err(), error);
    assert_eq!(record.deleted(), 1);
}

/// Puts an inaccessible page behind the data, where there are such pages.
pub fn guarded_end(spec: Spec) -> Spec {
    if has_guard_pages() { spec.guard_data_end() } else { spec }
}
