//! Guard pages and placement.

use std::mem::offset_of;

use dlpack_sys::DLManagedTensorVersioned;
use harness::release::delete;
use harness::{Spec, has_guard_pages};

use crate::dims;

/// Whether the byte at this address may be read, as Linux lists it; `None` elsewhere.
fn readable(address: usize) -> Option<bool> {
    if cfg!(not(target_os = "linux")) {
        return None;
    }
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let covering = maps.lines().find(|line| {
        let (start, rest) = line.split_once('-').expect("start-end permissions");
        let end = rest.split(' ').next().expect("an end");
        let hex = |text| usize::from_str_radix(text, 16).expect("an address");
        (hex(start)..hex(end)).contains(&address)
    });
    Some(covering.is_some_and(|line| line.split(' ').nth(1).expect("permissions").starts_with('r')))
}

/// `last` can be read and `next` cannot.
fn assert_edge(last: usize, next: usize) {
    if let Some(answer) = readable(last) {
        assert!(answer, "{last:#x} is ours");
        assert_eq!(readable(next), Some(false), "{next:#x} is the guard's");
    }
}

#[test]
fn the_edges_of_the_data() {
    if !has_guard_pages() {
        return;
    }
    let spec = Spec::of(&[1_u8; 10]);
    let (tensor, record) = spec.clone().guard_data_end().make_versioned();
    let start = record.data().addr();
    assert_edge(start + 9, start + 10);
    // SAFETY: live.
    unsafe { delete(tensor) };

    let (tensor, record) = spec.guard_data_start().make_versioned();
    let start = record.data().addr();
    assert_edge(start, start - 1);
    // SAFETY: live.
    unsafe { delete(tensor) };
    if let Some(answer) = readable(start) {
        assert!(!answer, "guarded data cannot be read once it is deleted");
    }
}

#[test]
fn the_edge_of_shape_and_strides() {
    if !has_guard_pages() {
        return;
    }
    let (tensor, _record) = Spec::of(&[1_u8; 6]).shape(&[2, 3]).guard_dims().make_legacy();
    let [shape, strides] = dims(tensor);
    assert_edge(shape.addr() + 15, shape.addr() + 16);
    assert_edge(strides.addr() + 15, strides.addr() + 16);
    // SAFETY: live.
    unsafe { delete(tensor) };
}

#[test]
fn the_edge_after_the_flags() {
    if !has_guard_pages() {
        return;
    }
    let spec = Spec::of(&[1_u8; 6]).version(2, 0).flags(5).guard_header();
    let (tensor, record) = spec.make_versioned();
    let end = tensor.addr() + offset_of!(DLManagedTensorVersioned, flags) + 8;
    assert_edge(end - 1, end);
    // SAFETY: the fields up to the flags are there.
    let version = unsafe { (*tensor).version };
    assert_eq!((version.major, version.minor), (2, 0));
    // SAFETY: as above.
    assert_eq!(unsafe { (*tensor).flags }, 5);
    // SAFETY: live.
    unsafe { delete(tensor) };
    assert_eq!(record.deleted(), 1);

    let (tensor, _record) = Spec::of(&[1_u8; 6]).guard_header().make_legacy();
    assert_edge(tensor.addr() + size_of_val(&tensor), tensor.wrapping_add(1).addr());
    // SAFETY: live.
    unsafe { delete(tensor) };
}

#[test]
fn alignment_and_shift() {
    for shift in [0, 1, 4, 12] {
        let spec = Spec::of(&[1_f32, 2.0]).data_shift(shift).header_shift(shift);
        let (tensor, record) = spec.make_legacy();
        assert_eq!(record.data().addr() % 256, shift);
        assert_eq!(tensor.addr() % 256, shift);
        // SAFETY: live, though perhaps misaligned.
        let copy = unsafe { tensor.read_unaligned() };
        assert_eq!(copy.dl_tensor.data, record.data());
        assert_eq!((copy.dl_tensor.ndim, copy.dl_tensor.dtype.bits), (1, 32));
        // SAFETY: live; only the address is used.
        unsafe { copy.deleter.expect("there is one")(tensor) };
        assert_eq!(record.deleted(), 1);
    }
}
