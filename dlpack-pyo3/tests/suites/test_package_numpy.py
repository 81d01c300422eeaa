"""NumPy's tests of DLPack, from its wheel, with tensors of the Python package as the producers."""

import driver
import numpy

dlpack = driver.package()
PATH = driver.installed("numpy._core.tests.test_dlpack")
driver.expect(__name__, numpy.__version__, {"2.4.6": (80, 2)})


class Exported(driver.Exported):
    """An array whose memory is exported by a `dlpack.Tensor`."""

    @staticmethod
    def relay(array):
        driver.count += 1
        return dlpack.asdlpack(array)


tests = driver.load("numpy_exporting_by_package", PATH, {"numpy": driver.exporting(Exported)})


class TestPackage(tests.TestDLPack):
    pass


driver.leave_out(
    TestPackage,
    {
        "the package raises ValueError, as NumPy does since 2.5": "test_dunder_dlpack_stream",
        "the package copies read-only memory for consumers that ask by the older protocol": "test_readonly",
    },
)
