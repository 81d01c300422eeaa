"""The tests in Python of the crate pyo3-dlpack, from its package, with this crate as the module that they import."""

import json
import pathlib
import struct
import subprocess
import types

import driver
import dlpack_pyo3_tests as ext
import pytest

from kit import capsules, peek

MANIFEST = pathlib.Path(__file__).parents[3] / "benches/python/peers/pyo3-dlpack/Cargo.toml"


def _package():
    """Returns the folder of the version that the benchmarks pin, which cargo downloads."""
    metadata = "cargo metadata --locked --format-version 1 --manifest-path".split()
    try:
        found = subprocess.run([*metadata, MANIFEST], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cargo cannot fetch pyo3-dlpack: {error}", allow_module_level=True)
    packages = json.loads(found.stdout)["packages"]
    return next(package for package in packages if package["name"] == "pyo3-dlpack")


def _import_tensor(tensor):
    driver.count += 1
    found = ext.describe(tensor)
    rest, is_contiguous = 1, True
    for size, stride in zip(reversed(found["shape"]), reversed(found["strides"])):
        is_contiguous &= size == 1 or stride == rest
        rest *= size
    return {
        "shape": list(found["shape"]),
        "ndim": len(found["shape"]),
        "numel": found["numel"],
        "itemsize": found["nbytes"] // found["numel"],
        "nbytes": found["nbytes"],
        "is_contiguous": is_contiguous,
        "is_cpu": found["device"] == (1, 0),
        "is_cuda": found["device"][0] == 2,
        "device_id": found["device"][1],
    }


def _import_is_readonly(tensor):
    driver.count += 1
    return ext.describe(tensor)["access"] == "read-only"


def _get_data_ptr(tensor):
    driver.count += 1
    return ext.describe(tensor)["data"]


def _export(read_only, **keywords):
    driver.count += 1
    data = struct.pack("6f", 1, 2, 3, 4, 5, 6)
    return ext.make(data, "float32", [2, 3], read_only=read_only).__dlpack__(**keywords)


_module = types.ModuleType("dlpack_test_module")
_module.reset_counters = lambda: None
_module.import_tensor = _import_tensor
_module.import_from_capsule = _import_tensor
_module.import_is_readonly = _import_is_readonly
_module.get_data_ptr = _get_data_ptr
_module.export_cpu_tensor = lambda: _export(False)
_module.export_cpu_tensor_readonly = lambda: _export(True, max_version=(1, 0))
_module.get_capsule_name = capsules.name
_module.is_capsule_consumed = lambda capsule: capsules.name(capsule).startswith("used_")
_module.capsule_data_ptr = lambda capsule: peek.peek_capsule(capsule)["data"]

_found = _package()
_tests = driver.load(
    "pyo3_dlpack_tests",
    pathlib.Path(_found["manifest_path"]).with_name("tests") / "test_dlpack_integration.py",
    {_module.__name__: _module},
)
driver.expect(__name__, _found["version"], {"0.3.0": (30, 0) if _tests.HAS_CUDA else (23, 7)})

reset_counters = _tests.reset_counters
for _name, _value in list(vars(_tests).items()):
    if _name.startswith("Test"):
        globals()[_name] = _value
