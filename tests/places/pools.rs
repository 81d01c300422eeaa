//! Headers in a pool.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::{Arc, LazyLock, mpsc};
use std::thread;

use dlpack::allocator::{Allocator, Pool};
use dlpack::sys::{DLManagedTensor, DLManagedTensorVersioned};
use dlpack::{Error, Exporter};
use harness::abi::Abi;
use harness::export;
use harness::owners::Counted;

use crate::diary::{Diary, Event};
use crate::end::{End, Sent, delete};

#[test]
fn taken_and_given_back() {
    fn each<A: Abi>() {
        let pool = Arc::new(Pool::new::<Counted<u32>>(2, 2).unwrap());
        for end in End::ALL {
            let diary = Diary::default();
            let exporter = Exporter::new(diary.owner(&[1, 2])).shape(&[2, 1]);
            let raw = export!(A, exporter.header_in(Arc::clone(&pool))).unwrap();
            assert_eq!((pool.in_use(), Arc::strong_count(&pool)), (1, 2));
            // SAFETY: just exported.
            unsafe { end.of(raw) };
            assert_eq!((pool.in_use(), Arc::strong_count(&pool)), (0, 1));
            assert_eq!(diary.read(), [Event::OwnerDropped]);
        }
    }
    each::<DLManagedTensorVersioned>();
    each::<DLManagedTensor>();
}

/// What comes when all room is taken goes to the heap, and back there.
#[test]
fn more_than_there_is_room_for() {
    for capacity in [0, 1, 3, 63, 64, 65, 128, 130] {
        let pool = Arc::new(Pool::new::<[u32; 2]>(capacity, 1).unwrap());
        assert_eq!((pool.capacity(), pool.in_use()), (capacity, 0));
        let export = |n| Exporter::new([n, n]).header_in(Arc::clone(&pool)).build().unwrap();
        let mut tensors: Vec<_> = (0..10 + u32::try_from(capacity).unwrap()).map(export).collect();
        assert_eq!(pool.in_use(), capacity);
        for (n, tensor) in (0_u32..).zip(&tensors) {
            assert_eq!(tensor.as_slice::<u32>().unwrap(), [n, n], "nobody wrote over it");
        }
        // The last are on the heap.
        tensors.truncate(capacity);
        assert_eq!(pool.in_use(), capacity);
        if capacity > 0 {
            tensors.remove(capacity / 2);
            assert_eq!(pool.in_use(), capacity - 1);
            tensors.push(export(7));
            assert_eq!(pool.in_use(), capacity);
        }
        drop(tensors);
        assert_eq!((pool.in_use(), Arc::strong_count(&pool)), (0, 1));
    }
}

/// Asked directly: blocks are aligned, as large as said, and no two have a byte in common.
#[test]
fn blocks_are_disjoint() {
    for (size, align) in [(1, 1), (24, 8), (24, 64), (200, 16), (4096, 4096)] {
        let layout = Layout::from_size_align(size, align).unwrap();
        let pool = Arc::new(Pool::with_layout(70, layout).unwrap());
        let mut blocks: Vec<NonNull<u8>> =
            (0..80).map(|_| Allocator::allocate(&pool, layout).unwrap()).collect();
        assert_eq!(pool.in_use(), 70);
        for (n, block) in (0_u8..).zip(&blocks) {
            assert_eq!(block.addr().get() % align, 0);
            // SAFETY: as large as was asked for.
            unsafe { block.write_bytes(n, size) };
        }
        blocks.sort();
        assert!(blocks.windows(2).all(|pair| pair[1].addr().get() - pair[0].addr().get() >= size));
        for block in blocks {
            // SAFETY: allocated above.
            unsafe { Allocator::deallocate(&pool, block, layout) };
        }
        assert_eq!(pool.in_use(), 0);
    }
}

#[test]
fn what_does_not_fit_goes_to_the_heap() {
    let pool = Arc::new(Pool::new::<[u8; 4]>(4, 2).unwrap());
    let larger = Exporter::new([0_u8; 100]).header_in(Arc::clone(&pool)).build().unwrap();
    let shape = [1; 3];
    let longer = Exporter::new([0_u8; 4]).shape(&shape).header_in(Arc::clone(&pool));
    let longer = longer.into_raw().unwrap();
    let stricter = Exporter::new([0_u128]).header_in(Arc::clone(&pool)).build().unwrap();
    assert_eq!((pool.in_use(), Arc::strong_count(&pool)), (0, 4));
    let fits = Exporter::new([0_u8; 4]).shape(&[2, 2]).header_in(Arc::clone(&pool)).build();
    assert_eq!(pool.in_use(), 1);
    drop((larger, stricter, fits));
    // SAFETY: just exported.
    unsafe { delete(longer) };
    assert_eq!((pool.in_use(), Arc::strong_count(&pool)), (0, 1));
}

/// The headers keep the pool.
#[test]
fn a_pool_dropped_before_its_headers() {
    let pool = Arc::new(Pool::new::<Counted<u32>>(1, 1).unwrap());
    let diary = Diary::default();
    let export = |n: u32| Exporter::new(diary.owner(&[n])).header_in(Arc::clone(&pool));
    let (inside, outside) = (export(1).build().unwrap(), export(2).into_raw_legacy().unwrap());
    let weak = Arc::downgrade(&pool);
    drop(pool);
    assert_eq!(weak.strong_count(), 2);
    assert_eq!(inside.as_slice::<u32>().unwrap(), [1]);
    // SAFETY: just exported.
    unsafe { End::DeletedElsewhere.of(outside) };
    assert_eq!(weak.strong_count(), 1);
    let owner = inside.into_inner().downcast::<Counted<u32>>().unwrap();
    assert_eq!((weak.strong_count(), &owner.elements[..]), (0, &[1][..]));
    assert_eq!(diary.read(), [Event::OwnerDropped]);
}

