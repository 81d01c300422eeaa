"""Runs the tests of others through this crate, and counts them: a suite that does not run whole is a failure."""

import collections
import gc
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "python"))  # The kit.

import driver  # noqa: E402


_skipped = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.stash[_skipped] = item.stash.get(_skipped, False) or report.skipped
    return report


@pytest.fixture(autouse=True)
def _goes_through_the_crate(request):
    """Fails a test that neither imported nor exported anything with this crate, unless it has skipped itself."""
    before = driver.count
    gc.freeze()  # What large libraries have made is left out of the collections that tests ask for.
    yield
    is_used = driver.count > before or request.node.stash.get(_skipped, False)
    assert is_used, "expected a test that uses this crate, or one that is left out"


_outcomes, _wrong = collections.defaultdict(collections.Counter), []


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        _outcomes[pathlib.PurePosixPath(report.nodeid.split("::")[0]).stem][report.outcome] += 1


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if session.exitstatus != pytest.ExitCode.OK or any("::" in argument for argument in session.config.args):
        return
    for name, expected in driver.expected.items():
        found = (_outcomes[name]["passed"], _outcomes[name]["skipped"])
        if found != expected:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            _wrong.append(f"{name}: expected {expected} tests passed and skipped, found {found}")


def pytest_terminal_summary(terminalreporter):
    for line in _wrong:
        terminalreporter.write_line(line, red=True)
