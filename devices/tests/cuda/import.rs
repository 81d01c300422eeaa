//! Tensors of other libraries as memory of cudarc.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread;

use cudarc::driver::sys::CUresult;
use cudarc::driver::{CudaContext, CudaStream, DriverError};
use dlpack::{AnyManagedTensor, DataType, Device, Error, Exporter, Flags, ManagedTensorVersioned};
use dlpack_cudarc::{Borrowed, Lent, wait_for};

use crate::cuda_stream;
use crate::driver::{alone, counts};
use crate::foreign::Foreign;

fn stream() -> Arc<CudaStream> {
    CudaContext::new(0).expect("a context").new_stream().expect("a stream")
}

/// Takes a foreign tensor in, and counts its deletions.
fn import(foreign: Foreign) -> (ManagedTensorVersioned, Arc<AtomicUsize>) {
    let (raw, deleted) = foreign.into_raw();
    // SAFETY: just passed on.
    (unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a good tensor"), deleted)
}

/// Says why a tensor is refused, and that it comes back as it was.
fn refuse<T: dlpack::Element>(foreign: Foreign, stream: &Arc<CudaStream>) -> dlpack_cudarc::Error {
    let (tensor, deleted) = import(foreign);
    let data = tensor.data();
    // SAFETY: refused.
    let refused = unsafe { Borrowed::<T>::new(tensor, stream) }.unwrap_err();
    assert_eq!((refused.tensor.data(), deleted.load(Ordering::SeqCst)), (data, 0));
    drop(refused.tensor);
    assert_eq!(deleted.load(Ordering::SeqCst), 1);
    refused.error
}

#[test]
fn elements_are_read_where_they_are() {
    let done = alone(|| {
        let stream = stream();
        let (tensor, deleted) = import(Foreign::new(&stream).axis(2, 3, 1));
        // SAFETY: memory of this device, which nobody writes.
        let borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }.expect("a good tensor");
        let view = borrowed.view().expect("contiguous elements");
        assert_eq!(stream.clone_dtoh(&view).expect("a copy"), [2.0, 3.0, 4.0]);
        assert_eq!(borrowed.tensor().shape(), [3]);
        assert_eq!(deleted.load(Ordering::SeqCst), 0);
        drop(borrowed);
        assert_eq!(deleted.load(Ordering::SeqCst), 1);
    });
    assert_eq!((done.frees, done.misuses), (1, 0));
}

#[test]
fn elements_are_written_where_they_are() {
    let done = alone(|| {
        let stream = stream();
        let lent = Lent::new(stream.clone_htod(&[0.0_f32; 6]).expect("memory"));
        let tensor = lent.exporter().offset(4).build().expect("a good layout");
        // SAFETY: memory of this device, which nobody else uses.
        let mut borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }.expect("a tensor");
        let mut view = borrowed.view_mut().expect("writable elements");
        stream.memcpy_htod(&[7.0, 8.0], &mut view).expect("a copy");
        let AnyManagedTensor::Versioned(tensor) = borrowed.into_tensor() else { unreachable!() };
        let slice = tensor.into_owner::<Lent<f32>>().expect("the owner").into_slice();
        let all = stream.clone_dtoh(&slice).expect("a copy");
        assert_eq!(all, [0.0, 0.0, 0.0, 0.0, 7.0, 8.0]);
    });
    assert_eq!((done.frees, done.misuses), (1, 0));
}

#[test]
fn a_span_holds_every_element_of_any_strides() {
    alone(|| {
        let stream = stream();
        // 5, 3, 1: the first element is the last of the memory.
        let (tensor, _) = import(Foreign::new(&stream).axis(5, 3, -2));
        // SAFETY: memory of this device, which nobody writes.
        let mut borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }.expect("a tensor");
        let refused = dlpack_cudarc::Error::DLPack(Error::NotContiguous);
        assert_eq!(borrowed.view().unwrap_err(), refused);
        assert_eq!(borrowed.view_mut().unwrap_err(), refused);
        let (memory, first) = borrowed.span();
        let memory = stream.clone_dtoh(&memory).expect("a copy");
        assert_eq!((memory, first), (vec![1.0, 2.0, 3.0, 4.0, 5.0], 4));
    });
}

