"""Looks at what an object's `__dlpack__` hands out, and lets it go again."""

import ctypes

from . import abi, capsules


def peek(obj, **keywords):
    """The fields of the tensor, as a dict with the keys of `describe_struct`, `name` for the capsule's name, and the capsule itself,
    which keeps the memory."""
    keywords.setdefault("max_version", (1, 3))
    capsule = obj.__dlpack__(**keywords)
    return {"capsule": capsule, **peek_capsule(capsule)}


def peek_capsule(capsule):
    """The same for a capsule, which stays unconsumed: its destructor calls the deleter."""
    name = capsules.name(capsule)
    kind = abi.ManagedTensorVersioned if name == capsules.VERSIONED else abi.ManagedTensor
    struct = kind.from_address(capsules.pointer(capsule))
    return {"name": name, **describe_struct(struct)}


def describe_struct(struct):
    """The fields of a managed struct of either ABI; as `bytes` the elements, if they are whole bytes of the host."""
    versioned = isinstance(struct, abi.ManagedTensorVersioned)
    tensor = struct.dl_tensor
    axes = range(tensor.ndim)
    seen = {
        "version": (struct.version.major, struct.version.minor) if versioned else None,
        "flags": struct.flags if versioned else 0,
        "deleter": struct.deleter,
        "context": struct.manager_ctx,
        "raw_data": tensor.data or 0,
        "byte_offset": tensor.byte_offset,
        "data": (tensor.data or 0) + tensor.byte_offset,
        "device": (tensor.device.device_type, tensor.device.device_id),
        "dtype": tensor.dtype.triple(),
        "shape": tuple(tensor.shape[axis] for axis in axes),
        "strides": tuple(tensor.strides[axis] for axis in axes) if tensor.strides else None,
    }
    return {**seen, "bytes": read(seen) if _is_readable(seen) else None}


def _is_readable(seen):
    _, bits, lanes = seen["dtype"]
    there = seen["raw_data"] or 0 in seen["shape"]
    return seen["device"][0] == abi.CPU and there and bits * lanes % 8 == 0


def read(seen):
    """The elements where a description says that they are, in row-major order, as bytes.

    The memory must be alive still; what it held when it was described is in the description.
    """
    _, bits, lanes = seen["dtype"]
    size = bits * lanes // 8
    strides = seen["strides"] or abi.row_major(seen["shape"])
    places = [seen["data"]]
    for extent, stride in zip(seen["shape"], strides):
        places = [place + index * stride * size for place in places for index in range(extent)]
    return b"".join(ctypes.string_at(place, size) for place in places)
