"""What a description of a tensor says, and whether that fits what it was made of."""

from . import abi, capsules

# What the formats of buffers are as dtypes.
FORMATS = dict(zip("fdbBhHiIqQ?c", "float32 float64 int8 uint8 int16 uint16 int32 uint32 int64 uint64 bool uint8".split()))
# What may become of the access of a tensor that is passed on.
ACCESS = {"writable": {"writable", "unknown", "read-only"}, "unknown": {"unknown", "read-only"}, "read-only": {"read-only"}}


def struct_in(capsule):
    is_versioned = capsules.name(capsule) == capsules.VERSIONED
    kind = abi.ManagedTensorVersioned if is_versioned else abi.ManagedTensor
    return kind.from_address(capsules.pointer(capsule))


def describe(struct):
    """The fields of a struct, with the keys of a description."""
    tensor, is_versioned = struct.dl_tensor, isinstance(struct, abi.ManagedTensorVersioned)
    axes, flags = range(tensor.ndim), struct.flags if is_versioned else 0
    return {
        "shape": tuple([tensor.shape[axis] for axis in axes]),
        "strides": tuple([tensor.strides[axis] for axis in axes]) if tensor.strides else None,
        "triple": tensor.dtype.triple(),
        "device": (tensor.device.device_type, tensor.device.device_id),
        "data": (tensor.data + tensor.byte_offset) % (1 << 64) if tensor.data else 0,
        "version": (struct.version.major, struct.version.minor) if is_versioned else None,
        "flags": flags,
        "access": ("read-only" if flags & 1 else "writable") if is_versioned else "unknown",
    }


def is_copy(first, seen):
    """Whether the second description may be that of a copy of the first, and says so where it can."""
    says = seen["version"] is None or seen["flags"] & 2
    return says and first["shape"] == seen["shape"] and first.get("dtype") in (None, seen.get("dtype", first.get("dtype")))


def check_passed(first, seen):
    """Asserts that a tensor that was passed on is the same, or a copy of it."""
    told = f"{first} became {seen}"
    if not first["numel"]:
        assert first["shape"] == seen["shape"], told
    elif place(first) == place(seen) and first["shape"] == seen["shape"]:
        assert first.get("dtype") in (None, seen.get("dtype", first.get("dtype"))), told
        assert seen["strides"] is None or steps(first) == steps(seen), told
        assert seen["access"] in ACCESS[first["access"]], told
    else:
        assert is_copy(first, seen), told


def place(seen):
    """The address, and the device, of which there is one processor."""
    device = seen["device"]
    return seen["data"], (1, 0) if device[0] == 1 else device


def steps(seen):
    """The strides that mean something."""
    return [stride for stride, size in zip(seen["strides"], seen["shape"]) if size != 1]


def check_buffer(view, entry):
    held, seen = entry
    expected = {
        "shape": view.shape,
        "strides": tuple([stride // view.itemsize for stride in view.strides]),
        "dtype": FORMATS[view.format],
        "access": "read-only" if view.readonly else "writable",
        "nbytes": view.nbytes,
    }
    found = {key: seen[key] for key in expected}
    assert found == expected or (0 in view.shape and found["shape"] == view.shape), f"{found} is not {expected}"
    assert held.to_bytes() == view.tobytes(), "other elements than the buffer's"
