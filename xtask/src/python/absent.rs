//! Builds for a Python that is not installed, of which PyO3 gets told what it would ask.

use std::path::Path;
use std::process::Command;

use super::interpreter::Version;
use crate::tools::{Result, write};

/// A CPython that need not be there to compile for it. Nothing can be linked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Absent {
    version: Version,
    is_free_threaded: bool,
}

impl Absent {
    pub(crate) const USUAL: Self = Self { version: Version(3, 13), is_free_threaded: false };
    /// One in which threads run side by side.
    pub(crate) const FREE_THREADED: Self = Self { version: Version(3, 14), is_free_threaded: true };

    /// Makes PyO3 compile for it; the answers to what PyO3 would ask go to a file.
    pub(crate) fn choose<'a>(
        self,
        command: &'a mut Command,
        file: &Path,
    ) -> Result<&'a mut Command> {
        write(file, self.answers().as_bytes())?;
        Ok(command.env("PYO3_CONFIG_FILE", file))
    }

    fn answers(self) -> String {
        let flags = if self.is_free_threaded { "Py_GIL_DISABLED" } else { "" };
        format!(
            "implementation=CPython\nversion={}\nshared=true\nbuild_flags={flags}\n\
             suppress_build_script_link_lines=true\n",
            self.version
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_its_line() {
        let answers = Absent::FREE_THREADED.answers();
        assert!(answers.contains("\nversion=3.14\n") && answers.contains("=Py_GIL_DISABLED\n"));
        assert!(Absent::USUAL.answers().contains("\nbuild_flags=\n"));
        assert!(answers.lines().all(|line| line.contains('=') && !line.contains(' ')));
    }
}
