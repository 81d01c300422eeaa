//! The owner of shares: a tensor in an [`Arc`].

use alloc::sync::Arc;
use core::any::Any;
use core::ops::Deref;

use crate::managed::Descriptor;

/// A tensor that is kept alive as the owner of others.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) whole: Arc<dyn Whole>,
    /// # Invariant
    ///
    /// Set only if `whole` is a `Frozen` tensor, whose promise holds as long as it lives.
    pub(super) frozen: bool,
}

/// A `Managed` or a `Frozen` tensor of any type.
pub(super) trait Whole: Any + Deref<Target = Descriptor> + Send + Sync {}

impl<T: Any + Deref<Target = Descriptor> + Send + Sync> Whole for T {}

impl Deref for Shared {
    type Target = Descriptor;

    fn deref(&self) -> &Descriptor {
        self.whole.deref()
    }
}
