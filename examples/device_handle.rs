//! Device memory goes out as tensors: by address, as CUDA has it, and by handle, as OpenCL has it.
//!
//! The two devices are mocks: what they hold is out of the processor's reach, and only their runtime reads and writes
//! it. What matters is the difference between them: an offset becomes part of an address, but stays beside a handle.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::c_void;
use std::ptr;
use std::sync::Mutex;
use std::thread;

use dlpack::{
    DataType, Device, DeviceType, Error as DLPackError, Exporter, ManagedTensorVersioned,
};

/// Names its blocks by addresses, which can be added to. They are far from those of the processor.
static BY_ADDRESS: Runtime = Runtime::new(0x5a00_0000, 0x1_0000);

/// Names its blocks by handles, which are only names.
static BY_HANDLE: Runtime = Runtime::new(1, 1);

fn main() -> Result<(), Box<dyn Error>> {
    let floats = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];

    // The last four of six floats, as two rows. On a device with addresses the offset is part of `data`.
    let (exporter, name) = BY_ADDRESS.export(&floats, Device::cuda(0));
    let tensor = exporter.dtype(DataType::F32).shape(&[2, 2]).offset(2).build()?;
    println!("by address: {tensor:?}");
    assert_eq!((tensor.data().addr(), tensor.byte_offset()), (name + 8, 0));
    consume(tensor, &BY_ADDRESS)?;

    // On a device with handles the two stand apart.
    let (exporter, name) = BY_HANDLE.export(&floats, Device::new(DeviceType::OPENCL, 0));
    let tensor = exporter.dtype(DataType::F32).shape(&[2, 2]).offset(2).build()?;
    println!("by handle: {tensor:?}");
    assert_eq!((tensor.data().addr(), tensor.byte_offset()), (name, 8));
    consume(tensor, &BY_HANDLE)?;

    // A layout that leaves the block is refused, and the block comes back.
    let (exporter, name) = BY_HANDLE.export(&floats, Device::new(DeviceType::OPENCL, 0));
    let refused = exporter.dtype(DataType::F32).shape(&[2, 3]).offset(1).build();
    let (block, error) = refused.expect_err("seven floats are needed").into_parts();
    println!("refused: {error}");
    assert_eq!(error, DLPackError::OutOfBounds { available: 24 });
    assert_eq!((block.name, BY_HANDLE.live()), (name, 1));
    drop(block);
    assert_eq!(BY_HANDLE.live(), 0);
    Ok(())
}

/// Another library: all it gets is a pointer to a C struct.
fn consume(tensor: ManagedTensorVersioned, runtime: &'static Runtime) -> Result<(), DLPackError> {
    let raw = tensor.into_raw();
    // SAFETY: the tensor was just passed on, and keeps to the standard.
    let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }?;

    // The processor cannot follow `data`, so there is no view.
    // SAFETY: refused before memory is looked at.
    let refused = unsafe { tensor.view::<f32>() }.unwrap_err();
    println!("  on the host: {refused}");
    assert_eq!(refused, DLPackError::NotHostAccessible { device: tensor.device() });

    // The device's own runtime can: `data` and `byte_offset` say where, shape and strides say what.
    let seen = runtime.map(tensor.data().addr(), tensor.byte_offset(), |floats| {
        floats[3] = 50.0;
        floats[..tensor.numel()].to_vec()
    });
    assert_eq!(seen, [2.0, 3.0, 4.0, 50.0]);

    // When the consumer is done, on whatever thread, the memory is given back, once.
    assert_eq!(runtime.live(), 1);
    thread::spawn(move || drop(tensor)).join().expect("a deleter that does not panic");
    assert_eq!(runtime.live(), 0);
    Ok(())
}

/// What gives a block back when it is dropped: the owner of an export.
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

/// A runtime, which alone reaches the memory of its device.
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

    /// Makes a block, ready to be exported, and returns its name too.
    fn export(&'static self, floats: &[f32], on: Device) -> (Exporter<'static, Block>, usize) {
        let mut blocks = self.blocks.lock().unwrap();
        let name = blocks.last_key_value().map_or(self.first, |(last, _)| last + self.step);
        blocks.insert(name, floats.to_vec());
        let block = Block { runtime: self, name };
        let data: *mut c_void = ptr::without_provenance_mut(name);
        // SAFETY: so many bytes of that device, which live until the owner is dropped.
        (unsafe { Exporter::from_raw_parts(block, data, size_of_val(floats), on) }, name)
    }

    /// Shows the floats from a place on, as a consumer has it.
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
