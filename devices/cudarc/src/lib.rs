//! DLPack tensors of the CUDA memory of [`cudarc`], both ways, without a copy.
//!
//! - [`Lent`] makes a [`CudaSlice`](cudarc::driver::CudaSlice) the owner of a tensor: `data` is the device's address,
//!   the device is `cuda:n`, and the memory is freed when the consumer calls the deleter, on whatever thread.
//! - [`Borrowed`] is a tensor that came in, as memory that cudarc's copies and kernels take.
//!
//! DLPack says where the memory is, but not when it is ready. That is a matter of streams, and of both sides:
//!
//! | When | Who | How |
//! |---|---|---|
//! | before a tensor is given away | the producer | [`Lent::ready_on`], [`Lent::ready_on_stream`]: the consumer's stream waits |
//! | after a tensor came in unsynchronised | the consumer | [`wait_for`]: its own stream waits |
//! | when a deleter is called | the consumer | [`Borrowed`] waits for its own stream before it calls the deleter |
//! | when its own deleter is called | the producer | [`Lent`] waits for the streams of [`Lent::ready_on`] before it frees |
//!
//! None of this blocks the processor but the end of a [`Borrowed`], since a deleter knows no stream. Where the driver
//! fails to make a stream wait, the processor waits instead before memory is given back.
//!
//! The version of CUDA and the way of linking are features of cudarc, one of each, and the program's to choose: name
//! them where the program depends on cudarc, such as `cuda-12000` and `dynamic-loading`.

mod borrowed;
mod current;
mod device;
mod error;
mod lent;
mod stream;

pub use borrowed::{Borrowed, Refused};
pub use error::Error;
pub use lent::Lent;
pub use stream::wait_for;
