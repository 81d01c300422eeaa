"""What the tests of the examples share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def run():
    """Runs an example as its first lines say, and returns what it printed."""

    def run(name: str, *launcher: "str | Path", timeout: int = 300) -> str:
        done = subprocess.run(
            [*launcher, sys.executable, HERE / f"{name}.py"],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            # A module of another folder with the name of the package would be found first.
            env={**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"},
        )
        assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr and "leaked" not in done.stderr, done.stderr
        return done.stdout

    return run
