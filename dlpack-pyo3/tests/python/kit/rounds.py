"""Many producers: scripts of `kit.drawn`, and after each one rounds with a tensor of its own.

A round takes a tenth of the time of a script. Its tensor is made anew, mostly with a field or two that are others, handed out by
an object whose class the library knows already, imported in one of all ways, used at most twice, and dropped. Everything comes
from a seed, so that what fails can be made again.

As a program, `python -m kit.rounds FIRST SECONDS`, it runs the seeds from the first on for so long, and prints how many scripts
and rounds there were. The sanitizer's options are those of `cargo xtask evidence fuzz-python`.
"""

import ctypes
import gc
import random
import sys
import time

import dlpack_pyo3_tests as ext

from . import drawn, foreign, native
from .drawn import EXPECTED, WAYS, Play
from .drawn_tensor import DTYPES, EDGES, Made, Script, triple
from .exchange import Table, type_for

LONGEST = 200
# Rounds after each script.
ROUNDS = 15
# The fields of which another is drawn, some more often.
CHANGES = "size stride size stride dtype byte_offset device ndim null_shape address flags version".split()
# Seeds after which the garbage is collected, and looked at.
BATCH = 64


class Numbers(Script):
    """A script without an end, which takes less time to read."""

    def __init__(self, draw):
        self.draw, self.random = draw, draw.random

    def byte(self):
        return int(self.random() * 256)

    def below(self, count):
        return int(self.random() * count)

    def pick(self, choices):
        return choices[int(self.random() * len(choices))]

    def rarely(self, one_in=8):
        return self.random() * one_in < 1

    def word(self):
        return self.draw.getrandbits(64)


class Renewed(Made):
    """A tensor that is made anew for each round."""

    def __init__(self, script, **fixed):
        super().__init__(script, **fixed)
        self.base, self.saved = self.fields, self.tensor.save()

    def renew(self, script):
        self.tensor.renew(self.saved)
        self.deletes = 0
        if self.fields is not self.base:
            self.fields = self.base
            self._forget()
        if script.below(3):
            self.fields = dict(self.base)
            self._forget()
            for _ in range(1 + script.below(2)):
                self._change(script)

    def _change(self, script):
        """Sets one field to something else, in the struct and where it is noted."""
        fields, struct = self.fields, self.tensor.struct
        tensor = struct.dl_tensor
        name = script.pick(CHANGES)
        if name in ("flags", "version") and not fields["versioned"]:
            return
        if name == "size" and fields["shape"]:
            axis, size = script.below(len(fields["shape"])), script.pick([0, 1, 2, 3, *EDGES])
            strides = self.strides
            fields["shape"] = [*fields["shape"][:axis], size, *fields["shape"][axis + 1 :]]
            # What was computed from the shape stays as it was.
            if fields["strides"] == "compact":
                fields["strides"] = list(strides)
            self.tensor.shape_array[axis] = size
        elif name == "stride" and fields["shape"] and fields["strides"] is not None:
            axis, strides = script.below(len(fields["shape"])), list(self.strides)
            strides[axis] = script.pick([0, 1, 2, -1, 5, *EDGES])
            fields["strides"] = strides
            self.tensor.strides_array[axis] = strides[axis]
        elif name == "dtype":
            fields["dtype"] = script.pick(DTYPES) if script.below(2) else (script.byte(), script.byte(), script.byte())
            tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes = triple(fields["dtype"])
        elif name == "byte_offset":
            tensor.byte_offset = fields["byte_offset"] = script.pick([0, 1, 4, 64, 256, script.word(), 1 << 63])
        elif name == "device":
            fields["device"] = script.pick([(1, 0), (1, 1), (2, 0), (3, 0), (13, 0), (0, 0), (-1, -1), (12, 7)])
            tensor.device.device_type, tensor.device.device_id = fields["device"]
        elif name == "ndim":
            fields["ndim"] = tensor.ndim = script.pick([-1, 65, (1 << 31) - 1, -(1 << 31)])
        elif name == "null_shape":
            fields["null_shape"], tensor.shape = True, None
        elif name == "address":
            fields["address"] = tensor.data = script.pick([None, 1, 8, (1 << 64) - 8])
        elif name == "flags":
            struct.flags = fields["flags"] = script.pick([0, 1, 2, 3, 4, 5, script.word()])
        elif name == "version":
            fields["version"] = script.pick([(1, 3), (1, 0), (1, 99), (0, 8), (2, 0)])
            struct.version.major, struct.version.minor = fields["version"]


class Modern:
    """Objects that give the tensor of the round. All of them have it, so that they need not be made anew."""

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        return now.capsule()

    def __dlpack_device__(self):
        return now.device()


class Old:
    def __dlpack__(self, stream=None):
        return now.capsule()


class Derived(Modern):
    __slots__ = ()


