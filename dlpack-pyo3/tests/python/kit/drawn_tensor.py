"""A tensor whose fields are drawn, and what it must be found to be."""

import functools

from . import abi
from .descriptions import is_copy
from .foreign import Foreign

# Numbers near which arithmetic goes wrong.
EDGES = [-1, 1 << 31, 1 << 32, 1 << 62, (1 << 63) - 1, -(1 << 63), (1 << 62) + 1, -(1 << 31), 1 << 61, -2]
DTYPES = ["float32", "float64", "uint8", "int16", "bool", "bfloat16", "complex64", "float4_e2m1fn", "float32x4"]
DATA = bytes(range(256)) * 2
triple = functools.cache(abi.triple)


class Script:
    """Bytes that are read one after another."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def below(self, count):
        return self.byte() % count

    def pick(self, choices):
        return choices[self.below(len(choices))]

    def rarely(self, one_in=8):
        return self.byte() % one_in == one_in - 1

    def word(self):
        return int.from_bytes(bytes(self.byte() for _ in range(8)), "little")


class Made:
    """A tensor, and how often its deleter must have run at the end."""

    def __init__(self, script, **fixed):
        self.fields = fields = {**_fields(script), **fixed}
        given = {name: value for name, value in fields.items() if name != "shift"}
        self.tensor = Foreign(guarded=True, **given)
        if fields["address"] == "own":
            self.tensor.tensor.data = self.tensor.start + fields["shift"]
        self.deletes = 0
        self._forget()

    def _forget(self):
        """Forgets what depends on the fields."""
        self._readable = self._expected = None

    def capsule(self, name="standard"):
        if name == "standard":
            self.deletes = int(self.fields["deleter"])
        return self.tensor.capsule(name)

    @property
    def address(self):
        """The address in the struct."""
        fields = self.fields
        return self.tensor.start + fields["shift"] if fields["address"] == "own" else fields["address"] or 0

    @property
    def strides(self):
        strides = self.fields["strides"]
        if strides in (None, "compact"):
            # As 64 bits have them.
            return tuple([(step + (1 << 63)) % (1 << 64) - (1 << 63) for step in abi.row_major(self.fields["shape"])])
        return tuple(strides)

    @property
    def is_padded(self):
        return bool(self.fields["versioned"] and self.fields["flags"] & 4)

    @property
    def is_readable(self):
        """Whether all elements lie in the tensor's own memory, and are not too many to be copied."""
        if self._readable is None:
            self._readable = self._is_readable()
        return self._readable

    def _is_readable(self):
        fields = self.fields
        shape = fields["shape"]
        if fields["ndim"] is not None or fields["null_shape"] or min(shape, default=0) < 0:
            return False
        if 0 in shape:
            return True
        _, bits, lanes = triple(fields["dtype"])
        size = max(_nbytes(bits, lanes, 1, self.is_padded), 1)
        count, low, high = 1, 0, 1
        for extent, stride in zip(shape, self.strides):
            count *= extent
            low += min(0, stride * (extent - 1))
            high += max(0, stride * (extent - 1))
        first = self.address + fields["byte_offset"]
        start, end = self.tensor.start, self.tensor.start + self.tensor.size
        return count <= 4096 and start <= first + low * size and first + high * size <= end

    def check(self, seen, copied=False):
        """Asserts that a tensor is described as its producer described it, also if it may have been copied."""
        expected = self._expected = self._expected or self._expect()
        found = {key: seen[key] for key in expected}
        if found != expected:
            assert copied and is_copy(expected, seen), f"{found} is not {expected}"

    def _expect(self):
        fields, address = self.fields, self.address
        shape, (_, bits, lanes) = tuple(fields["shape"]), triple(fields["dtype"])
        count = 1
        for extent in shape:
            count *= extent
        flags = fields["flags"] % (1 << 64) if fields["versioned"] else 0
        return {
            "shape": shape,
            "strides": self.strides,
            "device": fields["device"],
            "version": fields["version"] if fields["versioned"] else None,
            "data": (address + fields["byte_offset"] if address else 0) % (1 << 64),
            "numel": count,
            "nbytes": _nbytes(bits, lanes, count, self.is_padded),
            "flags": flags,
            "access": ("read-only" if flags & 1 else "writable") if fields["versioned"] else "unknown",
            **({"dtype": fields["dtype"]} if isinstance(fields["dtype"], str) else {}),
        }

    def has_whole_bytes(self):
        _, bits, lanes = triple(self.fields["dtype"])
        return bits * lanes % 8 == 0 and not self.is_padded

    def read(self):
        """The elements in row-major order, by the fields and the memory that the producer set first."""
        fields = self.fields
        if 0 in fields["shape"]:
            return b""
        _, bits, lanes = triple(fields["dtype"])
        size = bits * lanes // 8
        places = [fields["shift"] + fields["byte_offset"]]
        for extent, stride in zip(fields["shape"], self.strides):
            places = [place + index * stride * size for place in places for index in range(extent)]
        data = fields["data"]
        return b"".join([data[place : place + size] for place in places])

    def rewrite(self, script):
        """What a producer may do that keeps its tensor while others have it: everything but to move or free the elements."""
        tensor = self.tensor
        if not self.deletes or tensor.deletes:
            return
        for axis in range(tensor.count):
            tensor.shape_array[axis] = script.pick([0, 1, 7, *EDGES])
            if tensor.strides_array is not None:
                tensor.strides_array[axis] = script.pick([0, 1, 7, *EDGES])


def _fields(script):
    dtype = script.pick(DTYPES)
    if script.rarely():
        dtype = (script.byte(), script.byte(), script.byte())
    shape = [1 + script.below(4) for _ in range(script.pick([2, 0, 1, 3, 4, 2, 1, 9, 64] if script.rarely(4) else [2, 0, 1, 3]))]
    if shape and script.rarely(6):
        shape[script.below(len(shape))] = script.pick([0, *EDGES])
    if len(shape) > 4:
        shape[3:] = [1] * (len(shape) - 3)
    strides = script.pick(["compact", None, "compact", "drawn"])
    if strides == "drawn":
        strides = [script.pick([1, 2, 3, 4, 12, 0, -1, *EDGES]) for _ in shape]
    return {
        "data": DATA,
        "dtype": dtype,
        "shape": shape,
        "strides": strides,
        "versioned": not script.rarely(3),
        "version": script.pick([(1, 3), (1, 0), (1, 99)]) if not script.rarely() else script.pick([(0, 8), (2, 0), (1 << 31, 1)]),
        "flags": script.pick([0, 2, 1, 4, 3, 7]) if not script.rarely() else script.word(),
        "byte_offset": script.pick([0, 0, 4, 64]) if not script.rarely() else script.pick([1, script.word(), 1 << 63]),
        "device": (1, 0) if not script.rarely(4) else script.pick([(3, 0), (2, 0), (1, 1), (13, 0), (0, 0), (-1, -1), (12, 7)]),
        "ndim": None if not script.rarely(16) else script.pick([-1, 65, (1 << 31) - 1, -(1 << 31)]),
        "null_shape": script.rarely(16),
        "address": "own" if not script.rarely(12) else script.pick([None, 1, 8, (1 << 64) - 8]),
        "deleter": not script.rarely(12),
        "context": 0x1234 if not script.rarely() else None,
        "shift": 0 if not script.rarely(12) else script.pick([1, 2, 4]),
    }


def _nbytes(bits, lanes, count, is_padded):
    if bits < 8:
        return lanes * count if is_padded else (bits * lanes * count + 7) // 8
    return (bits * lanes + 7) // 8 * count
