"""What `adapt` changes, and what it leaves alone. That libraries then share the memory is tested in `test_explain.py`."""

from __future__ import annotations

import pytest

import dlpack
from dlpack._core import look

from .structs import LEGACY, READ_ONLY, VERSIONED, Struct, flags_of

IS_COPIED = 2


def structs_of(t):
    """What consumers of both versions are given."""
    return look(t.__dlpack__(max_version=(1, 3))), look(t.__dlpack__())


def test_nothing_to_do():
    data = bytearray(range(6))
    t = dlpack.asdlpack(data)
    same = dlpack.adapt(data, "numpy")
    assert (same.address, same.adapted) == (t.address, ())
    assert "adapted" not in repr(same)
    assert dlpack.adapt(t).address == t.address


@pytest.mark.parametrize("always", [None, LEGACY, VERSIONED])
def test_offset_is_folded(always):
    x = Struct(offset=64, always=always)
    # A legacy struct does not say whether its memory may be written, and would be copied for legacy consumers.
    t = dlpack.adapt(x, trust=True)
    assert "offset of 64 bytes folded into the address" in t.adapted
    assert "offset of 64 bytes folded into the address" in repr(t)
    assert t.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    for struct in structs_of(t):
        assert (struct["data"], struct["byte_offset"]) == (x.data + 64, 0)


def test_missing_strides_are_filled_in():
    x = Struct((2, 4), None)
    assert not look(x.__dlpack__())["has_strides"]
    t = dlpack.adapt(x)
    assert "missing strides filled in" in t.adapted
    for struct in structs_of(t):
        assert struct["has_strides"]
        assert struct["strides"] == (4, 1)


@pytest.mark.parametrize(
    ("shape", "strides", "normal"),
    [
        ((1, 3), (100, 1), (3, 1)),
        ((2, 1, 3), (3, 77, 1), (3, 3, 1)),
        ((1,), (-7,), (1,)),
        ((1, 1), (0, 0), (1, 1)),
        ((2, 0, 3), (7, -1, 5), (3, 3, 1)),
        ((3, 2), (1, 3), None),
        ((2, 3), (-3, 1), None),
        ((4,), (0,), None),
        ((), (), None),
    ],
)
def test_strides_are_normalised(shape, strides, normal):
    x = Struct(shape, strides, start=64)
    t = dlpack.adapt(x)
    assert t.strides == (normal or strides)
    assert t.tolist() == dlpack.asdlpack(x).tolist()
    assert t.address == (dlpack.asdlpack(x).address if t.size else 0)
    notes = [note for note in t.adapted if "normalised" in note]
    assert notes == ([f"strides {strides} normalised to {normal}"] if normal else [])


def test_versions():
    raised = dlpack.adapt(Struct(always=LEGACY), "pyarrow", trust=True)
    assert "legacy struct raised to version 1.3" in raised.adapted
    assert structs_of(raised)[0]["version"] == (1, 3)
    lowered = dlpack.adapt(Struct(always=VERSIONED), "onnxruntime")
    assert "versioned struct lowered to the legacy one that ONNX Runtime takes" in lowered.adapted
    assert structs_of(lowered)[1]["version"] is None
    assert (
        "keywords that PyArrow passes are understood"
        in dlpack.adapt(Struct(keywords=False), "pyarrow").adapted
    )


def test_device_without_a_number():
    x = Struct(spelled=(1, None))
    t = dlpack.adapt(x, "jax")
    assert "device (1, None) spelled (1, 0)" in t.adapted
    assert t.__dlpack_device__() == (1, 0)
    # So some consumers ask.
    for device in ((1, None), (1, 0), None):
        assert look(t.__dlpack__(dl_device=device))["data"] == t.address


def test_missing_flag_of_a_copy():
    x = Struct(device=(2, 0), copies=True)
    own = dlpack.asdlpack(x)
    copy = dlpack.asdlpack(x, copy=True)
    assert copy.address != own.address
    assert not copy.readonly
    assert dlpack.asdlpack(x).copy().address != own.address
    capsule = own.__dlpack__(max_version=(1, 0), copy=True, stream=-1)
    assert flags_of(capsule) == IS_COPIED
    assert look(capsule)["data"] != own.address
    # Who does not copy, although it was asked to, is not believed.
    liar = Struct(device=(2, 0))
    with pytest.raises(BufferError):
        dlpack.asdlpack(liar, copy=True)
    own = dlpack.asdlpack(liar)
    with pytest.raises(BufferError):
        own.__dlpack__(max_version=(1, 0), copy=True, stream=-1)


def test_copies_of_main_memory_are_flagged():
    t = dlpack.asdlpack(Struct())
    assert flags_of(t.__dlpack__(max_version=(1, 0), copy=True)) == IS_COPIED


def test_booleans():
    bits = bytearray([1, 0, 1])
    t = dlpack.asdlpack(bits).view("bool")
    as_bytes = dlpack.adapt(t, "pyarrow")
    assert (as_bytes.dtype_name, as_bytes.address) == ("uint8", t.address)
    assert as_bytes.adapted == ("bool as uint8",)
    back = dlpack.adapt(as_bytes, dtype="bool")
    assert back.tolist() == [True, False, True]
    assert back.adapted == ("bool as uint8", "uint8 as bool")
    assert back.address == t.address
    bits[1] = 2
    with pytest.raises(dlpack.DTypeError, match="neither 0 nor 1"):
        dlpack.adapt(bits, dtype="bool")
    assert dlpack.adapt(t, "numpy").dtype_name == "bool"


