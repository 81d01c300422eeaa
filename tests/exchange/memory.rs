//! New tensors in one block of an allocator.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

use dlpack::allocator::Allocator;
use dlpack::{DataType, Device, DeviceType, Error, Flags, ManagedTensorVersioned, Version};

/// The system's memory, with a list of what is out.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    out: Vec<(usize, Layout)>,
    returned: usize,
    refuses: bool,
}

// SAFETY: the blocks are the system's, and their list is under a lock.
unsafe impl Allocator for Ledger {
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        assert_ne!(layout.size(), 0);
        let mut entries = self.0.lock().expect("nobody panics with the lock");
        if entries.refuses {
            return None;
        }
        // SAFETY: the size is not 0.
        let block = NonNull::new(unsafe { std::alloc::alloc(layout) })?;
        // SAFETY: a new block of this size. So memory looks that was used before.
        unsafe { block.write_bytes(0xA5, layout.size()) };
        entries.out.push((block.addr().get(), layout));
        Some(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        let mut entries = self.0.lock().expect("nobody panics with the lock");
        let place = entries.out.iter().position(|entry| *entry == (block.addr().get(), layout));
        entries.out.swap_remove(place.expect("a block that is out, with its layout"));
        entries.returned += 1;
        // SAFETY: the caller's promise.
        unsafe { std::alloc::dealloc(block.as_ptr(), layout) }
    }
}

impl Ledger {
    fn refuse(&self) {
        self.0.lock().expect("nobody panics with the lock").refuses = true;
    }

    /// The only block that is out: where it is, and how long.
    fn block(&self) -> (usize, usize) {
        let entries = self.0.lock().expect("nobody panics with the lock");
        let [(start, layout)] = entries.out[..] else { panic!("one block") };
        (start, layout.size())
    }

    fn returned(&self) -> usize {
        let entries = self.0.lock().expect("nobody panics with the lock");
        assert!(entries.out.is_empty());
        entries.returned
    }
}

#[test]
fn elements_and_header_in_one_block() {
    for (dtype, shape, nbytes) in [
        (DataType::F32, &[2, 3][..], 24),
        (DataType::U8, &[], 1),
        (DataType::C128, &[1, 1, 5], 80),
        (DataType::F4_E2M1FN, &[5], 3),
        (DataType::F32.with_lanes(4), &[3], 48),
        (DataType::I16, &[1000], 2000),
        (DataType::BOOL, &[1; 8], 1),
    ] {
        let ledger = Ledger::default();
        let tensor = ManagedTensorVersioned::allocate_in(ledger.clone(), dtype, shape, Device::CPU)
            .expect("few bytes");
        let (start, len) = ledger.block();
        assert_eq!((tensor.data().addr(), start % 256, tensor.nbytes()), (start, 0, nbytes));
        assert_eq!((tensor.dtype(), tensor.device()), (dtype, Device::CPU));
        assert_eq!((tensor.version(), tensor.flags()), (Some(Version::new(1, 3)), Flags::NONE));
        assert!(tensor.layout().is_row_major());
        let sizes: Vec<usize> =
            tensor.shape().iter().map(|&n| usize::try_from(n).unwrap()).collect();
        assert_eq!(sizes, shape);
        let raw = tensor.into_inner().into_raw();
        let header =
            start + nbytes..=start + len - size_of::<dlpack::sys::DLManagedTensorVersioned>();
        assert!(header.contains(&raw.addr()), "{:#x} {header:#x?}", raw.addr());
        // SAFETY: a live tensor.
        unsafe { delete(raw) };
        assert_eq!(ledger.returned(), 1);
    }
}

/// Calls the deleter, as a consumer in C does.
///
/// # Safety
///
/// The tensor is live, and nobody else deletes it.
unsafe fn delete(raw: *mut dlpack::sys::DLManagedTensorVersioned) {
    // SAFETY: the caller's promise.
    let deleter = unsafe { (*raw).deleter }.expect("every export has one");
    // SAFETY: the caller's promise.
    unsafe { deleter(raw) }
}

