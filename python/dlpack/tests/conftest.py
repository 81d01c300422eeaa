"""What several test files share."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture
def in_process():
    """Runs a program in a process of its own, and returns what it printed."""

    def run(program: str, *arguments: str, timeout: int = 120) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
