"""The registry: every row with its contenders."""

from __future__ import annotations

import sys

import flat
import give
import refuse
import take
from contender import Row


def all_rows() -> list[Row]:
    """All rows, in the order in which they are shown."""
    return [*take.rows(), *give.rows(), *refuse.rows(), *flat.rows()]


def select(words: list[str]) -> list[Row]:
    """The rows that the words name, or whose names begin with one of them; all rows if there is no word."""
    rows = all_rows()
    exact = {row.name for row in rows}

    def is_named(row: Row, word: str) -> bool:
        return row.name == word or (word not in exact and row.name.startswith(word))

    for word in words:
        if not any(is_named(row, word) for row in rows):
            sys.exit(f"error: no row begins with `{word}`")
    return [row for row in rows if not words or any(is_named(row, word) for word in words)]


def named(name: str) -> Row:
    (row,) = [row for row in all_rows() if row.name == name]
    return row
