"""warp."""

from kit import values

from .base import FLOATS, INTEGERS, Library, Refusal


class Warp(Library):
    name = "warp"
    modules = ("warp", "numpy")
    produces = {d: d for d in ["bool", *INTEGERS, *FLOATS, "bfloat16"]}
    access = ("unknown",)
    consumes = list(produces)
    mistakes = {"float32x4": "takes the lanes for an axis, with strides of whole elements"}
    refusal = Refusal("RuntimeError|ValueError", "Unknown DLPack datatype|does not support|opaque pointer")

    def __init__(self):
        import numpy
        import warp

        warp.config.quiet = True
        warp.init()
        self.np, self.warp = numpy, warp

    def array(self, dtype):
        kind = getattr(self.warp, dtype)
        if dtype != "bfloat16":
            array = self.np.array(values.samples(dtype), dtype).reshape(self.shape)
            return self.warp.array(array, dtype=kind, device="cpu")
        bits = self.np.frombuffer(values.sample_bytes(dtype), "u2").reshape(self.shape)
        return self.warp.array(bits, dtype=self.warp.uint16, device="cpu").view(kind)

    def address(self, array):
        return array.ptr

    def take(self, tensor):
        return self.warp.from_dlpack(tensor)

    def to_bytes(self, array):
        if array.dtype is self.warp.bfloat16:
            array = array.view(self.warp.uint16)
        return array.numpy().tobytes()
