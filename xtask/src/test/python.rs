//! The steps in Python that repeat their commands for each version or library.

use super::suite::{Outcome, Suite};
use crate::python::{Python, VERSIONS};

const EXTENSION: &str = "dlpack-pyo3/tests/extension/Cargo.toml";

/// Those of `requirements-all.txt`, as they are imported. No two of them meet in one process.
const LIBRARIES: [&str; 7] =
    ["cuda.core", "max", "mlx", "onnxruntime", "paddle", "tensorflow", "warp"];

/// Runs the smoke tests with one build for all versions, and all tests with a build for each version but the usual one,
/// which another step has.
pub(super) fn versions(suite: &mut Suite) -> Outcome {
    let (usual, mut is_built) = (Python::usual()?, false);
    for minor in VERSIONS {
        let Some(python) = Python::find(&format!("python3.{minor}")) else {
            println!("    Python 3.{minor} is not installed, and left out");
            continue;
        };
        suite.venv(&python, "requirements-small")?;
        if !is_built {
            suite.run(&format!(
                "{{build}} {EXTENSION} --out {{target}}/wheels/abi3 --features abi3"
            ))?;
            is_built = true;
        }
        suite.run("{install} {target}/wheels/abi3 dlpack-pyo3-tests")?;
        suite.run("{pytest} dlpack-pyo3/tests/python/test_smoke.py")?;
        if python.version != usual.version {
            extension(suite)?;
            suite.run("{pytest} dlpack-pyo3/tests/python --installed")?;
        }
    }
    Ok(())
}

pub(super) fn libraries(suite: &mut Suite) -> Outcome {
    suite.venv(&Python::usual()?, "requirements-all")?;
    extension(suite)?;
    LIBRARIES.iter().try_for_each(|library| {
        suite.run(&format!("{{pytest}} dlpack-pyo3/tests/python --library {library}"))
    })
}

fn extension(suite: &mut Suite) -> Outcome {
    suite.run(&format!("{{build}} {EXTENSION} --out {{target}}/wheels/{{version}}"))?;
    suite.run("{install} {target}/wheels/{version} dlpack-pyo3-tests")
}
