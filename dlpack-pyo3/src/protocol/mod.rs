//! Python's `__dlpack__`: calling it, and reading the arguments of a call.

mod arguments;
mod ask;
mod device;
mod stream;

pub(crate) use arguments::Arguments;
pub(crate) use ask::{ask, ask_looking, meet};
pub(crate) use device::{device_of, has_streams, is_cuda};
pub(crate) use stream::{NamedStream, stream_from, stream_to};
