"""The report as a document for those who use the libraries: what goes wrong, and where."""

from __future__ import annotations

from typing import Any

from . import known
from .case import SEVERITIES
from .pairs import worst
from .runner import FAULTS, counts


_ON_GPUS = [
    (
        "CuPy answers a request for the CPU with managed memory.",
        "https://github.com/dmlc/dlpack/issues/152",
    ),
    ("CuPy does not know `copy=True`.", "https://github.com/cupy/cupy/issues/9842"),
    (
        "PyTorch hands no stream on, except on CUDA and ROCm.",
        "https://github.com/pytorch/pytorch/issues/195825",
    ),
    ("PyTorch ignores `byte_offset` on Metal.", "https://github.com/pytorch/pytorch/pull/170432"),
    ("CUTLASS reads versioned tensors as if they were legacy.", "https://github.com/NVIDIA/cutlass/issues/3359"),
    ("Numba's device arrays have no `__dlpack__`.", "https://github.com/numba/numba/issues/4719"),
]


def _link(thread: str) -> str:
    return f"[{thread.rsplit('/', 3)[-3]}#{thread.rsplit('/', 1)[-1]}]({thread})"


def story(report: dict[str, Any]) -> str:
    """The document, as Markdown. The same report gives the same text."""
    parts = [part for part in report["libraries"] if part["cases"]]
    sections = [
        "# How DLPack behaves in 2026",
        f"Made by `python -m dlpack doctor --story`, from the report of the versions below: {len(report['cases'])} cases of DLPack "
        f"{report['dlpack']}, with CPython {report['python']} on a machine with {report['platform'].split('-')[0]} and without a GPU. "
        "Do not edit it; edit `known.toml`.",
        "Each finding has been seen twice, the second time by a program that needs the library and ctypes only, or, where the adapter lacks "
        "what the program needs, in a process from scratch. "
        "`python -m dlpack doctor LIBRARY --verbose` shows the programs, and the clauses that the findings rest on.",
        _table(parts),
        _silent(parts),
        _matrix(parts),
        *(_library(part) for part in parts),
        "## What needs a GPU to be seen\n\nReported by others, in public, and outside of this report:\n\n"
        + "\n".join(f"- {says} ({_link(thread)})" for says, thread in _ON_GPUS),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _table(parts: list[dict[str, Any]]) -> str:
    rows = [
        "## The libraries",
        "",
        "| Library | Version | must | should | quirk | passed |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for part in parts:
        found = counts(part)
        numbers = " | ".join(str(found[name]) for name in (*SEVERITIES, "pass"))
        rows.append(f"| {part['name']} | {part['version']} | {numbers} |")
    rows += [
        "",
        "*must*: the standard demands it, or the elements are wrong. *should*: the standard recommends it, or the other side errs, and memory "
        "or the process are at stake. *quirk*: allowed, and trouble for some.",
    ]
    return "\n".join(rows)


def _entries(part: dict[str, Any]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """What is known of a library and was found, with the findings, the gravest first."""
    there = known.of(part["name"], part["version"])
    found: dict[int, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
    for result in part["cases"]:
        if result["status"] in FAULTS:
            fault = there.get(result["id"], {"says": result["found"], "cases": [result["id"]]})
            key = id(fault) if result["id"] in there else id(result)
            found.setdefault(key, (fault, []))[1].append(result)
    return sorted(found.values(), key=lambda entry: min(SEVERITIES.index(r["severity"]) for r in entry[1]))


def _silent(parts: list[dict[str, Any]]) -> str:
    rows = [
        "## What goes wrong without a word",
        "",
        "Elements that are wrong, memory that is written although it must not be, copies that are none: nobody raises an exception.",
        "",
    ]
    for part in parts:
        rows += [
            f"- **{part['name']}** {fault['says']}"
            for fault, _ in _entries(part)
            if fault.get("silent") == "yes"
        ]
    return "\n".join(rows) if len(rows) > 4 else ""


def _matrix(parts: list[dict[str, Any]]) -> str:
    cells = {tuple(pair["pair"]): pair.get("variants") for part in parts for pair in part.get("pairs", [])}
    names = [part["name"] for part in parts if any(part["name"] == key[0] for key in cells)]
    if not names:
        return ""
    rows = [
        "## Who imports whom",
        "",
        "A row is a producer, a column a consumer: *aliased*, the same memory; *copied*; *refused*, by an exception; *wrong*, other elements or "
        "read-only memory that was written, in at least one of a dozen kinds of arrays; *crashed*, the process ended; –, the library of the "
        "column imports nothing, or cannot be loaded beside that of the row. JAX shares only memory that begins at a multiple of 64 bytes: "
        "whether other libraries' small arrays do is chance.",
        "",
        "| | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for producer in names:
        found = [worst(cells.get((producer, consumer)) or {}) or "–" for consumer in names]
        rows.append(f"| **{producer}** | " + " | ".join(found) + " |")
    return "\n".join(rows)


def _library(part: dict[str, Any]) -> str:
    rows = [f"## {part['name']} {part['version']}", ""]
    entries = _entries(part)
    if not entries:
        return "\n".join([*rows, "No finding."])
    for fault, results in entries:
        severity = min((r["severity"] for r in results), key=SEVERITIES.index)
        ids = ", ".join(f"`{r['id']}`" for r in results)
        threads = "".join(f" {_link(thread)}" for thread in fault.get("threads", []))
        says = fault["says"][0].upper() + fault["says"][1:]
        rows.append(f"- *{severity}*: {says}{threads} ({ids})")
    return "\n".join(rows)