#[test]
fn a_pool_for_good() {
    static POOL: LazyLock<Pool> = LazyLock::new(|| Pool::new::<Vec<u8>>(1, 1).unwrap());
    let pool: &'static Pool = &POOL;
    let raw = Exporter::new(vec![1_u8]).header_in(pool).into_raw().unwrap();
    let second = Exporter::new(vec![2_u8]).header_in(pool).build_legacy().unwrap();
    assert_eq!(pool.in_use(), 1);
    // SAFETY: just exported.
    unsafe { End::Vandalised.of(raw) };
    assert_eq!((pool.in_use(), second.as_slice::<u8>().unwrap()), (0, &[2][..]));
}

#[test]
fn a_refused_export_gives_the_room_back() {
    let pool = Arc::new(Pool::new::<Vec<u8>>(1, 1).unwrap());
    let refused = Exporter::new(vec![1_u8]).shape(&[2]).header_in(Arc::clone(&pool)).build();
    assert_eq!((pool.in_use(), Arc::strong_count(&pool)), (0, 1));
    assert_eq!(refused.unwrap_err().into_inner(), [1]);
}

#[test]
fn more_than_any_memory() {
    for count in [usize::MAX, usize::MAX / 2, isize::MAX.unsigned_abs() / 8] {
        assert_eq!(Pool::new::<Vec<u8>>(count, 1).map(drop), Err(Error::AllocationFailed));
    }
}

/// Whoever asks for nothing gets nothing, also from a pool whose blocks are of no size.
#[test]
fn nothing_is_asked_for() {
    for layout in [Layout::new::<()>(), Layout::new::<u64>()] {
        let pool = Arc::new(Pool::with_layout(4, layout).unwrap());
        assert_eq!(Allocator::allocate(&pool, Layout::new::<()>()), None);
        assert_eq!(pool.in_use(), 0);
        let tensor = Exporter::new([1_u8]).header_in(Arc::clone(&pool)).build().unwrap();
        assert_eq!((pool.in_use(), tensor.numel()), (0, 1));
    }
}

/// Eight threads export and delete each other's tensors; each header is one tensor's at a time.
#[test]
fn eight_threads() {
    let rounds = if cfg!(miri) { 10 } else { 400 };
    let layout = Exporter::<Vec<u64>, _, Arc<Pool>>::header_layout(1);
    let pool = Arc::new(Pool::with_layout(5, layout).unwrap());
    thread::scope(|scope| {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..8).map(|_| mpsc::channel::<(Sent<DLManagedTensorVersioned>, u64)>()).unzip();
        let mut senders = senders.into_iter().cycle().skip(1);
        for (name, inbox) in (0_u64..).zip(receivers) {
            let next = senders.next().expect("a neighbour");
            let pool = &pool;
            scope.spawn(move || {
                for round in 0..rounds {
                    let number = name * rounds + round;
                    let exporter = Exporter::new(vec![number; 3]).header_in(Arc::clone(pool));
                    next.send((Sent(exporter.into_raw().unwrap()), number)).unwrap();
                    let (raw, number) = inbox.recv().unwrap();
                    let raw = raw.get();
                    // SAFETY: sent here to be deleted.
                    let data = unsafe { (*raw).dl_tensor.data };
                    // SAFETY: three elements.
                    assert_eq!(unsafe { data.cast::<[u64; 3]>().read() }, [number; 3]);
                    // SAFETY: sent here to be deleted.
                    unsafe { delete(raw) };
                }
            });
        }
    });
    assert_eq!((pool.in_use(), Arc::strong_count(&pool)), (0, 1));
}

/// The room before the last one that was found is found again, too.
#[test]
fn room_before_the_hint() {
    let pool = Arc::new(Pool::new::<[u32; 1]>(2, 1).unwrap());
    let export = || Exporter::new([7_u32]).header_in(Arc::clone(&pool)).build().unwrap();
    let (first, second) = (export(), export());
    drop(first);
    drop(second);
    let both = [export(), export()];
    assert_eq!(pool.in_use(), 2);
    drop(both);
    assert_eq!(pool.in_use(), 0);
}

/// A block of one byte more than there is room for comes from the heap.
#[test]
fn not_one_byte_more() {
    let layout = Layout::from_size_align(64, 8).unwrap();
    let pool = Arc::new(Pool::with_layout(2, layout).unwrap());
    for (size, align, in_use) in [(64, 8, 1), (65, 8, 0), (72, 8, 0), (64, 16, 0), (1, 1, 1)] {
        let layout = Layout::from_size_align(size, align).unwrap();
        let block = pool.allocate(layout).unwrap();
        assert_eq!(pool.in_use(), in_use, "{size} bytes at multiples of {align}");
        // SAFETY: a block of this allocator, with its layout.
        unsafe { pool.deallocate(block, layout) };
        assert_eq!(pool.in_use(), 0);
    }
}
