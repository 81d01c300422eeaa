//! One tensor from C for many consumers, who are done in any order and on any thread.

use std::sync::Arc;
use std::thread;

use dlpack::ManagedTensorVersioned;
use dlpack_sys::DLManagedTensorVersioned;
use harness::consumer::gather_managed;
use harness::release::{delete, delete_on_thread, vandalise_and_delete};
use harness::{Record, either};
use proptest::prelude::*;

use crate::cases;
use crate::imported::{Foreign, foreign};

/// Who ends one of the shared tensors.
#[derive(Clone, Copy, Debug)]
enum End {
    Dropped,
    DroppedOnThread,
    DeletedByC,
    DeletedByCOnThread,
    SpoiltByC,
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::Dropped),
        Just(End::DroppedOnThread),
        Just(End::DeletedByC),
        Just(End::DeletedByCOnThread),
        Just(End::SpoiltByC),
    ]
}

fn end(child: ManagedTensorVersioned, how: End) {
    match how {
        End::Dropped => drop(child),
        End::DroppedOnThread => thread::spawn(move || drop(child)).join().unwrap(),
        // SAFETY: just passed on.
        End::DeletedByC => unsafe { delete(child.into_raw()) },
        // SAFETY: just passed on.
        End::DeletedByCOnThread => unsafe { delete_on_thread(child.into_raw()) },
        // SAFETY: just passed on.
        End::SpoiltByC => unsafe { vandalise_and_delete(child.into_raw()) },
    }
}

/// # Safety
///
/// Passes the tensor on.
unsafe fn arrived(raw: *mut DLManagedTensorVersioned) -> ManagedTensorVersioned {
    // SAFETY: the caller's promise.
    unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap()
}

/// `count` tensors that share what C made, and the record of the latter.
fn family(foreign: &Foreign, count: usize) -> (Vec<ManagedTensorVersioned>, Record) {
    let (tensor, record) = foreign.take_in();
    let children = either!(tensor, |tensor| {
        let tensor = Arc::new(tensor);
        // Every other one by the road without a description.
        let share = |i| match i % 2 {
            0 => tensor.share().unwrap(),
            // SAFETY: just passed on.
            _ => unsafe { arrived(tensor.share_opaque().unwrap().into_raw()) },
        };
        (0..count).map(share).collect()
    });
    (children, record)
}

/// Consumers, each with its place in the order in which they are done.
fn consumers() -> impl Strategy<Value = Vec<(End, usize)>> {
    prop::collection::vec((ends(), any::<prop::sample::Index>()), 1..=6).prop_map(|ends| {
        let places = ends.iter().enumerate().map(|(i, (_, place))| place.index(ends.len() - i));
        ends.iter().map(|(end, _)| *end).zip(places).collect()
    })
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn the_last_consumer_ends_it(foreign in foreign(), consumers in consumers()) {
        let (model, _) = foreign.place();
        let gathered = model.gather(&foreign.memory());
        let (mut children, record) = family(&foreign, consumers.len());
        for (how, place) in consumers {
            prop_assert_eq!(record.deleted(), 0);
            let child = children.swap_remove(place);
            let raw: *mut DLManagedTensorVersioned = child.as_raw();
            // SAFETY: the child is alive.
            let found = unsafe { gather_managed(raw) };
            prop_assert_eq!(found.as_ref(), Some(&gathered));
            end(child, how);
        }
        prop_assert_eq!(record.deleted(), 1);
    }

    /// All at once: the count is right whoever comes last.
    #[test]
    fn consumers_are_done_at_the_same_time(foreign in foreign(), count in 2..=6_usize) {
        let (children, record) = family(&foreign, count);
        thread::scope(|scope| {
            for child in children {
                scope.spawn(move || drop(child));
            }
        });
        prop_assert_eq!(record.deleted(), 1);
    }
}
