"""Runs the cases of libraries, each case in a process of its own, and confirms what was found by a second way."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from typing import Any

from . import pairs, snippets, worker
from .adapters import NAMES, Adapter, find
from .case import SEVERITIES, Case, load
from .watch import Watch

SCHEMA = "dlpack-doctor/1"
FAULTS = worker.FAULTS

Progress = Callable[[str, int, int], None]


def select(patterns: Iterable[str] = (), skip: Iterable[str] = ()) -> list[Case]:
    """The cases whose ids match one of the patterns, such as `producer.*`, and none of those to skip."""
    chosen, left = list(patterns) or ["*"], list(skip)
    return [
        case
        for case in load().values()
        if any(fnmatch(case.id, pattern) for pattern in chosen)
        and not any(fnmatch(case.id, pattern) for pattern in left)
    ]


def jobs() -> int:
    """How many cases run at a time, unless said otherwise."""
    return max(os.cpu_count() or 1, 2)


def run(
    name: str,
    cases: Iterable[Case] | None = None,
    *,
    consumers: Iterable[str] = (),
    parallel: int | None = None,
    limit: float = 60,
    confirm: bool = True,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Runs cases of one library, and its pairs with some consumers; returns its part of the report."""
    chosen = list(select() if cases is None else cases)
    count = parallel or jobs()
    library = find(name)
    started = time.monotonic()
    part: dict[str, Any] = {"name": name, "version": library.version(), "python": platform.python_version()}
    missing = library.missing()
    if missing:
        return {**part, "missing": missing, "cases": [], "pairs": []}
    asked = [case.id for case in chosen if not case.ends]
    total = len(chosen) + len(list(consumers))
    done = 0
    lock = threading.Lock()
    results: dict[str, dict[str, Any]] = {}
    matrix: list[dict[str, Any]] = []

    def note(result: dict[str, Any]) -> None:
        nonlocal done
        with lock:
            if "pair" in result:
                matrix.append(result)
            elif "id" in result and not str(result["id"]).startswith("pair:"):
                results[result["id"]] = result
            else:
                # The process of a pair ended: before the pair was tried, its library could not be imported beside the other.
                matrix.append({"pair": [name, str(result["id"])[5:]], "failed": result.get("found", "")})
            done += 1
            if progress:
                progress(name, done, total)

    ids = asked + [f"pair:{other}" for other in consumers]
    ends = [case.id for case in chosen if case.ends]
    with ThreadPoolExecutor(count) as beside:
        # They import the library from scratch, while others run that do not.
        late = [beside.submit(_apart, library, name, id, limit, note) for id in ends]
        failure = _forked(name, ids, count, limit, confirm, note)
        if failure:
            beside.shutdown(cancel_futures=True)
            return {**part, "failed": failure, "cases": [], "pairs": []}
        for waiting in late:
            waiting.result()
    with ThreadPoolExecutor(count) as pool:
        # These include the cases and pairs that were not looked at because the process that forks has ended.
        seen = {pair["pair"][1] for pair in matrix}
        left = [case.id for case in chosen if case.id not in results]
        left += [f"pair:{other}" for other in consumers if other not in seen]
        list(pool.map(lambda id: _apart(library, name, id, limit, note), left))
        if confirm:
            faults = [r for r in results.values() if r["status"] in FAULTS and "second" not in r]
            list(
                pool.map(lambda result: _confirm(library, name, load()[result["id"]], result, limit), faults)
            )
    ordered = [results[case.id] for case in chosen if case.id in results]
    for result in ordered:
        result.setdefault("severity", load()[result["id"]].severity)
        result.pop("fill", None)
    part["seconds"] = round(time.monotonic() - started, 1)
    return {**part, "cases": ordered, "pairs": sorted(matrix, key=lambda pair: pair["pair"])}


def _environment() -> dict[str, str]:
    # Threads of their own pools outnumber the processors, and a fork of a process that has started them may hang.
    quiet = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONFAULTHANDLER": "",
        # The programs are assertions; what is empty is not set.
        "PYTHONOPTIMIZE": "",
        "PYTHONWARNINGS": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    # Adapters of one's own are found where they were found here.
    return {**os.environ, **quiet, "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)}


def _forked(
    name: str, ids: list[str], count: int, limit: float, confirm: bool, note: Callable[[dict[str, Any]], None]
) -> str:
    """Runs cases by forks of a process that has imported the library. Returns why that cannot be, if it cannot."""
    if not hasattr(os, "fork"):
        return ""
    command = [sys.executable, "-m", "dlpack.testing.worker", name, str(count), str(limit)]
    command.append("confirm" if confirm else "once")
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=_environment(),
    ) as process:
        assert process.stdin and process.stdout
        try:
            process.stdin.write("".join(f"{id}\n" for id in ids))
            process.stdin.close()
        except BrokenPipeError:
            pass
        for line in process.stdout:
            if not line.startswith("{"):
                continue
            answer = json.loads(line)
            if "failed" in answer and "pair" not in answer:
                return str(answer["failed"])
            if "id" in answer or "pair" in answer:
                note(answer)
    return ""


