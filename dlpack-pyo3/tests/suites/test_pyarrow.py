"""pyarrow's tests of DLPack, from its wheel.

Where pyarrow imports, it imports arrays that this crate exports. Where it exports, this crate imports, for NumPy.
"""

import driver

PATH = driver.installed("pyarrow.tests.test_dlpack")

import pyarrow  # noqa: E402

driver.expect(__name__, pyarrow.__version__, {"26.0.1": (127, 20)})

exporting = driver.load("pyarrow_exporting", PATH, {"numpy": driver.exporting()})
importing = driver.load("pyarrow_importing", PATH, {"numpy": driver.importing()})


def _is_valid(capsule, name, is_valid=importing.PyCapsule_IsValid):
    """Looks at the name of a capsule of pyarrow's, as those tests do, and then imports it."""
    answer = is_valid(capsule, name)
    driver.relay(capsule)
    return answer


importing.PyCapsule_IsValid = _is_valid

driver.leave_out(
    importing,
    {
        "pyarrow refuses a keyword before there is a tensor": "test_dlpack_legacy_capsule_copy_not_supported"
        " test_dlpack_legacy_capsule_immutable_tensor",
        "the object has no tensor": "test_from_dlpack_no_dlpack_method",
        "the wheel comes without CUDA": "test_dlpack_cuda_not_supported",
    },
)

PYARROW_IMPORTS = [
    "test_array_from_dlpack",
    "test_array_from_dlpack_multi_dim_not_supported",
    "test_fixed_shape_tensor_array_from_dlpack",
    "test_fixed_shape_tensor_array_from_dlpack_not_first_major",
    "test_fixed_shape_tensor_array_from_dlpack_transposed",
    "test_from_dlpack_explicit_copy",
    "test_from_dlpack_zero_copy",
    "test_tensor_from_dlpack",
]
for _name in [name for name in vars(importing) if name.startswith("test_")]:
    globals()[_name] = getattr(exporting if _name in PYARROW_IMPORTS else importing, _name)
