//! Slices of cudarc as owners of tensors.

use core::ptr;
use std::sync::Arc;
use std::thread;

use consumer::{Managed, Received};
use cudarc::driver::sys::CUresult;
use cudarc::driver::{CudaContext, CudaSlice, CudaStream, DevicePtr, DriverError, result};
use dlpack::negotiate::Stream;
use dlpack::{Device, Error, ManagedTensorVersioned, sys};
use dlpack_cudarc::{Lent, wait_for};

use crate::driver::{Counts, alone, counts, fail_waits, finish};
use crate::foreign::CUDA;
use crate::{cuda_stream, named};

const FLOATS: [f32; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];

fn address(slice: &CudaSlice<f32>) -> usize {
    let stream = Arc::clone(slice.stream());
    let (address, _record) = slice.device_ptr(&stream);
    usize::try_from(address).expect("an address of 64 bits")
}

/// The last four of six floats, as two rows.
fn two_rows(lent: Lent<f32>) -> Received<sys::DLManagedTensorVersioned> {
    let raw = lent.exporter().shape(&[2, 2]).offset(2).into_raw().expect("a good layout");
    // SAFETY: just passed on.
    unsafe { Received::new(raw) }
}

/// A consumer's copy of the first element of a tensor, enqueued on its stream; read it with `clone_dtoh`.
fn copy_first<M: Managed>(tensor: &Received<M>, stream: &Arc<CudaStream>) -> CudaSlice<f32> {
    let copy = stream.alloc_zeros::<f32>(1).expect("memory");
    let to = u64::try_from(address(&copy)).expect("an address");
    let from = u64::try_from(tensor.data().addr()).expect("an address") + tensor.byte_offset();
    // SAFETY: four bytes of live memory of the device each.
    unsafe { result::memcpy_dtod_async(to, from, 4, stream.cu_stream()) }.expect("a copy");
    copy
}

#[test]
fn the_tensor_is_the_slice() {
    for ordinal in [0, 1] {
        let done = alone(|| {
            let stream = CudaContext::new(ordinal).expect("a context").default_stream();
            let slice = stream.clone_htod(&FLOATS).expect("memory");
            let start = address(&slice);
            let tensor = two_rows(Lent::new(slice));
            // The offset is part of the address.
            assert_eq!((tensor.data().addr(), tensor.byte_offset()), (start + 8, 0));
            assert_eq!(tensor.device(), (CUDA, i32::try_from(ordinal).expect("a number")));
            assert_eq!(tensor.dtype(), (2, 32, 1));
            assert_eq!((tensor.shape(), tensor.strides()), (&[2, 2][..], &[2, 1][..]));
            let frees = counts().frees;
            finish();
            assert_eq!(counts().frees, frees, "the consumer has it");
            tensor.release();
        });
        assert_eq!((done.frees, done.misuses), (1, 0));
    }
}

#[test]
fn the_legacy_abi_carries_it_too() {
    let done = alone(|| {
        let stream = CudaContext::new(0).expect("a context").default_stream();
        let slice = stream.clone_htod(&FLOATS).expect("memory");
        let start = address(&slice);
        let raw = Lent::new(slice).exporter().offset(1).into_raw_legacy().expect("a layout");
        // SAFETY: just passed on.
        let tensor = unsafe { Received::new(raw) };
        assert_eq!((tensor.data().addr(), tensor.byte_offset()), (start + 4, 0));
        assert_eq!(tensor.shape(), [5]);
        tensor.release();
    });
    assert_eq!((done.frees, done.misuses, done.syncs), (1, 0, 0));
}

#[test]
fn a_deleter_frees_on_any_thread_and_leaves_its_context_current() {
    for ordinal in [0, 1] {
        let done = alone(|| {
            let stream = CudaContext::new(ordinal).expect("a context").default_stream();
            let lent = || Lent::new(stream.clone_htod(&FLOATS).expect("memory"));
            // A thread that knows no context.
            let tensor = two_rows(lent());
            thread::scope(|scope| {
                scope.spawn(|| {
                    tensor.release();
                    assert_eq!(result::ctx::get_current(), Ok(None));
                });
            });
            // A thread that is at work on the other device.
            let tensor = two_rows(lent());
            thread::scope(|scope| {
                scope.spawn(|| {
                    let other = CudaContext::new(1 - ordinal).expect("a context");
                    tensor.release();
                    assert_eq!(result::ctx::get_current(), Ok(Some(other.cu_ctx())));
                });
            });
        });
        assert_eq!((done.frees, done.misuses), (2, 0));
    }
}

