"""Builds the package for pip: maturin, with one line for who has no Rust, and the compiler's progress on the terminal."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Any

import maturin
from maturin import build_sdist, get_requires_for_build_sdist, prepare_metadata_for_build_editable

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

_MISSING = (
    "dlpack-py is compiled from source, and there is no Rust compiler: install one from https://rustup.rs so that "
    "`cargo` is on the PATH"
)


def get_requires_for_build_wheel(settings: Any = None) -> list[str]:
    # Before anything else is fetched. Otherwise maturin would try to download a compiler.
    _check()
    return []


get_requires_for_build_editable = get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(directory: str, settings: Any = None) -> str:
    _check()
    return maturin.prepare_metadata_for_build_wheel(directory, settings)


def build_wheel(directory: str, settings: Any = None, metadata: str | None = None) -> str:
    return _build(maturin.build_wheel, directory, settings, metadata)


def build_editable(directory: str, settings: Any = None, metadata: str | None = None) -> str:
    return _build(maturin.build_editable, directory, settings, metadata)


def _check() -> None:
    if shutil.which("cargo") is None:
        raise SystemExit(_MISSING)
    if shutil.which("maturin") is None:
        # Without isolation it lies beside the interpreter, whose environment need not be an active one.
        scripts = os.path.dirname(sys.executable)
        os.environ["PATH"] = scripts + os.pathsep + os.environ.get("PATH", "")


def _build(build: Callable[..., str], *arguments: Any) -> str:
    _check()
    with _on_the_terminal():
        return build(*arguments)


@contextlib.contextmanager
def _on_the_terminal() -> Iterator[None]:
    """Shows what the compiler says on the terminal, if there is one: pip would keep it back until the end."""
    try:
        terminal = os.open("/dev/tty", os.O_WRONLY)
    except OSError:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(terminal, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(terminal)
