"""What the cases of producers have in common."""

from __future__ import annotations

from typing import Any

from ... import abi
from ...adapters import Adapter
from ...case import Skip, expect, note, skip_unless
from ...peek import Peek

NEW = {"max_version": (1, 3)}


def capsule_of(lib: Adapter, x: Any, *need: str, **keywords: Any) -> Any:
    """The capsule for some keywords; skips if the producer does not know one of them."""
    for name in need:
        check_knows(lib, x, name)
    return lib.export(x, **keywords)


def check_knows(lib: Adapter, x: Any, keyword: str) -> None:
    try:
        lib.export(x, **{keyword: None})
    except TypeError:
        raise Skip(f"the producer does not know the keyword {keyword}") from None
    except Exception:
        pass


def versioned_struct(lib: Adapter, x: Any, **keywords: Any) -> Peek:
    """The versioned struct of an array; skips if there is none."""
    check_knows(lib, x, "max_version")
    if lib.device[0] != abi.CPU:
        keywords.setdefault("dl_device", (abi.CPU, 0))
    seen = lib.look(x, **NEW, **keywords)
    skip_unless(seen.versioned, "the producer has legacy structs only")
    return seen


class Several:
    """What is found of several arrays; the program is that of the first."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.fill: dict[str, str] = {}

    def add(self, words: str, **fill: str) -> None:
        self.words.append(words)
        self.fill = self.fill or fill

    def tell(self) -> None:
        expect(not self.words, "; ".join(self.words), **self.fill)


def arrays_of(lib: Adapter, expressions: dict[str, str]) -> Any:
    """The arrays of some expressions, as far as the library makes them."""
    for label, expression in expressions.items():
        try:
            x = lib.evaluate(expression)
        except Exception:
            continue
        note(expression=expression)
        yield label, x, expression


def churn() -> None:
    # What would be freed would be used again.
    keep = [bytes([index % 256]) * size for size in (24, 32, 64, 96, 128, 256) for index in range(2000)]
    del keep
