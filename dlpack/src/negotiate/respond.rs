//! A producer's answer to a request, by the rules.

use core::borrow::Borrow;

use super::plan::{Copying, Plan, plan};
use super::producer::{Producer, into_legacy};
use super::request::Request;
use crate::error::Error;
use crate::managed::{AnyManagedTensor, Descriptor};
use crate::vocabulary::Flags;

/// Answers a request: a tensor as it was asked for, or an error that says what stands against it.
///
/// The rules are those of Python's `__dlpack__`:
///
/// - A consumer that reads versions gets a versioned tensor, in the producer's version whatever it asked for; any other
///   gets a legacy one.
/// - On the producer's own device, or if none was asked for, the memory itself goes out, unless a copy was asked for.
///   For any other device it is copied.
/// - What the legacy ABI cannot say, read-only memory and padded elements, is copied for a legacy consumer.
/// - Where a copy is needed but was not to be made, the request is refused.
/// - A copy has the flag `IS_COPIED`, where the ABI has flags.
/// - Before the memory itself goes out, the producer [synchronizes](Producer::synchronize) with the consumer's stream.
///
/// Each answer passes [`Request::check`]. On an error, what the producer already made has been deleted.
///
/// # Errors
///
/// - [`Error::UnknownCopyPolicy`], [`Error::UnknownStreamKind`], [`Error::InvalidStream`]: the request makes no sense.
/// - [`Error::CopyNeeded`], [`Error::ReadOnlyNotExpressible`], [`Error::PaddedNotExpressible`]: it was not to be copied,
///   or cannot be.
/// - [`Error::DeviceMismatch`], [`Error::NotExclusive`], [`Error::Copied`]: the producer did not keep to the contract
///   of [`Producer`].
/// - Any error of the producer's, such as [`Error::CopyUnsupported`].
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use dlpack::negotiate::{CopyPolicy, Request, respond};
/// use dlpack::{AnyManagedTensor, Error, Exporter};
///
/// let numbers = Arc::new(Exporter::new([1_u8, 2]).build()?.freeze());
///
/// // Legacy consumers might write what is frozen, so they get a copy, or nothing.
/// let tensor = respond(&numbers, &Request::legacy())?;
/// assert!(matches!(tensor, AnyManagedTensor::Legacy(_)) && tensor.data() != numbers.data());
/// let refused = respond(&numbers, &Request::legacy().copy(CopyPolicy::NEVER));
/// assert_eq!(refused.unwrap_err(), Error::ReadOnlyNotExpressible);
/// # Ok::<(), Error>(())
/// ```
pub fn respond<P: Producer + ?Sized>(
    producer: &P,
    request: &Request,
) -> Result<AnyManagedTensor, P::Error> {
    let plan = plan(request, producer.device())?;
    if plan.copy == Copying::Must {
        return copied(producer, request, &plan);
    }
    match aliased(producer, request, &plan) {
        Err(error) if plan.copy == Copying::May && needs_copy(error.borrow()) => {
            // If no copy can be made either, the first error says what the consumer could change.
            copied(producer, request, &plan).map_err(|copying| match copying.borrow() {
                Error::CopyUnsupported { .. } => error,
                _ => copying,
            })
        }
        answer => answer,
    }
}

/// Returns whether the legacy ABI cannot say what the tensor is.
const fn needs_copy(error: &Error) -> bool {
    matches!(error, Error::ReadOnlyNotExpressible | Error::PaddedNotExpressible)
}

#[inline]
fn aliased<P: Producer + ?Sized>(
    producer: &P,
    request: &Request,
    plan: &Plan,
) -> Result<AnyManagedTensor, P::Error> {
    let tensor: AnyManagedTensor =
        if plan.legacy { producer.alias_legacy()?.into() } else { producer.alias()?.into() };
    check(&tensor, request, plan)?;
    if !plan.stream.is_no_sync() {
        producer.synchronize(plan.stream)?;
    }
    Ok(tensor)
}

fn copied<P: Producer + ?Sized>(
    producer: &P,
    request: &Request,
    plan: &Plan,
) -> Result<AnyManagedTensor, P::Error> {
    let tensor = producer.copy_to(plan.device, plan.stream)?;
    if !tensor.flags().contains(Flags::IS_COPIED) {
        return Err(Error::NotExclusive.into());
    }
    let tensor: AnyManagedTensor =
        if plan.legacy { into_legacy(tensor)?.into() } else { tensor.into() };
    check(&tensor, request, plan)?;
    Ok(tensor)
}

/// What a producer gives must be where it says, and what was asked for.
fn check(tensor: &Descriptor, request: &Request, plan: &Plan) -> Result<(), Error> {
    let (expected, found) = (plan.device, tensor.device());
    if found.canonical() != expected {
        return Err(Error::DeviceMismatch { expected, found });
    }
    request.check(tensor)
}
