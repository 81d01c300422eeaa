"""Tensors of PyTorch without memory, and the ways in by which tests try them."""

import ctypes
import mmap
import warnings

import dlpack_pyo3_tests as ext

# The ways in: an argument, a borrow, a tensor that is kept, one that is asked for with options, one in another's hands.
WAYS_IN = {
    "argument": ext.describe,
    "borrow": ext.borrow,
    "hold": ext.hold,
    "options": lambda tensor: ext.describe(tensor, copy=False),
    "copy": lambda tensor: ext.hold(tensor, copy=True),
    "bytes": ext.to_bytes,
    "export": lambda tensor: ext.hold(tensor).export(),
}


def low_memory(protection=mmap.PROT_READ | mmap.PROT_WRITE):
    """A page at an address where storages usually are not, or `None` if the system puts memory elsewhere."""
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    address = libc.mmap(0x2_3456_0000, 4096, protection, private, -1, 0)
    return address if address and address <= 1 << 40 else None


# What a script prints if there is no such page.
ELSEWHERE = "the system puts memory elsewhere\n"


def low_memory_or_exit(protection=mmap.PROT_READ | mmap.PROT_WRITE):
    """As `low_memory`, in a script, which ends if there is none."""
    address = low_memory(protection)
    if address is None:
        print(ELSEWHERE, end="")
        raise SystemExit
    return address


def resized(torch):
    tensor = torch.ones(10)
    tensor.untyped_storage().resize_(0)
    return tensor


def fake(torch):
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        return torch.ones(10)


def masked(torch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch.masked
    return torch.masked.masked_tensor(torch.arange(10.0), torch.arange(10) % 2 == 0)


WITHOUT_MEMORY = {
    "zeros": lambda torch: torch._efficientzerotensor(10),
    "zeros, sliced": lambda torch: torch._efficientzerotensor(10)[2:],
    "zeros of integers, sliced": lambda torch: torch._efficientzerotensor(10, dtype=torch.int32)[2:],
    "zeros, far": lambda torch: torch._efficientzerotensor(4_000_000)[2_000_000:],
    "zeros, further": lambda torch: torch._efficientzerotensor(1 << 40)[1 << 33 :][:4],
    "zeros, where programs may be": lambda torch: torch._efficientzerotensor(1 << 45)[1 << 44 :][:4],
    "zeros, beyond addresses": lambda torch: torch._efficientzerotensor(1 << 46)[1 << 45 :][:4],
    "resized": resized,
    "fake": fake,
    "fake, sliced": lambda torch: fake(torch)[1:],
    "masked": masked,
    "masked, sliced": lambda torch: masked(torch)[1:],
}


# For scripts, in which no address has been confirmed.
ABSENT = """
        import torch

        absent = torch.zeros(10)[2:]
        absent.untyped_storage().resize_(0)
        assert absent.data_ptr() == 8

        def refuses_absent(way):
            try:
                way(absent)
            except BufferError:
                return True
"""
