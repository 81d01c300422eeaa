"""The conformance suite of DLPack: does a library follow the standard, as a producer and as a consumer?

`python -m dlpack doctor LIBRARY` prints a library's report. In the library's own tests:

    from dlpack.testing import check_consumer, check_producer

    def test_dlpack():
        check_producer("mylibrary", xfail=["producer.copy.flag"])
        check_consumer("mylibrary")

A library is named by its namespace, if it follows the array API standard, by an adapter of this package, or by a class that
derives from `Adapter`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .adapters import Adapter

__all__ = ["Adapter", "check_consumer", "check_exchange", "check_producer", "run"]


def check_producer(
    library: str | type[Adapter], *, skip: Iterable[str] = (), xfail: Iterable[str] = (), quirks: bool = False
) -> None:
    """Raises AssertionError if the library's `__dlpack__` does not follow the standard.

    `skip` and `xfail` are ids of cases, or patterns such as `producer.stream.*`: the first do not run, the second are expected to
    find something, and it is an error if they find nothing. Quirks count with `quirks=True` only.
    """
    _check("producer", library, skip, xfail, quirks)


def check_consumer(
    library: str | type[Adapter], *, skip: Iterable[str] = (), xfail: Iterable[str] = (), quirks: bool = False
) -> None:
    """Raises AssertionError if the library's `from_dlpack` does not follow the standard, as `check_producer` does."""
    _check("consumer", library, skip, xfail, quirks)


def check_exchange(
    library: str | type[Adapter], *, skip: Iterable[str] = (), xfail: Iterable[str] = (), quirks: bool = False
) -> None:
    """Raises AssertionError if the library's exchange table does not follow the standard, as `check_producer` does."""
    _check("exchange", library, skip, xfail, quirks)


def run(library: str | type[Adapter], cases: Iterable[str] = (), skip: Iterable[str] = ()) -> dict[str, Any]:
    """Runs the cases whose ids match the patterns, and returns the library's part of the report."""
    from . import known, runner

    part = runner.run(_name(library), runner.select(cases, skip))
    known.mark(part)
    return part


def _name(library: str | type[Adapter]) -> str:
    return library if isinstance(library, str) else f"{library.__module__}:{library.__qualname__}"


def _check(
    role: str, library: str | type[Adapter], skip: Iterable[str], xfail: Iterable[str], quirks: bool
) -> None:
    from fnmatch import fnmatch

    from .runner import FAULTS

    part = run(library, [f"{role}.*"], skip)
    # `assert` would be nothing under `python -O`.
    if part.get("missing"):
        raise AssertionError(f"{part['missing']} is not installed")
    if part.get("failed"):
        raise AssertionError(part["failed"])
    expected = list(xfail)
    told: list[str] = []
    seen: set[str] = set()
    for result in part["cases"]:
        patterns = [pattern for pattern in expected if fnmatch(result["id"], pattern)]
        if result["status"] in FAULTS:
            seen.update(patterns)
            if not patterns and (quirks or result["severity"] != "quirk"):
                told.append(f"{result['severity']} {result['id']}: {result['found']}")
        elif result["status"] == "unclear":
            # An exception that no case expects is no proof that all is well.
            seen.update(patterns)
            if not patterns:
                told.append(f"unclear {result['id']}: {result['found']}")
    told += [f"xfail {pattern}: no finding any more" for pattern in expected if pattern not in seen]
    if told:
        raise AssertionError(
            f"{len(told)} findings in {part['name']} {part['version']}:\n" + "\n".join(told)
        )
