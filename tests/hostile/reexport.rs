//! Exports in the hands of C, and tensors of C given out again.

use std::thread;

use dlpack::{Access, Error, Exporter, Flags, ManagedTensor, ManagedTensorVersioned, Version};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};
use harness::abi::Abi;
use harness::alloc::{allocations, deallocations};
use harness::owners::Counted;
use harness::release::{consume, delete_on_thread, vandalise_and_delete};
use harness::{Spec, bytes_of, consumer, dtype};

use crate::support::{SIX, read, six};

#[test]
fn h105_c_reads_the_export() {
    let (owner, fate) = Counted::new(&SIX);
    let raw = Exporter::new(owner).shape(&[2, 3]).build().expect("it fits").into_raw();
    // SAFETY: the tensor is alive.
    let gathered = unsafe { consumer::gather_managed(raw) };
    assert_eq!(gathered.as_deref(), Some(bytes_of(&SIX)));
    // SAFETY: passed on.
    assert!(unsafe { consume(raw) }.is_some());
    assert_eq!(fate.dropped(), 1);
}

#[test]
fn h106_c_reads_no_elements() {
    let raw = Exporter::new(Vec::<f32>::new()).shape(&[0, 3]).build().expect("it fits").into_raw();
    // SAFETY: live.
    let tensor = unsafe { &raw const (*raw).dl_tensor };
    // SAFETY: live.
    assert_eq!(unsafe { consumer::numel(tensor) }, Some(0));
    // SAFETY: live.
    assert!(unsafe { consumer::is_row_major(tensor) });
    // SAFETY: passed on.
    unsafe { vandalise_and_delete(raw) };
}

#[test]
fn h109_c_vandalises_and_deletes() {
    let before = (allocations(), deallocations());
    {
        let (owner, fate) = Counted::new(&SIX);
        let raw = Exporter::new(owner).shape(&[2, 3]).build().expect("it fits").into_raw();
        // SAFETY: passed on.
        unsafe { vandalise_and_delete(raw) };
        assert_eq!(fate.dropped(), 1);
        let (owner, fate) = Counted::new(&SIX);
        let raw = Exporter::new(owner).shape(&[2, 3]).build_legacy().expect("it fits").into_raw();
        // SAFETY: passed on.
        unsafe { vandalise_and_delete(raw) };
        assert_eq!(fate.dropped(), 1);
    }
    let after = (allocations(), deallocations());
    assert!(after.0 > before.0, "the counter counts");
    assert_eq!(after.0 - before.0, after.1 - before.1, "nothing leaks");
}

#[test]
fn h114_c_deletes_on_another_thread() {
    let (owner, fate) = Counted::new(&SIX);
    let raw = Exporter::new(owner).build().expect("it fits").into_raw();
    // SAFETY: passed on.
    unsafe { delete_on_thread(raw) };
    assert_eq!(fate.dropped(), 1);
    assert_ne!(fate.thread(), Some(thread::current().id()));

    let (owner, fate) = Counted::new(&SIX);
    let raw = Exporter::new(owner).build_legacy().expect("it fits").into_raw();
    // SAFETY: passed on.
    unsafe { delete_on_thread(raw) };
    assert_eq!(fate.dropped(), 1);
    assert_ne!(fate.thread(), Some(thread::current().id()));
}

#[test]
fn h115_legacy_to_versioned() {
    let (raw, record) = six().null_strides().make_legacy();
    // SAFETY: C passes it on.
    let legacy = unsafe { ManagedTensor::from_raw(raw) }.expect("a valid tensor");
    let data = legacy.data();
    let tensor = legacy.into_versioned().expect("memory for a header");
    assert_eq!((tensor.version(), tensor.flags()), (Some(Version::new(1, 3)), Flags::READ_ONLY));
    assert_eq!((tensor.access(), tensor.data()), (Access::ReadOnly, data));
    assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
    // SAFETY: live.
    let inner = unsafe { std::ptr::read(&raw const (*tensor.as_raw()).dl_tensor) };
    // SAFETY: one for each of two dimensions.
    assert_eq!(unsafe { inner.strides.cast::<[i64; 2]>().read() }, [3, 1]);
    assert_eq!(record.deleted(), 0);
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn h115_legacy_known_to_be_writable() {
    let (legacy, record) = DLManagedTensor::from_c(&six());
    // SAFETY: C's memory can be written.
    let tensor = unsafe { legacy.assume_writable() }.into_versioned().expect("memory");
    assert_eq!((tensor.access(), tensor.flags()), (Access::Writable, Flags::NONE));
    // SAFETY: passed on.
    assert!(unsafe { consume(tensor.into_raw()) }.is_some());
    assert_eq!(record.deleted(), 1);
}

/// Asks for the legacy ABI, which cannot be had, and looks at what comes back.
fn refused(spec: &Spec, error: Error) {
    let (raw, record) = spec.make_versioned();
    // SAFETY: C passes it on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
    let (shape, flags) = (tensor.shape().to_vec(), tensor.flags());
    let (tensor, found) = tensor.into_legacy().expect_err("not expressible").into_parts();
    assert_eq!((found, tensor.as_raw(), record.deleted()), (error, raw, 0));
    assert_eq!((tensor.shape(), tensor.flags()), (&shape[..], flags));
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn h116_what_the_legacy_abi_cannot_say() {
    refused(&six().flags(1), Error::ReadOnlyNotExpressible);
    refused(&six().flags(3), Error::ReadOnlyNotExpressible);
    let padded = Spec::new(dtype(17, 4, 1)).shape(&[3]).data(&[1_u8, 2, 3]).flags(4);
    refused(&padded, Error::PaddedNotExpressible);
}

#[test]
fn h116_a_copy_to_legacy() {
    let (tensor, record) = DLManagedTensorVersioned::from_c(&six().flags(2));
    let legacy = tensor.into_legacy().expect("nothing to lose but a hint");
    assert_eq!(read::<f32>(&legacy), Ok(SIX.to_vec()));
    // SAFETY: passed on.
    unsafe { delete_on_thread(legacy.into_raw()) };
    assert_eq!(record.deleted(), 1);
}