#[test]
fn the_deleter_comes_after_the_work() {
    for on_another_stream in [false, true] {
        let done = alone(|| {
            let stream = stream();
            let worker = match on_another_stream {
                true => stream.context().new_stream().expect("a stream"),
                false => Arc::clone(&stream),
            };
            let mut copy = worker.alloc_zeros::<f32>(6).expect("memory");
            // The producer frees the memory on a stream that nobody makes wait.
            let producer = stream.context().new_stream().expect("a stream");
            let (tensor, deleted) = import(Foreign::new(&producer));
            wait_for(&stream, cuda_stream(&producer)).expect("an order");
            // SAFETY: memory of this device, which nobody writes.
            let borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }.expect("a tensor");
            let view = borrowed.view().expect("contiguous elements");
            if on_another_stream {
                worker.join(&stream).expect("an order");
            }
            worker.memcpy_dtod(&view, &mut copy).expect("a copy");
            drop(borrowed);
            assert_eq!(deleted.load(Ordering::SeqCst), 1);
            // The producer's stream comes to its end, and the memory is freed.
            producer.synchronize().expect("the end of the work");
            let copy = worker.clone_dtoh(&copy).expect("a copy");
            assert_eq!(copy, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        });
        assert_eq!((done.frees, done.misuses), (2, 0));
    }
}

/// cudarc keeps an error until somebody asks for it, and does nothing else then.
#[test]
fn the_deleter_comes_after_the_work_after_an_error_too() {
    for on_another_stream in [false, true] {
        let done = alone(|| {
            // Each has a context of its own for errors.
            let (stream, producer) = (stream(), stream());
            let context = stream.context();
            let worker = match on_another_stream {
                true => context.new_stream().expect("a stream"),
                false => Arc::clone(&stream),
            };
            let mut copy = worker.alloc_zeros::<f32>(6).expect("memory");
            let (tensor, deleted) = import(Foreign::new(&producer));
            wait_for(&stream, cuda_stream(&producer)).expect("an order");
            // SAFETY: memory of this device, which nobody writes.
            let borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }.expect("a tensor");
            let view = borrowed.view().expect("contiguous elements");
            if on_another_stream {
                worker.join(&stream).expect("an order");
            }
            worker.memcpy_dtod(&view, &mut copy).expect("a copy");
            let error = DriverError(CUresult::CUDA_ERROR_UNKNOWN);
            context.record_err(Err::<(), _>(error));
            drop(borrowed);
            assert_eq!(context.check_err(), Err(error), "it is still there to be asked for");
            assert_eq!(deleted.load(Ordering::SeqCst), 1);
            producer.synchronize().expect("the end of the work");
            let copy = worker.clone_dtoh(&copy).expect("a copy");
            assert_eq!(copy, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        });
        assert_eq!((done.frees, done.misuses), (2, 0));
    }
}

#[test]
fn another_thread_may_drop_it() {
    let done = alone(|| {
        let stream = stream();
        let (tensor, deleted) = import(Foreign::new(&stream));
        // SAFETY: memory of this device, which nobody writes.
        let borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }.expect("a tensor");
        thread::scope(|scope| {
            scope.spawn(|| drop(borrowed));
        });
        assert_eq!(deleted.load(Ordering::SeqCst), 1);
    });
    assert_eq!((done.frees, done.misuses), (1, 0));
}

