//! The ways in which a consumer lets go of a tensor.

use harness::Managed;
use harness::release::{
    Bag, consume, delete, delete_on_thread, start_delete, vandalise_and_delete,
};
use proptest::prelude::*;

use crate::model::checksum;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    Delete,
    Consume,
    OnThread,
    Vandalise,
    SpoilOnThread,
    Bag,
}

pub fn releases() -> impl Strategy<Value = Release> {
    prop_oneof![
        Just(Release::Delete),
        Just(Release::Consume),
        Just(Release::OnThread),
        Just(Release::Vandalise),
        Just(Release::SpoilOnThread),
        Just(Release::Bag),
    ]
}

impl Release {
    /// Whether the deleter runs on a thread of its own.
    pub const fn is_elsewhere(self) -> bool {
        matches!(self, Self::OnThread | Self::SpoilOnThread)
    }

    /// Lets go of a tensor whose elements are `gathered`.
    ///
    /// # Safety
    ///
    /// `raw` is live, and nobody else deletes it.
    pub unsafe fn run<M: Managed>(self, raw: *mut M, gathered: &[u8]) {
        match self {
            // SAFETY: the caller's promise.
            Self::Delete => unsafe { delete(raw) },
            Self::Consume => {
                // SAFETY: the caller's promise.
                let found = unsafe { consume(raw) };
                assert_eq!(found, Some(checksum(gathered)));
            }
            // SAFETY: the caller's promise.
            Self::OnThread => unsafe { delete_on_thread(raw) },
            // SAFETY: the caller's promise.
            Self::Vandalise => unsafe { vandalise_and_delete(raw) },
            Self::SpoilOnThread => {
                // SAFETY: the caller's promise; nothing else uses the struct yet.
                let tensor = unsafe { &mut *M::tensor(raw) };
                (tensor.shape, tensor.strides) = (std::ptr::dangling_mut(), std::ptr::null_mut());
                (tensor.data, tensor.ndim) = (std::ptr::null_mut(), i32::MIN);
                // SAFETY: the caller's promise.
                drop(unsafe { start_delete(raw) });
            }
            Self::Bag => {
                let mut bag = Bag::new();
                // SAFETY: the caller's promise.
                unsafe { bag.hold(raw) };
                assert_eq!(bag.len(), 1);
            }
        }
    }
}
