"""The table of the libraries that `explain` and `adapt` know."""

from __future__ import annotations

from ._consumers import NAMES, Consumer, named

_STRIDES = {
    "any": "any",
    "positive": "not negative",
    "dense": "no gaps",
    "rows": "row-major",
}
_HEADS = ("Library", "Call", "Shares", "Strides", "Read-only memory", "Not taken", "Measured")


def rows() -> list[dict[str, str]]:
    """Returns a row for each library."""
    return [_row(named(name)) for name in NAMES]


def table() -> str:
    """Returns the rows as a table of Markdown."""
    lines = [list(_HEADS), *([row[head] for head in _HEADS] for row in rows())]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([texts[0], rule, *texts[1:]])


def _row(consumer: Consumer) -> dict[str, str]:
    if consumer.always_copies:
        shares = "never"
    else:
        shares = f"from {consumer.alignment} bytes on" if consumer.alignment > 1 else "always"
    if consumer.honours_readonly:
        readonly = "stays so"
    elif "max_version" in consumer.asks[0] or consumer.uses_table:
        readonly = "is written"
    else:
        readonly = "a copy"
    return {
        "Library": consumer.title,
        "Call": f"`{consumer.call.format('t')}`",
        "Shares": shares,
        "Strides": _STRIDES[consumer.strides],
        "Read-only memory": readonly,
        "Not taken": ", ".join(_missing(consumer)) or "-",
        "Measured": consumer.measured,
    }


def _missing(consumer: Consumer) -> list[str]:
    """Returns the dtypes that a user may expect, and that the library does not take or narrows."""
    asked = ("bool", "float16", "bfloat16", "complex64", "float8_e4m3fn")
    missing = [dtype for dtype in asked if consumer.dtypes is not None and dtype not in consumer.dtypes]
    if consumer.narrows:
        missing.append("64 bits" if "int64" in consumer.narrows else "float64")
    return missing