#[test]
fn a_stream_waits_for_the_producers() {
    let read = |order: fn(&Arc<CudaStream>, &Arc<CudaStream>)| {
        let mut elements = Vec::new();
        alone(|| {
            let (ours, theirs) = (stream(), stream());
            let (tensor, _) = import(Foreign::new(&theirs));
            let waited = counts().syncs;
            order(&ours, &theirs);
            assert_eq!(counts().syncs, waited, "the host does not wait");
            // SAFETY: memory of this device, which nobody writes but the work that was enqueued.
            let borrowed = unsafe { Borrowed::<f32>::new(tensor, &ours) }.expect("a tensor");
            elements = ours.clone_dtoh(&borrowed.view().expect("a view")).expect("a copy");
        });
        elements
    };
    assert_eq!(read(|_, _| ()), [0.0; 6], "the driver runs nothing that nobody waits for");
    let ordered = |ours: &Arc<CudaStream>, theirs: &Arc<CudaStream>| {
        wait_for(ours, cuda_stream(theirs)).expect("an order");
    };
    assert_eq!(read(ordered), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn what_is_not_of_this_device_or_dtype_is_refused() {
    let done = alone(|| {
        let stream = stream();
        let expected = Device::cuda(0);
        for (device_type, device_id) in [(2, 1), (2, -1), (1, 0), (3, 0), (13, 0), (10, 0), (99, 0)]
        {
            let mut foreign = Foreign::new(&stream);
            foreign.tensor.dl_tensor.device.device_type.0 = device_type;
            foreign.tensor.dl_tensor.device.device_id = device_id;
            let found = Device::new(dlpack::DeviceType::new(device_type), device_id);
            let error = Error::DeviceMismatch { expected, found };
            let refused = refuse::<f32>(foreign, &stream);
            assert_eq!(refused, error.into());
            assert_eq!(refused.to_string(), error.to_string());
        }
        let error = Error::DTypeMismatch { expected: DataType::F64, found: DataType::F32 };
        assert_eq!(refuse::<f64>(Foreign::new(&stream), &stream), error.into());
    });
    assert_eq!(done.misuses, 0);
}

#[test]
fn what_cannot_be_an_address_is_refused() {
    let done = alone(|| {
        let stream = stream();
        let mut null = Foreign::new(&stream);
        null.tensor.dl_tensor.data = core::ptr::null_mut();
        assert_eq!(refuse::<f32>(null, &stream), Error::NullData.into());
        let mut odd = Foreign::new(&stream).axis(0, 3, 1);
        odd.tensor.dl_tensor.byte_offset = 2;
        assert_eq!(refuse::<f32>(odd, &stream), Error::Misaligned { required: 4 }.into());
        for byte_offset in [u64::MAX, u64::MAX - 0x5a00_0000_0000] {
            let mut far = Foreign::new(&stream);
            far.tensor.dl_tensor.byte_offset = byte_offset & !3;
            let error = refuse::<f32>(far, &stream);
            assert_eq!(error, Error::AddressOverflow.into(), "{byte_offset:#x}");
        }
        let low = Foreign::new(&stream).axis(0, 6, -(1 << 50));
        assert_eq!(refuse::<f32>(low, &stream), Error::AddressOverflow.into());
    });
    assert_eq!(done.misuses, 0);
}

#[test]
fn nothing_is_an_empty_view() {
    let done = alone(|| {
        let stream = stream();
        let mut empty = Foreign::new(&stream).axis(7, 0, 1);
        empty.tensor.dl_tensor.data = core::ptr::null_mut();
        let (tensor, deleted) = import(empty);
        // SAFETY: no memory at all.
        let borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }.expect("a good tensor");
        assert_eq!(borrowed.view().expect("nothing").len(), 0);
        drop(borrowed);
        assert_eq!(deleted.load(Ordering::SeqCst), 1);
    });
    assert_eq!((done.frees, done.misuses), (1, 0));
}

#[test]
fn what_must_not_be_written_is_not() {
    alone(|| {
        let stream = stream();
        let mut foreign = Foreign::new(&stream);
        foreign.tensor.flags = Flags::READ_ONLY.bits();
        let (tensor, _) = import(foreign);
        // SAFETY: memory of this device, which nobody writes.
        let mut borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }.expect("a tensor");
        let refused = dlpack_cudarc::Error::DLPack(Error::ReadOnly);
        assert_eq!(borrowed.view_mut().unwrap_err(), refused);
        assert_eq!(borrowed.view().expect("contiguous elements").len(), 6);

        // A struct of the legacy ABI does not say whether it may be written.
        let slice = stream.alloc_zeros::<f32>(6).expect("memory");
        let raw = Lent::new(slice).exporter().into_raw_legacy().expect("a good layout");
        // SAFETY: just passed on.
        let tensor = unsafe { dlpack::ManagedTensor::from_raw(raw) }.expect("a good tensor");
        // SAFETY: memory of this device, which nobody writes.
        let mut borrowed = unsafe { Borrowed::<f32>::new(tensor, &stream) }.expect("a tensor");
        let refused = dlpack_cudarc::Error::DLPack(Error::WritabilityUnknown);
        assert_eq!(borrowed.view_mut().unwrap_err(), refused);
    });
}

#[test]
fn host_memory_is_refused() {
    alone(|| {
        let stream = stream();
        let tensor = Exporter::new(vec![1.0_f32]).build().expect("a tensor").into_inner();
        // SAFETY: refused.
        let refused = unsafe { Borrowed::<f32>::new(tensor, &stream) }.unwrap_err();
        let (expected, found) = (Device::cuda(0), Device::CPU);
        assert_eq!(refused.error, Error::DeviceMismatch { expected, found }.into());
    });
}
