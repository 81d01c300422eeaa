"""NumPy's tests of DLPack, from its wheel: once with arrays that this crate exports, once with its import."""

import driver
import numpy

PATH = driver.installed("numpy._core.tests.test_dlpack")
driver.expect(__name__, numpy.__version__, {"2.4.6": (153, 11)})

exporting = driver.load("numpy_exporting", PATH, {"numpy": driver.exporting()})
importing = driver.load("numpy_importing", PATH, {"numpy": driver.importing()})


class TestExporting(exporting.TestDLPack):
    pass


class TestImporting(importing.TestDLPack):
    pass


driver.leave_out(
    TestExporting,
    {"this crate raises ValueError, as NumPy does since 2.5": "test_dunder_dlpack_stream"},
)
driver.leave_out(
    TestImporting,
    {
        "nothing is imported": "test_dunder_dlpack_refcount test_dunder_dlpack_stream test_dunder_dlpack_copy"
        " test_dlpack_destructor_exception",
        "the import holds two references, so that NumPy does not resize the array": "test_from_dlpack_refcount",
    },
)
