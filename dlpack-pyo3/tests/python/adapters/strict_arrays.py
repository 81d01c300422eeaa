"""array-api-strict, which has NumPy inside and shows no more than the array API standard."""

from kit import values

from .base import INTEGERS, Library, Refusal


class Strict(Library):
    name = "array_api_strict"
    modules = ("array_api_strict",)
    consumes = ["bool", *INTEGERS, "float32", "float64", "complex64", "complex128"]
    produces = {dtype: dtype for dtype in consumes}
    refusal = Refusal(
        "RuntimeError|BufferError|TypeError",
        "Unsupported (dtype|lanes) in DLTensor|does not support the dtype 'float16'",
    )

    def __init__(self):
        import array_api_strict

        self.xp = array_api_strict

    def array(self, dtype):
        array = self.xp.asarray(values.samples(dtype), dtype=getattr(self.xp, dtype))
        return self.xp.reshape(array, self.shape)

    def address(self, array):
        return array._array.__array_interface__["data"][0]

    def take(self, tensor):
        return self.xp.from_dlpack(tensor)

    def to_bytes(self, array):
        return array._array.tobytes()
