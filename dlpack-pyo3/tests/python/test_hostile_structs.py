"""Structs that make no sense, through Python: the exception, its message, and one call of the deleter.

The numbers are those of the same rows in the tests in Rust.
"""

import gc
import threading

import dlpack_pyo3_tests as ext
import pytest

from kit import abi, capsules, native, values
from kit.foreign import Foreign, Truncated
from kit.producers import Producer

BIG = 1 << 62
I64_MIN = -(1 << 63)
I64_MAX = (1 << 63) - 1


@pytest.fixture(autouse=True)
def _no_strays():
    yield
    assert native.strays() == 0


def refused(message, *args, versioned=(True, False), **fields):
    """Asserts that the tensor is refused, in each ABI, as a capsule and by way of `__dlpack__`."""
    for abi_versioned in versioned:
        tensor = Foreign(*args, versioned=abi_versioned, **fields)
        capsule = tensor.capsule()
        with pytest.raises(BufferError, match=message):
            ext.describe(capsule)
        assert tensor.deletes == 1
        assert capsules.name(capsule) == "used_" + tensor.standard_name
        del capsule
        gc.collect()
        assert tensor.deletes == 1

        producer = Producer(*args, **fields) if abi_versioned else Legacy(*args, **fields)
        with pytest.raises(BufferError, match=message):
            ext.describe(producer)
        gc.collect()
        assert producer.deletes == [1]


class Legacy(Producer):
    def __dlpack__(self, **given):
        return self.hand_out(versioned=False)


def accepted(*args, versioned=(True, False), check=lambda held, tensor: None, **fields):
    """Asserts that the tensor is taken, in each ABI, and released once."""
    for abi_versioned in versioned:
        tensor = Foreign(*args, versioned=abi_versioned, **fields)
        held = ext.hold(tensor.capsule())
        assert tensor.deletes == 0
        check(held, tensor)
        held.release()
        assert tensor.deletes == 1
        held.release()
        del held
        gc.collect()
        assert tensor.deletes == 1


def unreadable(message, *args, kind=BufferError, **fields):
    """Asserts that the tensor is taken, but that its elements are not read."""

    def check(held, _):
        with pytest.raises(kind, match=message):
            held.to_bytes()

    accepted(*args, check=check, **fields)


def describes(**expected):
    def check(held, _):
        seen = held.describe()
        assert {key: seen[key] for key in expected} == expected

    return check


def test_h002_h003_every_minor_version():
    for minor in (0, 1, 3, 99, 2**32 - 1):
        accepted(versioned=[True], version=(1, minor), check=describes(version=(1, minor)))


@pytest.mark.parametrize("version", [(2, 0), (0, 8), (2**32 - 1, 0)])
def test_h004_h005_h006_another_major_version(version):
    message = rf"expected dlpack version 1\.x, found {version[0]}\.{version[1]}"
    refused(message, versioned=[True], version=version, ndim=-1, null_shape=True)


@pytest.mark.parametrize("version", [(2, 0), (0, 8)])
def test_h004_nothing_is_read_behind_the_flags(version):
    tensor = Truncated(version)
    with pytest.raises(BufferError, match="expected dlpack version"):
        ext.describe(tensor.capsule())
    assert tensor.deletes == 1


def test_h006_another_major_version_without_a_deleter():
    tensor = Truncated((2**32 - 1, 0), deleter=False)
    with pytest.raises(BufferError, match="expected dlpack version"):
        ext.describe(tensor.capsule())
    assert tensor.deletes == 0


@pytest.mark.parametrize("versioned", [True, False])
def test_h007_no_deleter(versioned):
    tensor = Foreign(versioned=versioned, deleter=False)
    held = ext.hold(tensor.capsule())
    held.release()
    gc.collect()
    assert tensor.deletes == 0


def test_h008_no_context():
    accepted(context=None)


def test_h010_a_deleter_that_releases_another_tensor():
    inner, outer = Foreign(), Foreign()
    held = ext.hold(inner.capsule())
    outer.on_delete(held.release)
    ext.hold(outer.capsule()).release()
    assert (inner.deletes, outer.deletes) == (1, 1)


def test_h010_a_deleter_that_imports_a_tensor():
    inner, outer = Foreign(values.sample_bytes("float32")), Foreign()
    seen = []
    outer.on_delete(lambda: seen.append(ext.to_bytes(inner.capsule())))
    ext.hold(outer.capsule()).release()
    assert seen == [values.sample_bytes("float32")]
    assert (inner.deletes, outer.deletes) == (1, 1)


