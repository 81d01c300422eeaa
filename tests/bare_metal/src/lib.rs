//! Firmware that gives the readings of a sensor to a consumer: no operating system, no heap.
//!
//! Nothing here is generic, so that building it compiles an export for the target, its deleter included.
#![no_std]

use core::ptr;

use dlpack::allocator::Slot;
use dlpack::{Exporter, sys::DLManagedTensorVersioned};

/// Room for one tensor of two rows with three readings each.
static READINGS: Slot<[f32; 6], 2> = Slot::new();

/// What of the last tensor is to be known.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The consumer has called the deleter, or nothing was exported yet.
    Free,
    /// The consumer is not done.
    Out,
}

/// Says whether a new tensor can be exported.
#[unsafe(no_mangle)]
pub extern "C" fn readings_state() -> State {
    if READINGS.is_free() { State::Free } else { State::Out }
}

/// Exports six readings as two rows of three; null while the last tensor is out.
///
/// The deleter may run at any time, in an interrupt too.
#[cfg(target_has_atomic = "8")]
#[unsafe(no_mangle)]
pub extern "C" fn readings_export(first: f32) -> *mut DLManagedTensorVersioned {
    let readings = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(|number: f32| first + number);
    let exporter = Exporter::new(readings).shape(&[2, 3]).header_in(&READINGS);
    exporter.into_raw().unwrap_or(ptr::null_mut())
}

/// As `readings_export`, on processors without compare-and-swap too.
///
/// # Safety
///
/// This function and `readings_export` are called by the main loop only, and never in an interrupt. Deleters may run at any
/// time, in an interrupt too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn readings_export_single(first: f32) -> *mut DLManagedTensorVersioned {
    let readings = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(|number: f32| first + number);
    // SAFETY: the caller's promise.
    let place = unsafe { READINGS.single() };
    let exporter = Exporter::new(readings).shape(&[2, 3]).header_in(place);
    exporter.into_raw().unwrap_or(ptr::null_mut())
}
