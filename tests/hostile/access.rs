//! Who may write, who else may, and on how many threads.

use std::ffi::c_void;
use std::thread;

use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{Access, Error, ManagedTensor, ManagedTensorVersioned, view::ReadCell};
use harness::abi::Abi;
use harness::{Spec, bytes_of, consumer};

use crate::support::{SIX, accept, accepts, read, six};

const READ_ONLY: u64 = 1;
const IS_COPIED: u64 = 2;

#[test]
fn h097_read_only() {
    accept(&six().flags(READ_ONLY), |mut tensor: ManagedTensorVersioned| {
        assert_eq!(tensor.access(), Access::ReadOnly);
        assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
        // SAFETY: refused.
        let refused = unsafe { tensor.view_mut::<f32>() }.err();
        assert_eq!(refused, Some(Error::ReadOnly));
        // SAFETY: C initialised the elements, and nobody else uses them.
        let mut tensor = unsafe { tensor.assume_exclusive() };
        assert_eq!(tensor.view_mut::<f32>().err(), Some(Error::ReadOnly));
        assert_eq!(tensor.as_slice::<f32>(), Ok(&SIX[..]));
    });
}

#[test]
fn h098_legacy_writability() {
    accept(&six(), |mut tensor: ManagedTensor| {
        assert_eq!(tensor.access(), Access::Unknown);
        // SAFETY: refused.
        let refused = unsafe { tensor.view_mut::<f32>() }.err();
        assert_eq!(refused, Some(Error::WritabilityUnknown));
        // SAFETY: C initialised the elements, nobody else uses them, and they can be written.
        let mut tensor = unsafe { tensor.assume_exclusive() };
        tensor.view_mut::<f32>().expect("one promise is enough").fill(5.0);
        assert_eq!(tensor.access(), Access::Writable);
        assert_eq!(tensor.as_slice::<f32>(), Ok(&[5.0; 6][..]));
    });
    accept(&six(), |tensor: ManagedTensor| {
        // SAFETY: C's memory can be written.
        let mut tensor = unsafe { tensor.assume_writable() };
        // SAFETY: as above.
        unsafe { tensor.view_mut::<f32>() }.expect("writable now").fill(7.0);
        assert_eq!(read(&tensor), Ok(vec![7_f32; 6]));
    });
}

#[test]
fn h099_a_copy_is_exclusive() {
    accept(&six().flags(IS_COPIED), |tensor: ManagedTensorVersioned| {
        let tensor = tensor.try_exclusive().expect("a copy");
        let tensor = tensor.fill(7_f32).expect("writable");
        assert_eq!(tensor.as_slice::<f32>(), Ok(&[7.0; 6][..]));
    });
}

#[test]
fn h099_a_read_only_copy_is_not() {
    let (raw, record) = six().flags(IS_COPIED | READ_ONLY).make_versioned();
    // SAFETY: C passes it on.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
    let (tensor, error) = tensor.try_exclusive().expect_err("read-only").into_parts();
    assert_eq!((error, tensor.as_raw(), record.deleted()), (Error::ReadOnly, raw, 0));
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn h100_what_is_no_copy_is_shared() {
    // A flag that only looks like it is none.
    for flags in [0, !IS_COPIED] {
        let (raw, record) = six().flags(flags).make_versioned();
        // SAFETY: C passes it on.
        let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
        let (tensor, error) = tensor.try_exclusive().expect_err("no copy").into_parts();
        assert_eq!((error, tensor.as_raw(), record.deleted()), (Error::NotExclusive, raw, 0));
        assert_eq!(read::<f32>(&tensor), Ok(SIX.to_vec()));
        drop(tensor);
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn h102_one_buffer_twice() {
    let memory = SIX;
    let data: *const c_void = memory.as_ptr().cast();
    let spec = Spec::of::<f32>(&[]).shape(&[2, 3]).borrow(data.cast_mut());
    let (one, one_record) = spec.make_versioned();
    let (two, two_record) = spec.make_legacy();
    // SAFETY: C passes it on.
    let one = unsafe { ManagedTensorVersioned::from_raw(one) }.expect("a valid tensor");
    // SAFETY: the same.
    let two = unsafe { ManagedTensor::from_raw(two) }.expect("a valid tensor");
    // SAFETY: nobody writes `memory`.
    let one = unsafe { one.assume_frozen() };
    // SAFETY: the same.
    let two = unsafe { two.assume_frozen() };
    assert_eq!(one.data(), two.data());
    let (first, second) = (one.as_slice::<f32>(), two.as_slice::<f32>());
    assert_eq!((first, second), (Ok(&SIX[..]), Ok(&SIX[..])));
    drop(one);
    assert_eq!((one_record.deleted(), two_record.deleted()), (1, 0));
    assert_eq!(two.as_slice::<f32>(), Ok(&SIX[..]));
    drop(two);
    assert_eq!((one_record.deleted(), two_record.deleted()), (1, 1));
}

#[test]
fn h103_the_producer_writes_between_two_reads() {
    fn row<A: Abi>() {
        let (raw, record) = six().make::<A>();
        // SAFETY: C passes it on.
        let tensor = unsafe { A::import(raw) };
        // SAFETY: C initialised the elements, and only this thread uses them.
        let view = unsafe { tensor.view_as::<ReadCell<f32>>() }.expect("a view");
        assert_eq!(view[[1, 2]].get(), 6.0);
        // SAFETY: live.
        let inner = unsafe { A::tensor(raw) };
        // SAFETY: live, and the view allows it.
        assert!(unsafe { consumer::write(inner, 0, &[1, 2], bytes_of(&[9_f32])) });
        assert_eq!(view[[1, 2]].get(), 9.0);
        // SAFETY: the same.
        assert!(unsafe { consumer::fill(inner, 0, bytes_of(&[2_f32])) });
        assert!(view.iter().all(|cell| cell.get() == 2.0));
        drop(tensor);
        assert_eq!(record.deleted(), 1);
    }
    row::<DLManagedTensorVersioned>();
    row::<DLManagedTensor>();
}

#[test]
fn h104_eight_threads_read() {
    accepts(&six(), |tensor| {
        // SAFETY: C initialised the elements, and nobody writes them.
        let tensor = unsafe { tensor.assume_frozen() };
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let view = tensor.view::<f32>().expect("a view");
                        assert_eq!(view.iter().sum::<f32>(), 21.0);
                        assert_eq!(tensor.as_slice::<f32>(), Ok(&SIX[..]));
                    }
                });
            }
        });
    });
}
