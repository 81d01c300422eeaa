//! The structs are those of C, in the numbers of the C compiler, and as the documentation declares them.

use std::mem::{align_of, offset_of, size_of};

use dlpack::Error;
use dlpack::negotiate::{Answer, CopyPolicy, ProducerTable, RawProducer, Request, Status, Stream};
use harness::ffi::Layout;
use harness::negotiate as c;

use crate::support::{device, from_c, in_c, named, policy, stream_from_c, version};

const HEADER: &str = include_str!("../c/negotiate.h");
const DOCUMENTATION: &str = include_str!("../../dlpack/src/negotiate/mod.rs");

fn of_type<T>() -> Layout {
    Layout { size: size_of::<T>(), align: align_of::<T>(), offset: 0 }
}

macro_rules! fields {
    ($type:ty: $($field:ident)*) => {[$(Layout {
        size: { fn size<T, F>(_: fn(&T) -> &F) -> usize { size_of::<F>() } size(|t: &$type| &t.$field) },
        align: 0,
        offset: offset_of!($type, $field),
    }),*]};
}

#[test]
fn the_structs_are_those_of_c() {
    let mut expected = c::layouts().into_iter();
    let mut next = |count: usize| expected.by_ref().take(count).collect::<Vec<_>>();
    let stream = next(3);
    assert_eq!(stream[0], of_type::<Stream>());
    assert_eq!(next(1), [of_type::<Request>()]);
    assert_eq!(next(4), fields!(Request: max_version device copy stream));
    assert_eq!(next(1), [of_type::<Answer>()]);
    assert_eq!(next(3), fields!(Answer: status abi tensor));
    assert_eq!(next(1), [of_type::<ProducerTable>()]);
    assert_eq!(next(4), fields!(ProducerTable: version release device respond));
    assert_eq!(next(1), [of_type::<RawProducer>()]);
    assert_eq!(next(2), fields!(RawProducer: table ctx));
    assert_eq!(next(1), []);
}

#[test]
fn the_fields_of_a_stream_are_those_of_c() {
    let of = |kind, handle| stream_from_c(c::Stream { kind, handle });
    assert_eq!(of(0, 0), Stream::NONE);
    assert_eq!(of(1, 0), Stream::NO_SYNC);
    assert_eq!(of(2, 77), named(77));
    assert_eq!(of(2, usize::MAX).handle(), Some(usize::MAX));
    assert_eq!(of(0, 5).handle(), None);
    assert_eq!(of(9, 5).handle(), None);
    assert!(of(1, 5).is_no_sync() && !of(0, 5).is_no_sync() && !of(9, 1).is_no_sync());
}

#[test]
fn a_request_from_c_is_read_as_it_was_written() {
    let stream = c::Stream { kind: 2, handle: 0x1234 };
    let request = from_c(in_c(7, (10, -3), 2, stream));
    assert_eq!(request.max_version, version(7, 0));
    assert_eq!(request.device, device(10, -3));
    assert_eq!((request.copy, request.stream), (CopyPolicy::NEVER, named(0x1234)));
}

/// All zeros are a call of `__dlpack__` without arguments.
#[test]
fn zeros_ask_for_the_defaults_of_python() {
    let request = from_c(in_c(0, (0, 0), 0, c::Stream::default()));
    assert!(request.is_legacy());
    assert_eq!(request, Request::legacy());
    assert_eq!((request.wanted_device(), request.copy), (None, CopyPolicy::IF_NEEDED));
    assert_eq!(request.stream, Stream::NONE);
}

