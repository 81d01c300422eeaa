//! The adapter for cudarc, on a CUDA driver that has no device, but counts, and runs work as late as it may.

#![cfg(target_os = "linux")]

mod driver;
mod export;
mod foreign;
mod import;

use cudarc::driver::CudaStream;
use dlpack::DeviceType;
use dlpack::negotiate::Stream;

/// A stream of cudarc in the words of DLPack.
fn cuda_stream(stream: &CudaStream) -> Stream {
    // SAFETY: the stream outlives its use.
    unsafe { Stream::from_ptr(DeviceType::CUDA, stream.cu_stream().cast()) }
}

/// A stream by its number.
fn named(handle: usize) -> Stream {
    // SAFETY: a live stream, or a number that is refused.
    unsafe { Stream::from_handle(handle) }
}
