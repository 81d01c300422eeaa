//! The words of every error, pinned.

use std::collections::HashSet;
use std::error::Error as _;
use std::mem;

use dlpack::{
    DataType, DataTypeCode, Device, Error, ErrorKind, Flags, ManagedTensorVersioned, RejectedError,
    Version,
};
use dlpack_sys::DLManagedTensorVersioned;
use harness::Spec;
use harness::abi::Abi;

const ERRORS: &str = include_str!("../dlpack/src/error.rs");
const PARSING: &str = include_str!("../dlpack/src/error/parse.rs");

/// How errors are written in `error.rs` and `parse.rs`.
const VARIANT: &str = "    #[error(";
const TEXT: &str = ": \"";

fn import_errors() -> Vec<(Error, &'static str)> {
    use Error::*;
    vec![
        (NullTensor, "expected a tensor, found a null pointer"),
        (
            MisalignedHeader { required: 8 },
            "expected a tensor header aligned to 8 bytes, found one that is not",
        ),
        (
            UnsupportedVersion { found: Version { major: 2, minor: 7 } },
            "expected dlpack version 1.x, found 2.7",
        ),
        (NegativeNdim { ndim: -1 }, "expected a number of dimensions of at least 0, found -1"),
        (TooManyAxes { ndim: 65, max: 64 }, "expected at most 64 dimensions, found 65"),
        (NullShape { ndim: 2 }, "expected a shape of 2 dimensions, found a null pointer"),
        (
            NullStrides { ndim: 2 },
            "expected 2 strides, found a null pointer, which dlpack forbids since version 1.2",
        ),
        (
            InvalidDType { found: DataType::new(DataTypeCode::FLOAT4_E2M1FN, 8, 1) },
            "expected a valid dtype, found float4_e2m1fn[bits=8]",
        ),
        (NegativeSize { axis: 1, size: -3 }, "expected a size of at least 0 on axis 1, found -3"),
        (
            ShapeOverflow,
            "expected a shape whose size fits in the address space, found a larger one",
        ),
        (ExtentOverflow, "expected strides that stay within the address space, found larger ones"),
    ]
}

fn access_errors() -> Vec<(Error, &'static str)> {
    use Error::*;
    vec![
        (
            NotHostAccessible { device: Device::cuda(1) },
            "expected memory that the host can access, found device cuda:1",
        ),
        (
            DTypeMismatch { expected: DataType::F32, found: DataType::I64 },
            "expected dtype float32, found int64",
        ),
        (
            NotWholeBytes { found: DataType::F4_E2M1FN },
            "expected elements of whole bytes, found packed float4_e2m1fn",
        ),
        (
            Padded { found: DataType::U4.with_lanes(2) },
            "expected lanes side by side, found padded uint4x2",
        ),
        (NullData, "expected a data pointer, found a null pointer"),
        (
            ByteOffsetOverflow { byte_offset: u64::MAX },
            "expected a byte offset that fits in the address space, found 18446744073709551615",
        ),
        (
            AddressOverflow,
            "expected addresses within the address space, found a tensor that leaves it",
        ),
        (
            Misaligned { required: 4 },
            "expected data aligned to 4 bytes, found data that is not; view_as::<Unaligned<T>> reads it",
        ),
        (
            NotAnAddress { device: Device::new(dlpack::DeviceType::VULKAN, 0) },
            "expected a device with addresses, found vulkan:0",
        ),
        (ReadOnly, "expected a writable tensor, found a read-only one; to_copy makes one"),
        (
            WritabilityUnknown,
            "expected a writable tensor, found one that does not say whether it is; assume_exclusive and assume_writable promise it",
        ),
        (
            Overlapping,
            "expected elements that do not overlap, found strides that may overlap; to_copy separates them",
        ),
        (
            NotContiguous,
            "expected contiguous elements, found gaps or another order; a view reads them, to_copy closes the gaps",
        ),
        (NotExclusive, "expected a tensor with the flag IS_COPIED, found one without it"),
    ]
}

