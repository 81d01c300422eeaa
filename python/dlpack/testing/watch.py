"""Tells a process that hangs from one that waits for its turn on a busy machine."""

from __future__ import annotations

import os
import sys
import time


class Watch:
    """Watches a process for `limit` seconds: of work, or of sleep without any work. Looked at now and then by `over`."""

    def __init__(self, pid: int, limit: float):
        self.pid, self.limit = pid, limit
        self.last = self.started = time.monotonic()
        self.idle = self.work = 0.0

    def over(self) -> bool:
        """Whether the time is over."""
        now = time.monotonic()
        since, self.last = now - self.last, now
        sleeps, work = self._state()
        if sleeps is None:
            return now - self.started > self.limit
        if sleeps and work <= self.work:
            self.idle += since
        self.work = work
        return max(self.idle, self.work) > self.limit

    def _state(self) -> tuple[bool | None, float]:
        # Without /proc, the clock on the wall is all that there is.
        if not sys.platform.startswith("linux"):
            return None, 0
        try:
            with open(f"/proc/{self.pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            return False, self.work
        return fields[0] == "S", (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
