"""This package: any object with memory as a tensor."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "dlpack"
    modules = ("dlpack",)
    distribution = "dlpack-py"
    imports = "import dlpack\nfrom dlpack.testing.values import encode"
    array = "dlpack.asdlpack(bytearray(encode('{dtype}', {values}))).view('{dtype}').reshape({shape})"
    dtypes = {dtype: dtype for dtype in abi.DTYPES if dtype not in abi.SUB_BYTE}
    imports_dtypes = tuple(abi.DTYPES)
    read = "(lambda f: f(f, x.tolist()))(lambda f, y: [z for row in y for z in f(f, row)] if isinstance(y, list) else [y])"
    reads = dict.fromkeys(abi.SUB_BYTE, read)
    layouts = {
        "transposed": "x.permute(1, 0)",
        "step": "x[:, ::2]",
        "reversed": "x[::-1]",
        "offset": "x[1:, 1:]",
        "size one": "x[:1, None, ::-1]",
    }
    readonly = "dlpack.asdlpack(encode('float32', [0, 1, -2, 1.5, 4, -3])).view('float32').reshape(2, 3)"
    narrow = {
        "uint4": "(lambda b: dlpack.from_pointer(b.address, (6,), 'uint4', device='cpu', owner=b))"
        "(dlpack.asdlpack(bytearray([0x10, 0x32, 0x54])))"
    }
    borrowed = "dlpack.asdlpack(bytearray(b'1' * (32 << 20))).view('float32')"
    take_device = "dlpack.from_dlpack({x}, device='cpu')"
    carries = True
    big = "dlpack.asdlpack(bytearray(b'1' * (4 << 20))).view('float32')"
    take = "dlpack.from_dlpack({x})"
    take_copy = "dlpack.from_dlpack({x}, copy={copy})"
    write = "memoryview(x)[0, 0] = 7.0"
    address = "x.address"

    @classmethod
    def version(cls) -> str:
        import dlpack

        return dlpack.__version__
