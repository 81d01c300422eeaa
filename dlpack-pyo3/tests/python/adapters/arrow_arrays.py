"""pyarrow: one-dimensional arrays, and tensors."""

from kit import values

from .base import FLOATS, INTEGERS, Library, Refusal

NUMBERS = [*INTEGERS, *FLOATS]
NOT_THERE = Refusal("ArrowInvalid|ArrowTypeError", "unsupported|one lane")
# pyarrow's classes of errors derive from the usual ones: ArrowTypeError is a TypeError.
INCOMPATIBLE = Refusal("ArrowTypeError", "not compatible with DLPack")


def _refused(pa):
    made = {
        "bool": (lambda: pa.array([True, False]), Refusal("ArrowTypeError", "Bit-packed")),
        "nulls": (lambda: pa.array([1, None]), Refusal("ArrowTypeError", "no nulls")),
        "string": (lambda: pa.array(["a"]), INCOMPATIBLE),
        "list": (lambda: pa.array([[1], [2]]), INCOMPATIBLE),
        "chunked": (lambda: pa.chunked_array([[1, 2]]), Refusal("TypeError", "dlpack|tensor")),
    }
    for kind in (pa.date32(), pa.date64(), pa.timestamp("s"), pa.duration("s"), pa.time32("s")):
        made[str(kind)] = (lambda k=kind: pa.array([0, 86_400_000], k), INCOMPATIBLE)
    return made


class ArrowArray(Library):
    name = "pyarrow.Array"
    modules = ("pyarrow",)
    shape = (6,)
    produces = {dtype: dtype for dtype in NUMBERS}
    access = ("read-only",)

    def __init__(self):
        import pyarrow

        self.pa = pyarrow
        self.refuses = _refused(pyarrow)

    def array(self, dtype):
        kind = {"float16": "halffloat", "float32": "float", "float64": "double"}.get(dtype, dtype)
        return self.pa.array(values.samples(dtype), kind)

    def address(self, array):
        return array.buffers()[1].address


class ArrowTensor(Library):
    name = "pyarrow.Tensor"
    modules = ("pyarrow", "numpy")
    # Of booleans, tensors keep whole bytes and call them uint8.
    produces = {**{dtype: dtype for dtype in NUMBERS}, "bool": "uint8"}
    access = ("writable",)
    consumes = NUMBERS
    refusal = NOT_THERE

    def __init__(self):
        import numpy
        import pyarrow

        self.np, self.pa = numpy, pyarrow
        self.refuses = {}

    def array(self, dtype):
        array = self.np.array(values.samples(dtype), dtype).reshape(self.shape)
        return self.pa.Tensor.from_numpy(array)

    def address(self, array):
        return array.to_numpy().__array_interface__["data"][0]

    def take(self, tensor):
        return self.pa.Tensor.from_dlpack(tensor)

    def to_bytes(self, array):
        return array.to_numpy().tobytes()
