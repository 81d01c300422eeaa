"""Producers, and what is done with their tensors, drawn from bytes: fuzzing without a fuzzer.

`run` makes one producer of a script of bytes, imports it in one of all ways, uses what came of it, and drops everything in an
order that the script says, too. Then each deleter must have run exactly as often as it should, and no exception may be one that
only a fault of the library could raise. A script that is at its end reads as zeros, which mean what is usual.

`kit.rounds` runs many of them.
"""

import ctypes
import gc
import sys
import sysconfig

import dlpack_pyo3_tests as ext

from . import abi, capsules, native
from .descriptions import check_buffer, check_passed, describe, place, struct_in
from .drawn_tensor import DATA, Made, Script
from .exchange import FUNCTIONS, Table, type_for

# What bad input may raise. All else, such as SystemError and what a panic becomes, is a fault of the library.
EXPECTED = (BufferError, TypeError, ValueError, RuntimeError, AttributeError, OverflowError, NotImplementedError)
# Where threads run side by side, Python counts some references later.
COUNTS_REFERENCES = not sysconfig.get_config_var("Py_GIL_DISABLED")
ANYTHING = [None, 0, -1, 1, 2, True, False, "1", 1.5, b"", (), (1,), (1, 0), [1, 0], (1, 0, 0), {}, object, 1 << 70, -(1 << 70)]


