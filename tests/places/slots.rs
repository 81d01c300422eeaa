//! Headers in a `static`.

use std::alloc::Layout;
#[cfg(feature = "alloc")]
use std::any::Any;
#[cfg(feature = "alloc")]
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[cfg(feature = "alloc")]
use dlpack::ManagedTensorVersioned;
use dlpack::allocator::{Allocator, Slot};
use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{Error, Exporter};
use harness::abi::Abi;
use harness::export;
use harness::owners::Counted;

use crate::diary::{Diary, Event};
use crate::end::{End, Sent, delete};

/// Refused while a tensor is out, whatever its ABI; free again when that has ended, whatever the end.
#[test]
fn one_tensor_at_a_time() {
    fn each<A: Abi>() {
        static SLOT: Slot<Counted<u32>, 2> = Slot::new();
        for end in End::ALL {
            let diary = Diary::default();
            assert!(SLOT.is_free());
            let exporter = Exporter::new(diary.owner(&[1, 2])).shape(&[2, 1]).header_in(&SLOT);
            let raw = export!(A, exporter).unwrap();
            let place = (&raw const SLOT).addr()..(&raw const SLOT).addr() + size_of_val(&SLOT);
            assert!(place.contains(&raw.addr()), "in the slot");
            assert!(!SLOT.is_free());
            let refused =
                export!(A, Exporter::new(diary.owner(&[3])).header_in(&SLOT)).unwrap_err();
            assert_eq!(refused.error(), Error::AllocationFailed);
            let owner = refused.into_inner();
            assert_eq!((&owner.elements[..], diary.read()), (&[3][..], vec![]));
            drop(owner);
            assert_eq!(diary.read(), [Event::OwnerDropped]);
            // SAFETY: just exported.
            unsafe { end.of(raw) };
            assert!(SLOT.is_free());
            assert_eq!(diary.read(), [Event::OwnerDropped]);
        }
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// The place that a user chose for a tensor's header is taken for as long as its consumer has it, also when the tensor is
/// converted or passed on.
#[cfg(feature = "alloc")]
#[test]
fn a_tensor_that_is_passed_on_keeps_its_place() {
    static SLOT: Slot<ManagedTensorVersioned, 1> = Slot::new();
    static ELEMENTS: [u8; 3] = [1, 2, 3];
    for pass_on in [0, 1, 2] {
        let inner = Exporter::shared(&ELEMENTS[..]).build().unwrap().into_inner();
        let outer = Exporter::of(inner, |_| &ELEMENTS[..]).header_in(&SLOT).build().unwrap();
        let raw = outer.into_raw();
        // SAFETY: as a consumer passes it on.
        let outer = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
        let kept: Box<dyn Any> = match pass_on {
            0 => Box::new(outer),
            1 => Box::new(outer.into_opaque().unwrap()),
            _ => Box::new(Arc::new(outer).share().unwrap()),
        };
        assert!(!SLOT.is_free(), "{pass_on}");
        drop(kept);
        assert!(SLOT.is_free(), "{pass_on}");
    }
}

#[test]
fn without_compare_and_swap() {
    fn each<A: Abi>() {
        static SLOT: Slot<[u32; 4], 1> = Slot::new();
        for end in End::ALL {
            // SAFETY: here and below: this test is the only one that exports into the slot, one tensor after the other.
            let single = unsafe { SLOT.single() };
            let raw = export!(A, Exporter::new([1, 2, 3, 4]).header_in(single)).unwrap();
            // SAFETY: as above.
            let single = unsafe { SLOT.single() };
            let refused = export!(A, Exporter::new([5; 4]).header_in(single)).unwrap_err();
            assert_eq!((refused.error(), refused.into_inner()), (Error::AllocationFailed, [5; 4]));
            // SAFETY: just exported.
            unsafe { end.of(raw) };
            assert!(SLOT.is_free());
        }
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// What is larger than the slot is made for is refused and does not take it.
#[test]
fn only_what_fits() {
    static SLOT: Slot<[u8; 4], 2> = Slot::new();
    let slot = &SLOT;
    let refused = Exporter::new([0_u8; 4]).shape(&[1, 2, 2]).header_in(slot).build().unwrap_err();
    assert_eq!((refused.error(), slot.is_free()), (Error::AllocationFailed, true));
    let refused = Exporter::new([0_u8; 64]).header_in(slot).build().unwrap_err();
    assert_eq!((refused.error(), slot.is_free()), (Error::AllocationFailed, true));
    let refused = Exporter::new([0_u128; 1]).header_in(slot).build().unwrap_err();
    assert_eq!((refused.error(), slot.is_free()), (Error::AllocationFailed, true));
    // What is smaller than the slot is made for does.
    let tensor = Exporter::new([1_u8, 2]).header_in(slot).build().unwrap();
    assert_eq!(tensor.as_slice::<u8>().unwrap(), [1, 2]);
    // SAFETY: this is the only export.
    let single = unsafe { slot.single() };
    assert!(Exporter::new([1_u8, 2]).header_in(single).build().is_err());
    drop(tensor);
    assert!(slot.is_free());
}

#[test]
fn sixty_four_axes() {
    static SLOT: Slot<[u8; 4], 64> = Slot::new();
    let shape = [1; 64];
    let raw = Exporter::new([1_u8; 4]).shape(&shape).header_in(&SLOT).into_raw().unwrap();
    // SAFETY: just exported.
    unsafe { End::Vandalised.of(raw) };
    assert!(SLOT.is_free());
}

#[test]
fn a_downcast_frees_the_slot() {
    fn each<A: Abi>() {
        static SLOT: Slot<Counted<u32>, 1> = Slot::new();
        let slot = &SLOT;
        let diary = Diary::default();
        let raw = export!(A, Exporter::new(diary.owner(&[1, 2])).header_in(slot)).unwrap();
        // SAFETY: just exported.
        let owner = unsafe { A::import(raw) }.downcast::<Counted<u32>>().unwrap();
        assert!(slot.is_free());
        assert_eq!((&owner.elements[..], diary.read()), (&[1, 2][..], vec![]));
        let refused = export!(A, Exporter::new(owner).shape(&[3]).header_in(slot)).unwrap_err();
        assert!(slot.is_free());
        drop(refused);
        assert_eq!(diary.read(), [Event::OwnerDropped]);
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// Whoever finds the slot free sees all that the last consumer did.
#[test]
fn a_free_slot_has_its_past_behind_it() {
    static SLOT: Slot<[u64; 3], 1> = Slot::new();
    for round in 0..50 {
        let raw = Exporter::new([round; 3]).header_in(&SLOT).into_raw().unwrap();
        let raw = Sent(raw);
        let consumer = thread::spawn(move || {
            let raw = raw.get();
            // SAFETY: the tensor is alive, and the consumer's.
            let data = unsafe { (*raw).dl_tensor.data }.cast::<u64>();
            // SAFETY: three elements.
            unsafe { data.add(2).write(u64::MAX) };
            // SAFETY: just passed on.
            unsafe { delete(raw) };
        });
        while !SLOT.is_free() {
            thread::yield_now();
        }
        let tensor = Exporter::new([round + 1; 3]).header_in(&SLOT).build().unwrap();
        assert_eq!(tensor.as_slice::<u64>().unwrap(), [round + 1; 3]);
        drop(tensor);
        consumer.join().unwrap();
    }
}

/// Many threads want the slot; at any time one has it.
#[test]
fn one_thread_at_a_time() {
    static SLOT: Slot<[u64; 2], 1> = Slot::new();
    static OUT: AtomicUsize = AtomicUsize::new(0);
    let rounds = if cfg!(miri) { 20 } else { 2000 };
    let got: u32 = thread::scope(|scope| {
        let work = |name: u64| {
            move || {
                let export = || Exporter::new([name; 2]).header_in(&SLOT).build().ok();
                let mut got = 0;
                for _ in 0..rounds {
                    let Some(tensor) = export() else {
                        thread::yield_now();
                        continue;
                    };
                    assert_eq!(OUT.fetch_add(1, Ordering::Relaxed), 0);
                    assert_eq!(tensor.as_slice::<u64>().unwrap(), [name; 2]);
                    OUT.fetch_sub(1, Ordering::Relaxed);
                    drop(tensor);
                    got += 1;
                }
                got
            }
        };
        let threads: Vec<_> = (0..4).map(|name| scope.spawn(work(name))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(got > 0 && SLOT.is_free());
}

/// A block of one byte more than there is room for is refused.
#[test]
fn not_one_byte_more() {
    static SLOT: Slot<[u8; 8], 1> = Slot::new();
    let layout = Exporter::<[u8; 8], _, &'static Slot<[u8; 8], 1>>::header_layout(1);
    let slot = &SLOT;
    for more in [1, 7, 8] {
        let larger = Layout::from_size_align(layout.size() + more, layout.align()).unwrap();
        assert_eq!(slot.allocate(larger), None, "{more}");
    }
    let block = slot.allocate(layout).expect("what it was made for");
    assert!(!slot.is_free());
    // SAFETY: the slot's block, with its layout.
    unsafe { slot.deallocate(block, layout) };
    assert!(slot.is_free());
}
