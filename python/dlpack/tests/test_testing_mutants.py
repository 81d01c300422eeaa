"""The conformance suite finds every deliberate fault of a reference, by the case that is meant for it, and none where there is none."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from dlpack.testing import mutants, runner
from dlpack.testing.adapters import find
from dlpack.testing.case import Found, load

from . import FREE_THREADED

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


@pytest.mark.parametrize("name", ["reference", "reference:table"])
def test_the_reference_has_no_finding(name):
    part = runner.run(name, confirm=False)
    assert not part.get("failed")
    assert [result for result in part["cases"] if result["status"] not in ("pass", "skip")] == []
    assert runner.counts(part)["pass"] > 200


def ask(kind):
    """Runs each fault's cases, of those that end nothing, in one worker. Returns what was asked for, and what it answers."""
    cases = load()
    asked = [f"{kind}:{f.name}:{id}" for f in mutants.FAULTS.values() for id in f.finds if not cases[id].ends]
    done = subprocess.run(
        [sys.executable, "-m", "dlpack.testing.worker", "reference", "2", "60", "once"],
        input="\n".join(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    return asked, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def results():
    found = {}
    for result in ask("mutant")[1]:
        if "id" in result:
            # Where the process ended, the id is what was asked for.
            id = (
                result["id"]
                if result["id"].startswith("mutant:")
                else f"mutant:{result['fault']}:{result['id']}"
            )
            found[id] = result
    return found


@pytest.mark.parametrize("fault", mutants.FAULTS.values(), ids=mutants.FAULTS)
def test_faults_are_found(fault, results):
    if fault.name == "own-thread-only" and FREE_THREADED:
        pytest.skip("without a lock, Python lets the thread that made an object end it, so that the fault cannot show")
    for id in fault.finds:
        if load()[id].ends:
            part = runner.run(f"reference:{fault.name}", [load()[id]], confirm=False)
            result = part["cases"][0]
        else:
            result = results[f"mutant:{fault.name}:{id}"]
        assert result["status"] in runner.FAULTS, result


def test_false_copies_are_found_without_an_address():
    class Silent(find("reference:false-copy-flag")):
        address = ""

    try:
        with pytest.raises(Found, match="IS_COPIED for memory"):
            load()["producer.flags.none"].check(Silent())
    finally:
        find("reference")


def test_programs_find_the_faults():
    """A program without the suite fails where the reference has the fault that its case is meant to find."""
    asked, answers = ask("faulty")
    looks = {answer["id"]: answer["second"] for answer in answers if "second" in answer}
    assert set(looks) == set(asked)
    silent = {id.removeprefix("faulty:") for id, second in looks.items() if not second["agrees"]}
    # The first two take what the array shows from what was found. The third cannot tell a deleter that runs early from a copy.
    # The last fault is in what the suite uses in the place of `__dlpack__`.
    assert silent <= {
        "negation-ignored:producer.lazy",
        "table-export-lazy:exchange.export.lazy",
        "deletes-early:consumer.struct.asked",
        "buffer-read-only:producer.agrees.buffer",
        # Without a lock, Python lets the thread that made an object end it.
        *(["own-thread-only:consumer.life.thread"] if "t" in sys.abiflags else []),
    }


def test_every_case_is_meant_to_find_a_fault():
    meant = {id for fault in mutants.FAULTS.values() for id in fault.finds}
    assert [id for id in load() if id not in meant] == []
    assert len(mutants.FAULTS) >= 60
