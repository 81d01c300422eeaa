//! Tensors in Python's capsules: their names, how they are taken over, how they are made and freed.

mod lock;
mod make;
mod name;
mod take;

pub(crate) use make::{legacy, legacy_raw, versioned};
pub(crate) use take::{Claimed, claim, is_capsule, is_class, take};
