//! Capsules that own a tensor: making them, freeing them, and taking the tensor out.

mod lock;
mod make;
mod name;
mod take;

pub(crate) use make::make;
pub(crate) use name::InCapsule;
pub(crate) use take::{Claimed, claim, is_capsule, is_class};
