"""Options, markers and the table at the end of a run."""

import importlib.util

import pytest

from kit import report


def pytest_configure(config):
    config.addinivalue_line("markers", "library(name): needs this library; skipped by name without it")


def pytest_runtest_setup(item):
    for marker in item.iter_markers("library"):
        for name in marker.args:
            if not _is_installed(name):
                pytest.skip(f"{name} is not installed")


def _is_installed(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # A package on the way to a submodule is missing.
        return False


def pytest_terminal_summary(terminalreporter):
    if report.is_empty():
        return
    terminalreporter.section("every library, every dtype")
    report.print_all(terminalreporter.write_line)
