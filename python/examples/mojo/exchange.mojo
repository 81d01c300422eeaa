"""Tensors between Mojo and Python: by the attributes of a `dlpack.Tensor`, and by the C structs of DLPack.

    pip install mojo numpy ./python
    mojo run exchange.mojo

`from_dlpack` takes the tensor of any Python object with `__dlpack__` and refuses by name what it cannot use. `to_dlpack` makes a
capsule of memory of Mojo's own. Both use the older protocol, as NuMojo does, and nothing is copied: addresses are compared.
"""

from std.ffi import external_call
from std.memory import Pointer
from std.python import Python, PythonObject

comptime Bytes = Pointer[UInt8, MutAnyOrigin]
comptime Deleter = def (Bytes) abi("C") thin -> None

# Where the fields of a `DLManagedTensor` are, on machines with addresses of eight bytes.
comptime DATA = 0
comptime DEVICE_TYPE = 8
comptime NDIM = 16
comptime CODE = 20
comptime BITS = 21
comptime LANES = 22
comptime SHAPE = 24
comptime STRIDES = 32
comptime BYTE_OFFSET = 40
comptime CONTEXT = 48
comptime DELETER = 56
comptime SIZE = 64

comptime CPU = 1
comptime FLOAT = 2


def at(address: Int) -> Bytes:
    return Bytes(unsafe_from_address=address)


def field[T: TrivialRegisterPassable](base: Bytes, offset: Int) -> Pointer[T, MutAnyOrigin]:
    return base.unsafe_offset(offset).unsafe_bitcast[T]()


struct Capsules:
    """The functions of Python's C API for capsules."""

    var api: PythonObject
    var ctypes: PythonObject

    def __init__(out self) raises:
        self.ctypes = Python.import_module("ctypes")
        self.api = self.ctypes.pythonapi
        self.api.PyCapsule_IsValid.argtypes = Python.list(self.ctypes.py_object, self.ctypes.c_char_p)
        self.api.PyCapsule_GetPointer.restype = self.ctypes.c_void_p
        self.api.PyCapsule_GetPointer.argtypes = Python.list(self.ctypes.py_object, self.ctypes.c_char_p)
        self.api.PyCapsule_SetName.argtypes = Python.list(self.ctypes.py_object, self.ctypes.c_char_p)
        self.api.PyCapsule_New.restype = self.ctypes.py_object
        self.api.PyCapsule_New.argtypes = Python.list(
            self.ctypes.c_void_p, self.ctypes.c_char_p, self.ctypes.c_void_p
        )


struct Array(Movable):
    """Elements of float64 in memory of somebody else, who gets the tensor back when the array is dropped."""

    # The addresses of the C struct and of the first element.
    var tensor: Int
    var first: Int
    var shape: List[Int]
    var strides: List[Int]

    def __init__(out self, tensor: Bytes) raises:
        """Reads a tensor. After an exception it is still the caller's."""
        if field[Int32](tensor, DEVICE_TYPE)[] != CPU:
            raise Error("device: expected 1 (CPU), found ", field[Int32](tensor, DEVICE_TYPE)[])
        if tensor[unsafe_offset=CODE] != FLOAT:
            raise Error("dtype: expected code 2 (float), found ", tensor[unsafe_offset=CODE])
        if tensor[unsafe_offset=BITS] != 64:
            raise Error("bits: expected 64, found ", tensor[unsafe_offset=BITS])
        if field[UInt16](tensor, LANES)[] != 1:
            raise Error("lanes: expected 1, found ", field[UInt16](tensor, LANES)[])
        var ndim = Int(field[Int32](tensor, NDIM)[])
        var shape, strides = field[Int](tensor, SHAPE)[], field[Int](tensor, STRIDES)[]
        self.shape = List[Int]()
        self.strides = List[Int]()
        var count = 1
        for axis in range(ndim):
            self.shape.append(field[Int](at(shape), 8 * axis)[])
            count *= self.shape[axis]
        if count > 0 and field[Int](tensor, DATA)[] == 0:
            raise Error("null: the tensor has elements, and no memory")
        for axis in range(ndim):
            if strides != 0:
                self.strides.append(field[Int](at(strides), 8 * axis)[])
            else:
                # No strides mean row-major order.
                var stride = 1
                for inner in range(axis + 1, ndim):
                    stride *= self.shape[inner]
                self.strides.append(stride)
        self.first = field[Int](tensor, DATA)[] + field[Int](tensor, BYTE_OFFSET)[]
        self.tensor = Int(tensor)

    def __deinit__(deinit self):
        release_tensor(at(self.tensor))

    def address(self) -> Int:
        return self.first

    def element(self, i: Int, j: Int) -> Pointer[Float64, MutAnyOrigin]:
        return field[Float64](at(self.first), 8 * (i * self.strides[0] + j * self.strides[1]))

    def get(self, i: Int, j: Int) -> Float64:
        return self.element(i, j)[]

    def set(mut self, i: Int, j: Int, value: Float64):
        self.element(i, j)[] = value


