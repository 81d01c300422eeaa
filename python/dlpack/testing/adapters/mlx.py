"""mlx."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "mlx"
    modules = ("mlx", "mlx.core")
    imports = "import mlx.core as mx"
    array = "mx.array({values}).astype(mx.{dtype}).reshape({shape})"
    dtypes = {
        "bool": "bool_",
        **{
            d: d
            for d in [
                "int8",
                "int16",
                "int32",
                "uint8",
                "uint16",
                "float16",
                "float32",
                "bfloat16",
                "complex64",
            ]
        },
    }
    read = "x.reshape(-1).tolist()"
    layouts = {
        "transposed": "x.T",
        "step": "x[:, ::2]",
        "reversed": "x[::-1]",
        "offset": "x[1:, 1:]",
        "broadcast": "mx.broadcast_to(x[:1], (4, 3))",
    }
    borrowed = "mx.array(memoryview(bytearray(32 << 20)))"
    big = "mx.ones(1 << 20)"
    take = "mx.from_dlpack({x})"
    imports_dtypes = ("bool", *abi.INTEGERS, "float16", "float32", "bfloat16", "complex64")
    write = "x[0, 0] = 7"
