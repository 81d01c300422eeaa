"""Options, markers and the table at the end of a run."""

import functools
import gc
import importlib.util
import warnings

import pytest

import dlpack_pyo3_tests as ext
from kit import report


def pytest_configure(config):
    config.addinivalue_line("markers", "library(name): needs this library; skipped by name without it")
    config.addinivalue_line("markers", "device(name): needs a CUDA device that this library finds")


def pytest_addoption(parser):
    parser.addoption("--library", metavar="NAME", help="only the tests that need this library")
    parser.addoption("--installed", action="store_true", help="only the tests whose libraries are installed")


def pytest_collection_modifyitems(config, items):
    library, installed = config.getoption("library"), config.getoption("installed")

    def is_wanted(item):
        names = _libraries(item)
        return (not library or library in names) and (not installed or all(map(_is_installed, names)))

    left_out = [item for item in items if not is_wanted(item)]
    items[:] = [item for item in items if is_wanted(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)


def pytest_runtest_setup(item):
    for name in _libraries(item):
        if not _is_installed(name):
            pytest.skip(f"{name} is not installed")
    for marker in item.iter_markers("device"):
        for name in marker.args:
            if not _finds_device(name):
                pytest.skip(f"{name} finds no CUDA device")


@pytest.fixture(autouse=True)
def _quick_collections():
    """Leaves what large libraries and earlier tests have made out of the collections that tests ask for."""
    yield
    gc.freeze()


@pytest.fixture(scope="module")
def torch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
    return torch


@pytest.fixture
def nothing_is_lost():
    """Asserts that no memory of Rust is left that was not there before."""
    live = ext.live()
    yield
    if ext.live() > live:
        gc.collect()
    assert ext.live() <= live


@pytest.fixture
def nothing_remains():
    """Asserts that as much memory of Rust is there as before: none is left, and none was freed that lives on."""
    gc.collect()
    before = ext.live()
    yield
    gc.collect()
    assert ext.live() == before


def _libraries(item):
    markers = [*item.iter_markers("library"), *item.iter_markers("device")]
    return [name for marker in markers for name in marker.args]


@functools.cache
def _is_installed(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # A package on the way to a submodule is missing.
        return False


@functools.cache
def _finds_device(name):
    library = importlib.import_module(name)
    if name == "torch":
        return library.cuda.is_available()
    try:
        return library.cuda.runtime.getDeviceCount() > 0
    except library.cuda.runtime.CUDARuntimeError:
        return False


def pytest_terminal_summary(terminalreporter):
    if report.is_empty():
        return
    terminalreporter.section("every library, every dtype")
    report.print_all(terminalreporter.write_line)