fn view_errors() -> Vec<(Error, &'static str)> {
    use Error::*;
    vec![
        (NdimMismatch { expected: 2, found: 3 }, "expected 2 dimensions, found 3"),
        (StridesLenMismatch { expected: 2, found: 1 }, "expected 2 strides, found 1"),
        (
            AxisOutOfRange { axis: 5, ndim: 1 },
            "expected an axis of a tensor of 1 dimension, found axis 5",
        ),
        (
            InsertOutOfRange { axis: 5, ndim: 1 },
            "expected a place from 0 to 1 for a new axis, found 5",
        ),
        (
            RangeOutOfBounds { start: 3, end: 2, size: 5 },
            "expected a range within the 5 elements of an axis, found 3..2",
        ),
        (
            IndexOutOfRange { axis: 1, index: 3, size: 3 },
            "expected an index within the 3 elements of axis 1, found 3",
        ),
        (ZeroStep, "expected a step of at least 1, found 0"),
        (RepeatedAxis { axis: 1 }, "expected each axis once, found axis 1 again"),
        (ShapeMismatch { axis: 1, expected: 3, found: 4 }, "expected size 3 on axis 1, found 4"),
        (
            StrideMismatch { axis: 0, expected: 1, found: 3 },
            "expected a stride of 1 on axis 0, found 3",
        ),
        (
            StrideNotPositive { axis: 1, stride: -2 },
            "expected a stride of at least 1 on axis 1, found -2",
        ),
        (
            InvalidText { expected: "a dtype such as float32" },
            "expected a dtype such as float32, found another text",
        ),
        (LenMismatch { expected: 6, found: 8 }, "expected 6 elements, found 8"),
        (ReshapeNeedsCopy, "expected a shape that needs no copy, found one that does"),
    ]
}

fn export_errors() -> Vec<(Error, &'static str)> {
    use Error::*;
    vec![
        (
            OutOfBounds { available: 24, start: 0, end: 32 },
            "expected a layout within 24 bytes, found one from byte 0 to 32",
        ),
        (
            ReadOnlyNotExpressible,
            "expected a writable tensor for the legacy abi, found a read-only one; to_copy makes one",
        ),
        (PaddedNotExpressible, "expected packed elements for the legacy abi, found padded ones"),
        (AllocationFailed, "expected memory for the tensor, found none or too little"),
    ]
}

fn negotiation_errors() -> Vec<(Error, &'static str)> {
    use Error::*;
    let (cpu, cuda) = (Device::CPU, Device::cuda(1));
    vec![
        (UnknownCopyPolicy { code: 3 }, "expected copy policy 0, 1 or 2, found 3"),
        (UnknownStreamKind { code: 9 }, "expected a stream of kind 0, 1 or 2, found kind 9"),
        (
            InvalidStream { device: cpu, stream: 0xABC },
            "expected a stream of device cpu, found 0xabc",
        ),
        (
            StreamUnsupported { device: cuda },
            "expected a producer that serves streams of device cuda:1, found one that does not",
        ),
        (
            CopyUnsupported { device: cuda },
            "expected a producer that copies to device cuda:1, found one that does not",
        ),
        (
            CopyNeeded { expected: cpu, found: cuda },
            "expected memory on device cpu without a copy, found it on cuda:1",
        ),
        (Copied, "expected the memory of the producer, found a copy"),
        (
            DeviceMismatch { expected: cpu, found: cuda },
            "expected a tensor on device cpu, found one on cuda:1",
        ),
        (
            NotLegacy { found: Version { major: 1, minor: 3 } },
            "expected a tensor in the legacy abi, found one of version 1.3",
        ),
        (UnknownAbi { code: 7 }, "expected a tensor of abi 1 or 2, found abi 7"),
        (Refused { status: -5 }, "expected a tensor, found a refusal with status -5"),
        (
            MissingFunction { name: "respond" },
            "expected the function respond, found a null pointer",
        ),
    ]
}

fn exchange_errors() -> Vec<(Error, &'static str)> {
    use Error::*;
    let name = "current_work_stream";
    vec![
        (NullTable, "expected an exchange table, found a null pointer"),
        (TableOrder { newer: 2, older: 3 }, "expected a table of a major version below 2, found 3"),
        (TooManyTables { max: 16 }, "expected at most 16 exchange tables, found more"),
        (CallFailed { name, code: -1 }, "expected success of current_work_stream, found code -1"),
        (NullObject, "expected an object, found a null pointer"),
        (NullOutput, "expected a place for the result, found a null pointer"),
        (Panicked, "expected a result, found a panic"),
    ]
}

