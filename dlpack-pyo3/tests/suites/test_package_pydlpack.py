"""pydlpack's tests, from its wheel, with the Python package of this repository as the module that they import.

Where the package has another word for what they ask, a function here says which. The step that runs this has fetched the wheel.
"""

import os
import pathlib
import sys
import types
import zipfile

import driver
import numpy
import pytest

from kit import capsules, peek

dlpack = driver.package()
VERSION = "0.2.1"
WHEEL = pathlib.Path(os.environ.get("DLPACK_SUITES", "")) / f"pydlpack-{VERSION}-py3-none-any.whl"
if not WHEEL.exists():
    pytest.skip("the wheel of pydlpack is not in DLPACK_SUITES", allow_module_level=True)

# Most combinations of library, protocol and device do not exist, or need a GPU; CuPy, Numba, cuDF and TensorFlow are not there.
driver.expect(__name__, VERSION, {VERSION: (18, 159)})


class _Versioned:
    """A tensor whose capsules are versioned, whatever the consumer asks."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __dlpack__(self):
        return self.tensor.__dlpack__(max_version=(1, 3))


def _by(route):
    def asdlpack(x, impl_cls=None):
        driver.count += 1
        tensor = dlpack.asdlpack(x, route=route)
        return _Versioned(tensor) if impl_cls is module.DLManagedTensorVersioned else tensor

    return asdlpack


def _todict(capsule):
    """What `todict` of pydlpack returns, of the capsule's struct itself."""
    found = peek.peek_capsule(capsule)
    tensor = {
        "data": found["data"] or None,
        "ndim": len(found["shape"]),
        "shape": tuple(found["shape"]),
        "strides": tuple(found["strides"]) if found["strides"] is not None else None,
        "device": {"device_type": {1: "DLCPU"}[found["device"][0]], "device_id": found["device"][1]},
        "byte_offset": found["byte_offset"],
        "dtype": {"bits": found["dtype"][1]},
    }
    is_versioned = capsules.name(capsule).endswith("versioned")
    return {"dl_tensor": tensor} | ({"flags": found["flags"], "version": found["version"]} if is_versioned else {})


class _Buffer:
    """What `Buffer` of pydlpack has, of a tensor's buffer."""

    def __init__(self, x, flags):
        driver.count += 1
        tensor = dlpack.asdlpack(x)
        view = memoryview(tensor)
        self.ndim, self.shape, self.strides = view.ndim, view.shape, view.strides
        self.itemsize, self.format, self.pointer = view.itemsize, view.format, tensor.address


def _strides_of(shape):
    return dlpack.asdlpack(numpy.empty(shape)).strides


buffer = types.ModuleType("dlpack.buffer")
buffer.Buffer, buffer.PyBUF_RECORDS_RO = _Buffer, None
module = types.ModuleType("dlpack")
module.buffer, module.todict, module._get_strides = buffer, _todict, _strides_of
module.Capsule, module.DLManagedTensor, module.DLManagedTensorVersioned = None, object(), object()
module.asdlpack_dlpack = _by("dlpack")
module.asdlpack_array_interface_v3 = _by("array_interface")
module.asdlpack_cuda_array_interface = _by("cuda_array_interface")
module.asdlpack_buffer = _by("buffer")


def _load(name, *left_out):
    """Executes a test module of the wheel without some of its lines."""
    with zipfile.ZipFile(WHEEL) as wheel:
        source = wheel.read(f"dlpack/tests/{name}.py").decode()
    for line in left_out:
        assert source.count(line) == 1, line
        source = source.replace(line, "pass")
    tests = types.ModuleType(f"pydlpack_{name}")
    stand_ins = {"dlpack": module, "dlpack.buffer": buffer}
    hidden = {known: sys.modules.get(known) for known in stand_ins}
    sys.modules.update(stand_ins)
    try:
        exec(compile(source, f"{WHEEL}/{name}", "exec"), vars(tests))  # noqa: S102 - as an import does.
    finally:
        for known, was in hidden.items():
            sys.modules.pop(known) if was is None else sys.modules.update({known: was})
    return tests


# Left out is where they close a mapping of which tensors are alive, a use after free which this package does not permit, and the
# tests of the class `Capsule`, which it does not have: `asdlpack` takes capsules of Python's own, and `__dlpack__` makes them.
_tests = _load("test_dlpack", "fp._mmap.close()", "fp.close()")
_buffers = _load("test_buffer")

test_asdlpack_impl = _tests.test_asdlpack_impl
test_asdlpack_function = _tests.test_asdlpack_function
test_asdlpack_buffer = _tests.test_asdlpack_buffer
test_from_ndarray, test_from_bytes = _buffers.test_from_ndarray, _buffers.test_from_bytes
