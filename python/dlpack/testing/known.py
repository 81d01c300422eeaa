"""The findings that are known, with the versions in which they were confirmed and where the public speaks of them."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("known.toml")


def read(text: str) -> list[dict[str, Any]]:
    """The tables `[[fault]]` of a file. Python 3.10 has no reader of TOML; strings and lists of them are all that there is."""
    faults: list[dict[str, Any]] = []
    lines = iter(text.splitlines())
    for line in lines:
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line == "[[fault]]":
            faults.append({})
            continue
        key, _, value = (part.strip() for part in line.partition("="))
        if value.startswith("[") and not value.endswith("]"):
            for more in lines:
                value += more.strip()
                if more.strip() == "]":
                    break
        strings = [_unquote(found) for found in re.findall(r'"((?:[^"\\]|\\.)*)"', value)]
        faults[-1][key] = strings if value.startswith("[") else strings[0]
    return faults


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


@lru_cache
def faults() -> list[dict[str, Any]]:
    """All that is known."""
    return read(FILE.read_text(encoding="utf-8")) if FILE.exists() else []


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare it with others."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:4])


def holds(bounds: str, version: str) -> bool:
    """Whether a version lies within bounds such as `>=2.4, <2.6`."""
    have = release(version)
    for bound in filter(None, (part.strip() for part in bounds.split(","))):
        found = re.fullmatch(r"(>=|<=|==|<|>)\s*(.+)", bound)
        assert found, f"a bound is like >=1.2, found {bound!r}"
        want = release(found[2])
        size = max(len(have), len(want))
        left, right = have + (0,) * (size - len(have)), want + (0,) * (size - len(want))
        good = {
            ">=": left >= right,
            "<=": left <= right,
            "==": left == right,
            "<": left < right,
            ">": left > right,
        }
        if not good[found[1]]:
            return False
    return True


def of(name: str, version: str) -> dict[str, dict[str, Any]]:
    """What is known of a library in a version, by the ids of cases."""
    return {
        id: fault
        for fault in faults()
        if fault["library"] == name and holds(fault["versions"], version)
        for id in fault["cases"]
    }


def mark(part: dict[str, Any]) -> None:
    """Adds to the findings of a library what is known of them."""
    there = of(part["name"], part["version"])
    for result in part["cases"]:
        fault = there.get(result["id"])
        if fault and result["status"] in ("finding", "crash", "timeout"):
            result["known"] = fault["says"]
            if fault.get("threads"):
                result["threads"] = fault["threads"]