fn all_errors() -> Vec<(Error, &'static str)> {
    let sides = [import_errors(), access_errors(), view_errors(), export_errors()].concat();
    [sides, negotiation_errors(), exchange_errors()].concat()
}

/// Lowercase, no full stop, one line, expected then found.
fn assert_in_voice(message: &str) {
    assert!(message.starts_with("expected "), "{message}");
    // But for the names of flags.
    let message = ["IS_COPIED", "READ_ONLY", "Unaligned<T>"]
        .iter()
        .fold(message.to_owned(), |message, name| message.replace(name, ""));
    assert_eq!(message.to_lowercase(), message);
    assert!(!message.ends_with(['.', '!', ' ']) && !message.contains('\n'), "{message}");
}

#[test]
fn every_error_says_what_was_expected_and_what_was_found() {
    for (error, message) in all_errors() {
        assert_eq!(error.to_string(), message);
        assert_in_voice(message);
        assert!(message.contains("found "), "{message}");
        assert!(error.source().is_none());
    }
}

/// One of a thing is not many, and zero are.
#[test]
fn numbers_agree_with_their_nouns() {
    use Error::*;
    for (error, message) in [
        (NullShape { ndim: 1 }, "expected a shape of 1 dimension, found a null pointer"),
        (NdimMismatch { expected: 1, found: 2 }, "expected 1 dimension, found 2"),
        (NdimMismatch { expected: 0, found: 1 }, "expected 0 dimensions, found 1"),
        (StridesLenMismatch { expected: 1, found: 0 }, "expected 1 stride, found 0"),
        (LenMismatch { expected: 1, found: 3 }, "expected 1 element, found 3"),
        (
            IndexOutOfRange { axis: 0, index: 1, size: 1 },
            "expected an index within the 1 element of axis 0, found 1",
        ),
        (
            RangeOutOfBounds { start: 0, end: 2, size: 1 },
            "expected a range within the 1 element of an axis, found 0..2",
        ),
        (
            OutOfBounds { available: 1, start: -3, end: 1 },
            "expected a layout within 1 byte, found one from byte -3 to 1; an offset moves the first element",
        ),
    ] {
        assert_eq!(error.to_string(), message);
        assert_in_voice(message);
    }
    for number in 0..3 {
        for error in [
            TooManyAxes { ndim: 9, max: number },
            NullStrides { ndim: number },
            AxisOutOfRange { axis: 9, ndim: number },
        ] {
            let message = error.to_string();
            let singular = ["dimension,", "stride,"].iter().any(|word| message.contains(word));
            assert_eq!(singular, number == 1, "{message}");
        }
    }
}

#[test]
fn no_error_is_left_out() {
    let kinds: HashSet<_> =
        all_errors().iter().map(|(error, _)| mem::discriminant(error)).collect();
    let declared = ERRORS.lines().filter(|line| line.starts_with(VARIANT)).count();
    assert!(declared > 30, "the search finds them");
    assert_eq!((kinds.len(), all_errors().len()), (declared, declared));
}

/// The errors that are not of the kind that most errors of their group are of.
#[test]
fn kinds() {
    use ErrorKind::*;
    let exceptions = |error: &Error| match error {
        Error::DTypeMismatch { .. } => Some(DType),
        Error::UnsupportedVersion { .. }
        | Error::TooManyAxes { .. }
        | Error::ShapeOverflow
        | Error::ExtentOverflow => Some(Unsupported),
        Error::NullData | Error::ByteOffsetOverflow { .. } | Error::AddressOverflow => {
            Some(Malformed)
        }
        Error::NotLegacy { .. } | Error::UnknownAbi { .. } => Some(Malformed),
        Error::ReshapeNeedsCopy => Some(Unsupported),
        Error::OutOfBounds { .. }
        | Error::UnknownCopyPolicy { .. }
        | Error::UnknownStreamKind { .. }
        | Error::InvalidStream { .. } => Some(InvalidArgument),
        Error::Copied | Error::CopyNeeded { .. } => Some(CopyPolicy),
        Error::AllocationFailed => Some(OutOfMemory),
        Error::MissingFunction { .. } => Some(NotImplemented),
        Error::CallFailed { .. } | Error::Panicked => Some(Failed),
        _ => None,
    };
    for (errors, kind) in [
        (import_errors(), Malformed),
        (access_errors(), Unsupported),
        (view_errors(), InvalidArgument),
        (export_errors(), Unsupported),
        (negotiation_errors(), Unsupported),
        (exchange_errors(), Malformed),
    ] {
        for (error, message) in errors {
            assert_eq!(error.kind(), exceptions(&error).unwrap_or(kind), "{message}");
        }
    }
}

