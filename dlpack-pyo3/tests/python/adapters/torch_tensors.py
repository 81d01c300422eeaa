"""PyTorch."""

import warnings

from kit import values

from .base import FLOATS, INTEGERS, Library, Refusal

FLOAT8 = "float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu".split()
COMPLEX = "complex32 complex64 complex128".split()
# Types of the library for fewer than eight bits take a byte each, and go out as what they are stored in.
NARROW = {f"{word}{bits}": f"{word}8" for word in ("uint", "int") for bits in range(1, 8)}
PACKED = "float4_e2m1fnx2"


def _refused(torch):
    quantised = Refusal("BufferError", "QUInt/QInt types are not supported")
    bits = Refusal("BufferError", "Bit types are not supported")
    layout = Refusal("BufferError", "layout other than torch.strided")
    made = {
        "quint8": (lambda: torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.quint8), quantised),
        "qint8": (lambda: torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.qint8), quantised),
        "qint32": (lambda: torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.qint32), quantised),
        "requires_grad": (
            lambda: torch.zeros(2, requires_grad=True),
            Refusal("BufferError", "require gradient"),
        ),
        "conj": (
            lambda: torch.zeros(2, dtype=torch.complex64).conj(),
            Refusal("BufferError", "conjugate bit"),
        ),
        "sparse": (lambda: torch.zeros(2, 2).to_sparse(), layout),
        "meta": (lambda: torch.zeros(2, device="meta"), Refusal("BufferError", "meta")),
    }
    for name in ("bits8", "bits1x8", "bits2x4", "bits4x2"):
        made[name] = (lambda d=getattr(torch, name): torch.zeros(2, dtype=torch.uint8).view(d), bits)
    made["bits16"] = (lambda: torch.zeros(2, dtype=torch.int16).view(torch.bits16), bits)
    return made


class Torch(Library):
    name = "torch"
    modules = ("torch",)
    routes = ("exchange",)
    consumes = ["bool", *INTEGERS, *FLOATS, "bfloat16", *COMPLEX, *FLOAT8, PACKED]
    produces = {**{dtype: dtype for dtype in consumes}, **NARROW}
    refusal = Refusal("BufferError", r"Unsupported (code|k\w+ bits|k\w+ lanes)|does not support lanes")

    def __init__(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch
        self.torch = torch
        self.refuses = _refused(torch)

    def array(self, dtype):
        torch = self.torch
        if dtype in NARROW or dtype == PACKED:
            name = "float4_e2m1fn_x2" if dtype == PACKED else dtype
            samples = values.byte_samples(self.produces[dtype])
            return torch.tensor(list(samples), dtype=torch.uint8).view(getattr(torch, name)).reshape(2, 3)
        # From 64 bits to the dtype by the library's own conversion; the unsigned ones do not fit in int64.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.tensor(values.samples(dtype), dtype=getattr(torch, dtype)).reshape(self.shape)

    def address(self, array):
        return array.data_ptr()

    def take(self, tensor):
        return self.torch.from_dlpack(tensor)

    def to_bytes(self, array):
        return bytes(array.contiguous().reshape(-1).view(self.torch.uint8).tolist())
