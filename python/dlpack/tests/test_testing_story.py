"""HOW_DLPACK_BEHAVES.md is what the cases, known.toml and the pinned versions would make of it today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dlpack
from dlpack.testing import known, pairs
from dlpack.testing.adapters import NAMES, find
from dlpack.testing.case import SEVERITIES, load
from dlpack.testing.story import story


def root():
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "python/HOW_DLPACK_BEHAVES.md").exists():
            return folder
    pytest.skip("the document is not here")


@pytest.fixture
def page():
    return (root() / "python/HOW_DLPACK_BEHAVES.md").read_text(encoding="utf-8")


def sections(page):
    """The lines of each heading, by its words."""
    return {part.partition("\n")[0]: part.partition("\n")[2].splitlines() for part in page.split("\n## ")[1:]}


def rows(lines):
    """The cells of a table, without its two first lines."""
    found = [
        [cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")
    ]
    return found[0], found[2:]


def libraries(page):
    """The libraries of the document: the version, and the numbers of findings."""
    _, table = rows(sections(page)["The libraries"])
    return {name: (version, [*map(int, numbers)]) for name, version, *numbers in table}


def test_all_libraries_are_there(page):
    # CuPy has no arrays without a GPU.
    assert list(libraries(page)) == [name for name in NAMES if name != "cupy"]


def test_versions_are_those_that_are_pinned(page):
    pinned = {}
    for file in sorted((root() / "dlpack-pyo3/tests").glob("requirements*.txt")):
        for name, extra, version in re.findall(r"^([\w-]+)(\[\w+\])?==([\w.]+)", file.read_text(), re.M):
            pinned.setdefault(name.replace("_", "-"), []).append(version)
    pinned["dlpack-py"] = [dlpack.__version__]
    for name, (version, _) in libraries(page).items():
        adapter = find(name)
        names = (adapter.distribution, *adapter.modules[:1], name)
        found = [pinned[n.replace("_", "-")] for n in names if n.replace("_", "-") in pinned]
        assert found and version in found[0], (name, version, found)


def test_cases_are_those_of_today(page):
    assert f": {len(load())} cases of DLPack" in page
    for id in re.findall(r"`((?:producer|consumer|exchange)\.[^`]+)`", page):
        assert id in load(), id


def test_findings_are_those_that_are_known(page):
    found = sections(page)
    silent = []
    for name, (version, numbers) in libraries(page).items():
        lines = [line for line in found[f"{name} {version}"] if line.startswith("- ")]
        told = {}
        for line in lines:
            severity, says, ids = re.fullmatch(r"- \*(\w+)\*: (.*?) \((`[^()]*`)\)", line).groups()
            assert severity in SEVERITIES
            for id in re.findall("`(.*?)`", ids):
                told[id] = says
        there = known.of(name, version)
        assert set(told) == set(there), name
        for id, fault in there.items():
            says, *links = re.split(r" (?=\[[\w.-]+#\d+\]\()", told[id])
            assert says == fault["says"][0].upper() + fault["says"][1:], (name, id)
            assert [link.partition("](")[2].rstrip(")") for link in links] == fault.get("threads", [])
        assert sum(numbers[:3]) == len(told)
        silent += [
            f"- **{name}** {fault['says']}"
            for fault in known.faults()
            if fault["library"] == name and fault.get("silent")
        ]
    assert sorted(
        line for line in found["What goes wrong without a word"] if line.startswith("- ")
    ) == sorted(silent)


def test_every_pair_is_there(page):
    columns, table = rows(sections(page)["Who imports whom"])
    assert columns[1:] == [row[0] for row in table] == list(libraries(page))
    for producer, *cells in table:
        assert len(cells) == len(columns) - 1
        for cell in cells:
            assert cell in (*pairs.RESULTS, "–"), (producer, cell)


# What people who wrote producers and consumers by hand found in these versions, before there was a suite.
BY_HAND = {
    "torch": "consumer.flags.read-only-written consumer.ndim.negative exchange.export.lazy exchange.import.major "
    "producer.copy.flag producer.dl-device.cuda producer.lazy consumer.device.metal-read producer.dtype.narrow-integers "
    "producer.life.resize",
    "jax": "consumer.copy.true consumer.deleter.null producer.max-version.1.0 producer.read-only.legacy",
    "tvm_ffi": "consumer.ndim.negative consumer.shape.negative producer.copy.legacy producer.max-version.old",
    "pyarrow": "consumer.struct.old-producer",
    "onnxruntime": "consumer.data.offset-64 consumer.deleter.null consumer.ndim.negative producer.dtype.bool producer.strides.legacy "
    "producer.life.borrowed",
    "mlx": "consumer.capsule.renamed consumer.shape.negative consumer.version.major-guarded",
    "tensorflow": "consumer.dtype.lanes consumer.shape.negative producer.dl-device.cpu",
    "paddle": "consumer.context.null consumer.data.offset-64 consumer.device.cuda consumer.flags.read-only-written "
    "consumer.ndim.negative consumer.strides.negative exchange.import.major exchange.stream.cpu producer.device.pair",
    "warp": "consumer.data.offset-64 consumer.dtype.lanes consumer.ndim.zero producer.strides.legacy",
    "max": "consumer.strides.step producer.empty.data",
}


@pytest.mark.parametrize("name", BY_HAND)
def test_what_was_found_by_hand_is_found(name, page):
    version, _ = libraries(page)[name]
    assert set(BY_HAND[name].split()) <= set(known.of(name, version))


def test_a_story_is_made_of_a_report():
    report = {"dlpack": "1.3", "python": "3.11.7", "platform": "Linux-6.1", "cases": load(), "libraries": []}
    assert "with CPython 3.11.7 on a machine with Linux and without a GPU." in story(report)