def release_tensor(tensor: Bytes):
    """Calls the deleter of a tensor, if it has one."""
    if field[Int](tensor, DELETER)[] != 0:
        var deleter = field[Int](tensor, DELETER).unsafe_bitcast[Deleter]()[]
        deleter(tensor)


def from_dlpack(x: PythonObject) raises -> Array:
    """Takes the tensor of a Python object."""
    var capsules = Capsules()
    var name = PythonObject("dltensor").encode()
    var capsule = x.__dlpack__()
    if not Bool(capsules.api.PyCapsule_IsValid(capsule, name)):
        raise Error("capsule: expected one with a tensor, found one that was consumed, or null")
    var tensor = at(Int(py=capsules.api.PyCapsule_GetPointer(capsule, name)))
    # If it is refused, the capsule still has it.
    var array = Array(tensor)
    # A capsule does not copy its name: this one has to stay.
    _ = capsules.api.PyCapsule_SetName(capsule, static_name())
    return array^


def static_name() raises -> PythonObject:
    """The name of a consumed capsule, which lives as long as the process."""
    var namespace = Python.import_module("sys").__dict__
    _ = namespace.setdefault("_mojo_used_dltensor", PythonObject("used_dltensor").encode())
    return namespace["_mojo_used_dltensor"]


def released(tensor: Bytes) abi("C") -> None:
    """The deleter of `to_dlpack`. Any thread may call it."""
    print("Mojo has its memory back")
    external_call["free", NoneType](field[Int](tensor, CONTEXT)[])
    external_call["free", NoneType](field[Int](tensor, SHAPE)[])
    external_call["free", NoneType](Int(tensor))


def to_dlpack(rows: Int, columns: Int) raises -> Tuple[PythonObject, Int]:
    """Makes an array of Mojo's own, and a capsule of it, whose deleter frees it. Returns the address, too."""
    var elements = allocated(8 * rows * columns)
    var sizes = allocated(32)
    var tensor = allocated(SIZE)
    for i in range(rows * columns):
        field[Float64](elements, 8 * i)[] = Float64(i)
    field[Int](sizes, 0)[] = rows
    field[Int](sizes, 8)[] = columns
    field[Int](sizes, 16)[] = columns
    field[Int](sizes, 24)[] = 1
    field[Int](tensor, DATA)[] = Int(elements)
    field[Int32](tensor, DEVICE_TYPE)[] = CPU
    field[Int32](tensor, DEVICE_TYPE + 4)[] = 0
    field[Int32](tensor, NDIM)[] = 2
    tensor[unsafe_offset=CODE] = FLOAT
    tensor[unsafe_offset=BITS] = 64
    field[UInt16](tensor, LANES)[] = 1
    field[Int](tensor, SHAPE)[] = Int(sizes)
    field[Int](tensor, STRIDES)[] = Int(sizes) + 16
    field[Int](tensor, BYTE_OFFSET)[] = 0
    field[Int](tensor, CONTEXT)[] = Int(elements)
    var deleter: Deleter = released
    field[Int](tensor, DELETER).unsafe_bitcast[Deleter]()[] = deleter
    var capsules = Capsules()
    var namespace = Python.import_module("sys").__dict__
    _ = namespace.setdefault("_mojo_dltensor", PythonObject("dltensor").encode())
    return (
        capsules.api.PyCapsule_New(Int(tensor), namespace["_mojo_dltensor"], Python.none()),
        Int(elements),
    )


