//! Addresses at which there is hardly any memory of the host.
//!
//! PyTorch computes the address of a view from that of its storage, also where that is null. So the address of a tensor
//! without memory is a multiple of the size of its elements, and mostly a small one.

use core::sync::atomic::{AtomicUsize, Ordering};

/// From where on memory is usually found, and over how many bytes.
const LOWEST: usize = if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
    // Programs start above 0x5555_0000_0000, unless they are linked to fixed addresses.
    1 << (usize::BITS - 18)
} else if usize::BITS == 64 {
    1 << (usize::BITS / 2)
} else {
    1 << 16
};
const SPAN: usize =
    if usize::BITS == 64 { (1 << (usize::BITS - 17)) - LOWEST } else { usize::MAX - LOWEST };

/// Regions of memory in which storages were found that are not where storages usually are: those of a program that is
/// linked to fixed addresses, or that runs under valgrind.
static FOUND: [AtomicUsize; 64] = [const { AtomicUsize::new(0) }; 64];
/// The binary logarithm of a region's size in bytes.
const REGION: u32 = 20;

/// Returns `true` for an address that is to be confirmed before it is used. To take a good one for doubtful costs time and
/// nothing else.
#[inline]
pub(super) fn is_doubtful(address: usize) -> bool {
    address.wrapping_sub(LOWEST) >= SPAN && slot(address).load(Ordering::Relaxed) != region(address)
}

/// Remembers that there is memory at this address.
pub(super) fn confirm(address: usize) {
    slot(address).store(region(address), Ordering::Relaxed);
}

/// The number of the address's region, which is 0 for none but that of the null pointer.
#[inline]
const fn region(address: usize) -> usize {
    // The first region is never confirmed.
    if address >> REGION == 0 { usize::MAX } else { address >> REGION }
}

#[inline]
fn slot(address: usize) -> &'static AtomicUsize {
    &FOUND[(address >> REGION) % FOUND.len()]
}
