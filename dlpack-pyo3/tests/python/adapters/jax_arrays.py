"""JAX, and the dtypes of ml_dtypes by way of it."""

from kit import values

from .base import FLOAT8, FLOATS, INTEGERS, Library, Refusal

UNKNOWN = Refusal("JaxRuntimeError", "UNIMPLEMENTED")


class Jax(Library):
    name = "jax"
    modules = ("jax", "ml_dtypes")
    # A legacy tensor says nothing about writing; the buffer protocol says that it is forbidden.
    access = ("unknown", "read-only")
    routes = ("buffer", "protocol")
    consumes = ["bool", *INTEGERS, *FLOATS, "bfloat16", "complex64", "complex128", *FLOAT8]
    produces = {**{dtype: dtype for dtype in consumes}, "float4_e2m1fn": "float4_e2m1fn"}
    refusal = UNKNOWN

    def __init__(self):
        import jax
        import ml_dtypes
        import numpy

        jax.config.update("jax_enable_x64", True)
        self.jax, self.jnp, self.np = jax, jax.numpy, numpy
        self.extra = {name: getattr(ml_dtypes, name) for name in dir(ml_dtypes)}
        self.refuses = {
            name: (lambda d=name: jax.numpy.zeros(2, self.extra[d]), UNKNOWN)
            for name in ("int2", "int4", "uint2", "uint4")
        }
        self.refuses["PRNG key"] = (lambda: jax.random.key(0), Refusal("TypeError", "dlpack|tensor"))

    def array(self, dtype):
        scalar = self.extra.get(dtype, dtype)
        array = self.np.array(values.samples(dtype), scalar).reshape(self.shape)
        return self.jnp.array(array).block_until_ready()

    def address(self, array):
        return array.unsafe_buffer_pointer()

    def take(self, tensor):
        return self.jnp.from_dlpack(tensor)

    def to_bytes(self, array):
        return self.np.asarray(array).tobytes()
