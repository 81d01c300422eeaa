//! Shared tensors as producers: frozen ones, which copy, and others, which do not.

use std::sync::Arc;

use dlpack::negotiate::{CopyPolicy, Producer, Request, Stream};
use dlpack::{
    Access, AnyManagedTensor, DataType, Device, Error, Exporter, Flags, Frozen,
    ManagedTensorVersioned,
    types::{U2, U4},
};
use dlpack_sys::DLManagedTensorVersioned;
use harness::abi::Abi;
use harness::{Record, Spec, dtype};

use crate::support::{IS_COPIED, PADDED, READ_ONLY};

/// A tensor of C that stays as it is.
fn frozen(spec: &Spec) -> (Arc<Frozen<ManagedTensorVersioned>>, Record) {
    let (tensor, record) = DLManagedTensorVersioned::from_c(spec);
    // SAFETY: C wrote the elements, and nobody writes them now.
    (Arc::new(unsafe { tensor.assume_frozen() }), record)
}

fn six() -> Spec {
    Spec::of(&[1_i32, 2, 3, 4, 5, 6]).shape(&[2, 3])
}

/// Many tensors of the same memory, read-only; the last of them ends the one they share.
#[test]
fn one_memory_many_consumers() {
    let (producer, record) = frozen(&six());
    let data = producer.data();
    let given: Vec<_> =
        (0..5).map(|_| producer.respond(&Request::new()).expect("a tensor")).collect();
    drop(producer);
    for tensor in given {
        assert_eq!(record.deleted(), 0);
        assert_eq!((tensor.data(), tensor.access()), (data, Access::ReadOnly));
        assert_eq!(tensor.flags(), Flags::READ_ONLY);
    }
    assert_eq!(record.deleted(), 1);
}

/// Legacy consumers get copies, which they may write, and the original stays as it is.
#[test]
fn legacy_consumers_get_copies() {
    let (producer, record) = frozen(&six().strides(&[1, 2]).flags(READ_ONLY));
    let tensor = producer.respond(&Request::legacy()).expect("a copy");
    assert!(matches!(tensor, AnyManagedTensor::Legacy(_)));
    assert_ne!(tensor.data(), producer.data());
    // SAFETY: a copy, which nobody else knows.
    let mut copy = unsafe { tensor.assume_writable().assume_exclusive() };
    assert_eq!(copy.as_slice::<i32>(), Ok(&[1, 3, 5, 2, 4, 6][..]));
    copy.view_mut::<i32>().expect("writable").fill(0);
    assert_eq!(producer.view::<i32>().expect("six").to_vec(), [1, 3, 5, 2, 4, 6]);
    drop(producer);
    assert_eq!(record.deleted(), 1);
    assert_eq!(copy.numel(), 6);
}

/// A copy is the consumer's alone.
#[test]
fn copies_are_exclusive() {
    let (producer, record) = frozen(&six());
    let request = Request::new().copy(CopyPolicy::ALWAYS);
    let Ok(AnyManagedTensor::Versioned(copy)) = producer.respond(&request) else {
        panic!("a versioned copy")
    };
    drop(producer);
    assert_eq!(record.deleted(), 1);
    assert_eq!(copy.flags(), Flags::IS_COPIED);
    let copy = copy.try_exclusive().expect("it is alone").fill(7_i32).expect("it can be written");
    assert_eq!(copy.as_slice::<i32>(), Ok(&[7; 6][..]));
}

/// Bits of one width, from bytes whose upper bits are rubbish, put together by hand: the first value lowest.
fn packed_by_hand(values: &[u8], bits: u32) -> Vec<u8> {
    let mut all = vec![0_u8; (values.len() * bits as usize).div_ceil(8)];
    for (at, value) in values.iter().enumerate() {
        for bit in 0..bits as usize {
            let to = at * bits as usize + bit;
            all[to / 8] |= (value >> bit & 1) << (to % 8);
        }
    }
    all
}

/// Padded elements are packed for a legacy consumer, of every width and number of lanes that there is.
#[test]
fn padded_elements_are_packed() {
    // Code, bits, lanes.
    for (code, bits, lanes) in [
        (1, 1, 1),
        (1, 2, 1),
        (1, 3, 1),
        (1, 4, 1),
        (1, 5, 1),
        (1, 6, 1),
        (1, 7, 1),
        (15, 6, 1),
        (16, 6, 1),
        (17, 4, 1),
        (17, 4, 2),
        (0, 4, 3),
        (15, 6, 5),
        (6, 1, 1),
    ] {
        for shape in [&[7][..], &[2, 3], &[1, 5, 3], &[0, 4], &[]] {
            let numel: i64 = shape.iter().product();
            let count = usize::try_from(numel).expect("small") * usize::from(lanes);
            let values: Vec<u8> = (0..count).map(|i| (i * 37 % 256) as u8).collect();
            let spec = Spec::new(dtype(code, bits, lanes)).shape(shape).data(&values).flags(PADDED);
            let (producer, record) = frozen(&spec);
            let tensor = producer.respond(&Request::legacy()).expect("a copy");
            drop(producer);
            assert_eq!(record.deleted(), 1);
            assert_eq!(tensor.shape(), shape);
            assert_eq!(tensor.dtype(), DataType::from(dtype(code, bits, lanes)));
            let expected = packed_by_hand(&values, bits.into());
            assert_eq!(tensor.nbytes(), expected.len());
            if !tensor.is_empty() {
                // SAFETY: a copy in main memory, of as many bytes.
                let bytes = unsafe {
                    std::slice::from_raw_parts(tensor.data().cast::<u8>(), expected.len())
                };
                assert_eq!(bytes, expected, "{code} {bits} {lanes} {shape:?}");
            }
        }
    }
}

