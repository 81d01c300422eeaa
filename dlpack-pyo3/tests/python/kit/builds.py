"""What some builds do otherwise: those for the limited API of CPython 3.10, for a free-threaded CPython, and with older releases of PyO3."""

import sys
import sysconfig

import dlpack_pyo3_tests as ext
import pytest

exports_buffers = pytest.mark.skipif(not ext.BUFFERS, reason="the limited API of 3.10 has no buffers to export")
imports_any_buffer = pytest.mark.skipif(not ext.BUFFERS, reason="the limited API of 3.10 has contiguous buffers only")
holds_buffers = pytest.mark.skipif(not ext.BUFFERS, reason="the limited API of 3.10 holds a buffer by a memoryview")
knows_its_thread = pytest.mark.skipif(
    ext.LIMITED_API and sys.platform == "win32", reason="the limited API does not say whether a thread is attached"
)
sees_changes = pytest.mark.skipif(ext.LIMITED_API, reason="the limited API does not tell that a class has changed")

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
# Once there is a second thread, CPython 3.13 without the global lock keeps every class for ever.
classes_end = pytest.mark.skipif(FREE_THREADED and sys.version_info < (3, 14), reason="this Python keeps classes for ever")
# The fields of an array are not read where another thread may change them meanwhile.
NUMPY = "protocol" if FREE_THREADED else "numpy"
# How many references an imported array of NumPy's has. NumPy's own capsule has one.
KEPT = 1 if FREE_THREADED else 2

# PyO3 names the argument that is refused in a note from 0.30 on. Older releases put it before the text of a `TypeError`.
BEFORE_THE_TEXT = "argument 'x': "


def _names_in_notes():
    try:
        ext.typed_f32(None)
    except TypeError as error:
        return not str(error).startswith(BEFORE_THE_TEXT)


NAMES_IN_NOTES = _names_in_notes()


def text_of(error):
    """The text of an exception, without the name of the argument."""
    return str(error) if NAMES_IN_NOTES else str(error).removeprefix(BEFORE_THE_TEXT)


def names_argument(error):
    """Returns whether PyO3 has named the argument `x`, as this release of it does."""
    if NAMES_IN_NOTES:
        return sys.version_info < (3, 11) or error.__notes__ == ["while processing 'x'"]
    return type(error) is not TypeError or str(error).startswith(BEFORE_THE_TEXT)
