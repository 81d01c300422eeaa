"""The example with shared memory, and manifests that lie."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import random
import sys
from multiprocessing import shared_memory

import dlpack
import pytest

from shared_memory import ITEMSIZES, MAX_BYTES, ManifestError, attach, check, create, manifest_of, seal


@pytest.fixture
def block():
    """A block of one page, as the system rounds it up: a manifest cannot be believed about its size."""
    block = shared_memory.SharedMemory(create=True, size=4096)
    block.buf[:] = bytes(range(256)) * 16
    yield block
    gc.collect()
    block.close()
    block.unlink()


def honest(of, **fields):
    every = {
        "version": 1,
        "block": of.name,
        "dtype": "int16",
        "shape": [2, 3],
        "strides": [3, 1],
        "offset": 8,
    }
    return every | fields


def test_two_processes(run):
    assert run("shared_memory") == "another process has written the elements of this one\n"


def test_the_honest_manifest(block):
    t = attach(seal(honest(block)))
    assert (t.shape, t.strides, t.dtype_name) == ((2, 3), (3, 1), "int16")
    assert t.tobytes() == bytes(range(8, 20))
    block.buf[8] = 99
    assert t.tobytes()[0] == 99


@pytest.mark.parametrize("dtype", ITEMSIZES)
def test_every_dtype_comes_back(dtype):
    block, t = create((3, 4), dtype)
    try:
        for part in (t, t[1:, ::-1], t[::2, 1], t[:0], t[2, 3]):
            again = attach(manifest_of(block, part))
            assert (again.shape, again.dtype_name) == (part.shape, dtype)
            if part.size:
                assert again.strides == part.strides
                # Two mappings of the same memory, at two addresses.
                assert again.address != part.address
                memoryview(block.buf)[part.address - t.address] = 1
                assert again.tobytes() == part.tobytes()
            del again
    finally:
        del t, part
        block.close()
        block.unlink()


def test_the_block_stays_open_while_a_tensor_lives(block):
    consumer = memoryview(attach(seal(honest(block))))
    gc.collect()
    assert consumer[0, 0] == int.from_bytes(bytes([8, 9]), sys.byteorder)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        # Elements that are not in the block.
        ({"offset": 4096}, "within 4096 bytes"),
        ({"offset": 4086}, "within 4096 bytes"),
        ({"shape": [2, 4096]}, "within 4096 bytes"),
        ({"shape": [2, 3], "strides": [3, 1 << 40]}, "within 4096 bytes"),
        ({"strides": [-5, 1]}, "within 4096 bytes"),
        ({"strides": [3, -3]}, "within 4096 bytes"),
        ({"shape": [], "strides": [], "offset": 4096}, "within 4096 bytes"),
        ({"shape": [0, 3], "offset": 4098}, "within 4096 bytes"),
        # Numbers whose product, sum or end is beyond 64 bits: for Python's integers they are too large like any other.
        ({"shape": [1 << 32, 1 << 32]}, "within 4096 bytes"),
        ({"shape": [1 << 62, 4], "strides": [1, 0]}, "within 4096 bytes"),
        ({"shape": [(1 << 63) - 1, 2], "strides": [(1 << 63) - 1, 1]}, "within 4096 bytes"),
        ({"offset": (1 << 63) - 2}, "within 4096 bytes"),
        ({"shape": [3, 3], "strides": [(1 << 63) - 1, -(1 << 63) + 1]}, "within 4096 bytes"),
        ({"shape": [1 << 63, 1]}, "as a size"),
        ({"strides": [1 << 63, 1]}, "as a stride"),
        ({"strides": [-(1 << 63), 1]}, "as a stride"),
        ({"offset": 1 << 64}, "as the offset"),
        ({"offset": 10**4000}, "as the offset"),
        # Not numbers of elements.
        ({"shape": [-1, 3]}, "as a size"),
        ({"shape": [2, -3]}, "as a size"),
        ({"offset": -2}, "as the offset"),
        ({"offset": 7}, "whole elements"),
        ({"shape": [2.0, 3]}, "as a size"),
        ({"shape": [True, 3]}, "as a size"),
        ({"shape": ["2", 3]}, "as a size"),
        ({"shape": [None, 3]}, "as a size"),
        ({"shape": [[2], 3]}, "as a size"),
        ({"strides": [3, 1.5]}, "as a stride"),
        ({"offset": "8"}, "as the offset"),
        ({"offset": None}, "as the offset"),
        # Not a shape and strides.
        ({"shape": [2, 3, 1]}, "as many strides"),
        ({"strides": None}, "as many strides"),
        ({"strides": []}, "as many strides"),
        ({"shape": "23"}, "as many strides"),
        ({"shape": {"0": 2, "1": 3}}, "as many strides"),
        ({"shape": [1] * 65, "strides": [1] * 65}, "64 axes"),
        # Not a dtype.
        ({"dtype": "float128"}, "expected a dtype"),
        ({"dtype": ">i2"}, "expected a dtype"),
        ({"dtype": "object"}, "expected a dtype"),
        ({"dtype": ["int16"]}, "expected a dtype"),
        ({"dtype": None}, "expected a dtype"),
        ({"dtype": "complex128", "offset": 4088, "shape": [1, 1]}, "within 4096 bytes"),
        # Not a block.
        ({"block": "../etc/passwd"}, "name of a block"),
        ({"block": "a/b"}, "name of a block"),
        ({"block": "x\0y"}, "name of a block"),
        ({"block": "x\n"}, "name of a block"),
        ({"block": ""}, "name of a block"),
        ({"block": "a" * 201}, "name of a block"),
        ({"block": 7}, "name of a block"),
        # Not this version.
        ({"version": 2}, "version 1"),
        ({"version": "1"}, "as the version"),
        ({"version": True}, "as the version"),
        ({"other": 1}, "expected the fields"),
    ],
)
def test_lies_with_a_right_checksum(block, fields, says):
    with pytest.raises(ManifestError, match=says) as caught:
        attach(seal(honest(block, **fields)))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("field", ["version", "block", "dtype", "shape", "strides", "offset", "checksum"])
def test_a_field_is_missing(block, field):
    fields = json.loads(seal(honest(block)))
    del fields[field]
    with pytest.raises(ManifestError, match="fields"):
        attach(json.dumps(fields).encode())
    with pytest.raises(ManifestError, match="fields|damaged|once"):
        attach(json.dumps({**fields, field: None, "more": 1}).encode())


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"null",
        b"[]",
        b"3",
        b'"text"',
        b"\xff\xfe",
        b"\x80",
        b"{",
        b"[" * MAX_BYTES,
        b'{"a":' * 3000,
        b'{"offset": NaN}',
        b'{"offset": Infinity}',
        b'{"offset": 1e400}',
        b'{"offset": ' + b"9" * 5000 + b"}",
        b" " * (MAX_BYTES + 1),
    ],
)
def test_no_manifest(manifest):
    with pytest.raises(ManifestError):
        attach(manifest)


def test_a_field_stands_twice(block):
    manifest = seal(honest(block))
    with pytest.raises(ManifestError, match="once"):
        attach(manifest.replace(b'"offset": 8', b'"offset": 8, "offset": 8'))


def test_each_damaged_bit_is_found(block):
    manifest = seal(honest(block))
    found = check(manifest)
    for i in range(8 * len(manifest)):
        damaged = bytearray(manifest)
        damaged[i // 8] ^= 1 << i % 8
        try:
            # The case of the letters of an escape is no damage, and there is none here.
            assert check(bytes(damaged)) == found
        except ManifestError:
            continue
        raise AssertionError(f"bit {i} was changed, and the manifest accepted")
    for end in range(len(manifest)):
        with pytest.raises(ManifestError):
            attach(manifest[:end])


def test_random_numbers_never_reach_outside(block):
    """Whatever is accepted lies in the block, by another computation: that of the crate, within a buffer of that size."""
    rng, accepted = random.Random(1), 0
    for _ in range(4000):
        ndim = rng.randrange(4)
        fields = honest(
            block,
            dtype=rng.choice(list(ITEMSIZES)),
            shape=[rng.choice([0, 1, 2, 3, 50, 1 << 20]) for _ in range(ndim)],
            strides=[rng.choice([0, 1, -1, 3, 50, -200, 1 << 50]) for _ in range(ndim)],
            offset=rng.choice([0, 8, 16, 2048, 4080, 4096]),
        )
        try:
            t = attach(seal(fields))
        except ManifestError:
            continue
        accepted += 1
        whole = dlpack.asdlpack(block.buf)
        itemsize = ITEMSIZES[fields["dtype"]]
        # NumPy's array interface, which the crate checks against the buffer.
        carrier = {1: "|u1", 2: "<u2", 4: "<u4", 8: "<u8", 16: "<c16"}[itemsize]
        interface = type("Interface", (), {})()
        interface.__array_interface__ = {
            "version": 3,
            "typestr": carrier,
            "shape": tuple(fields["shape"]),
            "strides": tuple(itemsize * stride for stride in fields["strides"]),
            "data": block.buf,
            "offset": fields["offset"],
        }
        other = dlpack.asdlpack(interface)
        assert other.shape == t.shape
        # Elements of a stride of zero may be many.
        assert t.nbytes > 1 << 20 or t.tobytes() == other.tobytes()
        del whole, other, t
    assert accepted > 500


def test_no_block():
    with pytest.raises(FileNotFoundError):
        attach(seal({**honest(type("Block", (), {"name": "psm_there_is_none"})), "offset": 0}))


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="the system does not list mappings")
def test_a_refusal_keeps_nothing_open(block):
    """A block that was opened and refused is closed again: its owner can remove it, and its memory goes."""
    for _ in range(50):
        with pytest.raises(ManifestError):
            attach(seal(honest(block, offset=4096)))
    with open("/proc/self/maps") as maps:
        assert sum(block.name in line for line in maps) == 1


def test_the_creator_cannot_close_under_a_tensor():
    block, t = create((2,), "float64")
    try:
        with pytest.raises(BufferError):
            block.close()
    finally:
        del t
        block.close()
        block.unlink()


def test_a_process_that_receives_does_not_remove_the_block(block):
    """Before Python 3.13, a process that opens a block would remove it when it ends."""
    method = multiprocessing.get_context("spawn")
    process = method.Process(target=attach, args=(seal(honest(block)),))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert attach(seal(honest(block))).tobytes() == bytes(range(8, 20))
