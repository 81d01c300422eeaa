//! No memory: every allocation of every function that promises an error is made to fail in turn.

use std::sync::Arc;

use dlpack::{
    AnyManagedTensor, Error, Exporter, Frozen, ManagedTensor, ManagedTensorVersioned, Rejected,
    Tensor, TensorView,
};
use harness::alloc::fail_nth;
use harness::{Record, Spec};

use crate::support::{Abi, SIX, six};
use crate::tracked::{Fate, Tracked};

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

/// A tensor of C with so many dimensions, taken in.
fn import<A: Abi>(spec: &Spec) -> (A, Record) {
    let (raw, record) = spec.make::<A::Struct>();
    // SAFETY: C passes it on.
    (unsafe { A::import(raw) }.expect("a valid tensor"), record)
}

/// One element in nine dimensions, one more than are held without a heap.
fn nine() -> Spec {
    Spec::of(&[1.5_f32]).shape(&[1; 9])
}

#[test]
fn h117_import() {
    fn row<A: Abi>() {
        let count = starve(
            || nine().make::<A::Struct>(),
            |(raw, record)| {
                // SAFETY: C passes it on.
                unsafe { A::import(raw) }.map_err(|error| (error, record))
            },
            |(error, record)| {
                assert_eq!((error, record.deleted()), (Error::AllocationFailed, 1));
            },
        );
        assert_eq!(count, 1);
    }
    row::<ManagedTensorVersioned>();
    row::<ManagedTensor>();
}

#[test]
fn h117_export() {
    fn setup() -> (Tracked, Fate) {
        Tracked::new(&SIX)
    }
    fn refused((refused, fate): (Rejected<Tracked>, Fate)) {
        assert_eq!((refused.error(), fate.dropped()), (Error::AllocationFailed, 0));
        drop(refused.into_owner());
        assert_eq!(fate.dropped(), 1);
    }
    for shape in [&[2, 3][..], &[1, 1, 1, 1, 1, 1, 1, 2, 3]] {
        let expected = if shape.len() > 8 { 2 } else { 1 };
        let build = |(owner, fate): (Tracked, Fate)| {
            let exporter = Exporter::new(owner).shape(shape);
            exporter.build().map(drop).map_err(|refused| (refused, fate))
        };
        assert_eq!(starve(setup, build, refused), expected);
        let build_legacy = |(owner, fate): (Tracked, Fate)| {
            let exporter = Exporter::new(owner).shape(shape);
            exporter.build_legacy().map(drop).map_err(|refused| (refused, fate))
        };
        assert_eq!(starve(setup, build_legacy, refused), expected);
    }
}

/// A conversion that hands the tensor back.
fn convert<A: Abi, T>(convert: impl Fn(A) -> Result<T, Rejected<A>>) {
    for (spec, expected) in [(six(), 1), (nine(), 2)] {
        let count = starve(
            || import::<A>(&spec),
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
        || import::<ManagedTensor>(&six()),
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
fn share<A: Abi, H, T>(wrap: impl Fn(A) -> H, share: impl Fn(&Arc<H>) -> Result<T, Error>) {
    for (spec, expected) in [(six(), 1), (nine(), 2)] {
        let count = starve(
            || {
                let (tensor, record) = import::<A>(&spec);
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
fn h117_copies() {
    let columns = TensorView::from_slice(&SIX, &[2, 3]).expect("six elements").transpose();
    let refused = |error| assert_eq!(error, Error::AllocationFailed);
    assert_eq!(starve(|| (), |()| columns.to_tensor(), refused), 2);

    let columns = Spec::of(&SIX).shape(&[1, 1, 1, 1, 1, 1, 1, 2, 3]);
    let columns = columns.strides(&[1, 1, 1, 1, 1, 1, 1, 1, 2]);
    for spec in [six(), six().strides(&[1, 2]), nine(), columns] {
        let (tensor, record) = import::<ManagedTensorVersioned>(&spec);
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
        import::<ManagedTensor>(&Spec::of(&[1.5_f32]).shape(&[len]).strides(&[0]));
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
    let (tensor, record) = import::<ManagedTensorVersioned>(&nine());
    let refused = |error| assert_eq!(error, Error::AllocationFailed);
    // SAFETY: C initialised the elements, and nobody writes them.
    let view = |()| unsafe { tensor.view::<f32>() }.map(drop);
    assert_eq!(starve(|| (), view, refused), 1);
    // SAFETY: the same.
    let view = unsafe { tensor.view::<f32>() }.expect("a view");
    let lend = |()| dlpack::lend(&view, |_| ());
    assert_eq!(starve(|| (), lend, refused), 1);
    drop(view);
    drop(tensor);
    assert_eq!(record.deleted(), 1);
}
