//! Who makes tensors, and who ends them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use dlpack::allocator::{Pool, Slot};
use dlpack::loan::{Claim, Loaned};
use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{Device, Error, Exporter, ManagedTensor, ManagedTensorVersioned, RejectedError};
use harness::alloc::fail_nth;
use harness::owners::Counted;
use harness::release::{Bag, consume as walk_and_delete, delete, vandalise_and_delete};

use crate::ledger::Ledger;
use crate::places::{Block, Failing};

/// A tensor on its way to its consumer, and a claim that goes with some.
pub(crate) struct Goods {
    tensor: Raw,
    claim: Option<Claim<Counted<u32>>>,
}

enum Raw {
    Versioned(*mut DLManagedTensorVersioned),
    Legacy(*mut DLManagedTensor),
}

// SAFETY: whoever has the pointer owns the tensor, and deleters run on any thread.
unsafe impl Send for Goods {}

/// Numbers that look like chance, the same in every run: xorshift.
struct Dice(u32);

impl Dice {
    fn new(seed: usize) -> Self {
        Self(0x9e37_79b9 ^ u32::try_from(seed).expect("small").wrapping_mul(0x85eb_ca6b))
    }

    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % sides
    }
}

fn elements(round: usize) -> [u32; 6] {
    [u32::try_from(round).expect("few rounds"); 6]
}

/// Exports as one ABI or the other; at times the heap fails meanwhile.
macro_rules! export {
    ($exporter:expr, $dice:expr) => {{
        let exporter = $exporter.shape(&[2, 3]);
        let is_legacy = $dice.roll(2) == 0;
        let failure = ($dice.roll(5) == 0).then(|| fail_nth(1));
        let result = if is_legacy {
            exporter.into_raw_legacy().map(Raw::Legacy)
        } else {
            exporter.into_raw().map(Raw::Versioned)
        };
        drop(failure);
        result
    }};
}

/// What a refusal must be, and that the owner is dropped with what was handed back.
fn refused<T, S>(result: Result<T, RejectedError<S>>) -> Option<T> {
    result.map_err(|refused| assert_eq!(refused.error(), Error::AllocationFailed)).ok()
}

/// Makes tensors of all kinds, and says how many exports succeeded.
pub(crate) fn produce(
    number: usize,
    rounds: usize,
    consumers: &[SyncSender<Goods>],
    ledger: &Ledger,
    pool: &Arc<Pool>,
) -> usize {
    let mut dice = Dice::new(number);
    let mut count = 0;
    for round in 0..rounds {
        let mut goods = Vec::new();
        let owner = ledger.owner(&elements(round));
        match dice.roll(4) {
            0 => goods.extend(plain(owner, &mut dice, ledger, pool)),
            1 => goods.extend(raw_parts(owner, &mut dice, ledger, pool)),
            2 => goods.extend(lent(owner, &mut dice, pool)),
            _ => goods.extend(shared(owner, &mut dice)),
        }
        count += usize::from(!goods.is_empty());
        for goods in goods {
            let consumer = usize::try_from(dice.roll(64)).expect("small") % consumers.len();
            consumers[consumer].send(goods).expect("the consumer is there");
        }
    }
    count
}

fn alone(tensor: Raw) -> Goods {
    Goods { tensor, claim: None }
}

/// A Rust owner in each of the places.
fn plain(owner: Counted<u32>, dice: &mut Dice, ledger: &Ledger, pool: &Arc<Pool>) -> Option<Goods> {
    static SLOTS: [Slot<Counted<u32>, 2>; 2] = [const { Slot::new() }; 2];
    let tensor = match dice.roll(6) {
        0 => refused(export!(Exporter::new(owner), dice)),
        1 => refused(export!(Exporter::new(owner).header_in(Arc::clone(pool)), dice)),
        2 => refused(export!(Exporter::new(owner).header_in(&SLOTS[0]), dice)),
        3 => {
            let failing = Failing(Arc::clone(&ledger.headers));
            refused(export!(Exporter::new(owner).header_in(failing), dice))
        }
        4 => {
            let block = Block::new(owner);
            let room = block.room();
            // SAFETY: the block's own memory, which is used for nothing else.
            refused(export!(unsafe { Exporter::new(block).header_in_place(room) }, dice))
        }
        // What was refused by one slot is tried in the other, and then on the heap.
        _ => match export!(Exporter::new(owner).header_in(&SLOTS[1]), dice) {
            Ok(tensor) => Some(tensor),
            Err(refused) => {
                let owner = refused.into_inner();
                Exporter::new(owner).into_raw().ok().map(Raw::Versioned)
            }
        },
    };
    tensor.map(alone)
}

