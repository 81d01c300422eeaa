//! What is committed although it could be made anew.

use super::super::session::{Outcome, Session};
use crate::{bindings, vendor};

pub(super) fn header(_: &mut Session) -> Outcome {
    Ok(vendor::run(&["--check"])?)
}

pub(super) fn declarations(session: &mut Session) -> Outcome {
    session.provide_libclang()?;
    Ok(bindings::run(&["--check"])?)
}
