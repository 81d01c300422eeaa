//! Each order in which two or three threads can use a slot, a pool or a loan.
//!
//! Memory that only one thread may use at a time is a cell of loom's, which finds out if two do, or if one does before what the other
//! did has happened.

use core::alloc::Layout;
use core::ptr::NonNull;

use dlpack_loom::{Allocator, Loaned, Pool, Slot};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

/// Memory that is used by one at a time.
struct Memory(UnsafeCell<u32>);

// SAFETY: loom checks what it is used for.
unsafe impl Sync for Memory {}
// SAFETY: the same.
unsafe impl Send for Memory {}

impl Memory {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    fn write(&self) {
        // SAFETY: loom checks that nobody else uses the cell.
        self.0.with_mut(|it| unsafe { *it += 1 });
    }

    fn read(&self) -> u32 {
        // SAFETY: loom checks that nobody writes the cell.
        self.0.with(|it| unsafe { *it })
    }
}

type Room = Slot<u8, 1>;

fn small() -> Layout {
    Layout::new::<u8>()
}

/// A slot for as long as the program runs. Loom makes a new one for each order.
fn slot() -> &'static Room {
    Box::leak(Box::new(Slot::new()))
}

/// Uses the slot's memory, if it is free, as an export and its deleter do.
fn use_slot(slot: &'static Room, memory: &Memory) {
    if let Some(block) = slot.allocate(small()) {
        memory.write();
        // SAFETY: the slot's block.
        unsafe { slot.deallocate(block, small()) };
    }
}

#[test]
fn a_slot_is_one_threads_at_a_time() {
    loom::model(|| {
        let (slot, memory) = (slot(), Arc::new(Memory::new()));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let memory = Arc::clone(&memory);
                thread::spawn(move || use_slot(slot, &memory))
            })
            .collect();
        use_slot(slot, &memory);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(slot.is_free());
        assert!((1..=3).contains(&memory.read()));
    });
}

#[test]
fn a_free_slot_has_its_past_behind_it() {
    loom::model(|| {
        let (slot, memory) = (slot(), Arc::new(Memory::new()));
        let block = slot.allocate(small()).unwrap().as_ptr().addr();
        let other = {
            let (memory, place) = (Arc::clone(&memory), slot);
            thread::spawn(move || {
                memory.write();
                let block = NonNull::without_provenance(block.try_into().unwrap());
                // SAFETY: the slot's block, which was taken above; its address is not looked at.
                unsafe { place.deallocate(block, small()) };
            })
        };
        if slot.is_free() {
            assert_eq!(memory.read(), 1);
        }
        other.join().unwrap();
    });
}

#[test]
fn a_single_slot_waits_for_its_deleter() {
    loom::model(|| {
        let (slot, memory) = (slot(), Arc::new(Memory::new()));
        // SAFETY: this thread is the only one that exports.
        let single = unsafe { slot.single() };
        let block = single.allocate(small()).unwrap().as_ptr().addr();
        let other = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                memory.write();
                // SAFETY: as above.
                let single = unsafe { slot.single() };
                let block = NonNull::without_provenance(block.try_into().unwrap());
                // SAFETY: the slot's block, which was taken above.
                unsafe { single.deallocate(block, small()) };
            })
        };
        if single.allocate(small()).is_some() {
            memory.write();
        }
        other.join().unwrap();
    });
}

/// Uses a block of a pool, or of the heap if all are in use.
fn use_pool(pool: &Arc<Pool>, memory: &[Memory], start: usize) {
    let layout = Layout::new::<[u64; 16]>();
    let block = pool.allocate(layout).unwrap();
    let distance = block.as_ptr().addr().wrapping_sub(start);
    if let Some(memory) = memory.get(distance / layout.size()) {
        memory.write();
    }
    // SAFETY: a block of this allocator, with its layout.
    unsafe { pool.deallocate(block, layout) };
}