/// Strides, too, which packed elements have none of: columns first, and backwards.
#[test]
fn padded_elements_in_any_order_are_packed() {
    let spec = Spec::new(dtype(1, 4, 1)).data(&[0xF1_u8, 2, 3, 4, 5, 6]).flags(PADDED);
    let (producer, _) = frozen(&spec.shape(&[2, 3]).strides(&[1, 2]));
    let request = Request::new().copy(CopyPolicy::ALWAYS);
    let Ok(AnyManagedTensor::Versioned(copy)) = producer.respond(&request) else {
        panic!("a versioned copy")
    };
    assert_eq!((copy.flags(), copy.nbytes()), (Flags::IS_COPIED, 3));
    // SAFETY: a copy, which nobody else knows.
    let copy = unsafe { copy.assume_frozen() };
    let values: Vec<u8> = copy.packed_view::<U4>().expect("packed").iter().map(U4::to_u8).collect();
    assert_eq!(values, [1, 3, 5, 2, 4, 6]);

    let spec = Spec::new(dtype(1, 2, 1)).data(&[0_u8, 1, 2, 3]).flags(PADDED);
    let (producer, _) = frozen(&spec.origin(3).shape(&[4]).strides(&[-1]));
    let copy = producer.copy_to(Device::CPU, Stream::NONE).expect("a copy");
    // SAFETY: a copy, which nobody else knows.
    let copy = unsafe { copy.assume_frozen() };
    let values: Vec<u8> = copy.packed_view::<U2>().expect("packed").iter().map(U2::to_u8).collect();
    assert_eq!(values, [3, 2, 1, 0]);
}

/// The flag means nothing for elements of whole bytes.
#[test]
fn whole_bytes_are_never_padded() {
    let (producer, _) = frozen(&six().flags(PADDED));
    let request = Request::new().copy(CopyPolicy::ALWAYS);
    let copy = producer.respond(&request).expect("a copy");
    // SAFETY: a copy, which nobody else knows.
    assert_eq!(unsafe { copy.as_slice::<i32>() }, Ok(&[1, 2, 3, 4, 5, 6][..]));
}

/// What the host cannot reach goes out as it is, and is not copied.
#[test]
fn memory_of_a_device() {
    let (producer, record) = frozen(&six().device(2, 1));
    let (cpu, cuda) = (Device::CPU, Device::cuda(1));
    for stream in [Stream::NONE, Stream::NO_SYNC, Stream::CUDA_PER_THREAD_DEFAULT] {
        // What stays as it is has been written.
        let tensor = producer.respond(&Request::new().stream(stream)).expect("a tensor");
        assert_eq!((tensor.device(), tensor.data()), (cuda, producer.data()));
    }
    let refused = |request: Request| producer.respond(&request).map(drop);
    let to_host = Request::new().device(cpu);
    assert_eq!(refused(to_host), Err(Error::NotHostAccessible { device: cuda }));
    let copy = Request::new().copy(CopyPolicy::ALWAYS);
    assert_eq!(refused(copy), Err(Error::CopyUnsupported { device: cuda }));
    assert_eq!(refused(Request::legacy()), Err(Error::ReadOnlyNotExpressible));
    let never = to_host.copy(CopyPolicy::NEVER);
    assert_eq!(refused(never), Err(Error::CopyNeeded { expected: cpu, found: cuda }));
    drop(producer);
    assert_eq!(record.deleted(), 1);
}

/// Pinned memory is copied to what the consumer asked for.
#[test]
fn pinned_memory() {
    let (producer, _) = frozen(&six().device(3, 0));
    let tensor = producer.respond(&Request::new()).expect("a tensor");
    assert_eq!(tensor.device(), Device::cuda_host());
    let tensor = producer.respond(&Request::new().device(Device::CPU)).expect("a copy");
    assert_eq!((tensor.device(), tensor.flags()), (Device::CPU, Flags::IS_COPIED));
}

/// Nobody promised that the elements stay as they are, so nobody reads them.
#[test]
fn tensors_without_a_promise_are_not_copied() {
    for (flags, legacy) in
        [(0, Ok(())), (IS_COPIED, Ok(())), (READ_ONLY, Err(Error::ReadOnlyNotExpressible))]
    {
        let (tensor, record) = DLManagedTensorVersioned::from_c(&six().flags(flags));
        let producer = Arc::new(tensor);
        assert_eq!(Producer::device(&producer), Device::CPU);
        for copy in [CopyPolicy::IF_NEEDED, CopyPolicy::NEVER] {
            let tensor = producer.respond(&Request::new().copy(copy)).expect("a tensor");
            assert_eq!(
                (tensor.data(), tensor.flags().bits()),
                (producer.data(), flags & READ_ONLY)
            );
        }
        assert_eq!(producer.respond(&Request::legacy()).map(drop), legacy);
        let refused = producer.respond(&Request::new().copy(CopyPolicy::ALWAYS)).map(drop);
        assert_eq!(refused, Err(Error::CopyUnsupported { device: Device::CPU }));
        drop(producer);
        assert_eq!(record.deleted(), 1);
    }
}

/// A producer need not be of C, nor in a versioned struct.
#[test]
fn frozen_tensors_of_rust() {
    let tensor = Exporter::new(vec![1.5_f32, 2.5]).build_legacy().expect("a tensor");
    let producer = Arc::new(tensor.freeze());
    let tensor = producer.respond(&Request::new()).expect("a tensor");
    assert_eq!(tensor.data(), producer.data());
    let other = Arc::clone(&producer);
    let copy =
        std::thread::spawn(move || other.respond(&Request::legacy()).map(|t| t.data().addr()));
    assert_ne!(copy.join().expect("it ends"), Ok(producer.data().addr()));
}