#[test]
fn the_consumers_stream_waits_for_the_elements() {
    let read = |ready: fn(&mut Lent<f32>, &Arc<CudaStream>)| {
        let mut first = f32::NAN;
        let done = alone(|| {
            let context = CudaContext::new(0).expect("a context");
            let (ours, theirs) = (context.new_stream(), context.new_stream());
            let (ours, theirs) = (ours.expect("a stream"), theirs.expect("a stream"));
            let mut lent = Lent::new(ours.clone_htod(&FLOATS).expect("memory"));
            let waited = counts().syncs;
            ready(&mut lent, &theirs);
            assert_eq!(counts().syncs, waited, "the host does not wait");
            let tensor = two_rows(lent);
            let copy = copy_first(&tensor, &theirs);
            first = theirs.clone_dtoh(&copy).expect("a copy")[0];
            tensor.release();
        });
        assert_eq!(done.misuses, 0);
        first
    };
    assert_eq!(read(|_, _| ()), 0.0, "the driver runs nothing that nobody waits for");
    assert_eq!(read(|lent, theirs| lent.ready_on(theirs).expect("an order")), 2.0);
    let by_handle = |lent: &mut Lent<f32>, theirs: &Arc<CudaStream>| {
        lent.ready_on_stream(cuda_stream(theirs)).expect("an order");
    };
    assert_eq!(read(by_handle), 2.0);
    let by_number = |lent: &mut Lent<f32>, theirs: &Arc<CudaStream>| {
        let stream = named(theirs.cu_stream().expose_provenance());
        lent.ready_on_stream(stream).expect("an order");
    };
    assert_eq!(read(by_number), 2.0);
    let unsynchronised = |lent: &mut Lent<f32>, _: &Arc<CudaStream>| {
        lent.ready_on_stream(Stream::NO_SYNC).expect("nothing to do");
    };
    assert_eq!(read(unsynchronised), 0.0);
}

#[test]
fn default_streams_are_named_by_small_numbers() {
    let streams =
        [(Stream::NONE, 1), (Stream::CUDA_LEGACY_DEFAULT, 1), (Stream::CUDA_PER_THREAD_DEFAULT, 2)];
    for (named, stream) in streams {
        let done = alone(|| {
            let context = CudaContext::new(0).expect("a context");
            let ours = context.new_stream().expect("a stream");
            let mut lent = Lent::new(ours.clone_htod(&FLOATS).expect("memory"));
            lent.ready_on_stream(named).expect("an order");
            let tensor = two_rows(lent);
            // SAFETY: every device has both.
            let theirs =
                unsafe { context.wrap_borrowed_stream(ptr::without_provenance_mut(stream)) };
            let copy = copy_first(&tensor, &theirs);
            assert_eq!(theirs.clone_dtoh(&copy).expect("a copy"), [2.0]);
            tensor.release();
        });
        assert_eq!(done.misuses, 0);
    }
}

#[test]
fn numbers_that_are_no_streams_are_refused() {
    let done = alone(|| {
        let ours = CudaContext::new(0).expect("a context").default_stream();
        let mut lent = Lent::new(ours.clone_htod(&FLOATS).expect("memory"));
        // 0 could be either default stream, and -1 is said otherwise.
        for stream in [0, usize::MAX] {
            let error = Error::InvalidStream { device: Device::cuda(0), stream };
            let refused = lent.ready_on_stream(named(stream));
            assert_eq!(refused.unwrap_err(), error.into());
            let refused = wait_for(&ours, named(stream));
            assert_eq!(refused.unwrap_err(), error.into());
        }
        drop(lent);
    });
    assert_eq!((done.frees, done.misuses), (1, 0));
}

#[test]
fn work_on_other_streams_comes_first_too() {
    let done = alone(|| {
        let context = CudaContext::new(0).expect("a context");
        let [ours, writer, theirs] = [(); 3].map(|()| context.new_stream().expect("a stream"));
        let mut slice = ours.alloc_zeros::<f32>(6).expect("memory");
        // cudarc keeps account of this write in an event of the slice.
        writer.memcpy_htod(&FLOATS, &mut slice).expect("a copy");
        let mut lent = Lent::new(slice);
        lent.ready_on(&theirs).expect("an order");
        let tensor = two_rows(lent);
        let copy = copy_first(&tensor, &theirs);
        assert_eq!(theirs.clone_dtoh(&copy).expect("a copy"), [2.0]);
        tensor.release();
    });
    assert_eq!(done.misuses, 0);
}

/// A consumer enqueues a read, and calls the deleter before the device has come to it.
fn release_early(ready: fn(&mut Lent<f32>, &Arc<CudaStream>)) -> Counts {
    release_early_after(ready, |_| ())
}

