"""A plugin for pytest: `pytest --dlpack-library=NAME` adds a test for each case.

`--dlpack-skip` and `--dlpack-xfail` take ids or patterns, as the settings `dlpack_skip` and `dlpack_xfail` do.
"""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

import pytest


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("dlpack", "conformance with DLPack")
    group.addoption(
        "--dlpack-library",
        action="append",
        default=[],
        metavar="NAME",
        help="test how this library follows DLPack",
    )
    group.addoption("--dlpack-skip", action="append", default=[], metavar="ID", help="cases that do not run")
    group.addoption(
        "--dlpack-xfail",
        action="append",
        default=[],
        metavar="ID",
        help="cases that are expected to find something",
    )
    parser.addini("dlpack_skip", "cases of dlpack.testing that do not run", type="linelist", default=[])
    parser.addini(
        "dlpack_xfail",
        "cases of dlpack.testing that are expected to find something",
        type="linelist",
        default=[],
    )


def pytest_configure(config: Any) -> None:
    if config.getoption("--dlpack-library"):
        config.pluginmanager.register(_Cases(config), "dlpack-cases")


class _Cases:
    """Adds the cases to the tests, and runs those of a library all at once when the first one is due."""

    def __init__(self, config: Any):
        self.names = config.getoption("--dlpack-library")
        self.skip = [*config.getoption("--dlpack-skip"), *config.getini("dlpack_skip")]
        self.xfail = [*config.getoption("--dlpack-xfail"), *config.getini("dlpack_xfail")]
        self.results: dict[str, dict[str, Any]] = {}

    def pytest_collection_modifyitems(self, session: Any, items: list[Any]) -> None:
        from .runner import select

        for name in self.names:
            for case in select(skip=self.skip):
                item = _Item.from_parent(
                    session, name=f"{name}::{case.id}", nodeid=f"dlpack::{name}::{case.id}"
                )
                item.library, item.case, item.cases = name, case, self
                if any(fnmatch(case.id, pattern) for pattern in self.xfail):
                    item.add_marker(pytest.mark.xfail(strict=True, reason="expected"))
                items.append(item)

    def result(self, name: str, wanted: list[str]) -> dict[str, Any]:
        if name not in self.results:
            from .runner import run, select

            part = run(name, [case for case in select(skip=self.skip) if case.id in wanted])
            found = {result["id"]: result for result in part["cases"]}
            self.results[name] = {**part, "found": found}
        return self.results[name]


class Finding(Exception):
    """What a case has found."""


class _Item(pytest.Item):
    library: str
    case: Any
    cases: _Cases

    def runtest(self) -> None:
        items = [
            item for item in self.session.items if isinstance(item, _Item) and item.library == self.library
        ]
        part = self.cases.result(self.library, [item.case.id for item in items])
        if part.get("missing"):
            raise Finding(f"{part['missing']} is not installed")
        if part.get("failed"):
            raise Finding(part["failed"])
        result = part["found"][self.case.id]
        if result["status"] in ("finding", "crash", "timeout") and result["severity"] != "quirk":
            raise Finding(
                f"{result['severity']} {self.case.id}\n{self.case.does}\nexpected {self.case.expects}\nfound {result['found']}\n"
                f"{self.case.clause}\n{self.case.clause.url}\n\n{result.get('snippet', '')}"
            )
        if result["status"] == "unclear":
            raise Finding(f"unclear {self.case.id}\n{result['found']}")
        if result["status"] != "pass":
            pytest.skip(result.get("found", "a quirk"))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if isinstance(excinfo.value, Finding):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Any, int, str]:
        return "dlpack", 0, self.name
