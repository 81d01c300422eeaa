"""Instructions of one operation, counted by callgrind, under which this process runs."""

from __future__ import annotations

from pathlib import Path

from contender import Call


class Counter:
    """Reads what callgrind dumps; it must have been started with `--instr-atstart=no --callgrind-out-file=FILE`."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._dumps = 0

    def count(self, call: Call, times: int) -> float:
        """Twice as many operations take as many instructions more as once as many take without the loop's start and end."""
        call.repeat(64)
        return (self._sum(call, 2 * times) - self._sum(call, times)) / times

    def _sum(self, call: Call, times: int) -> int:
        call.count(times, str(times))
        self._dumps += 1
        dump = Path(f"{self._file}.{self._dumps}")
        for line in dump.read_text().splitlines():
            if line.startswith("summary: "):
                dump.unlink()
                return int(line.removeprefix("summary: "))
        raise RuntimeError(f"{dump} has no sum")
