//! No memory: every allocation of every function that promises an error is made to fail in turn.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dlpack::allocator::{Allocator, Global, Pool, Slot};
use dlpack::loan::Loaned;
use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{
    AnyManagedTensor, Error, Exporter, Frozen, Managed, ManagedTensor, ManagedTensorVersioned,
    RejectedError, TensorView,
};
use harness::Spec;
use harness::abi::Abi;
use harness::alloc::fail_nth;
use harness::owners::{Counted, Fate};
use harness::release::delete;

use crate::support::{SIX, six};

/// Runs `op` with its first, its second, ... allocation failing, and gives each error to `refused`, until there is
/// none left to fail. Says how many there were.
fn starve<S, T, E>(
    setup: impl Fn() -> S,
    op: impl Fn(S) -> Result<T, E>,
    refused: impl Fn(E),
) -> u64 {
    for n in 1..100 {
        let given = setup();
        let failure = fail_nth(n);
        let result = op(given);
        let happened = failure.happened();
        drop(failure);
        match result {
            Ok(_) if happened => panic!("allocation {n} failed and nobody noticed"),
            Ok(_) => return n - 1,
            Err(error) => refused(error),
        }
        assert!(happened, "an error without a cause");
    }
    panic!("it never ends")
}

/// One element in nine dimensions, one more than are held without a heap.
fn nine() -> Spec {
    Spec::of(&[1.5_f32]).shape(&[1; 9])
}

#[test]
fn h117_import() {
    fn row<A: Abi>() {
        let count = starve(
            || nine().make::<A>(),
            |(raw, record)| {
                // SAFETY: C passes it on.
                unsafe { Managed::from_raw(raw) }.map_err(|error| (error, record))
            },
            |(error, record)| {
                assert_eq!((error, record.deleted()), (Error::AllocationFailed, 1));
            },
        );
        assert_eq!(count, 1);
    }
    row::<DLManagedTensorVersioned>();
    row::<DLManagedTensor>();
}

#[test]
fn h117_export() {
    fn setup() -> (Counted<f32>, Fate) {
        Counted::new(&SIX)
    }
    fn refused((refused, fate): (RejectedError<Counted<f32>>, Fate)) {
        assert_eq!((refused.error(), fate.dropped()), (Error::AllocationFailed, 0));
        drop(refused.into_inner());
        assert_eq!(fate.dropped(), 1);
    }
    for shape in [&[2, 3][..], &[1, 1, 1, 1, 1, 1, 1, 2, 3]] {
        let expected = if shape.len() > 8 { 2 } else { 1 };
        let build = |(owner, fate): (Counted<f32>, Fate)| {
            let exporter = Exporter::new(owner).shape(shape);
            exporter.build().map(drop).map_err(|refused| (refused, fate))
        };
        assert_eq!(starve(setup, build, refused), expected);
        let build_legacy = |(owner, fate): (Counted<f32>, Fate)| {
            let exporter = Exporter::new(owner).shape(shape);
            exporter.build_legacy().map(drop).map_err(|refused| (refused, fate))
        };
        assert_eq!(starve(setup, build_legacy, refused), expected);
    }
}

/// Every road out of an exporter, into one kind of place, with the allocations that it takes: as a tensor, and as a pointer.
fn roads<A: Allocator>(place: impl Fn() -> A, shape: &[usize], [tensor, raw]: [u64; 2]) {
    fn refused((refused, fate): (RejectedError<Counted<f32>>, Fate)) {
        assert_eq!((refused.error(), fate.dropped()), (Error::AllocationFailed, 0));
        drop(refused.into_inner());
        assert_eq!(fate.dropped(), 1);
    }
    macro_rules! road {
        ($expected:expr, $exporter:ident => $road:expr) => {
            let op = |((owner, fate), place): ((Counted<f32>, Fate), A)| {
                let $exporter = Exporter::new(owner).shape(shape).header_in(place);
                $road.map_err(|refused| (refused, fate))
            };
            assert_eq!(starve(|| (Counted::new(&SIX), place()), op, refused), $expected);
        };
    }
    road!(tensor, exporter => exporter.build().map(drop));
    road!(tensor, exporter => exporter.build_legacy().map(drop));
    // SAFETY: just exported.
    road!(raw, exporter => exporter.into_raw().map(|raw| unsafe { delete(raw) }));
    // SAFETY: just exported.
    road!(raw, exporter => exporter.into_raw_legacy().map(|raw| unsafe { delete(raw) }));
}

const SIX_ON_NINE_AXES: [usize; 9] = [1, 1, 1, 1, 1, 1, 1, 2, 3];

#[test]
fn h117_export_into_the_heap() {
    roads(|| Global, &[2, 3], [1, 1]);
    roads(|| Global, &SIX_ON_NINE_AXES, [2, 1]);
}

