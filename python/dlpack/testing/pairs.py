"""One library's arrays in another library: aliased, copied, refused, wrong, or the end of the process."""

from __future__ import annotations

import json
import os
from typing import Any

from .adapters import Adapter, find
from .case import Skip, told
from .peek import peek

# From best to worst: the worst of a pair is what the matrix shows.
RESULTS = ("aliased", "copied", "refused", "wrong", "crashed")

_VARIANTS: dict[str, tuple[str, str]] = {
    "plain": ("float32", ""),
    "int64": ("int64", ""),
    "bool": ("bool", ""),
    "complex64": ("complex64", ""),
    "bfloat16": ("bfloat16", ""),
    "transposed": ("float32", "transposed"),
    "step": ("float32", "step"),
    "offset": ("float32", "offset"),
    "reversed": ("float32", "reversed"),
    "broadcast": ("float32", "broadcast"),
    "empty": ("float32", ""),
    "read-only": ("float32", ""),
}


def _variant(producer: Adapter, consumer: Adapter, label: str) -> tuple[str, str]:
    dtype, layout = _VARIANTS[label]
    if label == "read-only":
        x = producer.evaluate(producer.readonly)
    elif label == "empty":
        x = producer.make(shape=(0,) * len(producer.shape), values=[])
    else:
        x = producer.make(dtype)
    if layout:
        x = producer.evaluate(producer.layouts[layout], x=x)
    shown = producer.elements(x, dtype)
    try:
        y = consumer.imported(x)
    except Skip:
        raise
    except Exception as error:
        return "refused", told(error)
    try:
        found = consumer.elements(y, dtype)
    except Exception as error:
        return "refused", f"taken, and cannot be read: {told(error)}"
    if found != shown:
        return "wrong", f"{found[:6]} instead of {shown[:6]}"
    if label == "read-only":
        try:
            exec(consumer.write, {**consumer.space, "x": y})
        except Exception as error:
            return "aliased", f"writing is refused: {told(error)}"
        consumer.elements(y, dtype)
        if producer.elements(x, dtype) != shown:
            return "wrong", "read-only memory was written"
        return "copied", ""
    if not shown:
        return "aliased", ""
    try:
        same = _where(consumer, y) == _where(producer, x)
    except Exception:
        return "aliased", "where the array is cannot be known"
    return ("aliased" if same else "copied"), ""


def _where(lib: Adapter, x: Any) -> int:
    try:
        return lib.where(x)
    except Exception:
        # `where` exports a legacy struct, which has no flag for read-only memory.
        return peek(lib.export(x, max_version=(1, 3))).data


def _there(producer: Adapter, consumer: Adapter, label: str) -> bool:
    """Whether there can be such an array, which is known without a process."""
    dtype, layout = _VARIANTS[label]
    if label == "read-only":
        return bool(producer.readonly and consumer.write)
    return dtype in producer.dtypes and (not layout or layout in producer.layouts)


def judge(producer: Adapter, name: str) -> dict[str, Any]:
    """All variants of a pair, each in a process of its own."""
    try:
        # Some libraries take seconds to be imported.
        if not find(name).take:
            return {"pair": [producer.name, name], "variants": {}}
        consumer = producer if name == producer.name else find(name)()
    except BaseException as error:
        return {"pair": [producer.name, name], "failed": told(error)}
    variants = {}
    for label in _VARIANTS:
        if not _there(producer, consumer, label):
            continue
        source, target = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(source)
            try:
                answer: Any = _variant(producer, consumer, label)
            except Skip as reason:
                answer = ("skip", str(reason))
            except BaseException as error:
                answer = ("skip", told(error))
            os.write(target, json.dumps(answer).encode())
            os._exit(0)
        os.close(target)
        with os.fdopen(source, "rb") as file:
            answer = file.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            variants[label] = ["crashed", f"the process ended by signal {os.WTERMSIG(status)}"]
        elif answer:
            result = json.loads(answer)
            if result[0] != "skip":
                variants[label] = result
    return {"pair": [producer.name, name], "variants": variants}


def worst(variants: dict[str, Any]) -> str:
    """The result that the matrix shows. A refusal of a part of the variants is one of them all only if nothing is taken."""
    found = {result for result, _ in variants.values()}
    for result in ("crashed", "wrong"):
        if result in found:
            return result
    for result in ("aliased", "copied", "refused"):
        if variants.get("plain", ("", ""))[0] == result:
            return result
    return "refused" if found else ""
