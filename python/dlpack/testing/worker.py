"""The process in which the cases of one library run: it imports the library once, and forks for each case.

`python -m dlpack.testing.worker ADAPTER JOBS` reads ids of cases, and writes one line of JSON for each. Where there is no fork,
and for cases whose end matters, `--one ADAPTER CASE` is a process from scratch.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import sys
import tempfile
import time
import traceback
from typing import Any

from . import pairs, snippets
from .adapters import Adapter, find
from .case import NO_TABLE, Found, Skip, _notes, load, told
from .watch import Watch

Result = dict[str, Any]
FAULTS = ("finding", "crash", "timeout")


def left_out(adapter: Adapter | type[Adapter], id: str, tables: bool = True) -> Result | None:
    """The result of a case that does not apply, where that is known without running it."""
    case = load().get(id)
    if case and case.role == "consumer" and not adapter.take:
        return {"id": id, "status": "skip", "found": "the library imports nothing"}
    if case and case.role == "producer" and not adapter.array:
        return {"id": id, "status": "skip", "found": "the library exports nothing"}
    if case and case.role == "exchange" and not tables and id != "exchange.table.old-name":
        return {"id": id, "status": "skip", "found": NO_TABLE}
    return None


def judge(adapter: Adapter, id: str) -> Result:
    """Runs one case, and says what was found."""
    if id.startswith("pair:"):
        return pairs.judge(adapter, id.removeprefix("pair:"))
    if id.startswith("mutant:"):
        # The tests of the suite: a case of the reference with a fault.
        _, fault, id = id.split(":")
        return {**judge(find(f"reference:{fault}")(), id), "fault": fault}
    left = left_out(adapter, id)
    if left:
        return left
    try:
        load()[id].check(adapter)
    except Found as found:
        result = {"id": id, "status": "finding", "found": str(found), "fill": found.fill}
        return {**result, "severity": found.severity} if found.severity else result
    except Skip as reason:
        return {"id": id, "status": "skip", "found": str(reason)}
    except BaseException as error:
        # Neither the library's fault nor proof of its innocence: the check itself did not get so far.
        where = traceback.extract_tb(error.__traceback__)[-1]
        return {
            "id": id,
            "status": "unclear",
            "found": f"{told(error)} ({os.path.basename(where.filename)}:{where.lineno})",
        }
    return {"id": id, "status": "pass"}


def _quiet() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass


def one(name: str, id: str) -> None:
    """Runs one case in this process, which then ends as processes do."""
    _quiet()
    try:
        adapter = find(name)()
    except BaseException as error:
        print(
            json.dumps({"id": id, "status": "unclear", "found": f"the import failed: {told(error)}"}),
            flush=True,
        )
        os._exit(0)
    result = judge(adapter, id)
    sys.stdout.write("\n" + json.dumps(result) + "\n")
    sys.stdout.flush()


def second(adapter: Adapter, id: str, fill: dict[str, str]) -> tuple[str, str]:
    """By what a finding is looked at a second time, and its program, if it has one."""
    program = (
        "" if adapter.name.startswith("reference") else snippets.program(load()[id], type(adapter), fill)
    )
    return ("program", program) if program else ("process", "")


def mutant_program(id: str) -> str:
    """The program of a case of the reference with a fault, from `faulty:FAULT:CASE`."""
    _, fault, case = id.split(":")
    text = snippets.program(load()[case], find(f"reference:{fault}"), {})
    find("reference")
    return f"from dlpack.testing import mutants\nmutants.adapter({fault!r})\n{text}"


# Errors of a program itself, which confirm nothing.
_BROKEN = (
    "SyntaxError",
    "IndentationError",
    "NameError",
    "UnboundLocalError",
    "ModuleNotFoundError",
    "ImportError",
)


def agrees(code: int, said: str) -> bool:
    """Whether a program failed as the library does, and not by itself."""
    return code != 0 and said.partition(":")[0] not in _BROKEN


def _execute(program: str) -> None:
    # As `python -c` does, but that the library is imported already.
    try:
        exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        os._exit(0 if end.code in (None, 0) else 1)
    except BaseException as error:
        print(f"\n{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


class _Child:
    """A forked process and the case, or the program, that it runs."""

    def __init__(self, adapter: Adapter, id: str, limit: float, program: str = ""):
        self.id, self.started, self.limit, self.program = id, time.monotonic(), limit, program
        self.output = tempfile.TemporaryFile()
        self.source, target = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            # What it forks itself, as for a pair, ends with it.
            os.setpgid(0, 0)
            os.close(self.source)
            for stream in (1, 2):
                os.dup2(self.output.fileno(), stream)
            if program:
                _execute(program)

            def write(fill: dict[str, str]) -> None:
                os.write(target, (json.dumps({"fill": fill}) + "\n").encode())

            _notes.append(write)
            os.write(target, json.dumps(judge(adapter, id)).encode())
            os.close(target)
            os._exit(0)
        with contextlib.suppress(OSError):
            # Here and there, so that nobody comes too early.
            os.setpgid(self.pid, self.pid)
        os.close(target)
        self.answer = b""
        self.watch = Watch(self.pid, limit)

    def kill(self) -> None:
        """Ends the process, and those that it has forked."""
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self, killed: bool) -> Result:
        """The result, once the pipe is closed or the time is over."""
        if killed:
            self.kill()
        _, status = os.waitpid(self.pid, 0)
        os.close(self.source)
        self.output.seek(0)
        words = self.output.read()[-2000:].decode(errors="replace").strip()
        self.output.close()
        seconds = round(time.monotonic() - self.started, 3)
        if self.program:
            code = 1 if killed else os.waitstatus_to_exitcode(status)
            said = f"no end after {self.limit:.0f} s" if killed else (words.splitlines() or [""])[-1]
            return {"by": "program", "status": code, "said": said[:300], "agrees": agrees(code, said)}
        if killed:
            return {
                "id": self.id,
                "status": "timeout",
                "found": f"no end after {self.limit:.0f} s",
                "seconds": seconds,
            }
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        return {
            **outcome(self.id, self.answer, number, os.waitstatus_to_exitcode(status), words),
            "seconds": seconds,
        }


def outcome(id: str, answer: bytes, number: int, code: int, words: str) -> Result:
    """What a process found, by its answer and by how it ended."""
    lines = answer.decode().splitlines()
    answers = [json.loads(line) for line in lines]
    fill: dict[str, str] = next((part["fill"] for part in reversed(answers) if set(part) == {"fill"}), {})
    finished = [part for part in answers if "status" in part or "pair" in part]
    if number:
        name = signal.Signals(number).name
        last = words.splitlines()[-1] if words else ""
        return {
            "id": id,
            "status": "crash",
            "signal": name,
            "fill": fill,
            "found": f"the process ended by {name}" + (f": {last[:160]}" if last else ""),
        }
    if code != 0 or not finished:
        last = words.splitlines()[-1] if words else "no answer"
        return {
            "id": id,
            "status": "crash",
            "found": f"the process ended with status {code}: {last[:160]}",
            "fill": fill,
        }
    result: Result = finished[0]
    return result


def serve(name: str, jobs: int, limit: float, confirm: bool) -> None:
    """Runs cases, as many at a time as there are jobs, until the input ends."""
    _quiet()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    started = time.monotonic()
    try:
        adapter = find(name)()
        if adapter.warm:
            adapter.evaluate(adapter.warm)
    except BaseException as error:
        print(json.dumps({"failed": told(error)}), file=out, flush=True)
        return
    load()
    # What is there now stays: each case looks for garbage among what it made itself.
    gc.collect()
    gc.freeze()
    print(json.dumps({"ready": round(time.monotonic() - started, 3)}), file=out, flush=True)
    # Cases, and what was found at first of those that are looked at again.
    waiting: list[tuple[str, Result | None, str]] = [
        (line.strip(), None, "") for line in sys.stdin if line.strip()
    ]
    waiting.reverse()
    chooser = selectors.DefaultSelector()
    running: dict[int, tuple[_Child, Result | None]] = {}
    tables = True

    def finish(child: _Child, killed: bool = False) -> None:
        nonlocal tables
        chooser.unregister(child.source)
        _, first = running.pop(child.source)
        result = child.end(killed)
        tables = tables and (first is not None or result.get("found") != NO_TABLE)
        if first is not None:
            if not child.program:
                result = {
                    "by": "process",
                    "said": result.get("found", ""),
                    "agrees": result["status"] in FAULTS,
                }
            result = {**first, "second": result}
            if not result["second"]["agrees"] and first["status"] in FAULTS:
                result["status"] = "unconfirmed"
        elif confirm and result.get("status") in FAULTS and child.id in load():
            _, program = second(adapter, child.id, result.get("fill", {}))
            if program:
                result["snippet"] = program
            waiting.append((child.id, result, program))
            return
        print(json.dumps(result), file=out, flush=True)

    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                id, first, program = waiting.pop()
                left = None if first else left_out(adapter, id, tables)
                if left:
                    # What does not apply needs no process.
                    print(json.dumps(left), file=out, flush=True)
                    continue
                if id.startswith("program:"):
                    # The tests of the suite: the program alone, whether the case finds something or not.
                    first = {"id": id, "status": "program"}
                    program = second(adapter, id.removeprefix("program:"), {})[1] or "raise SystemExit(0)"
                if id.startswith("faulty:"):
                    # And the program of a case with a fault of the reference.
                    first = {"id": id, "status": "program"}
                    program = mutant_program(id)
                child = _Child(adapter, id, limit, program)
                running[child.source] = child, first
                chooser.register(child.source, selectors.EVENT_READ, child)
            for key, _ in chooser.select(timeout=0.5):
                child = key.data
                part = os.read(child.source, 1 << 16)
                if part:
                    child.answer += part
                else:
                    finish(child)
            for child, _ in list(running.values()):
                if child.watch.over():
                    finish(child, killed=True)
    finally:
        # Nobody waits for the rest, where this process was interrupted.
        for child, _ in running.values():
            child.kill()


if __name__ == "__main__":
    # Libraries print while they are imported, and warn of forks that are meant.
    import warnings

    warnings.simplefilter("ignore")
    if sys.argv[1] == "--one":
        one(sys.argv[2], sys.argv[3])
    else:
        serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "confirm")
