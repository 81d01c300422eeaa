"""The table of libraries and dtypes that the end of a run prints."""

import re
from collections import defaultdict

from .abi import DTYPES

# (role, library) -> dtype -> (cell, reason)
_cells = defaultdict(dict)


def note(role, library, dtype, cell, reason=""):
    """Enters one cell: `ok`, `copied`, `refused` with its reason, or `WRONG`."""
    _cells[role, library][dtype] = (cell, reason)


def _ordered(role, libraries):
    """The dtypes of the role: those of the standard first, then those of one library alone."""
    found = {dtype for library in libraries for dtype in _cells[role, library]}
    return [*(name for name in DTYPES if name in found), *sorted(found - set(DTYPES))]


def _section(role, write):
    libraries = [library for found, library in _cells if found == role]
    if not libraries:
        return
    notes = {}
    rows = [["", *libraries]]
    for dtype in _ordered(role, libraries):
        row = [dtype]
        for library in libraries:
            cell, why = _cells[role, library].get(dtype, ("-", ""))
            if why:
                cell += f" {notes.setdefault(why, len(notes) + 1)}"
            row.append(cell)
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows)]
    write(f"libraries as {role}s")
    for row in rows:
        write("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for why, number in notes.items():
        write(f"  {number}: {why}")
    write("")


def print_to(write):
    """Writes the tables, line by line."""
    for role in ("producer", "consumer"):
        _section(role, write)


def is_empty():
    return not _cells


def cells():
    """What has been entered, for the tests of this table."""
    return {key: dict(value) for key, value in _cells.items()}


def reason(error):
    """An exception as one line of the table; numbers in it differ from dtype to dtype and are left out."""
    lines = str(error).splitlines() or [""]
    line = re.sub(r"\b(code)?\d+\b", r"\1N", lines[0])
    return f"{type(error).__name__}: {line[:110]}"
