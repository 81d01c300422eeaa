//! Tensors that go out, and their owners on the way back.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use dlpack::allocator::{Allocator, Pool, Slot};
use dlpack::loan::Loaned;
use dlpack::{DataType, Exclusive, Exporter, ManagedTensorVersioned};
use harness::alloc::count;
use harness::release::delete;

use crate::{allocates, gives_all_back};

/// One allocation for the struct, its shape and strides and its owner.
macro_rules! exports_take {
    ($end:ident, $exporter:expr) => {
        gives_all_back(|| {
            let (all, one_axis, many_axes) = ($exporter, $exporter, $exporter);
            let tensor = allocates(1, || all.$end().unwrap());
            allocates(0, || drop(tensor));
            let one_axis = one_axis.shape(&[2]).strides(&[-2]).offset(3);
            let tensor = allocates(1, || one_axis.$end().unwrap());
            allocates(0, || drop(tensor));
            let many_axes = many_axes.shape(&[1, 1, 1, 1, 1, 1, 1, 2, 2]);
            let tensor = allocates(2, || many_axes.$end().unwrap());
            allocates(0, || drop(tensor));
        });
    };
}

/// And one more above eight axes, for the shape and strides that the Rust side keeps.
#[test]
fn an_export_allocates_once() {
    static TABLE: [u32; 4] = [1, 2, 3, 4];
    let (shared, vector) = (Arc::<[u32]>::from(TABLE), Arc::new(TABLE.to_vec()));
    exports_take!(build, Exporter::new(TABLE.to_vec()));
    exports_take!(build_legacy, Exporter::new(TABLE.to_vec()));
    exports_take!(build, Exporter::new(Box::<[u32]>::from(TABLE)));
    exports_take!(build_legacy, Exporter::new(Box::<[u32]>::from(TABLE)));
    exports_take!(build, Exporter::new(TABLE));
    exports_take!(build_legacy, Exporter::new(TABLE));
    exports_take!(build, Exporter::shared(Arc::clone(&shared)));
    exports_take!(build, Exporter::shared(&TABLE[..]));
    exports_take!(build, Exporter::of(Arc::clone(&vector), |vector| vector.as_slice()));
    exports_take!(build_legacy, Exporter::of_mut((TABLE, 7_u8), |pair| &mut pair.0));
}

#[test]
fn an_export_of_other_elements_allocates_once() {
    gives_all_back(|| {
        let (packed, empty) = (vec![0_u8; 8], Vec::<f64>::new());
        let packed = Exporter::new(packed).dtype(DataType::F4_E2M1FN).shape(&[4, 4]);
        drop(allocates(1, || packed.copied().build().unwrap()));
        drop(allocates(1, || Exporter::new(empty).shape(&[0, 3]).build().unwrap()));
    });
}

/// As a pointer there is nothing but the header, whatever the number of axes.
#[test]
fn a_pointer_allocates_once() {
    for ndim in [0, 1, 8, 9, 64] {
        let shape = vec![1; ndim];
        gives_all_back(|| {
            let (one, two) = (vec![1_u8], vec![1_u8]);
            let raw = allocates(1, || Exporter::new(one).shape(&shape).into_raw().unwrap());
            // SAFETY: just exported.
            allocates(0, || unsafe { delete(raw) });
            let raw = allocates(1, || Exporter::new(two).shape(&shape).into_raw_legacy().unwrap());
            // SAFETY: just exported.
            allocates(0, || unsafe { delete(raw) });
        });
    }
}

/// Exports one header after the other into a place: the heap has no part in it, deleters included.
fn touches_no_heap<A: Allocator>(place: impl Fn() -> A) {
    for ndim in [0, 1, 8, 9, 64] {
        let shape = vec![1; ndim];
        let owner = Arc::<[u32]>::from([7]);
        allocates(0, || {
            for _ in 0..100 {
                let exporter =
                    Exporter::shared(Arc::clone(&owner)).shape(&shape).header_in(place());
                let raw = exporter.into_raw().unwrap();
                // SAFETY: just exported.
                unsafe { delete(raw) };
            }
        });
    }
}

#[test]
fn a_place_of_its_own_touches_no_heap() {
    static SLOT: Slot<Arc<[u32]>, 64> = Slot::new();
    touches_no_heap(|| &SLOT);
    // SAFETY: this thread is the only one to use the slot.
    touches_no_heap(|| unsafe { SLOT.single() });
    let pool = Arc::new(Pool::new::<Arc<[u32]>>(2, 64).unwrap());
    touches_no_heap(|| Arc::clone(&pool));
}

/// It ends with the last header that is out, not before.
#[test]
fn a_pool_gives_its_blocks_back() {
    gives_all_back(|| {
        let pool = Arc::new(Pool::new::<[u8; 1]>(70, 1).unwrap());
        let tensor = Exporter::new([1_u8]).header_in(Arc::clone(&pool)).build().unwrap();
        drop(pool);
        assert_eq!(tensor.as_slice::<u8>().unwrap(), [1]);
    });
    gives_all_back(|| drop(Pool::new::<[u8; 1]>(0, 1).unwrap()));
}

#[test]
fn a_loan_allocates_once() {
    gives_all_back(|| {
        let owner = vec![1_u8, 2];
        let (loaned, claim) = allocates(1, || Loaned::new(owner).unwrap());
        let raw = allocates(1, || Exporter::new(loaned).into_raw().unwrap());
        // SAFETY: just exported.
        allocates(0, || unsafe { delete(raw) });
        assert_eq!(allocates(0, || claim.try_take().unwrap()), [1, 2]);
        // Whoever leaves last, nothing is left.
        let (loaned, claim) = Loaned::new(vec![1_u8]).unwrap();
        drop(Exporter::new(loaned).build().unwrap());
        drop(claim);
        let (loaned, claim) = Loaned::new(vec![1_u8]).unwrap();
        drop(claim);
        drop(Exporter::new(loaned).build().unwrap());
    });
}