#[test]
fn errors_are_small_and_plain() {
    fn plain<T: Copy + Eq + std::error::Error + Send + Sync + Unpin + 'static>() {}
    plain::<Error>();
    // The largest have three numbers, such as an axis and two strides.
    assert!(size_of::<Error>() <= 4 * size_of::<u64>());
    assert_eq!(format!("{:?}", Error::NullShape { ndim: 2 }), "NullShape { ndim: 2 }");
}

#[test]
fn texts_that_cannot_be_read() {
    let errors = [
        ("".parse::<DataType>().err(), "expected a dtype such as float32, found another text"),
        ("".parse::<Device>().err(), "expected a device such as cuda:0, found another text"),
        (
            "".parse::<dlpack::DeviceType>().err(),
            "expected a device type such as cuda, found another text",
        ),
        ("".parse::<Flags>().err(), "expected flags such as READ_ONLY | 0x100, found another text"),
        ("".parse::<Version>().err(), "expected a version such as 1.3, found another text"),
    ];
    let declared = PARSING.lines().filter(|line| line.contains(TEXT)).count();
    assert_eq!(errors.len(), declared);
    for (error, message) in errors {
        let error = error.expect("an empty text is none of these");
        assert_eq!(error.to_string(), message);
        assert_in_voice(message);
        assert!(error.source().is_none());
    }
}

#[test]
fn the_examples_in_the_texts_can_be_read() {
    assert_eq!("float32".parse(), Ok(DataType::F32));
    assert_eq!("cuda:0".parse(), Ok(Device::cuda(0)));
    assert_eq!("cuda".parse(), Ok(dlpack::DeviceType::CUDA));
    assert_eq!("READ_ONLY | 0x100".parse(), Ok(Flags::from_bits(0x101)));
    assert_eq!("1.3".parse(), Ok(Version { major: 1, minor: 3 }));
}

/// What is handed back need not be `Sync` for `?` to make a boxed error of the refusal.
#[cfg(feature = "alloc")]
#[test]
fn any_owner_that_can_be_sent_is_refused_with_a_boxed_error() {
    struct Address(*mut u8, Vec<u8>);
    // SAFETY: nobody follows the address.
    unsafe impl Send for Address {}
    impl AsMut<[u8]> for Address {
        fn as_mut(&mut self) -> &mut [u8] {
            assert!(self.0.is_null());
            &mut self.1
        }
    }
    fn export() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let owner = Address(std::ptr::null_mut(), vec![1, 2]);
        dlpack::Exporter::new(owner).shape(&[3]).build()?;
        Ok(())
    }
    let error = export().expect_err("too many");
    assert_eq!(error.to_string(), "expected a layout within 2 bytes, found one from byte 0 to 3");
    assert!(error.is::<RejectedError<Address>>());
}

/// A tensor that is no copy, refused where only a copy will do.
#[cfg(not(miri))]
#[test]
fn what_is_handed_back_speaks_as_its_error() {
    fn error_type<T: std::error::Error>(_: &T) {}
    let (tensor, record) = DLManagedTensorVersioned::from_c(&Spec::of(&[1_u8, 2]));
    let refused: RejectedError<ManagedTensorVersioned> =
        tensor.try_exclusive().expect_err("no copy");
    error_type(&refused);
    assert_eq!(refused.to_string(), Error::NotExclusive.to_string());
    assert_eq!(format!("{refused:?}"), "RejectedError { error: NotExclusive, .. }");
    assert!(refused.source().is_none());
    assert_eq!(record.deleted(), 0);
    assert_eq!(Error::from(refused), Error::NotExclusive);
    assert_eq!(record.deleted(), 1, "the owner went with the conversion");
}