def test_h011_a_deleter_on_another_thread():
    native_tensor, attaching = Foreign(), Foreign()
    attaching.on_delete(lambda: gc.collect())
    for tensor in (native_tensor, attaching):
        held = ext.hold(tensor.capsule())
        held.send_to_thread()
        assert tensor.deletes == 1
        assert tensor.thread != threading.get_native_id()


@pytest.mark.parametrize("flags", [1 << 40, 2**64 - 1, 0])
def test_h017_h018_flags(flags):
    access = "read-only" if flags & abi.READ_ONLY else "writable"
    accepted(versioned=[True], flags=flags, check=describes(flags=flags, access=access))


def test_h019_legacy_does_not_say_whether_it_may_be_written():
    accepted(versioned=[False], check=describes(access="unknown", version=None, flags=0))


def test_h021_a_scalar_without_shape():
    def check(held, _):
        assert held.describe()["shape"] == ()
        assert held.describe()["numel"] == 1
        assert held.to_bytes() == b"\x00\x00\x80\x3f"

    accepted(b"\x00\x00\x80\x3f", "float32", (), None, null_shape=True, check=check)


@pytest.mark.parametrize("ndim", [-1, -(2**31)])
def test_h022_h023_negative_ndim(ndim):
    refused(rf"expected a number of dimensions of at least 0, found {ndim}", ndim=ndim)


def test_h024_huge_ndim():
    refused(r"expected at most 64 dimensions, found 2147483647", ndim=2**31 - 1)


def test_h025_h026_how_many_dimensions():
    ones = (1,) * 64
    accepted(bytes(4), "float32", ones, check=describes(shape=ones, numel=1))
    refused("expected at most 64 dimensions, found 65", bytes(4), "float32", (1,) * 65)


def test_h027_no_shape():
    refused("expected a shape of 2 dimensions, found a null pointer", null_shape=True)


def test_h028_h029_h030_no_strides():
    for version in ((1, 1), (1, 3)):
        accepted(strides=None, version=version, check=describes(strides=(3, 1), shape=(2, 3)))


def test_h031_h032_a_shape_that_changes_later():
    def check(held, tensor):
        tensor.resize((300, 400))
        tensor.tensor.ndim = 1
        tensor.tensor.data = 8
        assert held.describe()["shape"] == (2, 3)
        assert held.describe()["strides"] == (3, 1)

    accepted(check=check)


def test_h033_h038_no_elements():
    accepted(b"", "float32", (0, 3), None, address=None, check=describes(numel=0, nbytes=0))
    accepted(b"", "float32", (0, 3), (0, 0), address=None, check=describes(numel=0, data=0))
    accepted(b"", "float32", (0,), address=None, check=describes(shape=(0,)))


def test_h034_h039_h040_too_many_elements():
    message = "expected a shape whose size fits in the address space, found a larger one"
    refused(message, bytes(4), "float32", (1 << 40, 1 << 40), None)
    refused(message, bytes(4), "float32", (BIG, 4, 0), (0, 0, 0))
    refused(message, bytes(4), "float32", (1 << 32, 1 << 32), (0, 0))


@pytest.mark.parametrize("shape", [(-1, 3), (I64_MIN, 3)])
def test_h035_h036_negative_size(shape):
    refused(rf"expected a size of at least 0 on axis 0, found {shape[0]}", bytes(24), "float32", shape, (3, 1))


def test_h044_h045_h046_negative_strides():
    data = values.sample_bytes("float32")
    for shape, strides, start in [((6,), (-1,), 5), ((2, 3), (-3, 1), 3), ((2, 3), (3, -1), 2)]:
        expected = values.gather(data, 4, shape, strides, start)

        def check(held, _, expected=expected):
            assert held.to_bytes() == expected

        accepted(data, "float32", shape, strides, byte_offset=start * 4, check=check)


@pytest.mark.parametrize(
    ("dtype", "shape", "strides"),
    [
        ("float32", (2,), (I64_MIN,)),
        ("float32", (2, 2), (I64_MAX, I64_MAX)),
        ("uint8", (2, 2), (I64_MAX, -I64_MAX)),
    ],
)
def test_h047_h050_h051_strides_beyond_the_address_space(dtype, shape, strides):
    refused("expected strides that stay within the address space", bytes(64), dtype, shape, strides)


