"""Exchange tables made by hand: any function null, failing or lying, and types that carry them."""

import ctypes

import dlpack_pyo3_tests as ext

from . import abi, capsules
from .foreign import Foreign, FOREVER

SetError = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
# The allocator may be called without the interpreter; the others are called with it.
Allocate = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(abi.Tensor), ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p, SetError
)
FromPython = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p))
ToPython = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p))
Borrow = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(abi.Tensor))
Stream = ctypes.PYFUNCTYPE(
    ctypes.c_int, ctypes.c_int32, ctypes.c_int32, ctypes.POINTER(ctypes.c_void_p)
)

_new_reference = ctypes.PYFUNCTYPE(None, ctypes.py_object)(("Py_IncRef", ctypes.pythonapi))

FUNCTIONS = {
    "managed_tensor_allocator": Allocate,
    "managed_tensor_from_py_object_no_sync": FromPython,
    "managed_tensor_to_py_object_no_sync": ToPython,
    "dltensor_from_py_object_no_sync": Borrow,
    "current_work_stream": Stream,
}


class Table:
    """One exchange table. `functions` replaces some of its functions, by ones in Python or by addresses of native ones;
    None makes a pointer null.

    `calls` lists the names of the functions in Python that were called. Its own functions are honest: objects of a type
    made by `type_for` keep a factory of tensors in `source`.
    """

    def __init__(self, *, version=(1, 3), prev=None, **functions):
        self.calls = []
        self.given = []
        self.struct = abi.ExchangeApi()
        self.struct.header.version = abi.Version(*version)
        self.link(prev)
        honest = {
            "managed_tensor_allocator": self._allocate,
            "managed_tensor_from_py_object_no_sync": self._from_python,
            "managed_tensor_to_py_object_no_sync": self._to_python,
            "dltensor_from_py_object_no_sync": self._borrow,
            "current_work_stream": self._stream,
        }
        for name, kind in FUNCTIONS.items():
            function = functions.get(name, honest[name])
            if function is not None:
                self._set(name, kind, function)
        FOREVER.append(self)

    def _set(self, name, kind, function):
        if isinstance(function, int):
            setattr(self.struct, name, function)
            return

        def counted(*args):
            self.calls.append(name)
            return function(*args)

        callback = kind(counted)
        FOREVER.append(callback)
        setattr(self.struct, name, ctypes.cast(callback, ctypes.c_void_p))

    def link(self, prev):
        """Sets `prev_api` to another table, an address, or null."""
        address = prev.address if isinstance(prev, Table) else prev
        self.struct.header.prev_api = address

    @property
    def address(self):
        return ctypes.addressof(self.struct)

    def capsule(self, name=capsules.EXCHANGE):
        return capsules.new(self.address, name)

    def _allocate(self, prototype, out, context, set_error):
        tensor = prototype.contents
        shape = [tensor.shape[axis] for axis in range(tensor.ndim)]
        size = abi.nbytes(tensor.dtype.triple(), 1)
        for extent in shape:
            size *= extent
        made = Foreign(bytes(size), tensor.dtype.triple(), shape)
        self.given.append(made)
        out[0] = made.address
        return 0

    def _from_python(self, address, out):
        made = object_at(address).source()
        self.given.append(made)
        out[0] = made.address
        return 0

    def _to_python(self, address, out):
        struct = abi.ManagedTensorVersioned.from_address(address)
        made = Imported(struct)
        _new_reference(made)
        out[0] = id(made)
        return 0

    def _borrow(self, address, out):
        made = object_at(address).source()
        self.given.append(made)
        ctypes.memmove(out, ctypes.addressof(made.tensor), ctypes.sizeof(abi.Tensor))
        return 0

    def _stream(self, device_type, device_id, out):
        out[0] = None
        return 0


# What a class has whose objects are taken for dense tensors of Paddle without a gradient. For those that have a table, two methods
# have to be in C: they are in `ext.PaddleBase`, and return what `dense` and `holds` do.
LIKE_PADDLE = {
    "__module__": "paddle",
    "stop_gradient": property(lambda self: True),
    "dense": lambda self: True,
    "holds": lambda self: True,
}


class Imported:
    """What a table's `to_py_object` makes: keeps the tensor until `release` calls its deleter."""

    def __init__(self, struct):
        self.struct = struct
        tensor = struct.dl_tensor
        self.data = (tensor.data or 0) + tensor.byte_offset
        self.shape = tuple(tensor.shape[axis] for axis in range(tensor.ndim))
        self.dtype = tensor.dtype.triple()
        self.flags = struct.flags

    def release(self):
        if self.struct is not None and self.struct.deleter:
            abi.Deleter(self.struct.deleter)(ctypes.addressof(self.struct))
        self.struct = None


def object_at(address):
    return ctypes.cast(address, ctypes.py_object).value


def type_for(table, *, attribute="__dlpack_c_exchange_api__", capsule=None, bases=(), name="Carrier", **body):
    """A new type that carries a table, and whose objects make tensors with the factory they are given."""

    def __init__(self, source=None):
        self.source = source or Foreign
        self.asked = []

    def __dlpack__(self, **given):
        self.asked.append(given)
        tensor = self.source()
        self.tensors = [*getattr(self, "tensors", []), tensor]
        return tensor.capsule()

    def __dlpack_device__(self):
        return (abi.CPU, 0)

    members = {
        "__init__": __init__,
        "__dlpack__": __dlpack__,
        "__dlpack_device__": __dlpack_device__,
        attribute: table.capsule() if capsule is None else capsule,
    }
    return type(name, bases, {**members, **body})


def paddle_for(table, **body):
    """As `type_for`, for a type that is taken for Paddle's."""
    return type_for(table, bases=(ext.PaddleBase,), **{**LIKE_PADDLE, **body})