#[test]
fn the_numbers_are_those_of_c() {
    let of = |name: &str| {
        let (_, rest) = HEADER.split_once(&format!("{name} = ")).expect("it is in the header");
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse::<u32>().expect("a number")
    };
    let copies = [CopyPolicy::IF_NEEDED, CopyPolicy::ALWAYS, CopyPolicy::NEVER];
    let names = ["DLPACK_COPY_IF_NEEDED", "DLPACK_COPY_ALWAYS", "DLPACK_COPY_NEVER"];
    assert_eq!(copies.map(CopyPolicy::code), names.map(of));
    assert_eq!(copies, names.map(of).map(policy));
    let statuses =
        [Status::OK, Status::REFUSED, Status::INVALID, Status::NO_MEMORY, Status::FAILED];
    let names =
        ["DLPACK_OK", "DLPACK_REFUSED", "DLPACK_INVALID", "DLPACK_NO_MEMORY", "DLPACK_FAILED"];
    assert_eq!(
        statuses.map(Status::code),
        names.map(|name| i32::try_from(of(name)).expect("small"))
    );
    assert_eq!([Answer::LEGACY, Answer::VERSIONED], ["DLPACK_LEGACY", "DLPACK_VERSIONED"].map(of));
}

/// What the documentation tells authors of C to write is what the C compiler of these tests saw.
#[test]
fn the_documentation_declares_what_c_compiled() {
    let (_, rest) = DOCUMENTATION.split_once("//! ```c\n").expect("there is C");
    let (code, _) = rest.split_once("//! ```\n").expect("it ends");
    let lines: Vec<&str> = code.lines().map(|line| line.trim_start_matches("//!").trim()).collect();
    let mut seen = 0;
    for line in lines.iter().filter(|line| !line.is_empty() && !line.starts_with("#include")) {
        assert!(HEADER.lines().any(|known| known.trim() == *line), "not in the header: {line}");
        seen += 1;
    }
    assert!(seen > 25, "the search finds it");
}

#[test]
fn statuses_of_errors() {
    let stream = Error::InvalidStream { device: device(1, 0), stream: 7 };
    for (error, status) in [
        (Error::AllocationFailed, Status::NO_MEMORY),
        (Error::UnknownCopyPolicy { code: 9 }, Status::INVALID),
        (Error::UnknownStreamKind { code: 9 }, Status::INVALID),
        (stream, Status::INVALID),
        (Error::CopyUnsupported { device: device(2, 0) }, Status::REFUSED),
        (Error::ReadOnlyNotExpressible, Status::REFUSED),
        (Error::Copied, Status::REFUSED),
        (Error::NullTensor, Status::REFUSED),
        (Error::Panicked, Status::FAILED),
        (Error::Refused { status: 0 }, Status::FAILED),
        (Error::Refused { status: -77 }, Status::new(-77)),
    ] {
        assert_eq!(Status::from(error), status, "{error}");
    }
    assert_eq!(Error::from(Status::NO_MEMORY), Error::AllocationFailed);
    assert_eq!(Error::from(Status::INVALID), Error::Refused { status: 2 });
}

#[test]
fn words_for_people() {
    assert_eq!(format!("{:?}", CopyPolicy::IF_NEEDED), "CopyPolicy(if needed)");
    assert_eq!(format!("{:?}", CopyPolicy::ALWAYS), "CopyPolicy(always)");
    assert_eq!(format!("{:?}", CopyPolicy::NEVER), "CopyPolicy(never)");
    assert_eq!(format!("{:?}", policy(8)), "CopyPolicy(8)");
    assert_eq!(format!("{:?}", Stream::NONE), "Stream(none)");
    assert_eq!(format!("{:?}", Stream::NO_SYNC), "Stream(no sync)");
    assert_eq!(format!("{:?}", named(255)), "Stream(0xff)");
    assert_eq!(format!("{:?}", stream_from_c(c::Stream { kind: 5, handle: 1 })), "Stream(kind 5)");
    let statuses = [0, 1, 2, 3, 4, -9].map(|code| format!("{:?}", Status::new(code)));
    let words = ["ok", "refused", "invalid", "no memory", "failed", "-9"];
    assert_eq!(statuses, words.map(|word| format!("Status({word})")));
}
