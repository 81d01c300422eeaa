//! Code of users that exports again while a tensor comes into being or ends: the drop of an owner, the function at the return of a
//! loan, an allocator and the drop of its handle.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};

use dlpack::allocator::{Allocator, Global, Pool, Slot};
use dlpack::loan::Loaned;
use dlpack::{DataType, Device, Error, Exporter, ManagedTensorVersioned};

use crate::end::delete;

/// Where an owner exports another when it is dropped.
#[derive(Clone, Copy, Debug)]
enum Nest {
    Slot,
    Pool,
}

static SLOT: Slot<Phoenix, 1> = Slot::new();
static POOL: OnceLock<Pool> = OnceLock::new();

/// Exports another of its kind when it is dropped, as long as it has lives left.
struct Phoenix {
    elements: [u32; 4],
    lives: u32,
    nest: Nest,
    drops: Arc<AtomicU32>,
}

impl Phoenix {
    fn new(lives: u32, nest: Nest, drops: &Arc<AtomicU32>) -> Self {
        Self { elements: [lives; 4], lives, nest, drops: Arc::clone(drops) }
    }
}

impl AsMut<[u32]> for Phoenix {
    fn as_mut(&mut self) -> &mut [u32] {
        &mut self.elements
    }
}

impl Drop for Phoenix {
    fn drop(&mut self) {
        self.drops.fetch_add(1, SeqCst);
        let Some(lives) = self.lives.checked_sub(1) else { return };
        let next = Exporter::new(Self::new(lives, self.nest, &self.drops));
        match self.nest {
            // Not free before this one is gone.
            Nest::Slot => {
                let refused = next.header_in(&SLOT).build().unwrap_err();
                assert_eq!(refused.error(), Error::AllocationFailed);
                assert_eq!(refused.into_inner().elements, [lives; 4]);
            }
            // The heap, once there is no room.
            Nest::Pool => {
                let tensor = next.header_in(POOL.get().unwrap()).build().unwrap();
                assert_eq!(tensor.as_slice::<u32>().unwrap(), [lives; 4]);
            }
        }
        assert_eq!(self.elements, [lives + 1; 4]);
    }
}

#[test]
fn an_owner_that_exports_where_it_lies() {
    POOL.get_or_init(|| Pool::new::<Phoenix>(2, 1).unwrap());
    for nest in [Nest::Slot, Nest::Pool] {
        let drops = Arc::new(AtomicU32::new(0));
        let exporter = Exporter::new(Phoenix::new(5, nest, &drops));
        let raw = match nest {
            Nest::Slot => exporter.header_in(&SLOT).into_raw(),
            Nest::Pool => exporter.header_in(POOL.get().unwrap()).into_raw(),
        };
        // SAFETY: just exported.
        unsafe { delete(raw.unwrap()) };
        assert_eq!(drops.load(SeqCst), 6, "{nest:?}");
    }
    assert!(SLOT.is_free());
    assert_eq!(POOL.get().unwrap().in_use(), 0);
}

#[test]
fn a_function_at_the_return_that_exports_the_owner() {
    let pool = Arc::new(Pool::new::<Vec<u8>>(1, 1).unwrap());
    let (loaned, claim) = Loaned::new(vec![1_u8, 2]).unwrap();
    let (place, calls) = (Arc::clone(&pool), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&calls);
    let loaned = loaned.on_return(move || {
        let owner = claim.try_take().expect("the loan has been returned");
        let tensor = Exporter::new(owner).header_in(place).build().unwrap();
        assert_eq!(tensor.as_slice::<u8>().unwrap(), [1, 2]);
        counted.fetch_add(1, SeqCst);
    });
    drop(Exporter::new(loaned).header_in(Arc::clone(&pool)).build().unwrap());
    assert_eq!((calls.load(SeqCst), pool.in_use()), (1, 0));
}

/// A block of memory and its layout.
struct Block(NonNull<u8>, Layout);

// SAFETY: whoever has the block has it alone.
unsafe impl Send for Block {}

/// Gives the block that came back last to the next export, and exports in each of its functions and when it is dropped.
struct Hot {
    last: Arc<Mutex<Option<Block>>>,
    depth: u32,
}

impl Hot {
    fn new(depth: u32) -> Self {
        Self { last: Arc::default(), depth }
    }

