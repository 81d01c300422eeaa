//! What allocators say, within the space that there is.

use dlpack::Error;
use dlpack::exchange::Report;

#[test]
fn kinds_and_messages() {
    for (kind, message, text) in [
        ("MemoryError", "no room", "MemoryError: no room"),
        ("MemoryError", "", "MemoryError"),
        ("", "no room", "no room"),
        ("", "", "no reason"),
    ] {
        let report = Report::new(kind, message);
        assert_eq!((report.kind(), report.message()), (kind, message));
        assert_eq!(report.is_empty(), kind.is_empty() && message.is_empty());
        assert_eq!(report.to_string(), text);
    }
    let text = format!("{:?}", Report::new("K", "m"));
    assert!(text.ends_with(r#"kind: "K", message: "m" }"#), "{text}");
}

#[test]
fn texts_end_where_the_space_does_or_at_a_nul() {
    assert_eq!(Report::new("a\0b", "\0").kind(), "a");
    assert!(Report::new("", "\0b").is_empty());
    assert_eq!(Report::new("a\0b", "\0b"), Report::new("a", ""));
    for len in 30..50 {
        assert_eq!(Report::new(&"x".repeat(len), "").kind().len(), len.min(39));
    }
    for len in 200..230 {
        assert_eq!(Report::new("", &"x".repeat(len)).message().len(), len.min(215));
    }
    // Characters of three bytes: 13 in 39 bytes, 71 in 215.
    let report = Report::new(&"€".repeat(20), &"€".repeat(100));
    assert_eq!((report.kind(), report.message()), (&*"€".repeat(13), &*"€".repeat(71)));
}

#[test]
fn errors_as_exceptions() {
    for (error, kind) in [
        (Error::AllocationFailed, "MemoryError"),
        (Error::Panicked, "RuntimeError"),
        (Error::CallFailed { name: "f", code: -1 }, "RuntimeError"),
        (Error::MissingFunction { name: "f" }, "NotImplementedError"),
        (Error::ShapeOverflow, "ValueError"),
        (Error::NegativeNdim { ndim: -1 }, "ValueError"),
    ] {
        let report = Report::from(error);
        assert_eq!((report.kind(), report.message()), (kind, &*error.to_string()));
    }
}

#[cfg(feature = "alloc")]
#[test]
fn refused_exports_as_exceptions() {
    let refused = dlpack::Exporter::new([1_u8]).shape(&[2]).build().map(drop);
    let error = Error::OutOfBounds { available: 1, start: 0, end: 2 };
    assert_eq!(refused.map_err(Report::from), Err(Report::from(error)));
}

#[test]
fn errors_of_allocations() {
    let report = Report::from(Error::ShapeOverflow);
    assert_eq!(report.to_string(), format!("ValueError: {}", Error::ShapeOverflow));
    assert_eq!(Error::from(report), Error::ShapeOverflow);
    assert!(std::error::Error::source(&report).is_none());
}

#[test]
fn small_enough_to_be_returned() {
    fn plain<T: Copy + Eq + Send + Sync + Unpin + 'static>() {}
    plain::<Report>();
    assert!(size_of::<Report>() <= 256 + size_of::<Error>());
}
