//! Python's `__dlpack__`: how it is called, and how it is answered.

mod ask;

pub(crate) use ask::ask;
