//! The adapter for cudarc, on a CUDA driver that has no device, but counts, and runs work as late as it may.

#![cfg(target_os = "linux")]

mod driver;
mod export;
mod foreign;
mod import;
