//! Panics in code of users that this crate calls, and owners, views and loans that are swapped for others of their type: each owner
//! is dropped once, and what a panic leaves behind can be used.
#![cfg(feature = "alloc")]

use std::mem;
use std::ops::{Bound, RangeBounds};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dlpack::loan::Loaned;
use dlpack::negotiate::{Producer, Request, Stream};
use dlpack::types::U4;
use dlpack::{
    BorrowedTensor, DataType, Device, Error, Exporter, Frozen, ManagedTensorVersioned, TensorView,
};
use harness::owners::Counted;

/// Whether a call panics.
fn panics<R>(call: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

/// A range that panics at one of its ends, or that has no end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Range {
    PanicsAtTheStart,
    PanicsAtTheEnd,
    BeyondAll,
}

impl RangeBounds<usize> for Range {
    fn start_bound(&self) -> Bound<&usize> {
        assert!(*self != Self::PanicsAtTheStart, "no start");
        Bound::Excluded(&usize::MAX)
    }

    fn end_bound(&self) -> Bound<&usize> {
        assert!(*self != Self::PanicsAtTheEnd, "no end");
        Bound::Included(&usize::MAX)
    }
}

#[test]
fn in_the_use_of_a_view() {
    let (owner, fate) = Counted::new(&[1_u32, 2, 3, 4]);
    let mut tensor = Exporter::new(owner).shape(&[2, 2]).build().unwrap();
    let mut view = tensor.view_mut::<u32>().unwrap();
    for range in [Range::PanicsAtTheStart, Range::PanicsAtTheEnd, Range::BeyondAll] {
        let sliced =
            |view: &mut dlpack::TensorViewMut<'_, u32>| view.reborrow().slice(0, range).map(drop);
        let panicked = panics(|| assert!(sliced(&mut view).is_err()));
        assert_eq!(panicked, range != Range::BeyondAll, "{range:?}");
        assert_eq!(view.shape(), [2, 2]);
    }
    assert!(panics(|| {
        view.iter_mut().for_each(|element| {
            assert!(*element < 3, "the third element");
            *element += 10;
        });
    }));
    assert!(panics(|| view.with_dl_tensor(|_| panic!("the consumer"))));
    assert_eq!(view.to_vec(), [11, 12, 3, 4]);

    let view = tensor.view::<u32>().unwrap().transpose();
    assert!(panics(|| view.reduce_memory_order(0, |_, _| panic!("a sum"))));
    assert!(panics(|| view.fold_memory_order(0, |_, _| panic!("a fold"))));
    let lent = tensor.as_dl_tensor().unwrap();
    let callback = |_: BorrowedTensor<'_>| -> Result<(), Error> { panic!("the callback") };
    // SAFETY: the tensor outlives the call.
    assert!(panics(|| unsafe { BorrowedTensor::with_raw(&lent, callback) }));
    assert_eq!(fate.dropped(), 0);
    drop(tensor);
    assert_eq!(fate.dropped(), 1);

    let packed = Exporter::new(vec![0x21_u8, 0x43]).dtype(DataType::U4).build().unwrap();
    let view = packed.packed_view::<U4>().unwrap();
    let mut values = [0; 4];
    let small = |value: U4| {
        assert!(value.to_u8() < 3, "the third value");
        value.to_u8()
    };
    assert!(panics(|| view.unpack_to(&mut values, small)));
    assert!(view.iter().map(U4::to_u8).eq([1, 2, 3, 4]));
}

/// A producer that panics in one of its functions.
struct Trap(Arc<Frozen<ManagedTensorVersioned>>, Option<&'static str>);

impl Trap {
    fn go(&self, function: &str) {
        assert!(self.1 != Some(function), "the producer panics");
    }
}

impl Producer for Trap {
    type Error = Error;

    fn device(&self) -> Device {
        self.go("device");
        Device::CPU
    }

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        self.go("export");
        Ok(self.0.share()?.into_inner())
    }

    fn synchronize(&self, _: Stream) -> Result<(), Error> {
        self.go("synchronize");
        Ok(())
    }
}

#[test]
fn in_what_makes_another_tensor() {
    let (owner, fate) = Counted::new(&[1_u32, 2]);
    let tensor = Arc::new(Exporter::new(owner).build().unwrap().freeze());
    assert!(panics(|| tensor.share_view::<u32>(|_| panic!("no part")).map(drop)));
    assert_eq!(Arc::strong_count(&tensor), 1);
    for function in [None, Some("device"), Some("export"), Some("synchronize")] {
        let trap = Trap(Arc::clone(&tensor), function);
        let panicked = panics(|| assert!(trap.respond(&Request::new()).is_ok()));
        assert_eq!(panicked, function.is_some(), "{function:?}");
        drop(trap);
        assert_eq!(Arc::strong_count(&tensor), 1, "no answer is left behind: {function:?}");
    }
    assert_eq!(fate.dropped(), 0);
    drop(tensor);
    assert_eq!(fate.dropped(), 1);
}