class RoundTable(Table):
    """A table that gives the tensor of the round."""

    def _from_python(self, address, out):
        made = now.make()
        out[0] = made.tensor.address
        made.deletes = int(made.fields["deleter"])
        return 0

    def _borrow(self, address, out):
        made = now.make()
        ctypes.memmove(out, ctypes.addressof(made.tensor.tensor), ctypes.sizeof(made.tensor.tensor))
        return 0


now = None
TABLES = [RoundTable(), RoundTable(dltensor_from_py_object_no_sync=None), RoundTable(managed_tensor_from_py_object_no_sync=None)]
CARRIERS = [type_for(table, __dlpack__=Modern.__dlpack__, __dlpack_device__=Modern.__dlpack_device__)() for table in TABLES]
PRODUCERS = [Modern(), Old(), Derived(), Modern()]
# What these need is not forgotten with that of a batch.
_kept = foreign.FOREVER[:]


class Round(Play):
    """One round: some tensors that are there for all rounds of a seed, and one object that gives them."""

    def __init__(self, script, pool):
        super().__init__(script)
        self.pool = pool

    def make(self):
        used = len(self.made)
        if used == len(self.pool):
            self.pool.append(Renewed(self.script, versioned=self.pool[0].fields["versioned"]))
        made = self.pool[used]
        made.renew(self.script)
        self.made.append(made)
        return made

    def capsule(self):
        return self.watch(self.make().capsule())

    def device(self):
        return (self.made or self.pool)[-1].fields["device"]

    def play(self, kept):
        script = self.script
        kind = script.below(8)
        if kind < 3:
            source = self.capsule()
        elif kind < 6 or not self.pool[0].fields["versioned"]:
            source = script.pick(PRODUCERS)
        else:
            source = script.pick(CARRIERS)
        if not script.below(4):
            kept.append(script.pick(WAYS)(source))
            return
        # Nobody knows before what is handed out, unless it is there.
        is_readable = kind < 3 and self.is_readable()
        drawn.hold(self, source, self.options(is_readable), kept)
        if len(self.made) == 1 and self.made[0].deletes:
            self.made[0].check(self.held[0][1], copied=is_readable)
        for _ in range(script.below(3)):
            if self.held:
                try:
                    drawn.step(self, script.below(len(self.held)), kept)
                except EXPECTED:
                    pass

    def run(self):
        global now
        now, kept = self, []
        try:
            self.play(kept)
        except EXPECTED:
            pass
        self.end(kept)


def seed_runs(seed):
    """Runs the script and the rounds of a seed. Returns how many tensors were imported, and what may be wrong still."""
    draw = random.Random(seed)
    play = drawn.run(draw.randbytes(draw.randrange(LONGEST)))
    late = [play] if play.wrong() else []
    numbers = Numbers(draw)
    imported, pool = play.imported, [Renewed(numbers)]
    for _ in range(ROUNDS):
        a_round = Round(numbers, pool)
        a_round.run()
        imported += a_round.imported
        wrong = a_round.wrong()
        if wrong:
            # Rounds leave no cycles, and their tensors are used again.
            raise AssertionError(wrong)
    return imported, late


def batch(seeds):
    """Runs some seeds, and returns how many tensors were imported. Raises what is wrong, with the seed if that is known."""
    imported, late, live = 0, [], ext.live()
    for seed in seeds:
        try:
            more, plays = seed_runs(seed)
        except BaseException as error:
            raise AssertionError(f"seed {seed}") from error
        imported += more
        late += [(seed, play) for play in plays]
    # A class that carries a table is part of a cycle.
    gc.collect()
    for seed, play in late:
        wrong = play.wrong()
        assert not wrong, f"seed {seed}: {wrong}"
    del late
    assert native.strays() == 0, "a deleter was called with what is no tensor"
    assert ext.live() == live, f"{ext.live() - live} memories of Rust are left"
    # Without classes there is nothing that could still use the tables. What is used all the same, a sanitizer notices.
    del foreign.FOREVER[:]
    for table in TABLES:
        del table.calls[:]
    return imported


def scripts(first, count):
    """Runs these seeds, and returns how many tensors were imported."""
    imported = 0
    for start in range(first, first + count, BATCH):
        seeds = range(start, min(start + BATCH, first + count))
        try:
            imported += batch(seeds)
        except AssertionError as error:
            if "seed" in str(error):
                raise
            # Which of them it was.
            for seed in seeds:
                try:
                    batch([seed])
                except AssertionError as again:
                    raise AssertionError(f"seed {seed}") from again
            raise
    return imported


def main(first, seconds):
    end, seed = time.monotonic() + seconds, first
    # Collections need not look at what is there for good.
    gc.collect()
    gc.freeze()
    while time.monotonic() < end:
        scripts(seed, BATCH)
        seed += BATCH
    print((seed - first) * (1 + ROUNDS))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
