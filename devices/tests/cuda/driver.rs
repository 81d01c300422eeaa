//! The mock driver, loaded before cudarc looks for a real one, and what it counts.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use libloading::{Library, Symbol};

/// What the driver has counted since it was loaded; see `mock.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Blocks of device memory that are not freed.
    pub blocks: i64,
    /// Events, streams and references to contexts.
    pub objects: i64,
    pub frees: i64,
    /// Errors, and what is worse: uses of freed memory.
    pub misuses: i64,
    /// How often the host waited.
    pub syncs: i64,
}

fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        // SAFETY: the library runs nothing when it is loaded.
        unsafe { Library::new(env!("MOCK_CUDA")) }.expect("the mock driver")
    })
}

fn ask(name: &str) -> i64 {
    // SAFETY: all functions that are asked for have this type.
    let function: Symbol<'_, unsafe extern "C" fn() -> core::ffi::c_long> =
        unsafe { library().get(name) }.expect("a function of the mock driver");
    // SAFETY: it only reads counters.
    unsafe { function() }
}

pub fn counts() -> Counts {
    Counts {
        blocks: ask("mock_blocks"),
        objects: ask("mock_objects"),
        frees: ask("mock_frees"),
        misuses: ask("mock_misuses"),
        syncs: ask("mock_syncs"),
    }
}

/// Lets time pass until the device has no work left.
pub fn finish() {
    // SAFETY: the function has this type.
    let function: Symbol<'_, unsafe extern "C" fn()> =
        unsafe { library().get("mock_finish") }.expect("a function of the mock driver");
    // SAFETY: it takes the driver's lock, which no caller holds.
    unsafe { function() };
}

/// Lets the next calls fail that make a stream wait.
pub fn fail_waits(count: core::ffi::c_long) {
    // SAFETY: the function has this type.
    let function: Symbol<'_, unsafe extern "C" fn(core::ffi::c_long)> =
        unsafe { library().get("mock_fail_waits") }.expect("a function of the mock driver");
    // SAFETY: it sets a counter.
    unsafe { function(count) };
}

/// Runs a test alone, on a thread on which no context is current, and says what is left of it.
///
/// At the end all memory is freed, and all objects are destroyed.
pub fn alone(test: impl FnOnce() + Send) -> Counts {
    static ONE: Mutex<()> = Mutex::new(());
    let _one: MutexGuard<'_, ()> = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = counts();
    thread::scope(|scope| scope.spawn(test).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    finish();
    let after = counts();
    assert_eq!((after.blocks, after.objects), (before.blocks, before.objects), "all is given back");
    Counts {
        blocks: after.blocks,
        objects: after.objects,
        frees: after.frees - before.frees,
        misuses: after.misuses - before.misuses,
        syncs: after.syncs - before.syncs,
    }
}
