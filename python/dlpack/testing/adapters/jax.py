"""JAX, with the dtypes of ml_dtypes. Its arrays never change."""

from .. import abi
from . import Adapter

_NUMBERS = [
    "bool",
    *abi.INTEGERS,
    *abi.FLOATS,
    "bfloat16",
    "complex64",
    "complex128",
    *abi.FLOAT8,
    "float4_e2m1fn",
]


class Library(Adapter):
    name = "jax"
    modules = ("jax", "ml_dtypes")
    imports = (
        "import jax, ml_dtypes, numpy as np\njax.config.update('jax_enable_x64', True)\n"
        "jax.config.update('jax_platforms', 'cpu')\nimport jax.numpy as jnp"
    )
    array = "jnp.array(np.array({values}, {dtype})).reshape({shape})"
    dtypes = {
        dtype: f"ml_dtypes.{dtype}" if dtype in ("bfloat16", *abi.FLOAT8, *abi.SUB_BYTE) else f"'{dtype}'"
        for dtype in _NUMBERS
    }
    read = "np.asarray(x).ravel().tolist()"
    reads = {
        dtype: "np.asarray(x).astype('float32').ravel().tolist()"
        for dtype in ("bfloat16", *abi.FLOAT8, *abi.SUB_BYTE)
    }
    readonly = "jnp.array([[0, 1, -2], [1.5, 4, -3]], 'float32')"
    unexportable = {
        "int4": "jnp.zeros(2, 'int4')",
        "random key": "jax.random.key(0)",
    }
    borrowed = "jnp.asarray(np.ones(1 << 23, 'float32'))"
    take_device = "jnp.from_dlpack({x}, device=jax.devices('cpu')[0])"
    narrow = {name: f"jnp.arange(6).astype('{name}')" for name in ("uint4", "int4", "uint2")}
    big = "jnp.ones(1 << 20, 'float32')"
    take = "jnp.from_dlpack({x})"
    take_copy = "jnp.from_dlpack({x}, copy={copy})"
    address = "x.unsafe_buffer_pointer()"
