"""What consumers get of a tensor, beyond the table."""

from __future__ import annotations

import hashlib
import io

import pytest

import dlpack


def bits(dtype="bfloat16"):
    return dlpack.asdlpack(bytearray(b"\x80\x3f" * 4)).view(dtype)


def test_all_keywords():
    t = dlpack.asdlpack(bytearray(b"abc"))
    for stream in (None, -1):
        for version in (None, (0, 0), (1, 0), (1, 3), (9, 9)):
            for device in (None, (1, 0)):
                for copy in (None, True, False):
                    capsule = t.__dlpack__(stream=stream, max_version=version, dl_device=device, copy=copy)
                    versioned = version is not None and version[0] > 0
                    assert ("dltensor_versioned" in repr(capsule)) == versioned
                    again = dlpack.asdlpack(capsule)
                    assert (again.address == t.address) == (copy is not True)
    with pytest.raises(BufferError):
        t.__dlpack__(dl_device=(2, 0))
    with pytest.raises(TypeError):
        t.__dlpack__(None)
    with pytest.raises(TypeError):
        t.__dlpack__(other=1)


def test_exchange_table():
    capsule = type(dlpack.asdlpack(b"")).__dlpack_c_exchange_api__
    assert "dlpack_exchange_api" in repr(capsule)


def test_read_only_is_not_written_by_legacy_consumers():
    t = dlpack.asdlpack(b"abc")
    legacy = dlpack.asdlpack(t.__dlpack__(), readonly=False)
    assert legacy.address != t.address
    with pytest.raises(BufferError, match="read-only"):
        t.__dlpack__(copy=False)


def test_buffers():
    data = bytearray(range(24))
    view = memoryview(dlpack.asdlpack(data).view("int16").reshape(3, 4)[:, ::2])
    assert (view.format, view.shape, view.strides, view.readonly) == ("h", (3, 2), (8, 4), False)
    assert memoryview(dlpack.asdlpack(b"abc")).readonly
    assert hashlib.sha256(dlpack.asdlpack(b"abc")).digest() == hashlib.sha256(b"abc").digest()
    assert io.BytesIO(b"xyz").readinto(dlpack.asdlpack(data)) == 3
    assert data[:3] == b"xyz"
    assert bytes(dlpack.asdlpack(b"abc")) == b"abc"
    with pytest.raises(BufferError):
        memoryview(bits())


def test_array_interface_is_true():
    t = dlpack.asdlpack(bytearray(range(24))).view("uint16").reshape(3, 4)[:, ::-1]
    interface = t.__array_interface__
    assert interface["data"] == (t.address, False)
    assert interface["strides"] == (8, -2)
    again = dlpack.asdlpack(t, route="array_interface")
    assert again.tolist() == t.tolist()
    assert not hasattr(bits(), "__array_interface__")
    assert not hasattr(t, "__cuda_array_interface__")


def test_numpy_arrays_are_right_or_loud():
    np = pytest.importorskip("numpy")
    data = bytearray(range(8))
    t = dlpack.asdlpack(data)
    x = np.asarray(t)
    x[0] = 99
    assert data[0] == 99
    assert np.array(t)[0] == 99
    assert np.asarray(t, dtype="f8").dtype == np.float64
    assert t.__array__().ctypes.data == t.address
    assert t.__array__(copy=True).ctypes.data != t.address
    assert t.__array__(np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="copy"):
        t.__array__(np.float32, copy=False)
    assert not np.asarray(dlpack.asdlpack(b"abc")).flags.writeable
    for dtype in ("bfloat16", "float8_e5m2"):
        try:
            found = np.asarray(bits(dtype))
        except (BufferError, RuntimeError) as error:
            assert "DLPack" in str(error) or "dtype" in str(error)
        else:
            assert found.dtype != object
    device = dlpack.from_pointer(0x1000, 3, "float32", device="cuda:0")
    with pytest.raises((BufferError, RuntimeError)):
        np.asarray(device)


def test_torch_keeps_the_memory():
    torch = pytest.importorskip("torch")
    data = bytearray(8)
    x = torch.from_dlpack(dlpack.asdlpack(data))
    with pytest.raises(BufferError):
        data.append(1)
    del x
    data.append(1)


def test_jax():
    jnp = pytest.importorskip("jax.numpy")
    t = dlpack.asdlpack(bytes(range(64))).copy()
    assert jnp.from_dlpack(t).unsafe_buffer_pointer() == t.address
    assert jnp.asarray(t).tolist() == t.tolist()


def test_tvm_ffi():
    tvm_ffi = pytest.importorskip("tvm_ffi")
    t = dlpack.asdlpack(bytearray(range(24))).view("float32").reshape(2, 3)
    x = tvm_ffi.from_dlpack(t)
    assert tuple(x.shape) == (2, 3)
    assert dlpack.asdlpack(x).address == t.address


def test_array_api_strict():
    xp = pytest.importorskip("array_api_strict")
    t = dlpack.asdlpack(bytearray(range(4)))
    assert int(xp.sum(xp.from_dlpack(t))) == 6


def test_consumers_reuse_the_object():
    np = pytest.importorskip("numpy")
    t = dlpack.asdlpack(bytearray(range(4)))
    arrays = [np.from_dlpack(t) for _ in range(100)]
    assert {x.ctypes.data for x in arrays} == {t.address}
    del t
    assert arrays[50].tolist() == [0, 1, 2, 3]
