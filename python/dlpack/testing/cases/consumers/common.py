"""What the cases of consumers have in common: one import of one tensor, and how it is judged."""

from __future__ import annotations

import gc
from typing import Any

from ...adapters import Adapter
from ...case import Found, Skip, case, expect, skip_unless, told
from ...snippets import maker
from ...synthetic import Producer
from ...values import samples

FLOATS = samples("float32")


def positions(shape: tuple[int, ...], strides: tuple[int, ...], start: int = 0) -> list[int]:
    places = [start]
    for extent, stride in zip(shape, strides):
        places = [place + index * stride for place in places for index in range(extent)]
    return places


def attempt(lib: Adapter, producer: Producer, copy: Any = "unset") -> Any:
    """The array, or the exception by which the library refuses, without what keeps the capsule alive."""
    try:
        return lib.imported(producer, copy), None
    except Skip:
        raise
    except BaseException as error:
        error.__traceback__ = None
        return None, error


def check_released(producer: Producer, when: str) -> None:
    gc.collect()
    for tensor in producer.tensors:
        wanted = 1 if tensor.has_deleter else 0
        expect(
            tensor.deletes == wanted,
            f"the deleter ran {tensor.deletes} times {when}",
        )


def check_refused(producer: Producer, error: BaseException) -> None:
    """A refusal is clear, and gives the tensor back."""
    disturbed = any(tensor.in_exception for tensor in producer.tensors)
    expect(
        not isinstance(error, SystemError) or disturbed,
        f"a refusal without a reason: {told(error)}",
    )
    expect(not isinstance(error, (KeyboardInterrupt, SystemExit)), told(error))
    error.__traceback__ = error.__context__ = error.__cause__ = None
    check_released(producer, "after the refusal")


def aliases(lib: Adapter, x: Any, producer: Producer) -> bool | None:
    """Whether the array is the producer's memory, where that can be known."""
    try:
        where = lib.where(x)
    except Exception:
        return None
    tensor = producer.tensors[-1]
    return bool(tensor.start <= where < tensor.start + max(len(tensor.data), 1))


def check_right(lib: Adapter, producer: Producer, held: list[Any], wanted: list[Any] | None, dtype: str) -> None:
    """An array that was taken shows the right elements, and gives the tensor back once, not before its end.

    The array is the first of `held`, and of nobody else.
    """
    x = held[0]
    if wanted is not None:
        try:
            found = lib.elements(x, dtype)
        except Skip:
            found = wanted
        expect(found == wanted, f"the elements {found[:12]} instead of {wanted[:12]}")
    if aliases(lib, x, producer):
        tensor = producer.tensors[-1]
        expect(tensor.deletes == 0, f"the deleter ran {tensor.deletes} times while the array was alive")
    del x
    held.clear()
    check_released(producer, "after the array was dropped")


def _body(kind: str, wanted: list[Any] | None, has_deleter: bool) -> str:
    check = "" if wanted is None else f"found = list({{read}})\nassert found == {wanted!r}, found\n"
    end = (
        "x = error = None\ngc.collect()\n"
        'released = runs() + ("used" not in repr(producer.capsule))\n'
        'assert released == 1, f"the deleter ran {released} times"\n'
        if has_deleter
        else "x = None\ngc.collect()\n"
    )
    if kind == "take":
        return f"import gc\nx = {{take}}\n{check}{end}"
    attempt = "import gc\ntry:\n    x = {take}\nexcept Exception as refusal:\n    print('refused:', type(refusal).__name__, refusal)\n"
    attempt += "    assert not isinstance(refusal, SystemError), refusal\n"
    if kind == "refuse":
        return f'{attempt}else:\n    raise AssertionError("taken")\n{end}'
    if kind == "unreadable":
        shows = (
            "try:\n    found = list({read})\nexcept Exception as refusal:\n    print('refused:', refusal)\n"
        )
        return f"import gc\ntry:\n    x = {{take}}\nexcept Exception as refusal:\n    print('refused:', refusal)\n    raise SystemExit(0)\n{shows}else:\n    raise AssertionError(f'shows {{found}}')\n".replace(
            "{found}", "{found}"
        )
    inner = "".join(f"    {line}\n" for line in check.splitlines()) or "    pass\n"
    return f"{attempt}else:\n{inner}{end}"


def add(
    id: str,
    clause: str,
    kind: str,
    severity: str = "must",
    *,
    does: str,
    expects: str = "",
    wanted: Any = FLOATS,
    dtype: Any = "float32",
    only: str = "",
    title: str = "",
    since: str = "1.0",
    known: bool = False,
    **fields: Any,
) -> None:
    """Adds a case of one producer. `kind` is `take`, `refuse`, `right` (either, but nothing wrong), `unreadable` (refused
    at the latest when elements are read) or `survive`."""
    made = {"dtype": dtype, **fields}

    def check(lib: Adapter) -> None:
        wants = kind
        if known:
            dtypes = lib.dtypes if lib.imports_dtypes is None else lib.imports_dtypes
            wants = "take" if dtype in dtypes else "right"
        producer = Producer(**made)
        x, error = attempt(lib, producer)
        held = [x]
        del x
        skip_unless(producer.tensors or error is not None, "the library asked for no tensor")
        got = [tensor.versioned for tensor in producer.tensors]
        if only == "versioned":
            skip_unless(got and all(got), "the library asks for legacy structs, which have no such field")
        if only == "legacy":
            skip_unless(got and not any(got), "the library takes versioned structs only")
        if error is not None:
            if wants == "take":
                raise Found(f"refused: {told(error)}", severity="should" if known else "")
            check_refused(producer, error)
            return
        if wants == "refuse":
            raise Found("the tensor is taken")
        if wants == "unreadable":
            skip_unless(lib.shows, "taken, and the library itself shows no elements")
            try:
                found = lib.elements(held[0], dtype)
            except Exception:
                found = None
            expect(not found, f"the tensor is taken, and shows {found and found[:2]} first")
        try:
            check_right(lib, producer, held, None if wants in ("survive", "unreadable") else wanted, dtype)
        except (Found, Skip):
            raise
        except Exception as failure:
            if wants == "take":
                raise
            raise Skip(f"taken, and cannot be read: {told(failure)}") from None

    words = {
        "take": "the tensor is taken, with the right elements",
        "refuse": "a refusal, and the deleter runs once",
        "unreadable": "a refusal, at the latest when elements are read; the deleter runs once",
        "right": "the right elements, or a refusal; the deleter runs once",
        "survive": "an array or a refusal; the deleter runs once",
    }
    shown = [w for w in wanted] if wanted is not None and kind != "survive" else None
    case(
        f"consumer.{id}",
        clause,
        severity,
        does=does,
        expects=expects or words[kind],
        title=title,
        since=since,
        snippet=f"{{imports}}\n{maker(made)}\n{_body('take' if known else kind, shown, fields.get('deleter', True))}",
        dtype=dtype if isinstance(dtype, str) else "",
    )(check)


def object_with(**members: Any) -> Any:
    return type("Object", (), members)()
