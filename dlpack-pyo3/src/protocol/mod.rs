//! Python's `__dlpack__`: how it is called, and how it is answered.

mod answer;
mod ask;
mod stream;

pub(crate) use answer::Keywords;
pub(crate) use ask::{ask, ask_and, device_of};
pub(crate) use stream::{stream_from, stream_to};
