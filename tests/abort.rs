//! What ends the process: each test runs itself again in a process of its own and watches it end.
#![cfg(all(feature = "alloc", not(miri)))]

use std::env;
use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::process::{Command, Output};
use std::ptr::{self, NonNull};

use dlpack::exchange::{ExchangeApi, ExchangeTable, Library, Offer, Report};
use dlpack::negotiate::{ForeignProducer, Producer, RawProducer, Request, Stream};
use dlpack::sys::DLTensor;
use dlpack::{DataType, Device, Error, Exporter, ManagedTensorVersioned, OpaqueTensor};
use harness::release::delete;

/// The name of the test whose body the process is to run.
const CHILD: &str = "DLPACK_TESTS_CHILD";
const BEFORE: &str = "the body runs";
const AFTER: &str = "the body went on";

/// A vector that cannot be dropped in peace.
struct Grenade(Vec<u8>);

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("the owner panics");
    }
}

impl AsMut<[u8]> for Grenade {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// Runs `body` in a process of its own. `None` in that process, and where there is no way to start one.
fn in_a_process(test: &str, body: impl FnOnce()) -> Option<Output> {
    if env::var_os(CHILD).is_some_and(|name| name == test) {
        println!("{BEFORE}");
        body();
        println!("{AFTER}");
        return None;
    }
    if !starts_itself() {
        return None;
    }
    let arguments = ["--exact", test, "--nocapture", "--test-threads=1"];
    // A trace of the stack is of no use here, and takes an emulator minutes.
    let output = itself().args(arguments).env(CHILD, test).env("RUST_BACKTRACE", "0").output();
    Some(output.expect("it could be started just now"))
}

fn itself() -> Command {
    let mut command = Command::new(env::current_exe().expect("the test binary"));
    // Where a core dump, if there is one, is in nobody's way.
    command.current_dir(env::temp_dir());
    command
}

/// Under an emulator that runs this process alone the system cannot start another of its kind, and to try may never end.
fn starts_itself() -> bool {
    env::var_os("DLPACK_EMULATED").is_none()
        && itself().arg("--list").output().is_ok_and(|output| output.status.success())
}

/// Expects `body` to end its process at once, and not as a failing test does.
fn aborts(test: &str, body: impl FnOnce()) {
    aborts_saying("the owner panics", test, body);
}

fn aborts_saying(message: &str, test: &str, body: impl FnOnce()) {
    let Some(output) = in_a_process(test, body) else { return };
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(stdout.contains(BEFORE), "{stdout}{stderr}");
    assert!(!stdout.contains(AFTER), "{stdout}{stderr}");
    assert!(stderr.contains(message), "{stderr}");
    assert!(stderr.contains("panic in a function that cannot unwind"), "{stderr}");
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;

        const SIGABRT: i32 = 6;
        assert_eq!(output.status.signal(), Some(SIGABRT));
    }
    #[cfg(not(unix))]
    assert!(!output.status.success());
}

/// Expects `body` to come to its end.
fn survives(test: &str, body: impl FnOnce()) {
    let Some(output) = in_a_process(test, body) else { return };
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains(AFTER) && output.status.success(), "{output:?}");
}

fn grenade() -> Grenade {
    Grenade(vec![1, 2, 3])
}

#[test]
fn h016_owner_panics_in_a_drop() {
    aborts("h016_owner_panics_in_a_drop", || {
        drop(Exporter::new(grenade()).build().expect("it fits"))
    });
}

#[test]
fn h016_owner_panics_in_a_legacy_drop() {
    aborts("h016_owner_panics_in_a_legacy_drop", || {
        drop(Exporter::new(grenade()).build_legacy().expect("it fits"));
    });
}

#[test]
fn h016_owner_panics_in_a_deleter_that_c_calls() {
    aborts("h016_owner_panics_in_a_deleter_that_c_calls", || {
        let raw = Exporter::new(grenade()).build().expect("it fits").into_raw();
        // SAFETY: passed on.
        unsafe { delete(raw) };
    });
}

#[test]
fn h016_nobody_can_catch_it() {
    aborts("h016_nobody_can_catch_it", || {
        let tensor = Exporter::new(grenade()).build().expect("it fits");
        let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(tensor)));
    });
}

#[test]
fn h016_through_a_conversion() {
    aborts("h016_through_a_conversion", || {
        let tensor = Exporter::new(grenade()).build_legacy().expect("it fits").into_inner();
        drop(tensor.into_versioned().expect("memory for a header"));
    });
}

/// A producer that cannot be asked in peace.
struct Trap;

impl Producer for Trap {
    type Error = Error;

    fn export(&self) -> Result<ManagedTensorVersioned, Error> {
        panic!("the owner panics");
    }
}

