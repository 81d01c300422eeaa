//! The steps in Python that repeat their commands for each version or library.

use super::suite::{Outcome, Suite};
use crate::python::{Python, VERSIONS};

const EXTENSION: &str = "dlpack-pyo3/tests/extension/Cargo.toml";
const PACKAGE: &str = "python/Cargo.toml";

/// Those of `requirements-all.txt`, as they are imported. No two of them meet in one process.
const LIBRARIES: [&str; 7] =
    ["cuda.core", "max", "mlx", "onnxruntime", "paddle", "tensorflow", "warp"];

/// Runs the smoke tests with one build for all versions, and all tests with it for the usual version. For the other versions,
/// all tests run with a build of their own, too.
pub(super) fn versions(suite: &mut Suite) -> Outcome {
    let (usual, mut is_built) = (Python::usual()?, false);
    for minor in VERSIONS {
        let Some(python) = Python::find(&format!("python3.{minor}")) else {
            suite.say(format_args!("Python 3.{minor} is not installed, and left out"));
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
        let which = if python.version == usual.version { " --installed" } else { "/test_smoke.py" };
        suite.run(&format!("{{pytest}} dlpack-pyo3/tests/python{which}"))?;
        package(suite, minor)?;
        if python.version != usual.version {
            extension(suite)?;
            suite.run("{pytest} dlpack-pyo3/tests/python --installed")?;
        }
    }
    Ok(())
}

/// Runs the tests of the package with one wheel for all versions from 3.11 on, and with one of its own for 3.10, whose limited
/// API has no buffers. The programs that the conformance suite shows are the same for each version, and run with the usual one.
fn package(suite: &mut Suite, minor: u32) -> Outcome {
    let (wheels, features) = match minor {
        ..11 => ("{target}/wheels/{version}", ""),
        11.. => ("{target}/wheels/abi3", " --features abi3"),
    };
    suite.run(&format!("{{build}} {PACKAGE} --release --out {wheels}{features}"))?;
    suite.run(&format!("{{install}} {wheels} dlpack-py"))?;
    suite.run("{pytest} --pyargs dlpack -k 'not programs_agree'")
}

pub(super) fn libraries(suite: &mut Suite) -> Outcome {
    suite.venv(&Python::usual()?, "requirements-all")?;
    extension(suite)?;
    suite.run(&format!("{{build}} {PACKAGE} --out {{target}}/wheels/{{version}}"))?;
    suite.run("{install} {target}/wheels/{version} dlpack-py")?;
    LIBRARIES.iter().try_for_each(|library| {
        suite.run(&format!("{{pytest}} dlpack-pyo3/tests/python --library {library}"))?;
        suite.run(&format!(
            "DLPACK_TEST_LIBRARY={library} {{pytest}} --pyargs dlpack.tests.test_explain"
        ))
    })?;
    table(suite)
}

/// Makes the table of the package with all libraries that it names, which do meet in one process, and runs the example with Ray.
fn table(suite: &mut Suite) -> Outcome {
    suite.venv(&Python::usual()?, "requirements-table")?;
    suite.run(&format!("{{build}} {PACKAGE} --out {{target}}/wheels/{{version}}"))?;
    suite.run("{install} {target}/wheels/{version} dlpack-py")?;
    // The loader of OpenCL knows the driver of a wheel by its path alone.
    suite.run(
        "OCL_ICD_FILENAMES={venv}/../lib/libintelocl.so LD_LIBRARY_PATH={venv}/../lib {pytest} -s \
         --pyargs dlpack.tests.test_table",
    )?;
    suite.run("{pytest} python/examples/test_ray_object_store.py")
}

fn extension(suite: &mut Suite) -> Outcome {
    suite.run(&format!("{{build}} {EXTENSION} --out {{target}}/wheels/{{version}}"))?;
    suite.run("{install} {target}/wheels/{version} dlpack-pyo3-tests")
}
