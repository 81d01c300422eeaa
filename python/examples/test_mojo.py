"""The example in Mojo, where its compiler is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import dlpack
import pytest

np = pytest.importorskip("numpy")
# The wheel `mojo` brings the compiler beside the interpreter.
MOJO = shutil.which(Path(sys.executable).with_name("mojo")) or shutil.which("mojo")

SAID = [
    "Mojo has its memory back",
    "dtype: expected code 2 (float), found 1",
    "bits: expected 64, found 32",
    "lanes: expected 1, found 2",
    "device: expected 1 (CPU), found 4",
    "null: the tensor has elements, and no memory",
    "capsule: expected one with a tensor, found one that was consumed, or null",
    "done",
]


@pytest.mark.skipif(MOJO is None, reason="Mojo is not installed: pip install mojo")
def test_mojo():
    program = Path(__file__).with_name("mojo") / "exchange.mojo"
    where = {str(Path(module.__file__).parents[1]) for module in (dlpack, np)}
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join(where),
        # It looks for the library of the Python that it finds, and finds that of an environment only where it is told.
        "MOJO_PYTHON_LIBRARY": os.path.join(sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("LDLIBRARY")),
    }
    done = subprocess.run(
        [MOJO, "run", program], capture_output=True, text=True, timeout=600, check=False, env=environment
    )
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.splitlines() == SAID
    assert "warning" not in done.stderr, done.stderr
