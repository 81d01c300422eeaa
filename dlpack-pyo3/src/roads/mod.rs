//! How an object is best taken: what its type offers, found once for each type.

use dlpack::AnyManagedTensor;
use dlpack::negotiate::Request;

use crate::capsule;
use crate::protocol;
use crate::raw::{Object, Raised};

/// By which road a tensor came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Road {
    /// A capsule that was given as it is.
    Capsule,
    /// The object's `__dlpack__`.
    Protocol,
}

/// Takes the tensor of an object.
pub(crate) fn take(
    object: Object<'_>,
    request: &Request,
) -> Result<(AnyManagedTensor, Road), Raised> {
    if capsule::is_capsule(object) {
        return Ok((capsule::take(object)?, Road::Capsule));
    }
    Ok((protocol::ask(object, request)?, Road::Protocol))
}