def allocated(count: Int) -> Bytes:
    return at(external_call["malloc", Int](count))


def check(condition: Bool, text: String) raises:
    if not condition:
        raise Error(text)


def refusal(x: PythonObject) raises -> String:
    try:
        var array = from_dlpack(x)
        _ = array^
    except error:
        return String(error)
    raise Error("expected a refusal")


def main() raises:
    var dlpack = Python.import_module("dlpack")
    var builtins = Python.import_module("builtins")

    # By the attributes of a tensor: Mojo reads and writes the memory of a bytearray.
    var data = builtins.bytearray(48)
    var t = dlpack.asdlpack(data).view("float64").reshape(2, 3)
    var elements = at(Int(py=t.address)).unsafe_bitcast[Float64]()
    elements[unsafe_offset=4] = 2.5
    check(Bool(t[1][1].tolist() == 2.5), "Python sees what Mojo has written")

    # By the C struct: the same memory, and a part of it with other strides.
    var array = from_dlpack(t)
    check(array.address() == Int(py=t.address), "the address is the tensor's")
    check(array.get(1, 1) == 2.5, "the elements are the tensor's")
    array.set(0, 2, 7.0)
    check(Bool(t[0][2].tolist() == 7.0), "Python sees what Mojo has written")
    var columns = from_dlpack(t.permute())
    check(columns.address() == array.address() and columns.get(2, 0) == 7.0, "strides are read")
    # As long as Mojo has a tensor of it, the bytearray cannot be resized.
    _ = t^
    check(Bool(dlpack.asdlpack(data).address == array.address()), "the memory is there")
    _ = array^
    _ = columns^
    data.append(0)

    # NumPy: the fast path is the address of the array, and DLPack has the same one.
    var np = Python.import_module("numpy")
    var x = np.linspace(0.0, 5.0, 6).reshape(2, 3)
    var numpy_array = from_dlpack(x)
    check(numpy_array.address() == Int(py=x.ctypes.data), "the address is the array's")
    check(numpy_array.get(1, 2) == 5.0, "the elements are the array's")
    check(numpy_array.address() == Int(py=dlpack.asdlpack(x).address), "the package has the same address")
    _ = numpy_array^

    # Memory of Mojo goes to this package, and from there to NumPy.
    var made = to_dlpack(2, 3)
    var mine = dlpack.asdlpack(made[0], readonly=False)
    check(Int(py=mine.address) == made[1], "the address is Mojo's")
    var y = np.from_dlpack(mine)
    check(Int(py=y.ctypes.data) == made[1] and Bool(y.sum() == 15.0), "the address and the elements are Mojo's")
    _ = mine^
    _ = y^
    _ = made^

    # What cannot be used is refused by name, and stays its owner's.
    var four = builtins.bytearray(16)
    print(refusal(dlpack.asdlpack(four)))
    print(refusal(dlpack.asdlpack(four).view("float32")))
    print(refusal(dlpack.asdlpack(four).view(Python.tuple(2, 64, 2))))
    print(refusal(dlpack.from_pointer(4096, 2, "float64", device="opencl")))
    print(refusal(producer(absent())))
    print(refusal(producer(consumed(dlpack))))
    four.append(0)
    print("done")


def producer(capsule: PythonObject) raises -> PythonObject:
    """An object whose tensor is in the capsule."""
    var made = Python.evaluate("lambda capsule: __import__('types').SimpleNamespace(__dlpack__=lambda: capsule)")
    return made(capsule)


def consumed(dlpack: PythonObject) raises -> PythonObject:
    """A capsule that somebody has consumed."""
    var capsule = dlpack.asdlpack(Python.import_module("builtins").bytearray(8)).__dlpack__()
    _ = dlpack.asdlpack(capsule)
    return capsule


def absent() raises -> PythonObject:
    """A capsule of a tensor that has elements, and no memory. Nobody takes it, and so nobody frees it."""
    var made = to_dlpack(2, 3)
    var capsules = Capsules()
    var tensor = at(Int(py=capsules.api.PyCapsule_GetPointer(made[0], PythonObject("dltensor").encode())))
    field[Int](tensor, DATA)[] = 0
    return made[0]