/// Whoever drops a claim last learns of the owner's panic, and no memory is lost.
#[test]
fn a_loan_of_an_owner_that_panics() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("the owner panics"));
        }
    }
    // On some machines a thread keeps memory from its first panic on.
    assert!(std::panic::catch_unwind(|| drop(Loud)).is_err());
    gives_all_back(|| {
        let (loaned, claim) = Loaned::new((Loud, [0_u64; 40])).map_err(|_| "no memory").unwrap();
        drop(loaned);
        let drop = std::panic::AssertUnwindSafe(|| drop(claim));
        assert!(std::panic::catch_unwind(drop).is_err());
    });
}

#[test]
fn a_part_allocates_once() {
    gives_all_back(|| {
        let parent = Exporter::new(vec![1_u8, 2, 3, 4]).shape(&[2, 2]).build().unwrap();
        let parent = Arc::new(parent.freeze());
        let part = || parent.share_view::<u8>(|all| Ok(all.transpose())).unwrap();
        drop(allocates(1, part));
    });
}

#[test]
fn a_refused_export_gives_all_back() {
    gives_all_back(|| {
        let owner = vec![1_u32; 4];
        let start = owner.as_ptr();
        let refused = Exporter::new(owner).shape(&[5]).build().unwrap_err();
        let refused = Exporter::new(refused.into_inner()).strides(&[1, 1]).build().unwrap_err();
        let refused = Exporter::new(refused.into_inner()).padded().build_legacy().unwrap_err();
        let owner = refused.into_inner();
        assert_eq!((owner.as_ptr(), owner.len()), (start, 4));
    });
}

#[test]
fn the_way_back_allocates_nothing() {
    gives_all_back(|| {
        let tensor = Exporter::new(vec![1_u8, 2]).build().unwrap().into_inner();
        let data = allocates(0, || {
            let raw = tensor.into_raw();
            // SAFETY: just passed on.
            let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.unwrap();
            tensor.downcast::<Vec<u16>>().unwrap_err().downcast::<Vec<u8>>().unwrap()
        });
        assert_eq!(data, [1, 2]);
        let tensor = Exporter::new([1_u8, 2]).build_legacy().unwrap().into_inner();
        assert_eq!(allocates(0, || tensor.downcast::<[u8; 2]>().unwrap()), [1, 2]);
    });
}

/// A buffer that goes back to its ring when it is dropped.
struct Frame {
    pixels: Vec<u8>,
    ring: SyncSender<Vec<u8>>,
    /// Tells that the buffer has been exported again.
    again: Option<Arc<Again>>,
}

type Again = std::sync::Mutex<Receiver<()>>;

impl Drop for Frame {
    fn drop(&mut self) {
        self.ring.send(std::mem::take(&mut self.pixels)).unwrap();
        if let Some(again) = &self.again {
            // An error says that nothing is exported any more.
            let _ = again.lock().unwrap().recv();
        }
    }
}

/// How many headers come from the heap when two buffers are exported again and again, with room for `headers` in a pool, while
/// another thread drops the tensors. If `waits`, each drop of a buffer ends only after the buffer has been exported again,
/// as if its thread had lost the processor between the return of the buffer and that of the header.
fn from_the_heap(headers: usize, frames: usize, waits: bool) -> u64 {
    const BUFFERS: usize = 2;
    let pool = Arc::new(Pool::new::<Frame>(headers, 2).unwrap());
    let (ring, free) = sync_channel(BUFFERS);
    for _ in 0..BUFFERS {
        ring.send(vec![0_u8; 6]).unwrap();
    }
    let (exported, again) = sync_channel(BUFFERS);
    let again = waits.then(|| Arc::new(Again::new(again)));
    let (tensors, taken) = sync_channel::<Exclusive<ManagedTensorVersioned>>(BUFFERS);
    let consumer = thread::spawn(move || taken.iter().map(drop).count());
    let mut from_the_heap = 0;
    for frame in 0..frames {
        let pixels = free.recv().unwrap();
        let owner = Frame { pixels, ring: ring.clone(), again: again.clone() };
        let exporter = Exporter::of_mut(owner, |frame| &mut frame.pixels).shape(&[2, 3]);
        let (tensor, allocations) =
            count(|| exporter.header_in(Arc::clone(&pool)).build().unwrap());
        from_the_heap += allocations;
        if waits && frame >= BUFFERS {
            exported.send(()).unwrap(); // The first exports use buffers that nobody has dropped.
        }
        tensors.send(tensor).unwrap();
    }
    drop((exported, tensors));
    assert_eq!(consumer.join().unwrap(), frames);
    assert_eq!((free.try_iter().count(), pool.in_use()), (BUFFERS, 0));
    from_the_heap
}

/// A buffer is back in its ring before its header is back in the pool, which needs room for one more header for the thread
/// that drops the tensors.
#[test]
fn a_ring_of_buffers_needs_one_more_header() {
    assert_eq!(from_the_heap(3, 50_000, false), 0);
    assert_eq!(from_the_heap(3, 1_000, true), 0);
    // Without the waiting it is left to chance whether a pool of as many headers as buffers is enough.
    assert_ne!(from_the_heap(2, 1_000, true), 0);
}