#[test]
fn new_memory_is_zero_for_whoever_reads_it() {
    for nbytes in [1, 7, 64, 4096] {
        let (ledger, shape) = (Ledger::default(), [nbytes]);
        let tensor = ManagedTensorVersioned::allocate_in(ledger, DataType::U8, &shape, Device::CPU);
        let tensor = tensor.expect("few bytes").into_inner();
        // SAFETY: the elements are zeros, and nobody else knows of them.
        assert_eq!(unsafe { tensor.as_slice::<u8>() }.expect("bytes"), vec![0; nbytes]);
    }
}

#[test]
fn no_elements() {
    for shape in [&[0][..], &[2, 0, 3], &[0; 8]] {
        let ledger = Ledger::default();
        let tensor =
            ManagedTensorVersioned::allocate_in(ledger.clone(), DataType::F64, shape, Device::CPU)
                .expect("none");
        assert!(tensor.data().is_null());
        assert_eq!(tensor.numel(), 0);
        ledger.block();
        drop(tensor);
        assert_eq!(ledger.returned(), 1);
    }
}

#[cfg(feature = "alloc")]
#[test]
fn many_axes() {
    for ndim in [9, 64] {
        let ledger = Ledger::default();
        let shape = vec![1; ndim];
        let tensor =
            ManagedTensorVersioned::allocate_in(ledger.clone(), DataType::U8, &shape, Device::CPU)
                .expect("a byte");
        assert_eq!((tensor.ndim(), tensor.numel()), (ndim, 1));
        drop(tensor);
        assert_eq!(ledger.returned(), 1);
    }
}

#[test]
fn elements_are_written_and_the_block_goes_back_on_another_thread() {
    let ledger = Ledger::default();
    let tensor =
        ManagedTensorVersioned::allocate_in(ledger.clone(), DataType::I32, &[2, 3], Device::CPU)
            .expect("24 bytes");
    let mut tensor = tensor.fill(7_i32).expect("new memory");
    tensor.view_mut::<i32>().expect("integers")[[1, 2]] = 9;
    assert_eq!(tensor.as_slice::<i32>().expect("row-major"), [7, 7, 7, 7, 7, 9]);
    std::thread::spawn(move || drop(tensor)).join().expect("no panic");
    assert_eq!(ledger.returned(), 1);
}

#[test]
fn no_memory() {
    let ledger = Ledger::default();
    ledger.refuse();
    let refused =
        ManagedTensorVersioned::allocate_in(ledger.clone(), DataType::U8, &[1], Device::CPU);
    assert_eq!(refused.map(drop), Err(Error::AllocationFailed));
    assert_eq!(ledger.returned(), 0);
}

#[test]
fn what_cannot_be() {
    let longest = isize::MAX.unsigned_abs();
    let no_lanes = DataType::F32.with_lanes(0);
    for (dtype, shape, device, error) in [
        (DataType::U8, &[1][..], Device::cuda(0), None),
        (DataType::U8, &[1], Device::new(DeviceType::VULKAN, 0), None),
        (DataType::U8, &[1], Device::new(DeviceType::CUDA_MANAGED, 0), None),
        (DataType::U8, &[longest, 2], Device::CPU, Some(Error::ShapeOverflow)),
        // The elements fit in the address space, and the header after them does not.
        (DataType::U8, &[longest - 300], Device::CPU, Some(Error::AllocationFailed)),
        (no_lanes, &[1], Device::CPU, Some(Error::InvalidDType { found: no_lanes })),
    ] {
        let ledger = Ledger::default();
        let refused =
            ManagedTensorVersioned::allocate_in(ledger.clone(), dtype, shape, device).map(drop);
        assert_eq!(refused, Err(error.unwrap_or(Error::NotHostAccessible { device })));
        assert_eq!(ledger.returned(), 0);
    }
}

#[test]
fn pinned_memory() {
    let device = Device::new(DeviceType::CUDA_HOST, 0);
    let tensor = ManagedTensorVersioned::allocate_in(Ledger::default(), DataType::U8, &[3], device)
        .expect("few bytes");
    assert_eq!(tensor.device(), device);
    assert_eq!(tensor.fill(1_u8).expect("host memory").as_slice::<u8>().expect("bytes"), [1; 3]);
}