    /// Exports once in a block of the same, and at each depth below.
    fn nested(&self) {
        let Some(depth) = self.depth.checked_sub(1) else { return };
        let inner = Self { last: Arc::clone(&self.last), depth };
        let tensor = Exporter::new([depth; 3]).header_in(inner).build().unwrap();
        assert_eq!(tensor.as_slice::<u32>().unwrap(), [depth; 3]);
    }
}

// SAFETY: all memory is that of `Global`, and a block that is kept is nobody's until it is given out again.
unsafe impl Allocator for Hot {
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.nested();
        let layout = layout.pad_to_align();
        let fits = |block: &mut Block| block.1 == layout;
        let kept = self.last.lock().unwrap().take_if(fits);
        kept.map(|Block(at, _)| at).or_else(|| Global.allocate(layout))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block has so many bytes, and is not used any more.
        unsafe { block.write_bytes(0xdd, layout.size()) };
        let before = self.last.lock().unwrap().replace(Block(block, layout.pad_to_align()));
        if let Some(Block(at, layout)) = before {
            // SAFETY: a block of `Global`, with its layout.
            unsafe { Global.deallocate(at, layout) };
        }
        self.nested();
    }
}

impl Drop for Hot {
    fn drop(&mut self) {
        self.nested();
        if Arc::strong_count(&self.last) > 1 {
            return;
        }
        if let Some(Block(at, layout)) = self.last.lock().unwrap().take() {
            // SAFETY: a block of `Global`, with its layout.
            unsafe { Global.deallocate(at, layout) };
        }
    }
}

#[test]
fn an_allocator_that_exports() {
    for depth in 0..4 {
        let exporter = || Exporter::new(vec![1_u32, 2, 3]).header_in(Hot::new(depth));
        let tensor = exporter().build().unwrap();
        assert_eq!(tensor.downcast::<Vec<u32>>().unwrap(), [1, 2, 3]);

        let refused = exporter().shape(&[4]).build().unwrap_err();
        assert_eq!(refused.into_inner(), [1, 2, 3]);

        // SAFETY: just exported.
        unsafe { delete(exporter().into_raw_legacy().unwrap()) };

        let (dtype, hot) = (DataType::F32, Hot::new(depth));
        let tensor = ManagedTensorVersioned::allocate_in(hot, dtype, &[3], Device::CPU).unwrap();
        let tensor = tensor.fill(2.0_f32).unwrap();
        assert_eq!(tensor.as_slice::<f32>().unwrap(), [2.0; 3]);
    }
}

/// Room that is aligned for elements, too.
#[repr(align(256))]
struct Wide(#[expect(dead_code, reason = "only its size and alignment matter")] [u8; 2048]);

/// The handle lies in the memory that it gives back, as its owner does.
#[test]
fn elements_in_a_slot_and_in_a_pool() {
    static ROOM: Slot<Wide, 2> = Slot::new();
    let allocated =
        || ManagedTensorVersioned::allocate_in(&ROOM, DataType::F32, &[3, 5], Device::CPU);
    for _ in 0..2 {
        let tensor = allocated().unwrap();
        assert_eq!(allocated().map(drop), Err(Error::AllocationFailed));
        // SAFETY: all bytes are zero.
        let tensor = unsafe { tensor.assume_init() };
        assert_eq!(tensor.as_slice::<f32>().unwrap(), [0.0; 15], "also the second time");
        let mut samples = tensor.into_slice::<f32>().unwrap();
        samples.fill(1.5);
        let legacy = samples.into_inner().into_inner().into_legacy().unwrap();
        std::thread::spawn(move || drop(legacy)).join().unwrap();
        assert!(ROOM.is_free());
    }

    let layout = Layout::from_size_align(512, 256).unwrap();
    let pool = Arc::new(Pool::with_layout(1, layout).unwrap());
    let place = Arc::clone(&pool);
    let tensor = ManagedTensorVersioned::allocate_in(place, DataType::U8, &[100], Device::CPU);
    let tensor = tensor.unwrap().fill(7_u8).unwrap();
    assert_eq!(pool.in_use(), 1);
    let pool = {
        let weak = Arc::downgrade(&pool);
        drop(pool);
        weak
    };
    assert_eq!(tensor.as_slice::<u8>().unwrap(), [7; 100]);
    assert_eq!(pool.strong_count(), 1);
    drop(tensor);
    assert_eq!(pool.strong_count(), 0);
}