def _apart(
    library: type[Adapter], name: str, id: str, limit: float, note: Callable[[dict[str, Any]], None]
) -> None:
    """Runs one case that no fork runs."""
    note(worker.left_out(library, id) or _alone(name, id, limit))


def _alone(name: str, id: str, limit: float) -> dict[str, Any]:
    """Runs one case in a process from scratch."""
    started = time.monotonic()
    command = [sys.executable, "-m", "dlpack.testing.worker", "--one", name, id]
    code, out, err = _watched(command, limit)
    if code is None:
        return {"id": id, "status": "timeout", "found": f"no end after {limit:.0f} s of work or sleep"}
    answers = [line for line in out.splitlines() if line.startswith(b"{")]
    words = err[-2000:].decode(errors="replace").strip()
    result = worker.outcome(id, answers[-1] if answers else b"", max(-code, 0), code, words)
    return {**result, "seconds": round(time.monotonic() - started, 3)}


def _watched(command: list[str], limit: float) -> tuple[int | None, bytes, bytes]:
    """The status of a command and what it wrote; without a status, it did not end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=_environment())
        watch = Watch(process.pid, limit)
        while True:
            try:
                code: int | None = process.wait(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                if watch.over():
                    process.kill()
                    process.wait()
                    code = None
                    break
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read()


def _confirm(library: type[Adapter], name: str, case: Case, result: dict[str, Any], limit: float) -> None:
    """Looks a second time, by a program without this package, or else in a process from scratch."""
    program = snippets.program(case, library, result.get("fill", {}))
    if program and not name.startswith("reference"):
        result["snippet"] = program
        status, _, err = _watched([sys.executable, "-c", program], limit)
        code = 1 if status is None else status
        words = err.decode(errors="replace").strip().splitlines()
        if status is None:
            words = [f"no end after {limit:.0f} s"]
        last = words[-1] if words else ""
        result["second"] = {
            "by": "program",
            "status": code,
            "said": last[:300],
            "agrees": worker.agrees(code, last),
        }
    else:
        again = _alone(name, case.id, limit)
        result["second"] = {
            "by": "process",
            "said": again.get("found", ""),
            "agrees": again["status"] in FAULTS,
        }
    if not result["second"]["agrees"]:
        result["status"] = "unconfirmed"


def report(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The report of some libraries, as `--json` writes it."""
    return {
        "schema": SCHEMA,
        "dlpack": "1.3",
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "machine": platform.machine(),
        "cases": {
            case.id: {
                "title": case.title,
                "severity": case.severity,
                "since": case.since,
                "does": case.does,
                "expects": case.expects,
                "clause": {"where": case.clause.where, "text": case.clause.text, "url": case.clause.url},
            }
            for case in load().values()
        },
        "libraries": parts,
    }


def merge(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """One report of several, as of environments that cannot be one. The last one that knows a library is taken."""
    whole = {**reports[-1]}
    libraries: dict[str, dict[str, Any]] = {}
    for part in (part for one in reports for part in one["libraries"]):
        before = libraries.get(part["name"], {"cases": [], "pairs": []})
        named = {
            tuple(pair["pair"]): pair
            for found in (before, part)
            for pair in found["pairs"]
            if "failed" not in pair
        }
        newer = part if part["cases"] or not before["cases"] else before
        libraries[part["name"]] = {**newer, "pairs": list(named.values())}
    order = {name: place for place, name in enumerate(NAMES)}
    whole["libraries"] = sorted(libraries.values(), key=lambda part: order.get(part["name"], len(order)))
    return whole


def counts(part: dict[str, Any]) -> dict[str, int]:
    """How many findings of each severity, and how many cases passed, were skipped or stayed unclear."""
    found = dict.fromkeys((*SEVERITIES, "pass", "skip", "unclear", "unconfirmed"), 0)
    for result in part["cases"]:
        found[result["severity"] if result["status"] in FAULTS else result["status"]] += 1
    return found


__all__ = ["FAULTS", "SCHEMA", "counts", "jobs", "merge", "pairs", "report", "run", "select"]
