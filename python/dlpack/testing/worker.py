"""The process in which the cases of one library run: it imports the library once, and forks for each case.

`python -m dlpack.testing.worker ADAPTER JOBS` reads ids of cases, and writes one line of JSON for each. Where there is no fork,
and for cases whose end matters, `--one ADAPTER CASE` is a process from scratch.
"""

from __future__ import annotations

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

from .adapters import Adapter, find
from .case import Found, Skip, _notes, load, told

Result = dict[str, Any]


def judge(adapter: Adapter, id: str) -> Result:
    """Runs one case, and says what was found."""
    check = load()[id].check
    role = load()[id].role
    if role == "consumer" and not adapter.consumes:
        return {"id": id, "status": "skip", "found": "the library imports nothing"}
    if role == "producer" and not adapter.produces:
        return {"id": id, "status": "skip", "found": "the library exports nothing"}
    try:
        check(adapter)
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
        print(json.dumps({"id": id, "status": "unclear", "found": f"the import failed: {told(error)}"}), flush=True)
        os._exit(0)
    result = judge(adapter, id)
    sys.stdout.write("\n" + json.dumps(result) + "\n")
    sys.stdout.flush()


class _Child:
    """A forked process and the case that it runs."""

    def __init__(self, adapter: Adapter, id: str, limit: float):
        self.id, self.started, self.limit = id, time.monotonic(), limit
        self.output = tempfile.TemporaryFile()
        self.source, target = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.source)
            for stream in (1, 2):
                os.dup2(self.output.fileno(), stream)
            _notes.append(lambda fill: os.write(target, (json.dumps({"fill": fill}) + "\n").encode()) and None)
            os.write(target, json.dumps(judge(adapter, id)).encode())
            os.close(target)
            os._exit(0)
        os.close(target)
        self.answer = b""

    def end(self, killed: bool) -> Result:
        """The result, once the pipe is closed or the time is over."""
        if killed:
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.source)
        self.output.seek(0)
        words = self.output.read()[-2000:].decode(errors="replace").strip()
        self.output.close()
        seconds = round(time.monotonic() - self.started, 3)
        if killed:
            return {"id": self.id, "status": "timeout", "found": f"no end after {self.limit:.0f} s", "seconds": seconds}
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        return {**outcome(self.id, self.answer, number, os.waitstatus_to_exitcode(status), words), "seconds": seconds}


def outcome(id: str, answer: bytes, number: int, code: int, words: str) -> Result:
    """What a process found, by its answer and by how it ended."""
    lines = answer.decode().splitlines()
    answers = [json.loads(line) for line in lines]
    fill = next((part["fill"] for part in reversed(answers) if "status" not in part), {})
    finished = [part for part in answers if "status" in part]
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
        return {"id": id, "status": "crash", "found": f"the process ended with status {code}: {last[:160]}", "fill": fill}
    result: Result = finished[0]
    return result


def serve(name: str, jobs: int, limit: float) -> None:
    """Runs cases, as many at a time as there are jobs, until the input ends."""
    _quiet()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    started = time.monotonic()
    try:
        adapter = find(name)()
    except BaseException as error:
        print(json.dumps({"failed": told(error)}), file=out, flush=True)
        return
    load()
    # What is there now stays: each case looks for garbage among what it made itself.
    gc.collect()
    gc.freeze()
    print(json.dumps({"ready": round(time.monotonic() - started, 3)}), file=out, flush=True)
    waiting = [line.strip() for line in sys.stdin if line.strip()]
    waiting.reverse()
    chooser = selectors.DefaultSelector()
    running: dict[int, _Child] = {}

    def finish(child: _Child, killed: bool = False) -> None:
        chooser.unregister(child.source)
        del running[child.source]
        print(json.dumps(child.end(killed)), file=out, flush=True)

    while waiting or running:
        while waiting and len(running) < jobs:
            child = _Child(adapter, waiting.pop(), limit)
            running[child.source] = child
            chooser.register(child.source, selectors.EVENT_READ, child)
        for key, _ in chooser.select(timeout=0.5):
            child = key.data
            part = os.read(child.source, 1 << 16)
            if part:
                child.answer += part
            else:
                finish(child)
        for child in list(running.values()):
            if time.monotonic() - child.started > limit:
                finish(child, killed=True)


if __name__ == "__main__":
    # Libraries print while they are imported, and warn of forks that are meant.
    import warnings

    warnings.simplefilter("ignore")
    if sys.argv[1] == "--one":
        one(sys.argv[2], sys.argv[3])
    else:
        serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
