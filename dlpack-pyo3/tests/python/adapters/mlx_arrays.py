"""mlx."""

from kit import peek, values

from .base import FLOATS, INTEGERS, Library, Refusal

NAMES = {"bool": "bool_"}


class Mlx(Library):
    name = "mlx"
    modules = ("mlx", "mlx.core")
    produces = {d: d for d in ["bool", *INTEGERS, *FLOATS, "bfloat16", "complex64"]}
    # A legacy tensor says nothing about writing; the buffer protocol does.
    access = ("unknown", "read-only", "writable")
    # It copies whatever it imports, and keeps the wide types as narrower ones.
    narrows = {"float64": "float32", "complex128": "complex64"}
    copies = [*produces, "complex128"]
    consumes = copies
    refusal = Refusal("ValueError", "Cannot convert array to mlx")

    def __init__(self):
        import mlx.core

        self.mx = mlx.core

    def array(self, dtype):
        kind = getattr(self.mx, NAMES.get(dtype, dtype))
        # The bits, so that nothing goes through the narrower types of its constructor.
        bits = self.mx.array(list(values.sample_bytes(dtype)), dtype=self.mx.uint8)
        array = self.mx.view(bits, kind).reshape(self.shape)
        self.mx.eval(array)
        return array

    def address(self, array):
        return peek.peek(array)["data"]

    def take(self, tensor):
        array = self.mx.from_dlpack(tensor)
        self.mx.eval(array)
        return array

    def to_bytes(self, array):
        return peek.peek(array)["bytes"]
