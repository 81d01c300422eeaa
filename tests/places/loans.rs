//! Owners on loan.

use std::sync::Arc;
use std::thread;

use dlpack::loan::Loaned;
use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{Device, Error, Exporter};
use harness::abi::Abi;
use harness::export;
use harness::owners::Counted;

use crate::diary::{Diary, Event};
use crate::end::{End, Sent, delete};

/// The function is called once, when the claim can take the owner, whatever ends the loan.
#[test]
fn a_function_at_the_return() {
    fn each<A: Abi>() {
        for end in End::ALL {
            let diary = Diary::default();
            let (loaned, claim) = Loaned::new(diary.owner(&[1, 2, 3])).unwrap();
            let (returned, received) = std::sync::mpsc::channel();
            let loaned = loaned.on_return(move || drop(returned.send(claim.try_take())));
            let raw = export!(A, Exporter::new(loaned)).unwrap();
            assert!(received.try_recv().is_err(), "too early");
            // SAFETY: just exported.
            unsafe { end.of(raw) };
            let owner = received.recv().unwrap().expect("the consumer is done");
            assert!(received.recv().is_err(), "once");
            assert_eq!(owner.elements[..], [1, 2, 3]);
            assert_eq!(diary.read(), []);
        }
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// Also if nobody claims the owner, which is gone then, or if nothing was exported.
#[test]
fn a_return_without_a_claim() {
    let diary = Diary::default();
    let (loaned, claim) = Loaned::new(diary.owner(&[1])).unwrap();
    drop(claim);
    let at_return = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (noted, read) = (Arc::clone(&at_return), diary.clone());
    let loaned = loaned.on_return(move || noted.lock().unwrap().extend(read.read()));
    assert!(at_return.lock().unwrap().is_empty());
    drop(loaned);
    assert_eq!(*at_return.lock().unwrap(), [Event::OwnerDropped]);
}

#[test]
fn the_owner_comes_back() {
    fn each<A: Abi>() {
        for end in End::ALL {
            let diary = Diary::default();
            let owner = diary.owner(&[1, 2, 3]);
            let start = owner.elements.as_ptr();
            let (loaned, claim) = Loaned::new(owner).unwrap();
            let raw = export!(A, Exporter::new(loaned)).unwrap();
            // SAFETY: the tensor is alive.
            let data = unsafe { &*A::tensor(raw) }.data.cast::<u32>();
            assert_eq!(data.cast_const(), start);
            // SAFETY: three elements, which the consumer may write.
            unsafe { data.write(9) };
            assert!(!claim.is_returned());
            let claim = claim.try_take().unwrap_err();
            // SAFETY: just exported.
            unsafe { end.of(raw) };
            assert!(claim.is_returned());
            let owner = claim.try_take().unwrap();
            assert_eq!((owner.elements.as_ptr(), &owner.elements[..]), (start, &[9, 2, 3][..]));
            assert_eq!(diary.read(), []);
            drop(owner);
            assert_eq!(diary.read(), [Event::OwnerDropped]);
        }
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// Whoever leaves second drops the owner.
#[test]
fn nobody_takes_it() {
    let diary = Diary::default();
    for claim_first in [true, false] {
        let (loaned, claim) = Loaned::new(diary.owner(&[1])).unwrap();
        let tensor = Exporter::new(loaned).build().unwrap();
        if claim_first {
            drop(claim);
            assert_eq!(diary.read(), []);
            drop(tensor);
        } else {
            drop(tensor);
            assert_eq!(diary.read(), []);
            drop(claim);
        }
        assert_eq!(diary.read(), [Event::OwnerDropped]);
    }
}

/// A claim of memory that is not a Rust slice, in a header that is the memory's own allocator's.
#[test]
fn raw_parts() {
    for end in End::ALL {
        let diary = Diary::default();
        let mut owner = diary.owner(&[1, 2, 3, 4]);
        let data = owner.elements.as_mut_ptr();
        let (loaned, claim) = Loaned::new(owner).unwrap();
        // SAFETY: the vector's buffer stays where it is until the owner is dropped, and nobody else uses it.
        let exporter = unsafe { Exporter::from_raw_parts(loaned, data.cast(), 16, Device::CPU) };
        let raw = exporter.header_in(diary.allocator()).into_raw().unwrap();
        // SAFETY: just exported.
        unsafe { end.of(raw) };
        let events = diary.read();
        let Event::Asked(layout) = events[0] else { panic!("{events:?}") };
        assert_eq!(events[1..], [Event::HeaderBack(layout), Event::HandleDropped]);
        assert_eq!(claim.try_take().unwrap().elements, [1, 2, 3, 4]);
    }
}

/// The elements lie in the owner, which does not move while it is on loan.
#[test]
fn elements_within_the_owner() {
    #[derive(Debug)]
    #[repr(align(256))]
    struct Inline([u8; 300]);
    impl AsMut<[u8]> for Inline {
        fn as_mut(&mut self) -> &mut [u8] {
            &mut self.0
        }
    }
    let (loaned, claim) = Loaned::new(Inline([5; 300])).unwrap();
    let mut tensor = Exporter::new(loaned).shape(&[3, 100]).build().unwrap();
    assert_eq!(tensor.data().addr() % 256, 0);
    tensor.view_mut::<u8>().unwrap()[[2, 99]] = 6;
    drop(tensor);
    let back = claim.try_take().unwrap();
    assert_eq!((back.0[298], back.0[299]), (5, 6));
}

#[test]
fn a_shared_owner_stays_read_only() {
    let numbers = Arc::<[u16]>::from([1, 2]);
    let (loaned, claim) = Loaned::new(Arc::clone(&numbers)).unwrap();
    let refused = Exporter::shared(loaned).build_legacy().unwrap_err();
    assert_eq!(refused.error(), Error::ReadOnlyNotExpressible);
    let tensor = Exporter::shared(refused.into_inner()).build().unwrap();
    assert!(tensor.flags().is_read_only());
    drop(tensor);
    assert!(Arc::ptr_eq(&claim.try_take().unwrap(), &numbers));
}

/// A refused export hands the loan back; and so does a downcast.
#[test]
fn other_ways_back() {
    let diary = Diary::default();
    let (loaned, claim) = Loaned::new(diary.owner(&[1])).unwrap();
    let refused = Exporter::new(loaned).shape(&[2]).build().unwrap_err();
    let claim = claim.try_take().unwrap_err();
    let tensor = Exporter::new(refused.into_inner()).build().unwrap().into_inner();
    let tensor = tensor.downcast::<Counted<u32>>().unwrap_err();
    let loaned = tensor.downcast::<Loaned<Counted<u32>>>().unwrap();
    let claim = claim.try_take().unwrap_err();
    drop(loaned);
    assert_eq!(claim.try_take().unwrap().elements, [1]);
}

/// The deleter and the claim leave at the same time.
#[test]
fn both_leave_at_once() {
    let rounds = if cfg!(miri) { 10 } else { 300 };
    for round in 0..rounds {
        let diary = Diary::default();
        let (loaned, claim) = Loaned::new(diary.owner(&[1, 2])).unwrap();
        let raw = Sent(Exporter::new(loaned).into_raw().unwrap());
        thread::scope(|scope| {
            scope.spawn(move || {
                let raw = raw.get();
                // SAFETY: the consumer's elements.
                let data = unsafe { (*raw).dl_tensor.data }.cast::<u32>();
                // SAFETY: the same.
                unsafe { data.write(77) };
                // SAFETY: just passed on.
                unsafe { delete(raw) };
            });
            if round % 2 == 0 {
                drop(claim);
                return;
            }
            let mut claim = claim;
            let owner = loop {
                match claim.try_take() {
                    Ok(owner) => break owner,
                    Err(again) => claim = again,
                }
                thread::yield_now();
            };
            assert_eq!(owner.elements, [77, 2]);
        });
        assert_eq!(diary.read(), [Event::OwnerDropped]);
    }
}