/// As [`release_early`], with something that happens just before the deleter is called.
fn release_early_after(
    ready: fn(&mut Lent<f32>, &Arc<CudaStream>),
    before: fn(&CudaContext),
) -> Counts {
    alone(|| {
        let context = CudaContext::new(0).expect("a context");
        let (ours, theirs) = (context.new_stream(), context.new_stream());
        let (ours, theirs) = (ours.expect("a stream"), theirs.expect("a stream"));
        let mut lent = Lent::new(ours.clone_htod(&FLOATS).expect("memory"));
        ready(&mut lent, &theirs);
        let tensor = two_rows(lent);
        let copy = copy_first(&tensor, &theirs);
        before(&context);
        tensor.release();
        fail_waits(0);
        // The error is not the test's matter.
        let _ = context.check_err();
        // The producer's stream is at its end before the consumer's begins.
        ours.synchronize().expect("the end of the work");
        theirs.synchronize().expect("the end of the work");
        drop(copy);
    })
}

#[test]
fn memory_is_not_freed_before_the_consumers_work() {
    let done = release_early(|lent, theirs| lent.ready_on(theirs).expect("an order"));
    assert_eq!((done.misuses, done.frees), (0, 2));
    // What the driver counts if nobody sees to it.
    assert_eq!(release_early(|_, _| ()).misuses, 1);
}

#[test]
fn a_failure_does_not_free_memory_before_the_consumers_work() {
    let ready = |lent: &mut Lent<f32>, theirs: &Arc<CudaStream>| {
        lent.ready_on(theirs).expect("an order");
    };
    // cudarc keeps an error until somebody asks for it, and does nothing else then.
    let done = release_early_after(ready, |context| {
        context.record_err(Err::<(), _>(DriverError(CUresult::CUDA_ERROR_UNKNOWN)));
    });
    assert_eq!((done.misuses, done.frees), (0, 2));
    // The streams cannot be made to wait, and so the processor does.
    let done = release_early_after(ready, |_| fail_waits(1));
    assert_eq!((done.misuses, done.frees), (0, 2));
}

#[test]
fn a_slice_does_not_come_back_before_the_consumers_work() {
    for before in [
        |_: &CudaContext| fail_waits(1),
        |context: &CudaContext| {
            context.record_err(Err::<(), _>(DriverError(CUresult::CUDA_ERROR_UNKNOWN)));
        },
    ] {
        let done = alone(|| {
            let context = CudaContext::new(0).expect("a context");
            let (ours, theirs) = (context.new_stream(), context.new_stream());
            let (ours, theirs) = (ours.expect("a stream"), theirs.expect("a stream"));
            let mut lent = Lent::new(ours.clone_htod(&FLOATS).expect("memory"));
            lent.ready_on(&theirs).expect("an order");
            let raw = lent.exporter().into_raw().expect("a good layout");
            // SAFETY: just passed on.
            let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a good tensor");
            let data = u64::try_from(tensor.data().addr()).expect("an address");
            let new = theirs.clone_htod(&[9.0_f32]).expect("memory");
            let from = u64::try_from(address(&new)).expect("an address");
            // SAFETY: four bytes of live memory of the device each.
            unsafe { result::memcpy_dtod_async(data, from, 4, theirs.cu_stream()) }
                .expect("a copy");
            before(&context);
            let slice = tensor.downcast::<Lent<f32>>().expect("the owner").into_slice();
            fail_waits(0);
            let _ = context.check_err();
            assert_eq!(ours.clone_dtoh(&slice).expect("a copy")[0], 9.0);
            drop(new);
        });
        assert_eq!(done.misuses, 0);
    }
}

/// The deleter is the one that gives up the stream, for which cudarc makes its context current.
#[test]
fn a_deleter_that_ends_a_stream_leaves_the_threads_context_as_it_was() {
    let done = alone(|| {
        let context = CudaContext::new(0).expect("a context");
        let mut lent = Lent::new(context.default_stream().clone_htod(&FLOATS).expect("memory"));
        lent.ready_on(&context.new_stream().expect("a stream")).expect("an order");
        let tensor = two_rows(lent);
        thread::scope(|scope| {
            scope.spawn(|| {
                tensor.release();
                assert_eq!(result::ctx::get_current(), Ok(None));
            });
        });
    });
    assert_eq!((done.frees, done.misuses), (1, 0));
}

