"""How long the elements are there, and who gives them back."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from typing import Any

from ... import abi
from ...adapters import Adapter
from ...case import Found, Skip, case, expect, skip_unless, told
from ...peek import peek
from ...values import samples
from .common import churn

_TAKE = """
import gc
x = {x}
capsule = x.__dlpack__()
{struct}
free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(deleter)
set_name = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_SetName", ctypes.pythonapi))
used = b"used_" + name.encode()
set_name(capsule, used)
before = elements
del capsule, x
gc.collect()
after = b"".join(ctypes.string_at(q, dtype[1] // 8) for q in places)
assert before == after
free(p)
"""


def _taken(lib: Adapter, x: Any) -> Any:
    seen = lib.look(x)
    skip_unless(seen.deleter, "the deleter is NULL")
    return seen, seen.take()


@case(
    "producer.life.taken",
    "capsule-destructor",
    does="Takes the tensor out of its capsule, drops capsule and array, reads the memory, then calls the deleter.",
    expects="the elements until the deleter has run",
    snippet=_TAKE,
)
def _(lib: Adapter) -> None:
    x = lib.make()
    seen, struct = _taken(lib, x)
    before = seen.read()
    del x
    gc.collect()
    churn()
    expect(seen.read() == before, "other elements after the array was dropped")
    abi.call_deleter(struct)


@case(
    "producer.life.unused",
    "capsule-destructor",
    does="Drops capsules that nobody has used.",
    expects="the memory is given back",
    snippet="import resource\nfor i in range(60):\n    x = {big}\n    x.__dlpack__()\n    del x\n"
    "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nfor i in range(60):\n    x = {big}\n    x.__dlpack__()\n    del x\n"
    "more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak\nassert more < 120_000, f'{more} KiB more'",
)
def _(lib: Adapter) -> None:
    _leaks(lib, lambda x: lib.look(x))


@case(
    "producer.life.used",
    "deleter",
    does="Takes tensors over and calls their deleters.",
    expects="the memory is given back",
    snippet="import gc, resource\nset_name = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)"
    '(("PyCapsule_SetName", ctypes.pythonapi))\ndef use():\n    x = {big}\n    capsule = x.__dlpack__()\n'
    "    name = repr(capsule).split('\"')[1].encode()\n"
    "    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)"
    '(("PyCapsule_GetPointer", ctypes.pythonapi))\n    p = get(capsule, name)\n'
    '    set_name(capsule, b"used_dltensor")\n'
    "    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(ctypes.c_void_p.from_address(p + 56).value)(p)\n"
    "for i in range(60): use()\npeak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nfor i in range(60): use()\n"
    "more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak\nassert more < 120_000, f'{more} KiB more'",
)
def _(lib: Adapter) -> None:
    def use(x: Any) -> None:
        _, struct = _taken(lib, x)
        abi.call_deleter(struct)

    _leaks(lib, use)


def _resident() -> int:
    if not sys.platform.startswith("linux"):
        raise Skip("how much memory is in use is known on Linux only")
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def _leaks(lib: Adapter, use: Any) -> None:
    skip_unless(lib.big, "the adapter makes no large arrays")
    for _ in range(12):
        x = lib.evaluate(lib.big)
        use(x)
        del x
    gc.collect()
    before = _resident()
    for _ in range(60):
        x = lib.evaluate(lib.big)
        use(x)
        del x
    gc.collect()
    more = _resident() - before
    # Sixty arrays of 4 MiB are 240 MiB.
    expect(more < 120 << 20, f"{more >> 20} MiB more after 60 arrays of 4 MiB")


@case(
    "producer.life.thread",
    "deleter-gil",
    does="Calls the deleter on a thread that does not hold the interpreter.",
    expects="it returns",
    snippet=_TAKE.replace(
        "free(p)\n",
        "import threading\nthread = threading.Thread(target=free, args=(p,))\nthread.start()\nthread.join()\n",
    ),
)
def _(lib: Adapter) -> None:
    x = lib.make()
    _, struct = _taken(lib, x)
    del x
    thread = threading.Thread(target=abi.call_deleter, args=(struct,))
    thread.start()
    thread.join()
    expect(lib.elements(lib.make()) == samples("float32"), "a library that no longer works")


@case(
    "producer.life.end",
    "deleter-end",
    "should",
    does="Calls the deleter when the interpreter has ended, as a static variable of C++ does.",
    expects="the process ends well",
    ends=True,
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\n"
    'set_name = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_SetName", ctypes.pythonapi))\n'
    'set_name(capsule, b"used_dltensor")\ndel capsule, x\n'
    "ctypes.CDLL(None).__cxa_atexit(ctypes.c_void_p(deleter), ctypes.c_void_p(p), None)",
)
def _(lib: Adapter) -> None:
    skip_unless(sys.platform.startswith("linux"), "needs `__cxa_atexit`")
    x = lib.make()
    seen, _ = _taken(lib, x)
    del x
    ctypes.CDLL(None).__cxa_atexit(
        ctypes.c_void_p(seen.deleter), ctypes.c_void_p(ctypes.addressof(seen.struct)), None
    )


@case(
    "producer.life.error",
    "capsule-destructor",
    "should",
    does="Drops a capsule while an exception is on its way: `len(x.__dlpack__())`.",
    expects="the TypeError of `len`, and no other exception in its place",
    snippet="x = {x}\ntry:\n    len(x.__dlpack__())\nexcept TypeError as error:\n    assert 'len' in str(error), error",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    try:
        len(lib.export(x))
    except TypeError as error:
        expect("len()" in str(error), told(error))
    except BaseException as error:
        raise Found(f"{told(error)} instead of a TypeError") from None


@case(
    "producer.life.twice",
    "consumed-once",
    does="Drops a capsule after the tensor was taken out of it and its deleter has run.",
    expects="the capsule's destructor leaves it alone",
    snippet=_TAKE.replace("del capsule, x\n", "").replace(
        "free(p)\n", "free(p)\ndel capsule, x\ngc.collect()\n"
    ),
)
def _(lib: Adapter) -> None:
    x = lib.make()
    capsule = lib.export(x)
    seen = peek(capsule)
    skip_unless(seen.deleter, "the deleter is NULL")
    abi.rename(capsule, f"used_{seen.name}")
    abi.call_deleter(seen.struct)
    seen.capsule = None
    del capsule
    gc.collect()
    del x
    gc.collect()
    churn()
    lib.make()


@case(
    "producer.life.threads",
    "both-used",
    "quirk",
    does="Exports one array on four threads, a hundred times each.",
    expects="the same shape each time",
    snippet="import threading\nx = {x}\nerrors = []\ndef use():\n    try:\n        for i in range(100): x.__dlpack__()\n"
    "    except Exception as error:\n        errors.append(error)\n"
    "threads = [threading.Thread(target=use) for i in range(4)]\nfor t in threads: t.start()\nfor t in threads: t.join()\nassert not errors, errors[0]",
)
def _(lib: Adapter) -> None:
    x = lib.make()
    found: list[Any] = []

    def use() -> None:
        try:
            for _ in range(100):
                seen = lib.look(x)
                if seen.shape != lib.shape:
                    found.append(f"shape {seen.shape}")
        except Exception as error:
            found.append(told(error))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not found, str(found[:1]))


@case(
    "producer.life.shape",
    "keeps-owning",
    "should",
    does="Changes the array's shape in place, while a consumer holds a struct of it.",
    expects="the shape and the strides in the struct stay as they were",
    snippet="x = {x}\ncapsule = x.__dlpack__()\n{struct}\nbefore = list(shape), list(strides)\n{mutation}\n{struct}\n"
    "assert before == (list(shape), list(strides)), (before, shape, strides)",
)
def _(lib: Adapter) -> None:
    skip_unless(lib.mutations, "its arrays do not change their shape")
    for label, statement in lib.mutations.items():
        x = lib.make()
        seen = lib.look(x)
        axes = range(seen.ndim)
        space = {**lib.space, "x": x}
        try:
            exec(statement, space)
        except Exception:
            continue
        tensor = seen.struct.dl_tensor
        shape = tuple(tensor.shape[i] for i in axes)
        strides = tuple(tensor.strides[i] for i in axes) if tensor.strides else None
        expect(
            tensor.ndim == seen.ndim and shape == seen.shape and strides == seen.strides,
            f"after {label}: shape {shape} and strides {strides} instead of {seen.shape} and {seen.strides}",
            mutation=statement,
        )
