//! What is committed although it could be made anew.

use super::super::suite::{Outcome, Suite};
use crate::{bindings, vendor};

pub(super) fn header(_: &mut Suite) -> Outcome {
    Ok(vendor::run(&["--check"])?)
}

pub(super) fn declarations(suite: &mut Suite) -> Outcome {
    suite.provide_libclang()?;
    Ok(bindings::run(&["--check"])?)
}