#[test]
fn a_refused_export_hands_the_slice_back() {
    let done = alone(|| {
        let stream = CudaContext::new(0).expect("a context").default_stream();
        let slice = stream.clone_htod(&FLOATS).expect("memory");
        let start = address(&slice);
        let refused = Lent::new(slice).exporter().shape(&[2, 3]).offset(1).build().unwrap_err();
        assert!(matches!(refused.error(), Error::OutOfBounds { available: 24, .. }));
        let slice = refused.into_inner().into_slice();
        assert_eq!(address(&slice), start);
        assert_eq!(stream.clone_dtoh(&slice).expect("a copy"), FLOATS);
    });
    assert_eq!((done.frees, done.misuses), (1, 0));
}

#[test]
fn the_slice_comes_back() {
    let done = alone(|| {
        let context = CudaContext::new(0).expect("a context");
        let theirs = context.new_stream().expect("a stream");
        let mut lent = Lent::from(theirs.clone_htod(&FLOATS).expect("memory"));
        lent.ready_on(&theirs).expect("nothing to wait for");
        let raw = lent.exporter().into_raw().expect("a good layout");
        // SAFETY: just passed on.
        let tensor = unsafe { ManagedTensorVersioned::from_raw(raw) }.expect("a good tensor");
        let expected = Error::NotHostAccessible { device: Device::cuda(0) };
        // SAFETY: refused before memory is looked at.
        assert_eq!(unsafe { tensor.view::<f32>() }.unwrap_err(), expected);
        assert!(matches!(tensor.data().addr(), 0x5a00_0000_0000..), "an address of the device");
        let slice = tensor.downcast::<Lent<f32>>().expect("the owner").into_slice();
        assert_eq!(theirs.clone_dtoh(&slice).expect("a copy"), FLOATS);
    });
    assert_eq!((done.frees, done.misuses), (1, 0));
}

#[test]
fn an_empty_slice_is_an_empty_tensor() {
    let done = alone(|| {
        let stream = CudaContext::new(0).expect("a context").default_stream();
        let raw = Lent::new(stream.null::<f32>().expect("no memory")).exporter().into_raw();
        // SAFETY: just passed on.
        let tensor = unsafe { Received::new(raw.expect("a good layout")) };
        assert_eq!((tensor.shape(), tensor.data()), (&[0][..], ptr::null_mut()));
        tensor.release();
    });
    assert_eq!((done.frees, done.misuses), (1, 0));
}

#[test]
fn a_failure_of_the_driver_is_an_error_and_loses_nothing() {
    let done = alone(|| {
        let context = CudaContext::new(0).expect("a context");
        let (ours, theirs) = (context.new_stream(), context.new_stream());
        let (ours, theirs) = (ours.expect("a stream"), theirs.expect("a stream"));
        let mut lent = Lent::new(ours.clone_htod(&FLOATS).expect("memory"));
        for failures in [1, 2] {
            fail_waits(failures);
            lent.ready_on(&theirs).expect_err("the driver fails");
            fail_waits(0);
        }
        lent.ready_on(&theirs).expect("an order");
        let tensor = two_rows(lent);
        let copy = copy_first(&tensor, &theirs);
        assert_eq!(theirs.clone_dtoh(&copy).expect("a copy"), [2.0]);
        tensor.release();
    });
    assert_eq!((done.frees, done.misuses), (2, 0));
}

#[test]
fn memory_is_freed_after_an_error_too() {
    let done = alone(|| {
        let context = CudaContext::new(0).expect("a context");
        let stream = context.default_stream();
        let tensor = two_rows(Lent::new(stream.clone_htod(&FLOATS).expect("memory")));
        // cudarc keeps an error until somebody asks for it, and does nothing else then.
        context.record_err(Err::<(), _>(DriverError(CUresult::CUDA_ERROR_UNKNOWN)));
        thread::scope(|scope| {
            scope.spawn(|| tensor.release());
        });
        assert_eq!(context.check_err(), Err(DriverError(CUresult::CUDA_ERROR_UNKNOWN)));
    });
    assert_eq!((done.frees, done.misuses), (1, 0));
}

#[test]
fn many_threads_export_and_delete() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 50;
    let done = alone(|| {
        let context = CudaContext::new(0).expect("a context");
        thread::scope(|scope| {
            let (give, take) = std::sync::mpsc::sync_channel(THREADS);
            for _ in 0..THREADS {
                let (give, stream) = (give.clone(), context.new_stream().expect("a stream"));
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        let lent = Lent::new(stream.clone_htod(&FLOATS).expect("memory"));
                        give.send(two_rows(lent)).expect("a consumer");
                    }
                });
            }
            drop(give);
            for tensor in take {
                scope.spawn(|| tensor.release());
            }
        });
    });
    assert_eq!(done.frees, i64::try_from(THREADS * ROUNDS).expect("a small number"));
    assert_eq!(done.misuses, 0);
}
