//! Memory of device runtimes: CUDA's on a driver of the tests' own, OpenCL's and Vulkan's on the processor.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use super::super::suite::{Outcome, Stop, Suite, cargo};
use super::style::{clippy, fmt};

/// Their packages, which have a workspace of their own.
pub(super) const MANIFEST: &str = "devices/Cargo.toml";

/// A runtime that must be installed: its test, its library, where its drivers are listed, and Debian's packages.
struct Runtime {
    test: &'static str,
    library: &'static str,
    drivers: &'static [&'static str],
    packages: &'static str,
}

const RUNTIMES: [Runtime; 2] = [
    Runtime {
        test: "opencl",
        library: "libOpenCL.so.1",
        drivers: &["/etc/OpenCL/vendors"],
        packages: "ocl-icd-libopencl1 pocl-opencl-icd",
    },
    Runtime {
        test: "vulkan",
        library: "libvulkan.so.1",
        drivers: &["/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d"],
        packages: "libvulkan1 mesa-vulkan-drivers",
    },
];

/// What a program that uses cudarc must choose.
const CUDARC: &str = "cudarc/cuda-12000,cudarc/dynamic-loading";

/// What the driver of a GPU of NVIDIA makes, and no other.
const GPU: &str = "/dev/nvidiactl";

pub(super) fn run(suite: &mut Suite) -> Outcome {
    let target = suite.own_target("devices");
    let on_target = |command: &mut Command| {
        command.env("CARGO_TARGET_DIR", &target);
    };
    fmt(suite, MANIFEST)?;
    clippy(suite, MANIFEST, "", on_target)?;
    let command = |arguments: &str| {
        let mut command = cargo(&format!("{arguments} --manifest-path {MANIFEST}"));
        on_target(&mut command);
        command
    };
    let mut docs = command(&format!("doc -p dlpack-cudarc --no-deps --features {CUDARC}"));
    suite.run(docs.env("RUSTDOCFLAGS", "-D warnings"))?;
    suite.test(&mut command("test -p dlpack-cudarc --no-fail-fast"))?;
    let mut cuda = command("test -p dlpack-devices --no-fail-fast --test cuda --test cuda_gpu");
    if Path::new(GPU).exists() {
        cuda.args(["--", "--include-ignored"]);
    } else {
        println!("  no GPU: the tests in devices/tests/cuda_gpu.rs are only compiled");
    }
    suite.test(&mut cuda)?;
    let (present, missing): (Vec<_>, Vec<_>) =
        RUNTIMES.iter().partition(|runtime| runtime.is_installed());
    for runtime in present {
        let test = format!("test -p dlpack-devices --no-fail-fast --test {}", runtime.test);
        let mut test = command(&test);
        // Drivers of Vulkan look for a place for their sockets.
        if env::var_os("XDG_RUNTIME_DIR").is_none() {
            test.env("XDG_RUNTIME_DIR", &target);
        }
        suite.test(&mut test)?;
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|runtime| runtime.packages).collect();
    Err(Stop::Missing(format!("no driver: `apt-get install {}`", packages.join(" "))))
}

impl Runtime {
    fn is_installed(&self) -> bool {
        let mut list = Command::new("/sbin/ldconfig");
        let listed = list.arg("-p").output().map(|output| output.stdout).unwrap_or_default();
        let has_library = String::from_utf8_lossy(&listed).contains(self.library);
        let is_listed =
            |folder: &&str| fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some());
        has_library && self.drivers.iter().any(is_listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::{read_text, root};

    #[test]
    fn every_test_has_its_place() {
        let folder = fs::read_dir(root().join("devices/tests")).unwrap();
        let mut found: Vec<String> = folder
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        found.sort();
        assert_eq!(found, ["cuda", "cuda_gpu", "opencl", "vulkan"]);
    }

    #[test]
    fn the_packages_are_installed_where_all_steps_run() {
        let script = read_text(&root().join(".ci/run")).unwrap();
        for package in RUNTIMES.iter().flat_map(|runtime| runtime.packages.split(' ')) {
            let listed = |line: &str| line.trim_end_matches('\'').ends_with(&format!(":{package}"));
            assert!(script.lines().any(listed), "{package}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_installed() {
        let nowhere = Runtime {
            test: "nothing",
            library: "libno-such-library.so.1",
            drivers: &["/no/such/folder"],
            packages: "nothing",
        };
        assert!(!nowhere.is_installed());
    }
}
