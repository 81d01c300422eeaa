"""What the matrix knows of a library."""

from kit.report import DTYPES

INTEGERS = "int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
FLOATS = "float16 float32 float64".split()
FLOAT8 = [name for name in DTYPES if name.startswith("float8")]


class Refusal:
    """Why something cannot be exchanged: the exception's class, by name, and what its message says."""

    def __init__(self, kinds, pattern):
        self.kinds = kinds.split("|")
        self.pattern = pattern

    def is_kind(self, error):
        """Whether the exception, or one of its base classes, has one of the names."""
        return any(kind.__name__ in self.kinds for kind in type(error).__mro__)


class Library:
    """One library of the matrix. Arrays hold the six samples of a dtype as (2, 3), unless said otherwise."""

    name = ""
    modules = ()
    shape = (2, 3)
    # dtypes of which it makes arrays that can be exchanged, and the name under which they arrive.
    produces = {}
    # What an array of it says about being written: any of these.
    access = ("writable",)
    # By which of the ways into Rust its arrays come.
    routes = ("protocol",)
    # Things it can make but not exchange: label -> (function without arguments, Refusal).
    refuses = {}
    # dtypes it imports, those of them that it copies or keeps as others, and what it answers to any other one.
    consumes = ()
    copies = ()
    narrows = {}
    # dtypes that it takes for something else, and what is wrong then.
    mistakes = {}
    refusal = Refusal("BufferError", "")

    def array(self, dtype):
        """An array of the six samples."""
        raise NotImplementedError

    def address(self, array):
        """Where its first element is, as the library itself says."""
        raise NotImplementedError

    def take(self, tensor):
        """The library's own import of an object that speaks DLPack."""
        raise NotImplementedError

    def to_bytes(self, array):
        """The elements in row-major order, as bytes, by means of the library itself."""
        raise NotImplementedError
