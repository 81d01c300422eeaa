"""What builds for the limited API of CPython 3.10 cannot do."""

import dlpack_pyo3_tests as ext
import pytest

exports_buffers = pytest.mark.skipif(ext.LIMITED_API, reason="the limited API of 3.10 has no buffers to export")
imports_any_buffer = pytest.mark.skipif(ext.LIMITED_API, reason="the limited API of 3.10 has contiguous buffers only")
holds_buffers = pytest.mark.skipif(ext.LIMITED_API, reason="the limited API of 3.10 holds a buffer by a memoryview")
sees_changes = pytest.mark.skipif(ext.LIMITED_API, reason="the limited API does not tell that a class has changed")
