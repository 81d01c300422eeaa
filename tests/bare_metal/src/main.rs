//! The firmware's main loop, linked for machines without an operating system. On others it makes one round.
#![cfg_attr(any(target_os = "none", target_os = "unknown"), no_std, no_main)]

use bare_metal::{State, readings_export_single, readings_state};

/// Exports one tensor and, in the role of its consumer, calls the deleter. Says whether all went well.
fn round() -> bool {
    // SAFETY: nothing else in this program exports.
    let raw = unsafe { readings_export_single(0.5) };
    if raw.is_null() || readings_state() != State::Out {
        return false;
    }
    // SAFETY: the tensor is alive.
    let Some(deleter) = (unsafe { (*raw).deleter }) else { return false };
    // SAFETY: the tensor is not used again.
    unsafe { deleter(raw) };
    readings_state() == State::Free
}

#[cfg(any(target_os = "none", target_os = "unknown"))]
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    loop {
        if !round() {
            panic!("expected a round");
        }
    }
}

#[cfg(any(target_os = "none", target_os = "unknown"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[cfg(not(any(target_os = "none", target_os = "unknown")))]
fn main() -> std::process::ExitCode {
    if round() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