def test_other_dtypes_are_left_to_the_caller():
    t = dlpack.asdlpack(bytearray(8)).view("bfloat16")
    with pytest.raises(dlpack.DTypeError, match="NumPy has no dtype bfloat16: pass dtype="):
        dlpack.adapt(t, "numpy", copy=None)
    assert dlpack.adapt(t, "numpy", dtype="uint16").adapted == ("bfloat16 as uint16",)


def test_read_only_memory_is_copied_refused_or_shared():
    aligned = dlpack.adapt(bytes(range(64)), align=64, copy=True)
    data = dlpack.asdlpack(aligned, readonly=True)
    with pytest.raises(dlpack.CopyError, match=r"copy=None.*trust=True"):
        dlpack.adapt(data, "jax")
    copy = dlpack.adapt(data, "jax", copy=None)
    assert copy.address != data.address
    assert copy.adapted[-1] == "copied, as JAX cannot be told that memory is read-only"
    shared = dlpack.adapt(data, "jax", trust=True)
    assert (shared.address, shared.readonly) == (data.address, False)
    assert shared.adapted[-1] == "read-only memory as writable, as trust=True allows"
    assert look(shared.__dlpack__())["data"] == data.address
    # Who minds the flag gets it, trusted or not.
    assert dlpack.adapt(data, "numpy", trust=True).readonly
    # Without a library, the word is for all.
    assert not dlpack.adapt(data, trust=True).readonly
    assert data.readonly


def test_read_only_flag_of_a_struct():
    x = Struct(always=VERSIONED, flags=READ_ONLY)
    with pytest.raises(dlpack.CopyError):
        dlpack.adapt(x, "torch")
    assert dlpack.adapt(x, "numpy").readonly


def test_alignment_and_order():
    t = dlpack.asdlpack(bytearray(64 * 4 + 4)).view("float32")
    off = t[1:] if t.address % 64 == 0 else t
    with pytest.raises(dlpack.CopyError, match="multiple of 64"):
        dlpack.adapt(off, align=64)
    moved = dlpack.adapt(off, align=64, copy=None)
    assert moved.address % 64 == 0
    assert moved.adapted == ("copied, as the address is not a multiple of 64",)
    assert dlpack.adapt(moved, align=64).address == moved.address
    columns = dlpack.asdlpack(bytearray(range(6))).reshape(2, 3).permute()
    with pytest.raises(dlpack.CopyError, match="row-major"):
        dlpack.adapt(columns, contiguous=True)
    rows = dlpack.adapt(columns, contiguous=True, copy=None)
    assert (rows.strides, rows.tolist()) == ((2, 1), columns.tolist())
    asked = dlpack.adapt(columns, copy=True)
    assert asked.address != columns.address
    assert asked.adapted == ("copied, as was asked for",)
    for align in (0, 3, 128, -64):
        with pytest.raises(ValueError, match="power of two"):
            dlpack.adapt(t, align=align)


def test_what_no_copy_mends():
    with pytest.raises(dlpack.LayoutError, match="axes"):
        dlpack.adapt(dlpack.asdlpack(bytearray(1)).reshape(*[1] * 10), "paddle", copy=None)
    with pytest.raises(ValueError, match="one of numpy, torch"):
        dlpack.adapt(b"", "nobody")
    with pytest.raises(dlpack.NotATensorError):
        dlpack.adapt([1, 2], "numpy")
    cuda = dlpack.from_pointer(0x1000, 3, "float32", device="cuda:0")
    with pytest.raises(dlpack.DeviceError, match=r'device="cpu"'):
        dlpack.adapt(cuda, "numpy")
    answer = dlpack.explain(cuda, "numpy")
    assert (answer.result, answer.remedy) == ("refused", 'dlpack.asdlpack(x, device="cpu")')


def test_notes_stay_with_views():
    t = dlpack.adapt(Struct(offset=64))
    for view in (t[1:], t.reshape(2, 4), t.view("int32"), t[0]):
        assert view.adapted == t.adapted
    # A copy is a new tensor, of which this package made all.
    assert t.copy().adapted == ()


def test_the_owner_lives_as_long():
    data = bytearray(64)
    t = dlpack.adapt(data, trust=True)
    with pytest.raises(BufferError):
        data.append(1)
    del t
    data.append(1)
    x = Struct()
    t = dlpack.adapt(x, "onnxruntime")
    before = x.deleted
    del t
    assert x.deleted == before + 1


def test_a_capsule_is_used_once():
    capsule = dlpack.asdlpack(b"abc").__dlpack__(max_version=(1, 3))
    with pytest.raises(TypeError, match="once"):
        dlpack.explain(capsule)
    assert dlpack.adapt(capsule).tolist() == [97, 98, 99]


@pytest.mark.parametrize("device", [(1,), None, 1, (1, 0, 0), ("cpu", 0)])
def test_a_device_that_is_no_pair(device):
    """It is read where a library asks for it, and nowhere else."""

    class Odd:
        def __dlpack__(self, **keywords):
            return dlpack.asdlpack(b"abc").__dlpack__(**keywords)

        def __dlpack_device__(self):
            return device

    assert dlpack.adapt(Odd(), "numpy").tolist() == [97, 98, 99]
    assert dlpack.explain(Odd(), "numpy").result in ("aliased", "copied", "refused")
    assert all(answer.result for answer in dlpack.explain(Odd()).values())