#[test]
fn tensors_and_slices_are_swapped() {
    let ((one, fate_of_one), (two, fate_of_two)) =
        (Counted::new(&[1_u32, 2]), Counted::new(&[3_u32]));
    let mut one = Exporter::new(one).build().unwrap();
    let mut two = Exporter::new(two).build().unwrap();
    mem::swap(&mut one, &mut two);
    let (mut one, two) = (one.into_slice::<u32>().unwrap(), two.into_slice::<u32>().unwrap());
    let mut two = mem::replace(&mut one, two);
    one[1] = 20;
    two[0] = 30;
    let (mut one, mut two) = (one.into_inner().freeze(), two.into_inner().freeze());
    assert_eq!(one.as_slice::<u32>().unwrap(), [1, 20]);
    mem::swap(&mut one, &mut two);
    assert_eq!(one.as_slice::<u32>().unwrap(), [30]);
    let mut one = one.into_inner().into_opaque().unwrap();
    let mut two = two.into_inner().into_opaque().unwrap();
    mem::swap(&mut one, &mut two);
    drop(one);
    assert_eq!((fate_of_one.dropped(), fate_of_two.dropped()), (1, 0));
    // SAFETY: nobody has seen the struct.
    let two = unsafe { two.into_managed() }.unwrap();
    assert_eq!(two.downcast::<Counted<u32>>().unwrap().elements, [30]);
    assert_eq!((fate_of_one.dropped(), fate_of_two.dropped()), (1, 1));
}

#[test]
fn loans_and_claims_are_swapped() {
    let ((one, fate_of_one), (two, fate_of_two)) = (Counted::new(&[1_u32]), Counted::new(&[2, 3]));
    let (mut one, mut claim_of_one) = Loaned::new(one).unwrap();
    let (mut two, mut claim_of_two) = Loaned::new(two).unwrap();
    mem::swap(one.owner_mut(), two.owner_mut());
    mem::swap(&mut claim_of_one, &mut claim_of_two);
    mem::swap(&mut one, &mut two);
    let (one, two) = (Exporter::new(one).build().unwrap(), Exporter::shared(two).build().unwrap());
    assert_eq!(one.as_slice::<u32>().unwrap(), [1]);
    drop(one);
    assert!(!claim_of_two.is_returned());
    assert_eq!(claim_of_one.try_take().unwrap().elements, [1]);
    drop(claim_of_two);
    assert_eq!((fate_of_one.dropped(), fate_of_two.dropped()), (1, 0));
    assert_eq!(two.as_slice::<u32>().unwrap(), [2, 3]);
    drop(two);
    assert_eq!(fate_of_two.dropped(), 1);
}

/// Nobody gets a tensor alone of which there is a share, also where a share keeps another tensor than the one that it is of.
#[test]
fn a_shared_tensor_is_nobodys_alone() {
    let (owner, fate) = Counted::new(&[1_u32, 2, 3]);
    let mut tensor = Arc::new(Exporter::new(owner).copied().build().unwrap().into_inner());
    let share = Arc::new(tensor.share().unwrap());
    let share_of_share = share.share().unwrap();
    assert!(Arc::get_mut(&mut tensor).is_none());
    drop(Arc::into_inner(share).expect("the share of it keeps the first tensor"));
    let tensor = Arc::try_unwrap(tensor).expect_err("which is kept");
    assert!(share_of_share.try_exclusive().is_err(), "a share is no copy");
    let tensor = Arc::into_inner(tensor).expect("no share is left");
    let tensor = tensor.try_exclusive().unwrap().fill(5_u32).unwrap();
    assert_eq!(tensor.as_slice::<u32>().unwrap(), [5; 3]);
    assert_eq!(fate.dropped(), 0);
    drop(tensor);
    assert_eq!(fate.dropped(), 1);
}

/// A view is as long-lived as what it is of, and not as itself, which the contract of `Descriptor::view` counts by.
#[test]
fn a_slice_outlives_its_view() {
    fn elements<'a>(view: TensorView<'a, u32>) -> &'a [u32] {
        view.as_slice().unwrap()
    }
    let tensor = Exporter::new(vec![1_u32, 2]).build().unwrap();
    assert_eq!(elements(tensor.view().unwrap()), [1, 2]);
}