#[test]
fn a_producer_panics_when_c_asks() {
    aborts("a_producer_panics_when_c_asks", || {
        RawProducer::lend(&Trap, |raw| {
            // SAFETY: the producer does not leave the closure.
            let producer = unsafe { ForeignProducer::from_raw(raw) }.expect("a table");
            let _ = panic::catch_unwind(AssertUnwindSafe(|| producer.request(&Request::new())));
        });
    });
}

#[test]
fn a_producer_panics_when_rust_asks() {
    survives("a_producer_panics_when_rust_asks", || {
        let caught = panic::catch_unwind(|| Trap.respond(&Request::new()).map(drop));
        assert_eq!(caught.expect_err("it panics").downcast_ref(), Some(&"the owner panics"));
    });
}

/// A library that contains no panics, and is nothing but one.
struct Panics;

static PANICS: ExchangeTable<Panics> = ExchangeTable::new();

// SAFETY: it panics before it accepts anything.
unsafe impl Library for Panics {
    type Error = Error;

    fn set_error(_: Error) {
        panic!("the library panics");
    }

    fn allocate(_: DataType, _: &[usize], _: Device) -> Result<ManagedTensorVersioned, Report> {
        panic!("the library panics");
    }

    unsafe fn tensor_from_object(_: NonNull<c_void>) -> Result<OpaqueTensor, Error> {
        panic!("the library panics");
    }

    unsafe fn object_from_tensor(_: Offer<'_>) -> Result<NonNull<c_void>, Error> {
        panic!("the library panics");
    }

    fn current_stream(_: Device) -> Result<Stream, Error> {
        panic!("the library panics");
    }

    const LENDS: bool = true;

    unsafe fn lend(_: NonNull<c_void>) -> Result<DLTensor, Error> {
        panic!("the library panics");
    }
}

/// Expects a call of the library to end the process, although the caller would catch the panic.
fn library_aborts<R>(test: &str, call: impl FnOnce(ExchangeApi) -> R) {
    aborts_saying("the library panics", test, || {
        // SAFETY: no function returns.
        let library = unsafe { ExchangeApi::from_raw(PANICS.as_raw()) }.expect("a table");
        let _ = panic::catch_unwind(AssertUnwindSafe(|| call(library)));
    });
}

fn object() -> *mut c_void {
    ptr::without_provenance_mut(8)
}

#[test]
fn a_library_panics_in_its_allocator() {
    library_aborts("a_library_panics_in_its_allocator", |library| {
        library.allocate(DataType::U8, &[1], Device::CPU)
    });
}

#[test]
fn a_library_panics_when_it_exports() {
    // SAFETY: the library never looks at its objects.
    library_aborts("a_library_panics_when_it_exports", |library| unsafe {
        library.tensor_from_object(object())
    });
}

#[test]
fn a_library_panics_when_it_takes_a_tensor() {
    let tensor = Exporter::new(vec![1_u8]).into_opaque().expect("it fits");
    // SAFETY: the library has no language.
    library_aborts("a_library_panics_when_it_takes_a_tensor", |library| unsafe {
        library.object_from_tensor(tensor)
    });
}

#[test]
fn a_library_panics_when_it_lends() {
    // SAFETY: the library never looks at its objects.
    library_aborts("a_library_panics_when_it_lends", |library| unsafe {
        library.with_object(object(), |_| ())
    });
}

#[test]
fn a_library_panics_when_it_is_asked_for_a_stream() {
    // SAFETY: the library has no language.
    library_aborts("a_library_panics_when_it_is_asked_for_a_stream", |library| unsafe {
        library.current_stream(Device::cuda(0))
    });
}

#[test]
fn a_library_panics_when_it_says_what_is_wrong() {
    library_aborts("a_library_panics_when_it_says_what_is_wrong", |library| {
        // SAFETY: a static.
        let export = unsafe { (*library.as_raw()).managed_tensor_from_py_object_no_sync };
        let mut tensor = ptr::null_mut();
        // SAFETY: a null object is an error.
        unsafe { export.expect("all functions")(ptr::null_mut(), &raw mut tensor) }
    });
}

#[test]
fn an_owner_that_is_handed_back_panics_as_any_other() {
    survives("an_owner_that_is_handed_back_panics_as_any_other", || {
        let refused = Exporter::new(grenade()).shape(&[4]).build().expect_err("too many");
        assert!(matches!(refused.error(), Error::OutOfBounds { available: 3, .. }));
        let caught = panic::catch_unwind(AssertUnwindSafe(|| drop(refused)));
        assert_eq!(caught.expect_err("it panics").downcast_ref(), Some(&"the owner panics"));

        let tensor = Exporter::new(grenade()).build().expect("it fits").into_inner();
        let Ok(owner) = tensor.downcast::<Grenade>() else { panic!("it is one") };
        let caught = panic::catch_unwind(AssertUnwindSafe(|| drop(owner)));
        assert_eq!(caught.expect_err("it panics").downcast_ref(), Some(&"the owner panics"));
    });
}
