"""The checks for a library's own tests, and the plugin for pytest."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

from dlpack.testing import Adapter, check_consumer, check_exchange, check_producer, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


def test_our_own_package():
    check_producer("dlpack", quirks=True)
    check_consumer("dlpack", quirks=True)
    check_exchange("dlpack", quirks=True)


class Mine(Adapter):
    """A library of one's own: nine lines."""

    name = "mine"
    modules = ("dlpack",)
    imports = "import dlpack, array"
    array = "dlpack.asdlpack(array.array('f', {values})).reshape{shape}"
    dtypes = {"float32": ""}
    read = "[y for row in x.tolist() for y in row] if x.ndim == 2 else x.tolist()"
    take = "dlpack.from_dlpack({x})"


def test_an_adapter_of_ones_own():
    part = run(Mine, ["producer.capsule.*", "consumer.struct.*"])
    assert [result["status"] for result in part["cases"]] == ["pass"] * len(part["cases"])


def test_what_is_expected():
    # The reference with a fault is a library with a finding.
    faulty = "reference:no-copy-flag"
    with pytest.raises(AssertionError, match="must producer.copy.flag: IS_COPIED is not set"):
        check_producer(faulty)
    check_producer(faulty, xfail=["producer.copy.flag"])
    check_producer(faulty, skip=["producer.copy.*"])
    with pytest.raises(AssertionError, match="xfail producer.reuse: no finding any more"):
        check_producer(faulty, xfail=["producer.copy.flag", "producer.reuse"])
    with pytest.raises(AssertionError, match="is not installed"):
        check_producer("cupy")


def test_plugin(tmp_path):
    def pytest_run(*options):
        # Where the package is installed, the plugin is there already.
        there = any(point.name == "dlpack" for point in importlib.metadata.entry_points(group="pytest11"))
        plugin = [] if there else ["-p", "dlpack.testing.plugin"]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *options]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    skips = [
        f"--dlpack-skip={pattern}"
        for pattern in ("consumer.*", "exchange.*", "producer.dtype.*", "producer.l*")
    ]
    done = pytest_run("--dlpack-library=reference:no-copy-flag", *skips)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "must producer.copy.flag" in done.stdout and "1 failed" in done.stdout
    done = pytest_run("--dlpack-library=reference:no-copy-flag", *skips, "--dlpack-xfail=producer.copy.flag")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 xfailed" in done.stdout
    done = pytest_run("--dlpack-library=cupy", *skips, "--dlpack-skip=producer.[!r]*")
    assert done.returncode == 1 and "is not installed" in done.stdout, done.stdout + done.stderr


class NoNumber(Adapter):
    """Its device has no number, which the program of the case shows by an assertion."""

    name = "no_number"
    modules = ("dlpack",)
    imports = "class Array:\n    def __dlpack_device__(self): return 1, None"
    array = "Array()"
    dtypes = {"float32": ""}


def test_findings_do_not_depend_on_assertions(monkeypatch):
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    [result] = run(NoNumber, ["producer.device.pair"])["cases"]
    assert (result["status"], result["second"]["by"]) == ("finding", "program"), result
    check = "import dlpack.testing as t; t.check_producer('reference:no-copy-flag', skip=['producer.[!c]*'])"
    done = subprocess.run([sys.executable, "-O", "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "AssertionError: 1 findings" in done.stderr, done.stderr


class Raises(Adapter):
    """Exports some dtypes, and for another one raises what no case expects."""

    name = "raises"
    modules = ("dlpack",)
    imports = (
        "import dlpack\nfrom dlpack.testing.values import encode\nclass Array:\n"
        "    def __dlpack__(self, **keywords): raise ZeroDivisionError"
    )
    array = "Array() if '{dtype}' == 'int8' else dlpack.asdlpack(bytearray(24)).view('{dtype}').reshape({shape})"
    dtypes = {"float32": "float32", "int8": "int8"}


def test_what_no_case_expects_is_told():
    others = ["producer.[!d]*", "producer.d[!t]*", "producer.dtype.[!i]*"]
    with pytest.raises(AssertionError, match="unclear producer.dtype.int8: ZeroDivisionError"):
        check_producer(Raises, skip=others)
    check_producer(Raises, skip=others, xfail=["producer.dtype.int8"])