#[test]
fn h117_export_into_a_pool() {
    let pool = Arc::new(Pool::new::<Counted<f32>>(1, 9).expect("memory"));
    roads(|| Arc::clone(&pool), &[2, 3], [0, 0]);
    roads(|| Arc::clone(&pool), &SIX_ON_NINE_AXES, [1, 0]);
    assert_eq!((pool.in_use(), Arc::strong_count(&pool)), (0, 1));
    // All room is taken, so that headers go to the heap.
    let last = Exporter::new([1_u8]).header_in(Arc::clone(&pool)).build().expect("room");
    roads(|| Arc::clone(&pool), &[2, 3], [1, 1]);
    roads(|| Arc::clone(&pool), &SIX_ON_NINE_AXES, [2, 1]);
    assert_eq!((pool.in_use(), Arc::strong_count(&pool)), (1, 2));
    drop(last);
    assert_eq!(pool.in_use(), 0);
}

#[test]
fn h117_export_into_a_slot() {
    static SLOT: Slot<Counted<f32>, 9> = Slot::new();
    roads(|| &SLOT, &[2, 3], [0, 0]);
    assert!(SLOT.is_free());
    roads(|| &SLOT, &SIX_ON_NINE_AXES, [1, 0]);
    assert!(SLOT.is_free());
}