class Play:
    """One producer and its consumer."""

    def __init__(self, script):
        self.script = script
        self.made = []
        self.depth = 0
        self.capsules = []
        # What is imported and still there, each with what it said first.
        self.held = []
        self.imported = 0
        # Objects by their addresses.
        self.watched = {}
        self.miscounted = None

    def watch(self, made):
        """Expects nobody to have an object at the end but what was made after it."""
        if COUNTS_REFERENCES:
            self.watched[id(made)] = made
        return made

    def make(self, **fixed):
        made = Made(self.script, **fixed)
        self.made.append(made)
        if self.script.rarely(16):
            made.tensor.on_delete(gc.collect if self.script.rarely() else self.again)
        return made

    def again(self):
        """Code of the producer that runs while the library runs: it imports something else, and drops it."""
        if self.depth < 2:
            self.depth += 1
            try:
                ext.describe(self.make().capsule())
            except EXPECTED:
                pass
            self.depth -= 1

    def capsule(self, versioned=None):
        """What `__dlpack__` returns, or raises."""
        script = self.script
        kind = script.pick(["fresh"] * 12 + ["again", "old", "named", "anything", "raises", "returns"])
        if kind == "again":
            self.again()
        if kind == "old" and self.capsules:
            return script.pick(self.capsules)
        if kind == "named":
            name = script.pick([None, "", "dltensor_", "used_dltensor", "used_dltensor_versioned", "dlpack_exchange_api"])
            return self.make().capsule(name)
        if kind == "anything":
            return script.pick(ANYTHING)
        if kind == "raises":
            raise script.pick([TypeError, BufferError, ValueError, RuntimeError, AttributeError, NotImplementedError])("no")
        if kind == "returns":
            return self
        fixed = {} if versioned is None else {"versioned": versioned}
        capsule = self.watch(self.make(**fixed).capsule())
        if script.rarely(4):
            self.capsules.append(capsule)
        return capsule

    def producer(self):
        script = self.script
        kind = script.pick(["capsule", "modern", "table"] * 4 + ["modern", "2022", "none", "buffer", "anything", "own"])
        if kind == "capsule":
            return self.capsule()
        if kind == "buffer":
            return self.buffer()
        if kind == "own":
            dtype, shape = script.pick(["uint8", "float32", "int16"]), [1 + script.below(4), 1 + script.below(4)]
            return self.watch(ext.make(DATA, dtype, shape, read_only=script.rarely(2), is_copied=script.rarely(3)))
        if kind == "anything":
            return script.pick(ANYTHING)
        body = {}
        known = {"modern": {"stream", "max_version", "dl_device", "copy"}, "2022": {"stream"}}.get(kind, set())

        def __dlpack__(_, **given):
            if set(given) - known:
                raise TypeError("__dlpack__() got an unexpected keyword argument")
            version = given.get("max_version")
            is_told = "max_version" in known and not script.rarely()
            return self.capsule(version is not None and version[0] >= 1 if is_told else None)

        def __dlpack_device__(_):
            if script.rarely():
                raise script.pick([TypeError, BufferError, AttributeError, RuntimeError])("no")
            usual = [(1, 0), (1, 0), (1, 0), (2, 0), (3, 0), (1, 1), (1 << 31, 0), (-1, -1)]
            return script.pick(ANYTHING if script.rarely() else usual)

        body["__dlpack__"] = __dlpack__
        if not script.rarely():
            body["__dlpack_device__"] = __dlpack_device__
        if kind == "table":
            known |= {"stream", "max_version", "dl_device", "copy"}
            return self.watch(type_for(self.table(), **body)())
        return self.watch(type("Drawn", (), body)())

    def table(self):
        script = self.script
        functions = {}
        for name in FUNCTIONS:
            if script.rarely(6):
                functions[name] = None
        if script.rarely(6):
            functions["managed_tensor_from_py_object_no_sync"] = native.FAIL_FROM_PYTHON
        if script.rarely(6):
            functions["dltensor_from_py_object_no_sync"] = native.FAIL_TO_LEND
        version = script.pick([(1, 3), (1, 3), (1, 3), (1, 0), (1, 9), (2, 0), (0, 1)])
        prev = Table(version=script.pick([(1, 1), (0, 9), (2, 1)])) if script.rarely() else None
        return Drawn(self, version=version, prev=prev, **functions)

    def buffer(self):
        script = self.script
        data = bytearray(range(96)) if script.rarely(2) else bytes(range(96))
        view = memoryview(self.watch(data))
        view = view[script.below(8) : 96 - script.below(8) : script.pick([1, 2, -1, 3])]
        if view.contiguous and len(view) % 8 == 0 and script.rarely(2):
            view = view.cast(script.pick(list("fdbBhHiIqQ?c")))
            if script.rarely(2) and len(view) % 2 == 0:
                view = view.cast("B").cast(view.format, [2, len(view) // 2])
        return self.watch(view)

    def options(self, is_readable):
        """Keywords of an import. What is not readable is not copied."""
        script, given = self.script, {}
        if script.rarely(3):
            given["copy"] = script.pick([None, False, True] if is_readable else [None, False])
        if is_readable and script.rarely(4):
            given["device"] = script.pick([(1, 0), (2, 0), (3, 0), (1, 1), (0, 0), (-1, -1)])
        if script.rarely(16):
            given["stream"] = script.pick(ANYTHING)
        return given

    def arguments(self, is_readable):
        """Keywords of a call of `__dlpack__`."""
        script, given = self.script, {}
        if not is_readable or not script.rarely(4):
            given["max_version"] = script.pick([(1, 3), (1, 0), (2, 0), (1 << 31, 0)])
        elif script.rarely(2):
            given["max_version"] = script.pick([(0, 8), *ANYTHING])
        if script.rarely(4):
            given["copy"] = script.pick([None, False, True, *ANYTHING] if is_readable else [None, False])
        if is_readable and script.rarely(4):
            given["dl_device"] = script.pick([(1, 0), (2, 0), (1, 1), *ANYTHING])
        if script.rarely(12):
            given["stream"] = script.pick([-1, *ANYTHING])
        return given

    def is_readable(self):
        """Whether all that the producer has made can be read."""
        return all([made.is_readable for made in self.made])

    def end(self, kept):
        """Drops everything."""
        del self.held[:]
        while kept:
            kept.pop(self.script.below(len(kept)))
        del self.capsules[:]
        # What was made last may keep others.
        while self.watched:
            made = self.watched.popitem()[1]
            # One of them is in the call.
            found = sys.getrefcount(made) - 2
            if found:
                self.miscounted = f"{type(made)} has {found} references too many"

    def wrong(self):
        """What is not as it must be at the end, if there is something."""
        for at, made in enumerate(self.made):
            if made.tensor.deletes != made.deletes:
                fields = {**made.fields, "data": "..."}
                return f"deleter {at} ran {made.tensor.deletes} times, not {made.deletes}: {fields}"
        return self.miscounted


class Drawn(Table):
    """A table whose tensors are drawn, and whose functions may lie."""

    def __init__(self, play, **fields):
        self.play = play
        super().__init__(**fields)

    def _from_python(self, address, out):
        script, made = self.play.script, self.play.make(versioned=True)
        if script.rarely():
            out[0] = script.pick([None, made.tensor.address])
            return script.pick([0, -1, 1]) if not out[0] else script.pick([-1, 1])
        out[0] = made.tensor.address
        made.deletes = int(made.fields["deleter"])
        return 0

    def _borrow(self, address, out):
        script, made = self.play.script, self.play.make()
        if script.rarely():
            return script.pick([-1, 1])
        ctypes.memmove(out, ctypes.addressof(made.tensor.tensor), ctypes.sizeof(abi.Tensor))
        return 0

    def _stream(self, device_type, device_id, out):
        out[0] = self.play.script.pick([None, None, 7])
        return 0 if not self.play.script.rarely() else -1


WAYS = [
    ext.describe,
    ext.strict,
    ext.borrow,
    ext.typed_f32,
    ext.typed_matrix,
    ext.describe_managed,
    lambda it: ext.body("sizes", it),
    lambda it: ext.body("as_typed_mut", it),
    lambda it: ext.body("cells", it),
    lambda it: ext.body("view_mut", it),
    lambda it: ext.ordered(it, 7),
    lambda it: ext.ordered_tensor(it, 7),
    lambda it: ext.Holder(it),
]


def _play(play, kept):
    """Imports and uses; what is alive afterwards is in `kept`."""
    script = play.script
    source = play.producer()
    if script.rarely(3):
        way = script.pick(WAYS)
        kept.append(way(source))
        kept.append(way(source))
        return
    # Before the import, nobody knows what the producer will hand out: it may be nothing that can be copied.
    hold(play, source, play.options(False), kept)
    if isinstance(source, memoryview):
        check_buffer(source, play.held[0])
    elif len(play.made) == 1 and play.made[0].deletes:
        play.made[0].check(play.held[0][1])
    for _ in range(1 + script.below(8)):
        if play.held:
            try:
                step(play, script.below(len(play.held)), kept)
            except EXPECTED:
                pass
        if script.rarely(4) and len(kept) > 1:
            del kept[script.below(len(kept))]


def hold(play, source, options, kept):
    held = ext.hold(source, **options)
    kept.append(held)
    play.imported += 1
    play.held.append((held, held.describe()))


def step(play, at, kept):
    script, (held, seen) = play.script, play.held[at]
    what = script.pick(["describe", "bytes", "bytes", "bytes", "rewrite", "export", "export", "hand on", "release", "thread"])
    if what == "describe":
        assert held.describe() == seen, "a description has changed"
    elif what == "bytes":
        if play.is_readable():
            read = held.to_bytes()
            # Copies have the same elements in the same order.
            if len(play.made) == 1 and play.made[0].has_whole_bytes():
                assert read == play.made[0].read(), "other elements than the producer's"
    elif what == "rewrite":
        for made in play.made:
            made.rewrite(script)
        assert held.describe() == seen, "a description has changed"
    elif what == "release":
        held.release()
        del play.held[at]
    elif what == "thread":
        del play.held[at]
        if script.rarely(16):
            held.send_to_thread()
        else:
            held.send_to_worker()
    else:
        del play.held[at]
        is_readable = play.is_readable()
        made = held.hand_on() if what == "hand on" else held.export(refuse_legacy=not is_readable or script.rarely(3))
        kept.append(made)
        for _ in range(1 + script.below(3)):
            try:
                _use(play, made, seen, is_readable, kept)
            except EXPECTED:
                pass


def _use(play, made, seen, is_readable, kept):
    """What another library does with a tensor that is passed on, which was described so."""
    script = play.script
    what = script.pick(["ask", "device", "import", "borrow", "table"])
    if what == "device":
        device = made.__dlpack_device__()
        assert place({**seen, "device": device}) == place(seen), f"{seen} is on {device}"
    elif what == "import":
        hold(play, made, play.options(is_readable), kept)
        check_passed(seen, play.held[-1][1])
    elif what == "borrow":
        check_passed(seen, ext.borrow(made))
    elif what == "table":
        _take_by_table(made, seen)
    else:
        capsule = play.watch(made.__dlpack__(**play.arguments(is_readable)))
        struct = struct_in(capsule)
        check_passed(seen, describe(struct))
        end = script.pick(["drop", "keep", "take", "import"])
        if end == "keep":
            kept.append(capsule)
        elif end == "import":
            hold(play, capsule, {}, kept)
            check_passed(seen, play.held[-1][1])
        elif end == "take":
            capsules.rename(capsule, "used_" + capsules.name(capsule))
            _delete(struct)


def _take_by_table(made, seen):
    table = abi.ExchangeApi.from_address(capsules.pointer(type(made).__dlpack_c_exchange_api__))
    take = FUNCTIONS["managed_tensor_from_py_object_no_sync"](table.managed_tensor_from_py_object_no_sync)
    out = ctypes.c_void_p()
    # A callback of ctypes raises what the function has set.
    if take(id(made), ctypes.pointer(out)) == 0:
        struct = abi.ManagedTensorVersioned.from_address(out.value)
        check_passed(seen, describe(struct))
        _delete(struct)


def _delete(struct):
    if struct.deleter:
        abi.Deleter(struct.deleter)(ctypes.addressof(struct))


def run(data):
    """Runs one script, and returns what was done."""
    play, kept = Play(Script(data)), []
    try:
        _play(play, kept)
    except EXPECTED:
        pass
    play.end(kept)
    return play