/// The same memory as no slice of Rust's.
fn raw_parts(
    mut owner: Counted<u32>,
    dice: &mut Dice,
    ledger: &Ledger,
    pool: &Arc<Pool>,
) -> Option<Goods> {
    let data = owner.elements.as_mut_ptr();
    // SAFETY: the elements stay where they are until the owner is dropped, and nobody else uses them.
    let exporter = unsafe { Exporter::from_raw_parts(owner, data.cast(), 24, Device::CPU) };
    let exporter = exporter.dtype(dlpack::DataType::U32);
    let tensor = if dice.roll(2) == 0 {
        refused(export!(exporter.header_in(Arc::clone(pool)), dice))
    } else {
        refused(export!(exporter.header_in(Failing(Arc::clone(&ledger.headers))), dice))
    };
    tensor.map(alone)
}

/// A loan, whose claim goes with the tensor, is dropped, or is looked at while the consumer works.
fn lent(owner: Counted<u32>, dice: &mut Dice, pool: &Arc<Pool>) -> Option<Goods> {
    let failure = (dice.roll(5) == 0).then(|| fail_nth(1));
    let lent = Loaned::new(owner);
    drop(failure);
    let (loaned, claim) = refused(lent)?;
    let tensor = refused(export!(Exporter::new(loaned).header_in(Arc::clone(pool)), dice));
    match (tensor, dice.roll(2)) {
        (None, _) => {
            assert_eq!(claim.try_take().expect("handed back").elements.len(), 6);
            None
        }
        (Some(tensor), 0) => {
            drop(claim);
            Some(alone(tensor))
        }
        (Some(tensor), _) => Some(Goods { tensor, claim: Some(claim) }),
    }
}

/// Several consumers for one tensor, and for parts of it.
fn shared(owner: Counted<u32>, dice: &mut Dice) -> Vec<Goods> {
    let tensor = Exporter::new(owner).shape(&[2, 3]).build().expect("memory");
    let tensor = Arc::new(tensor.freeze());
    let mut goods = Vec::new();
    for _ in 0..=dice.roll(3) {
        let is_part = dice.roll(2) == 0;
        let failure = (dice.roll(5) == 0).then(|| fail_nth(1));
        let child = if is_part {
            tensor.share_view::<u32>(|all| all.transpose().slice(0, 1..3))
        } else {
            tensor.share()
        };
        drop(failure);
        match child {
            Ok(child) => goods.push(alone(Raw::Versioned(child.into_raw()))),
            Err(error) => assert_eq!(error, Error::AllocationFailed),
        }
    }
    goods
}

/// Ends tensors in every way that there is.
pub(crate) fn consume(number: usize, goods: &Receiver<Goods>) {
    let mut dice = Dice::new(100 + number);
    let mut bag = Bag::new();
    let mut claims = Vec::new();
    for Goods { tensor, claim } in goods {
        let claim_first = dice.roll(2) == 0;
        claims.extend(claim);
        if claim_first {
            claims = claims.into_iter().filter_map(take).collect();
        }
        match tensor {
            Raw::Versioned(raw) => end_versioned(raw, &mut dice, &mut bag),
            Raw::Legacy(raw) => end_legacy(raw, &mut dice, &mut bag),
        }
        if bag.len() > 5 {
            bag = Bag::new();
        }
    }
    drop(bag);
    for claim in claims {
        assert!(take(claim).is_none(), "all tensors are deleted");
    }
}

/// Takes an owner back if its tensor has ended.
fn take(claim: Claim<Counted<u32>>) -> Option<Claim<Counted<u32>>> {
    match claim.try_take() {
        Ok(owner) => {
            assert_eq!(owner.elements.len(), 6);
            None
        }
        Err(claim) => Some(claim),
    }
}

fn end_versioned(raw: *mut DLManagedTensorVersioned, dice: &mut Dice, bag: &mut Bag) {
    match dice.roll(5) {
        // SAFETY: here and below: sent to be ended, once.
        0 => unsafe { delete(raw) },
        // SAFETY: as above.
        1 => unsafe { vandalise_and_delete(raw) },
        // SAFETY: as above.
        2 => assert!(unsafe { walk_and_delete(raw) }.is_some()),
        // SAFETY: as above.
        3 => unsafe { bag.hold(raw) },
        _ => {
            // SAFETY: as above.
            let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a valid tensor");
            if let Ok(owner) = tensor.downcast::<Counted<u32>>() {
                assert_eq!(owner.elements.len(), 6);
            }
        }
    }
}

fn end_legacy(raw: *mut DLManagedTensor, dice: &mut Dice, bag: &mut Bag) {
    match dice.roll(5) {
        // SAFETY: here and below: sent to be ended, once.
        0 => unsafe { delete(raw) },
        // SAFETY: as above.
        1 => unsafe { vandalise_and_delete(raw) },
        // SAFETY: as above.
        2 => assert!(unsafe { walk_and_delete(raw) }.is_some()),
        // SAFETY: as above.
        3 => unsafe { bag.hold(raw) },
        _ => {
            // SAFETY: as above.
            let tensor = unsafe { ManagedTensor::from_raw(raw) }.expect("a valid tensor");
            // SAFETY: the producer wrote it, and does no more.
            let tensor = unsafe { tensor.assume_writable() };
            let wrapped = tensor.into_versioned().expect("memory");
            drop(wrapped.into_legacy().expect("writable"));
        }
    }
}