/// An allocator that is out of memory at its first, second, ... call, while the heap has enough.
#[test]
fn h117_export_into_an_allocator() {
    static LEFT: AtomicU32 = AtomicU32::new(0);
    static OUT: AtomicU32 = AtomicU32::new(0);
    struct Failing;
    // SAFETY: all memory is that of `Global`.
    unsafe impl Allocator for Failing {
        fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
            LEFT.store(LEFT.load(Ordering::Relaxed).checked_sub(1)?, Ordering::Relaxed);
            OUT.fetch_add(1, Ordering::Relaxed);
            Global.allocate(layout)
        }

        unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
            OUT.fetch_sub(1, Ordering::Relaxed);
            // SAFETY: the caller's promise.
            unsafe { Global.deallocate(block, layout) }
        }
    }

    for allowed in 0..4 {
        LEFT.store(allowed, Ordering::Relaxed);
        let mut tensors = Vec::new();
        for round in 0..4 {
            let (owner, fate) = Counted::new(&SIX);
            match Exporter::new(owner).header_in(Failing).build() {
                Ok(tensor) => tensors.push((tensor, fate)),
                Err(refused) => {
                    assert!(round >= allowed);
                    assert_eq!((refused.error(), fate.dropped()), (Error::AllocationFailed, 0));
                }
            }
        }
        let count = u32::try_from(tensors.len()).expect("at most four");
        assert_eq!((count, OUT.load(Ordering::Relaxed)), (allowed, allowed));
        for (tensor, fate) in tensors {
            drop(tensor);
            assert_eq!(fate.dropped(), 1);
        }
        assert_eq!(OUT.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn h117_pool() {
    let refused = |error| assert_eq!(error, Error::AllocationFailed);
    assert_eq!(starve(|| (), |()| Pool::new::<Counted<f32>>(100, 2), refused), 2);
}

#[test]
fn h117_loan() {
    let refused = |(refused, fate): (RejectedError<Counted<f32>>, Fate)| {
        assert_eq!((refused.error(), fate.dropped()), (Error::AllocationFailed, 0));
        drop(refused);
        assert_eq!(fate.dropped(), 1);
    };
    let lend =
        |(owner, fate): (Counted<f32>, Fate)| Loaned::new(owner).map_err(|refused| (refused, fate));
    assert_eq!(starve(|| Counted::new(&SIX), lend, refused), 1);
}

/// A conversion that hands the tensor back.
fn convert<A: Abi, T>(convert: impl Fn(Managed<A>) -> Result<T, RejectedError<Managed<A>>>) {
    for (spec, expected) in [(six(), 1), (nine(), 2)] {
        let count = starve(
            || A::from_c(&spec),
            |(tensor, record)| convert(tensor).map_err(|refused| (refused, record)),
            |(refused, record)| {
                let (tensor, error) = refused.into_parts();
                assert_eq!((error, record.deleted()), (Error::AllocationFailed, 0));
                drop(tensor);
                assert_eq!(record.deleted(), 1);
            },
        );
        assert_eq!(count, expected);
    }
}

#[test]
fn h117_into_versioned() {
    convert(ManagedTensor::into_versioned);
}

#[test]
fn h117_into_legacy() {
    convert(ManagedTensorVersioned::into_legacy);
}

#[test]
fn h117_any_into_versioned() {
    let count = starve(
        || DLManagedTensor::from_c(&six()),
        |(tensor, record)| {
            AnyManagedTensor::from(tensor).into_versioned().map_err(|refused| (refused, record))
        },
        |(refused, record)| {
            assert_eq!((refused.error(), record.deleted()), (Error::AllocationFailed, 0));
            drop(refused);
            assert_eq!(record.deleted(), 1);
        },
    );
    assert_eq!(count, 1);
}

/// Sharing, which leaves the tensor with those that have it already.
fn share<A: Abi, H, T>(
    wrap: impl Fn(Managed<A>) -> H,
    share: impl Fn(&Arc<H>) -> Result<T, Error>,
) {
    for (spec, expected) in [(six(), 1), (nine(), 2)] {
        let count = starve(
            || {
                let (tensor, record) = A::from_c(&spec);
                (Arc::new(wrap(tensor)), record)
            },
            |(tensor, record)| share(&tensor).map_err(|error| (error, tensor, record)),
            |(error, tensor, record)| {
                assert_eq!((error, record.deleted()), (Error::AllocationFailed, 0));
                assert_eq!(Arc::strong_count(&tensor), 1);
                drop(tensor);
                assert_eq!(record.deleted(), 1);
            },
        );
        assert_eq!(count, expected);
    }
}

#[test]
fn h117_share() {
    share(|tensor| tensor, ManagedTensor::share);
    share(|tensor| tensor, ManagedTensorVersioned::share);
    // SAFETY: C initialised the elements, and nobody writes them.
    let freeze = |tensor: ManagedTensor| unsafe { tensor.assume_frozen() };
    share(freeze, Frozen::share);
}

#[test]
fn h117_share_view() {
    // SAFETY: C initialised the elements, and nobody writes them.
    let freeze = |tensor: ManagedTensorVersioned| unsafe { tensor.assume_frozen() };
    for (spec, expected) in [(six(), 1), (nine(), 4)] {
        let count = starve(
            || {
                let (tensor, record) = DLManagedTensorVersioned::from_c(&spec);
                (Arc::new(freeze(tensor)), record)
            },
            |(tensor, record)| {
                let child = tensor.share_view::<f32>(|all| Ok(all));
                child.map_err(|error| (error, tensor, record))
            },
            |(error, tensor, record)| {
                assert_eq!((error, record.deleted()), (Error::AllocationFailed, 0));
                assert_eq!(Arc::strong_count(&tensor), 1);
            },
        );
        assert_eq!(count, expected);
    }
}

#[test]
fn h117_copies() {
    let columns = TensorView::from_slice(&SIX, &[2, 3]).expect("six elements").transpose();
    let refused = |error| assert_eq!(error, Error::AllocationFailed);
    assert_eq!(starve(|| (), |()| columns.to_tensor(), refused), 2);

    let columns = Spec::of(&SIX).shape(&[1, 1, 1, 1, 1, 1, 1, 2, 3]);
    let columns = columns.strides(&[1, 1, 1, 1, 1, 1, 1, 1, 2]);
    for spec in [six(), six().strides(&[1, 2]), nine(), columns] {
        let (tensor, record) = DLManagedTensorVersioned::from_c(&spec);
        // SAFETY: C initialised the elements, and nobody writes them.
        let copy = |()| unsafe { tensor.to_copy() };
        assert!(starve(|| (), copy, refused) >= 2);
        drop(tensor);
        assert_eq!(record.deleted(), 1);
    }
}

#[test]
fn h117_copies_larger_than_any_memory() {
    let len = i64::try_from(isize::MAX / 8).expect("at most 64 bits");
    let (tensor, record) =
        DLManagedTensor::from_c(&Spec::of(&[1.5_f32]).shape(&[len]).strides(&[0]));
    // Without asking the system, since memory checkers take offence at such sizes.
    let failure = fail_nth(1);
    // SAFETY: C initialised the one element, and nobody writes it.
    let refused = unsafe { tensor.to_copy() }.map(drop);
    assert!(failure.happened());
    assert_eq!(refused, Err(Error::AllocationFailed));
    // SAFETY: the same.
    let view = unsafe { tensor.view::<f32>() }.expect("a view");
    let failure = fail_nth(1);
    let refused = view.to_tensor().map(drop);
    assert!(failure.happened());
    assert_eq!(refused, Err(Error::AllocationFailed));
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}

#[test]
fn h117_views() {
    let (tensor, record) = DLManagedTensorVersioned::from_c(&nine());
    let refused = |error| assert_eq!(error, Error::AllocationFailed);
    // SAFETY: C initialised the elements, and nobody writes them.
    let view = |()| unsafe { tensor.view::<f32>() }.map(drop);
    assert_eq!(starve(|| (), view, refused), 1);
    // SAFETY: the same.
    let view = unsafe { tensor.view::<f32>() }.expect("a view");
    let lend = |()| view.with_dl_tensor(|_| ());
    assert_eq!(starve(|| (), lend, refused), 1);
    drop(view);
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}
