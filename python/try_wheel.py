"""Installs the wheel of this package into an empty virtual environment, and runs its tests there.

`python try_wheel.py WHEELS ENVIRONMENT`: the folder of the wheel, and that of the environment, which is made anew.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

# What the wheel may weigh.
LIMIT = 1_000_000


def main(wheels: Path, environment: Path) -> None:
    found = sorted(wheels.glob("dlpack_py-*.whl"))
    assert found, f"there is no wheel in {wheels}"
    for wheel in found:
        size = wheel.stat().st_size
        print(f"{wheel.name}: {size:,} bytes")
        assert size < LIMIT, f"expected less than {LIMIT:,} bytes"
    check_without_compiler()
    venv.create(environment, clear=True, with_pip=True)
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    run(*pip, "--no-index", "--no-deps", "--find-links", wheels, "dlpack-py")
    # The package itself needs nothing: this is what its tests need.
    run(python, "-c", "import dlpack; assert dlpack.asdlpack(b'abc').tolist() == [97, 98, 99]")
    run(*pip, "pytest", "mypy", "pyright")
    run(python, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider", "--pyargs", "dlpack")


def check_without_compiler() -> None:
    """Without a compiler, the build ends at once and says so in one line."""
    hook = "import dlpack_build; dlpack_build.get_requires_for_build_wheel()"
    done = subprocess.run(
        [sys.executable, "-c", hook],
        env={**os.environ, "PATH": "", "PYTHONPATH": str(Path(__file__).parent / "backend")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done
    assert done.stderr.count("\n") == 1, done.stderr
    assert "there is no Rust compiler" in done.stderr, done.stderr


def run(*command: "str | Path") -> None:
    # Elsewhere than where the sources are, which Python would import.
    subprocess.run([str(part) for part in command], check=True, cwd=Path(sys.prefix))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
