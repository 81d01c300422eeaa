"""Loads test modules from where they are installed, with this crate between their arrays and their consumers.

Nothing of them is copied. A module is executed with a stand-in for `numpy` or for an extension; what it calls then is
what it would call otherwise, with this crate on the way.
"""

import contextlib
import importlib.util
import sys
import types

import dlpack_pyo3_tests as ext
import numpy
import numpy.ma  # What NumPy imports late would become a part of the stand-in.
import numpy.testing
import pytest

with contextlib.suppress(ImportError):
    import pandas  # noqa: F401 - the tests of pyarrow import it late, and it would have the stand-in for NumPy.

count = 0
"""How often something was imported or exported."""

expected = {}
"""For each suite, how many of its tests pass and how many are skipped."""


def expect(suite, version, counts):
    """Says how many tests a suite has in each version. Those of another version have to be counted first."""
    expected[suite] = counts.get(version, f"a count for version {version}")


def relay(tensor, **options):
    """Imports an object, and exports what came in as a `Tensor`."""
    global count
    count += 1
    return ext.hold(tensor, **options).export(refuse_legacy=True)


class Exported(numpy.ndarray):
    """An array whose memory is exported by this crate, not by NumPy."""

    relay = staticmethod(relay)

    def __dlpack__(self, **keywords):
        # The class of the view is NumPy's, whose own methods the import calls.
        return self.relay(self.view(numpy.ndarray)).__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.relay(self.view(numpy.ndarray)).__dlpack_device__()


class _Numpy(types.ModuleType):
    """NumPy, but for what is set here."""

    def __getattr__(self, name):
        return getattr(numpy, name)


def exporting(array_class=Exported):
    """NumPy whose new arrays are exported by this crate, so that each consumer gets a `Tensor`'s capsule."""
    stand_in = _Numpy("numpy")
    stand_in.ndarray = array_class
    for name in "arange array asarray ones zeros".split():
        setattr(stand_in, name, _exported(getattr(numpy, name), array_class))
    return stand_in


def _exported(make, array_class):
    # A copy has its own memory, so that the array is what a tensor of it keeps alive.
    return lambda *values, **named: make(*values, **named).view(array_class).copy(order="K")


def importing():
    """NumPy whose `from_dlpack` takes what this crate has imported."""

    def from_dlpack(tensor, /, *, device=None, copy=None):
        return numpy.from_dlpack(relay(tensor, copy=copy), device=device)

    stand_in = _Numpy("numpy")
    stand_in.from_dlpack = from_dlpack
    return stand_in


def load(name, path, stand_ins):
    """Executes the file as a module of this name, for which `stand_ins` are the modules of their names."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    hidden = {known: sys.modules.get(known) for known in stand_ins}
    sys.modules.update(stand_ins)
    try:
        spec.loader.exec_module(module)
    finally:
        for known, was in hidden.items():
            if was is None:
                del sys.modules[known]
            else:
                sys.modules[known] = was
    return module


def installed(name):
    """Returns the path of a module, which is not executed. Skips the suite if it is not installed."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        spec = None
    if spec is None:
        pytest.skip(f"{name} is not installed", allow_module_level=True)
    return spec.origin


def leave_out(tests, reasons):
    """Marks tests, of a module or a class, as skipped. A test that is not there is an error."""
    for reason, names in reasons.items():
        for name in names.split():
            setattr(tests, name, pytest.mark.skip(reason=reason)(getattr(tests, name)))


def package():
    """Returns the Python package of this repository. Skips the suite if it is not installed."""
    package = pytest.importorskip("dlpack", reason="the Python package is not installed")
    assert hasattr(package, "from_pointer"), "expected the package of this repository, found pydlpack"
    return package
