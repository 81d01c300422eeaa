"""NumPy, with ml_dtypes as dtypes that NumPy knows but cannot exchange."""

from kit import builds, values

from .base import FLOATS, INTEGERS, Library, Refusal

KNOWN = ["bool", *INTEGERS, *FLOATS, "complex64", "complex128"]
FOREIGN = "datetime64[s] timedelta64[s] S3 U3 V3 object".split()
UNEVEN = "longdouble clongdouble".split()
SWAPPED = ">i2 >f4 >c8".split()


def _refused(np):
    answer = Refusal("BufferError", r"(?i)dtype|type|byte order")
    made = {label: (lambda d=label: np.zeros(2, d), answer) for label in FOREIGN + UNEVEN + SWAPPED}
    made["struct"] = (lambda: np.zeros(2, [("a", "i4"), ("b", "f4")]), answer)
    try:
        import ml_dtypes
    except ImportError:
        return made
    for label in dir(ml_dtypes):
        scalar = getattr(ml_dtypes, label)
        if isinstance(scalar, type) and issubclass(scalar, np.generic):
            made[label] = (lambda s=scalar: np.zeros(2, s), answer)
    return made


class Numpy(Library):
    name = "numpy"
    modules = ("numpy",)
    produces = {dtype: dtype for dtype in KNOWN}
    routes = (builds.NUMPY,)
    consumes = KNOWN
    # RuntimeError before NumPy 2.5.
    refusal = Refusal("RuntimeError|BufferError", "Unsupported (dtype|lanes) in DLTensor")

    def __init__(self):
        import numpy

        self.np = numpy
        self.refuses = _refused(numpy)

    def array(self, dtype):
        return self.np.array(values.samples(dtype), dtype).reshape(self.shape)

    def address(self, array):
        return array.__array_interface__["data"][0]

    def take(self, tensor):
        return self.np.from_dlpack(tensor)

    def to_bytes(self, array):
        return array.tobytes()
