//! The adapter for cudarc on a real GPU: `cargo test --test cuda_gpu -- --ignored`.

use std::sync::Arc;
use std::thread;

use consumer::Received;
use cudarc::driver::{CudaContext, CudaStream};
use dlpack::negotiate::Stream;
use dlpack::{Device, DeviceType, Error, ManagedTensorVersioned, sys};
use dlpack_cudarc::{Borrowed, Lent, wait_for};

/// Large enough that a device is at work on it for a while.
const LARGE: usize = 64 << 20;

fn context() -> Arc<CudaContext> {
    CudaContext::new(0).expect("a GPU, and its driver")
}

fn import(raw: *mut sys::DLManagedTensorVersioned) -> ManagedTensorVersioned {
    // SAFETY: just passed on.
    unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a good tensor")
}

fn borrow(raw: *mut sys::DLManagedTensorVersioned, stream: &Arc<CudaStream>) -> Borrowed<f32> {
    // SAFETY: memory of this device, which nobody else uses.
    unsafe { Borrowed::new(import(raw), stream) }.expect("a tensor of this device")
}

#[test]
#[ignore = "needs a GPU"]
fn elements_go_out_and_come_back() {
    let stream = context().new_stream().expect("a stream");
    let slice = stream.clone_htod(&[0.0_f32, 1.0, 2.0, 3.0, 4.0, 5.0]).expect("memory");
    let raw = Lent::new(slice).exporter().shape(&[2, 2]).offset(2).into_raw().expect("a layout");
    let tensor = import(raw);
    assert_eq!((tensor.device(), tensor.shape()), (Device::cuda(0), &[2, 2][..]));
    let expected = Error::NotHostAccessible { device: Device::cuda(0) };
    // SAFETY: refused before memory is looked at.
    assert_eq!(unsafe { tensor.view::<f32>() }.unwrap_err(), expected);

    let mut borrowed = borrow(tensor.into_raw(), &stream);
    let view = borrowed.view().expect("contiguous elements");
    assert_eq!(stream.clone_dtoh(&view).expect("a copy"), [2.0, 3.0, 4.0, 5.0]);
    let mut view = borrowed.view_mut().expect("writable elements");
    stream.memcpy_htod(&[6.0, 7.0, 8.0, 9.0], &mut view).expect("a copy");
    let dlpack::AnyManagedTensor::Versioned(tensor) = borrowed.into_tensor() else {
        panic!("expected the tensor from above")
    };
    let slice = tensor.downcast::<Lent<f32>>().expect("the owner").into_slice();
    let all = stream.clone_dtoh(&slice).expect("a copy");
    assert_eq!(all, [0.0, 1.0, 6.0, 7.0, 8.0, 9.0]);
}

#[test]
#[ignore = "needs a GPU"]
fn streams_wait_for_one_another() {
    let context = context();
    let [ours, theirs, last] = [(); 3].map(|()| context.new_stream().expect("a stream"));
    for round in 0..16_u8 {
        let mut slice = ours.alloc_zeros::<f32>(LARGE).expect("memory");
        let elements = vec![f32::from(round); LARGE];
        ours.memcpy_htod(&elements, &mut slice).expect("a copy");
        let mut lent = Lent::new(slice);
        lent.ready_on(&theirs).expect("an order");
        let borrowed = borrow(lent.exporter().into_raw().expect("a layout"), &theirs);
        let mut copy = theirs.alloc_zeros::<f32>(LARGE).expect("memory");
        theirs.memcpy_dtod(&borrowed.view().expect("a view"), &mut copy).expect("a copy");
        drop(borrowed);
        // SAFETY: the stream outlives its use.
        let named = unsafe { Stream::from_ptr(DeviceType::CUDA, theirs.cu_stream().cast()) };
        wait_for(&last, named).expect("an order");
        let copy = last.clone_dtoh(&copy).expect("a copy");
        assert!(copy.iter().all(|&element| element == f32::from(round)), "round {round}");
    }
    context.check_err().expect("no error on the way");
}

#[test]
#[ignore = "needs a GPU"]
fn deleters_on_any_thread_free_the_memory() {
    let context = context();
    let eighth = context.total_mem().expect("a size") / 8;
    let stream = context.default_stream();
    // If memory were lost, there would soon be none left.
    for _ in 0..32 {
        let slice = stream.alloc_zeros::<u8>(eighth).expect("memory");
        let raw = Lent::new(slice).exporter().into_raw().expect("a layout");
        // SAFETY: just passed on.
        let tensor = unsafe { Received::new(raw) };
        thread::scope(|scope| {
            scope.spawn(|| tensor.release());
        });
        stream.synchronize().expect("the end of the work");
    }
    context.check_err().expect("no error on the way");
}

#[test]
#[ignore = "needs a GPU"]
fn default_streams_are_streams() {
    let context = context();
    let stream = context.new_stream().expect("a stream");
    for named in [
        Stream::NONE,
        Stream::CUDA_LEGACY_DEFAULT,
        Stream::CUDA_PER_THREAD_DEFAULT,
        Stream::NO_SYNC,
    ] {
        let mut lent = Lent::new(stream.alloc_zeros::<f32>(LARGE).expect("memory"));
        lent.ready_on_stream(named).expect("an order");
        wait_for(&stream, named).expect("an order");
        assert_eq!(lent.into_slice().len(), LARGE);
    }
    context.check_err().expect("no error on the way");
}
