"""The table of libraries and dtypes that the end of a run prints."""

import re
from collections import defaultdict

from . import abi

# Every dtype that has a name in the standard and occurs in libraries, and some that hardly any library takes.
DTYPES = [*abi.DTYPES, *"float4_e2m1fnx2 int4 uint4 int128 float32x4 opaque_handle64".split()]

# (role, library) -> dtype -> (cell, reason)
_cells = defaultdict(dict)


def note(role, library, dtype, cell, reason=""):
    """Enters one cell: `ok`, `copied`, `refused` with its reason, or `WRONG`."""
    _cells[role, library][dtype] = (cell, reason)


def _ordered(columns):
    """The dtypes of the columns: those of the standard first, then what one library alone has."""
    found = {dtype for column in columns for dtype in column}
    return [*(name for name in DTYPES if name in found), *sorted(found - set(DTYPES))]


def _section(role, columns, write):
    notes = {}
    rows = [["", *columns]]
    for dtype in _ordered(columns.values()):
        row = [dtype]
        for column in columns.values():
            cell, why = column.get(dtype, ("-", ""))
            row.append(f"{cell} {notes.setdefault(why, len(notes) + 1)}" if why else cell)
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows)]
    write(f"libraries as {role}s")
    for row in rows:
        write("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for why, number in notes.items():
        write(f"  {number}: {why}")
    write("")


def print_cells(cells, write):
    """Writes the tables of some cells, line by line."""
    for role in ("producer", "consumer"):
        columns = {library: column for (found, library), column in cells.items() if found == role}
        if columns:
            _section(role, columns, write)


def print_all(write):
    """Writes the tables of all that was noted."""
    print_cells(_cells, write)


def is_empty():
    return not _cells


def reason(error):
    """An exception as one line of the table; numbers in it differ from dtype to dtype and are left out."""
    lines = str(error).splitlines() or [""]
    # Some begin with the place in their source code.
    line = re.sub(r"^/\S+:\d+ .*\) ", "", lines[0])
    line = re.sub(r"\b(code)?\d+\b", r"\1N", line)
    return f"{type(error).__name__}: {line[:110].rstrip()}"