def test_h048_h049_strides_of_axes_of_size_one():
    accepted(bytes(4), "float32", (1,), (I64_MIN,), check=describes(strides=(I64_MIN,)))
    accepted(bytes(12), "float32", (1, 3), (-999, 1), check=describes(numel=3))


@pytest.mark.parametrize(
    ("shape", "strides"),
    [((4, 3), (0, 1)), ((4, 3), (1, 1)), ((2, 3), (1, 2)), ((2, 2), (5, 1)), ((2, 2), (1, 1))],
)
def test_h052_to_h056_layouts(shape, strides):
    data = b"".join(i.to_bytes(4, "little") for i in range(12))
    expected = values.gather(data, 4, shape, strides)

    def check(held, _):
        assert held.to_bytes() == expected

    accepted(data, "int32", shape, strides, check=check)


def test_h059_no_data():
    unreadable("expected a data pointer, found a null pointer", address=None)
    unreadable("expected a data pointer, found a null pointer", address=None, byte_offset=4096)


@pytest.mark.parametrize("address", [None, 8, 2**64 - 1])
def test_h060_h061_whatever_the_address_of_no_elements(address):
    def check(held, _):
        assert held.to_bytes() == b""

    accepted(b"", "float32", (3, 0), address=address, byte_offset=64, check=check)


def test_h062_byte_offset():
    data = values.sample_bytes("float32")

    def check(held, tensor):
        assert held.to_bytes() == data[16:]
        assert held.describe()["data"] == tensor.start + 16

    accepted(data, "float32", (2,), byte_offset=16, check=check)


@pytest.mark.parametrize("offset", [2**64 - 8, 1 << 63])
def test_h063_h064_offsets_beyond_the_address_space(offset):
    unreadable(f"expected a byte offset that fits in the address space, found {offset}", byte_offset=offset)


@pytest.mark.parametrize("shift", [1, 2, 3])
def test_h065_h066_misaligned(shift):
    data = bytes(range(32))

    def check(held, _):
        assert held.to_bytes() == data[shift : shift + 24]

    accepted(data, "float32", (6,), byte_offset=shift, check=check)


@pytest.mark.parametrize("dtype", [(2, 0, 1), (2, 32, 0), (17, 8, 1), (15, 8, 1), (16, 4, 1)])
def test_h072_h073_h087_dtypes_that_the_standard_forbids(dtype):
    refused("expected a valid dtype, found", bytes(64), dtype, (6,), (1,))


@pytest.mark.parametrize("dtype", [(255, 32, 1), (3, 64, 1), (0, 24, 1), (2, 32, 4), (6, 32, 1)])
def test_h074_h075_h090_dtypes_without_a_meaning_here(dtype):
    size = dtype[1] * dtype[2] // 8

    def check(held, _):
        assert held.describe()["nbytes"] == 6 * size

    accepted(bytes(6 * size), dtype, (6,), check=check)


@pytest.mark.parametrize(
    ("dtype", "shape", "size"), [("float4_e2m1fn", (5,), 3), ("float4_e2m1fnx2", (4,), 4), ("float6_e2m3fn", (4,), 3)]
)
def test_h084_h086_h089_packed_elements(dtype, shape, size):
    accepted(bytes(8), dtype, shape, versioned=[True], check=describes(nbytes=size, dtype=dtype))


def test_h085_padded_elements():
    padded = abi.PADDED
    accepted(bytes(8), "float4_e2m1fn", (5,), versioned=[True], flags=padded, check=describes(nbytes=5))


@pytest.mark.parametrize("device", [(1, 0), (1, 7), (1, -1), (3, 0), (11, 0)])
def test_h091_h092_memory_of_the_host(device):
    data = values.sample_bytes("float32")

    def check(held, _):
        assert held.describe()["device"] == device
        assert held.to_bytes() == data

    accepted(data, device=device, check=check)


@pytest.mark.parametrize(
    "device", [(13, 0), (2, 0), (8, 0), (14, 0), (0, 0), (99, 0), (-1, 0), (-(2**31), 0)]
)
def test_h093_h094_h095_memory_that_the_host_does_not_read(device):
    unreadable("expected memory that the host can access, found device", device=device, address=0x1000)


def test_h096_handles_are_not_addresses():
    accepted(device=(abi.METAL, 0), address=0x1001, byte_offset=12, check=describes(device=(8, 0)))
