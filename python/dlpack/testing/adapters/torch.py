"""PyTorch."""

from .. import abi
from . import Adapter

_FLOAT8 = "float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu".split()
_NUMBERS = ["bool", *abi.INTEGERS, *abi.FLOATS, "bfloat16", "complex32", "complex64", "complex128", *_FLOAT8]


class Library(Adapter):
    name = "torch"
    modules = ("torch",)
    imports = "import torch"
    array = "torch.tensor({values}, dtype=torch.{dtype}).reshape({shape})"
    dtypes = {dtype: dtype for dtype in _NUMBERS}
    read = "x.reshape(-1).tolist()"
    reads = {
        **{dtype: "x.reshape(-1).to(torch.float32).tolist()" for dtype in _FLOAT8},
        "complex32": "x.reshape(-1).to(torch.complex64).tolist()",
    }
    layouts = {
        "transposed": "x.T",
        "step": "x[:, ::2]",
        "offset": "x[1:, 1:]",
        "broadcast": "x[:1].expand(4, 3)",
        "diagonal": "x[:, :2].diagonal()",
        "size one": "x[:1].as_strided((1, 3), (7, 1))",
        "window": "x.reshape(-1).unfold(0, 3, 1)",
    }
    unexportable = {
        "sparse": "torch.zeros(2, 2).to_sparse()",
        "quantised": "torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.quint8)",
        "without memory": "torch.zeros(2, device='meta')",
        "requires a gradient": "torch.zeros(2, requires_grad=True)",
    }
    lazy = {
        "conjugate": "torch.tensor([1 + 2j, 3 - 4j]).conj()",
        "negative": "torch.tensor([1 + 2j, 3 - 4j]).conj().imag",
        "zeros without memory": "torch._efficientzerotensor((2, 3))",
    }
    mutations = {
        "resize_": "x.resize_(1, 2)",
        "unsqueeze_": "x.unsqueeze_(0)",
        "t_": "x.t_()",
    }
    narrow = {
        name: f"torch.arange(6, dtype=torch.{'u' * (name[0] == 'u')}int8).view(torch.{name})"
        for name in ("uint4", "int4", "uint1")
    }
    resizes = {
        "resize_": ("torch.ones(1 << 23)", "x.resize_(1 << 24)"),
        "set_": ("torch.ones(1 << 23)", "x.set_(torch.ones(1 << 24))"),
    }
    borrowed = "torch.frombuffer(bytearray(b'1' * (32 << 20)), dtype=torch.float32)"
    subclass = "x.as_subclass(type('Mine', (torch.Tensor,), {}))"
    take_device = "torch.from_dlpack({x}, device='cpu')"
    big = "torch.ones(1 << 20)"
    take = "torch.from_dlpack({x})"
    take_copy = "torch.from_dlpack({x}, copy={copy})"
    write = "x[0, 0] = 7"
    address = "x.data_ptr()"
