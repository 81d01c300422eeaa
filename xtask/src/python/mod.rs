//! Python for the tests and the benchmarks: the interpreters of the machine, virtual environments of the
//! checkout's own, and extensions built for them.

mod absent;
mod extension;
mod interpreter;
mod room;
mod venv;

pub(crate) use self::absent::Absent;
pub(crate) use self::extension::Extension;
pub(crate) use self::interpreter::Interpreter;
pub(crate) use self::venv::{Needs, Venv};
