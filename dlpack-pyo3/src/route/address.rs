//! Addresses that may be offsets from a null pointer.
//!
//! PyTorch computes the address of a view from that of its storage, also where the storage has no memory, and its address is
//! null. PyTorch says whether there is memory, but to ask for each tensor would cost more than an import. So it is not asked
//! again
//!
//! - for an address at which a tensor with memory was found;
//! - for the 4 GiB of addresses around such a tensor, where programs have their memory and offsets hardly ever lead: on Linux,
//!   they would be those of a tensor of more than 64 TiB, unless they come from an operator that checks no offset.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The binary logarithm of the size of a slice of the address space.
const SLICE: u32 = 32;
/// The number of slices in which programs have memory.
const SLICES: usize = 1 << (47 - SLICE);
/// The first slice that offsets hardly ever lead to.
const FAR: usize = if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
    // Programs start above 0x5555_0000_0000, unless they are linked to fixed addresses.
    SLICES / 2
} else {
    1
};

/// The slices in which tensors with memory were found.
static KNOWN: [AtomicBool; SLICES] = [const { AtomicBool::new(false) }; SLICES];

/// Other addresses at which tensors with memory were found: those of a program that is linked to fixed addresses, or that runs
/// under valgrind. At first, they are one that no tensor has.
static FOUND: [AtomicUsize; 64] = [const { AtomicUsize::new(usize::MAX) }; 64];

/// Returns `true` for an address about which PyTorch is to be asked.
#[inline]
pub(super) fn is_doubtful(address: usize) -> bool {
    let is_known = KNOWN.get(slice(address)).is_some_and(|known| known.load(Ordering::Relaxed));
    !is_known && found(address).load(Ordering::Relaxed) != address
}

/// Returns `true` for an address to which offsets hardly ever lead.
pub(super) const fn is_far(address: usize) -> bool {
    slice(address) >= FAR
}

/// Returns `true` for an address at which no program has memory, as the system says. Short offsets from a null pointer lead to the lowest,
/// at which no system has memory.
pub(super) fn is_of_none(address: usize) -> bool {
    address < 1 << 16 || is_mapped(address) == Some(false)
}

/// Returns `true` if there is memory at this address, as the system says. Where it is not asked, the address must be one to which offsets
/// hardly ever lead.
pub(super) fn is_of_a_program(address: usize) -> bool {
    is_mapped(address).unwrap_or_else(|| is_far(address))
}

/// Returns `None` if the system does not say.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn is_mapped(address: usize) -> Option<bool> {
    use core::ffi::{c_int, c_uchar, c_void};
    use core::ptr;
    use std::io;

    unsafe extern "C" {
        fn mincore(start: *mut c_void, length: usize, states: *mut c_uchar) -> c_int;
    }

    const PAGE: usize = 4096;
    const ENOMEM: i32 = 12;

    let (start, mut state) = (ptr::without_provenance_mut(address & !(PAGE - 1)), 0);
    // SAFETY: the function accesses no memory but the byte for the one page.
    match unsafe { mincore(start, PAGE, &raw mut state) } {
        0 => Some(true),
        _ => (io::Error::last_os_error().raw_os_error() == Some(ENOMEM)).then_some(false),
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
const fn is_mapped(_: usize) -> Option<bool> {
    None
}

/// Remembers that there is memory at this address.
pub(super) fn confirm(address: usize) {
    match KNOWN.get(slice(address)) {
        Some(known) if is_far(address) => known.store(true, Ordering::Relaxed),
        _ => found(address).store(address, Ordering::Relaxed),
    }
}

/// The number of the address's slice, which is 0 where addresses have 32 bits.
#[inline]
const fn slice(address: usize) -> usize {
    if usize::BITS > SLICE { address >> (SLICE % usize::BITS) } else { 0 }
}

/// The place of an address among those that were found. PyTorch aligns its storages to 64 bytes.
#[inline]
fn found(address: usize) -> &'static AtomicUsize {
    &FOUND[(address >> 6) % FOUND.len()]
}
