"""The cases of the conformance suite: their words, the clauses they rest on, and the programs that findings come with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dlpack.testing import adapters, runner, snippets, synthetic
from dlpack.testing.case import ROLES, SEVERITIES, load
from dlpack.testing.clauses import CLAUSES

CASES = load()
FORKS = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


def header():
    for folder in (Path.cwd(), *Path.cwd().parents):
        found = folder / "vendor/dlpack/include/dlpack/dlpack.h"
        if found.exists():
            return found.read_text().splitlines()
    return None


def plain(text):
    return " ".join(re.sub(r"^\s*\*", " ", line) for line in text).replace("`", "")


@pytest.mark.parametrize("clause", CLAUSES.values(), ids=CLAUSES)
def test_clauses_quote_the_header(clause):
    lines = header()
    if lines is None or clause.lines is None:
        pytest.skip("the header is not here, or the clause is of Python")
    first, last = clause.lines
    there = " ".join(plain(lines[first - 1 : last]).split())
    assert clause.text in there, there


def test_cases_are_complete():
    assert len(CASES) >= 200
    for id, case in CASES.items():
        assert re.fullmatch(r"(producer|consumer|exchange)(\.[A-Za-z0-9_-]+(\.\d)?)+", id), id
        assert case.role in ROLES and case.severity in SEVERITIES
        assert case.does.endswith(".") and case.does[0].isupper(), (id, case.does)
        assert case.expects and not case.expects.endswith("."), (id, case.expects)
        assert case.title and case.snippet, id


def test_clauses_are_used():
    used = {case.clause for case in CASES.values()}
    assert [name for name, clause in CLAUSES.items() if clause not in used] == []


@pytest.mark.parametrize("name", adapters.NAMES)
def test_programs_compile(name):
    adapter = adapters.find(name)
    for case in CASES.values():
        program = snippets.program(case, adapter, {"expression": "x", "shown": "''", "count": "1"})
        assert "{imports}" not in program and "{x}" not in program
        compile(program, case.id, "exec")
        assert "dlpack.testing" not in program or name == "dlpack"


@FORKS
@pytest.mark.parametrize("name", ["dlpack", "numpy"])
def test_programs_agree_with_the_cases(name):
    """Where a case finds nothing, its program finds nothing."""
    adapter = adapters.find(name)
    if adapter.missing():
        pytest.skip(f"{adapter.missing()} is not installed")
    part = runner.run(name, [case for case in CASES.values() if not case.ends], confirm=False)
    known = adapter.dtypes if adapter.imports_dtypes is None else adapter.imports_dtypes
    passed = [
        result["id"]
        for result in part["cases"]
        if result["status"] == "pass"
        and ((dict(CASES[result["id"]].fill).get("dtype") or "float32") in known)
    ]
    assert len(passed) > 150
    done = subprocess.run(
        [sys.executable, "-m", "dlpack.testing.worker", name, "2", "60", "once"],
        input="\n".join(f"program:{id}" for id in passed),
        capture_output=True,
        text=True,
        check=True,
    )
    results = [json.loads(line) for line in done.stdout.splitlines()]
    looks = {result["id"]: result["second"] for result in results if "second" in result}
    assert len(looks) == len(passed)
    assert {id: second for id, second in looks.items() if second["status"] != 0} == {}


def test_deleters_count():
    for versioned in (True, False):
        for python in (True, False):
            tensor = synthetic.Synthetic(versioned=versioned, python=python)
            tensor.capsule()
            assert (tensor.called, tensor.deletes) == (0, 1)
            for calls in (1, 2, 3):
                synthetic.abi.call_deleter(tensor.struct)
                assert tensor.called == calls
            synthetic.abi.rename(tensor._capsule, "used_dltensor")
            assert tensor.deletes == 3
            assert tensor.native == (not python and synthetic.COUNT is not None)


@pytest.mark.skipif(synthetic.COUNT is None, reason="there is no native counter")
def test_native_deleters_leave_exceptions_alone():
    """What a deleter of Python would not: the exception of an error path gets through."""
    numpy = pytest.importorskip("numpy")
    producer = synthetic.Producer(ndim=-1)
    with pytest.raises(ValueError, match="dimensions"):
        numpy.from_dlpack(producer)
    assert [tensor.deletes for tensor in producer.tensors] == [1]