/// With `preemptions`, only orders in which threads are interrupted so often: there are too many for three threads.
fn pools(blocks: usize, threads: usize, preemptions: Option<usize>) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(move || {
        let pool = Arc::new(Pool::new::<u8>(blocks, 1).unwrap());
        // The first block is where the slab begins.
        let layout = Layout::new::<[u64; 16]>();
        let first = pool.allocate(layout).unwrap();
        let start = first.as_ptr().addr();
        // SAFETY: as above.
        unsafe { pool.deallocate(first, layout) };
        let memory: Arc<Vec<Memory>> = Arc::new((0..blocks).map(|_| Memory::new()).collect());
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let (pool, memory) = (Arc::clone(&pool), Arc::clone(&memory));
                thread::spawn(move || use_pool(&pool, &memory, start))
            })
            .collect();
        use_pool(&pool, &memory, start);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(pool.in_use(), 0);
    });
}

#[test]
fn a_pool_of_one_block() {
    pools(1, 2, None);
}

#[test]
fn a_pool_of_one_block_and_three_threads() {
    pools(1, 3, Some(1));
}

#[test]
fn a_pool_of_two_blocks() {
    pools(2, 2, None);
}

/// An owner that counts how often it is dropped, and notices if it is used meanwhile.
struct Owner {
    memory: Memory,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.memory.write();
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

fn loan() -> (Loaned<Owner>, dlpack_loom::Claim<Owner>, Arc<AtomicUsize>) {
    let dropped = Arc::new(AtomicUsize::new(0));
    let owner = Owner { memory: Memory::new(), dropped: Arc::clone(&dropped) };
    let (loaned, claim) = Loaned::new(owner).map_err(drop).expect("memory");
    (loaned, claim, dropped)
}

#[test]
fn a_loan_that_both_leave() {
    loom::model(|| {
        let (mut loaned, claim, dropped) = loan();
        let other = thread::spawn(move || {
            loaned.owner_mut().memory.write();
            drop(loaned);
        });
        drop(claim);
        other.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_loan_that_comes_back() {
    loom::model(|| {
        let (mut loaned, claim, dropped) = loan();
        let other = thread::spawn(move || {
            loaned.owner_mut().memory.write();
            drop(loaned);
        });
        match claim.try_take() {
            Ok(owner) => {
                assert_eq!(owner.memory.read(), 1);
                assert_eq!(dropped.load(Ordering::Relaxed), 0);
                drop(owner);
            }
            Err(claim) => drop(claim),
        }
        other.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_function_at_the_return_finds_the_owner_back() {
    loom::model(|| {
        let (loaned, claim, dropped) = loan();
        let told = Arc::new(AtomicUsize::new(0));
        let at = Arc::clone(&told);
        let mut loaned = loaned.on_return(move || at.store(1, Ordering::Release));
        let other = thread::spawn(move || {
            loaned.owner_mut().memory.write();
            drop(loaned);
        });
        if told.load(Ordering::Acquire) == 1 {
            assert!(claim.is_returned());
            let owner = claim.try_take().map_err(drop).expect("it was returned");
            assert_eq!(owner.memory.read(), 1);
            drop(owner);
        } else {
            drop(claim);
        }
        other.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}

/// Two threads that take turns as the contract of `single` has it: what the first one exported is there for the second.
#[test]
fn a_single_slot_is_taken_in_turn() {
    loom::model(|| {
        let (slot, said) = (slot(), Arc::new(AtomicUsize::new(0)));
        let other = {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                // SAFETY: the other thread exports only after it has loaded what is stored below.
                let single = unsafe { slot.single() };
                assert!(single.allocate(small()).is_some());
                said.store(1, Ordering::Release);
            })
        };
        // With `Relaxed`, in place of either of the two orders, both would have the room.
        if said.load(Ordering::Acquire) == 1 {
            // SAFETY: the other thread's export has happened before.
            let single = unsafe { slot.single() };
            assert!(single.allocate(small()).is_none());
        }
        other.join().unwrap();
    });
}
