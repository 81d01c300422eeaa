//! Device memory exported as tensors: by address, as in CUDA, and by handle, as in OpenCL.
//!
//! The two devices are mocks, whose memory only their runtime reads and writes. They show the difference: an offset becomes
//! part of an address, but stays beside a handle.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::c_void;
use std::ptr;
use std::sync::Mutex;
use std::thread;

use dlpack::{
    DataType, Device, DeviceType, Error as DLPackError, Exporter, ManagedTensorVersioned,
};

/// Names its blocks by addresses, to which offsets can be added. They are not addresses of the host.
static BY_ADDRESS: Runtime = Runtime::new(0x5a00_0000, 0x1_0000);

/// Names its blocks by handles, to which nothing can be added.
static BY_HANDLE: Runtime = Runtime::new(1, 1);

fn main() -> Result<(), Box<dyn Error>> {
    let floats = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];

    // The last four of six floats, as two rows. On a device with addresses the offset is part of `data`.
    let (exporter, name) = BY_ADDRESS.export(&floats, Device::cuda(0));
    let tensor = exporter.dtype(DataType::F32).shape(&[2, 2]).offset(2).build()?;
    println!("by address: {tensor:?}");
    assert_eq!((tensor.data().addr(), tensor.byte_offset()), (name + 8, 0));
    consume(tensor, &BY_ADDRESS)?;

    // On a device with handles, the offset is in `byte_offset`.
    let (exporter, name) = BY_HANDLE.export(&floats, Device::new(DeviceType::OPENCL, 0));
    let tensor = exporter.dtype(DataType::F32).shape(&[2, 2]).offset(2).build()?;
    println!("by handle: {tensor:?}");
    assert_eq!((tensor.data().addr(), tensor.byte_offset()), (name, 8));
    consume(tensor, &BY_HANDLE)?;

    // A layout that exceeds the block is refused, and the error returns the block.
    let (exporter, name) = BY_HANDLE.export(&floats, Device::new(DeviceType::OPENCL, 0));
    let refused = exporter.dtype(DataType::F32).shape(&[2, 3]).offset(1).build();
    let (block, error) = refused.expect_err("seven floats are needed").into_parts();
    println!("refused: {error}");
    assert!(matches!(error, DLPackError::OutOfBounds { available: 24, .. }));
    assert_eq!((block.name, BY_HANDLE.live()), (name, 1));
    drop(block);
    assert_eq!(BY_HANDLE.live(), 0);
    Ok(())
}

/// Another library, which gets only a pointer to a C struct.
fn consume(tensor: ManagedTensorVersioned, runtime: &'static Runtime) -> Result<(), DLPackError> {
    let raw = tensor.into_raw();
    // SAFETY: a struct of this crate, whose ownership passes to this call.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;

    // The host cannot access the memory, so there is no view.
    // SAFETY: the view is refused before memory is accessed.
    let refused = unsafe { tensor.view::<f32>() }.unwrap_err();
    println!("  on the host: {refused}");
    assert_eq!(refused, DLPackError::NotHostAccessible { device: tensor.device() });

    // The runtime of the device can: `data` and `byte_offset` locate the first element, shape and strides the others.
    let seen = runtime.map(tensor.data().addr(), tensor.byte_offset(), |floats| {
        floats[3] = 50.0;
        floats[..tensor.numel()].to_vec()
    });
    assert_eq!(seen, [2.0, 3.0, 4.0, 50.0]);

    // When the consumer is done, on any thread, the memory is freed once.
    assert_eq!(runtime.live(), 1);
    thread::spawn(move || drop(tensor)).join().expect("a deleter that does not panic");
    assert_eq!(runtime.live(), 0);
    Ok(())
}

/// The owner of an export, which frees a block when it is dropped.
#[derive(Debug)]
struct Block {
    runtime: &'static Runtime,
    name: usize,
}

impl Drop for Block {
    fn drop(&mut self) {
        let freed = self.runtime.blocks.lock().unwrap().remove(&self.name);
        assert!(freed.is_some(), "a block is freed once");
    }
}

/// The runtime of a device, through which alone its memory can be accessed.
#[derive(Debug)]
struct Runtime {
    blocks: Mutex<BTreeMap<usize, Vec<f32>>>,
    first: usize,
    step: usize,
}

impl Runtime {
    const fn new(first: usize, step: usize) -> Self {
        Self { blocks: Mutex::new(BTreeMap::new()), first, step }
    }

    /// Allocates a block and returns its exporter and its name.
    fn export(&'static self, floats: &[f32], on: Device) -> (Exporter<'static, Block>, usize) {
        let mut blocks = self.blocks.lock().unwrap();
        let name = blocks.last_key_value().map_or(self.first, |(last, _)| last + self.step);
        blocks.insert(name, floats.to_vec());
        let block = Block { runtime: self, name };
        let data: *mut c_void = ptr::without_provenance_mut(name);
        // SAFETY: the block has this size and device, and lives until the owner is dropped.
        (unsafe { Exporter::from_raw_parts(block, data, size_of_val(floats), on) }, name)
    }

    /// Calls the function with the floats from the first element of a tensor on.
    fn map<R>(&self, data: usize, byte_offset: u64, work: impl FnOnce(&mut [f32]) -> R) -> R {
        let mut blocks = self.blocks.lock().unwrap();
        let (name, floats) = blocks.range_mut(..=data).next_back().expect("a name of this runtime");
        let inside = data - name + usize::try_from(byte_offset).expect("a small offset");
        work(&mut floats[inside / size_of::<f32>()..])
    }

    fn live(&self) -> usize {
        self.blocks.lock().unwrap().len()
    }
}
