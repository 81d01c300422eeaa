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

/// Returns `true` for an address at which no system has memory, but short offsets from a null pointer lead there.
pub(super) const fn is_near_null(address: usize) -> bool {
    address < 1 << 16
}

/// Returns `true` if the memory at this address can be read, as the system says, and `None` if it does not say.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) fn is_readable(address: usize) -> Option<bool> {
    use core::ffi::{c_long, c_void};
    use core::ptr;
    use std::io;

    unsafe extern "C" {
        fn syscall(number: c_long, ...) -> c_long;
    }

    const RT_SIGPROCMASK: c_long = 14;
    const NO_WAY: c_long = -1;
    const SIZE: usize = size_of::<u64>();
    const EFAULT: i32 = 14;
    const EINVAL: i32 = 22;

    let set: *const c_void = ptr::without_provenance(address & !(SIZE - 1));
    // SAFETY: the system reads a set of signals at the address, if it can, and then refuses the way in which it is to be used. This
    // changes nothing.
    unsafe { syscall(RT_SIGPROCMASK, NO_WAY, set, ptr::null::<c_void>(), SIZE) };
    match io::Error::last_os_error().raw_os_error() {
        Some(EINVAL) => Some(true),
        Some(EFAULT) => Some(false),
        _ => None,
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(super) const fn is_readable(_: usize) -> Option<bool> {
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
