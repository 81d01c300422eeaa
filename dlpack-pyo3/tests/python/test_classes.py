"""Classes that change, also while they are looked at: a class is imported as it is, not as it was."""

import gc
import sys
import weakref
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import dlpack_pyo3_tests as ext
import pytest

from kit.builds import classes_end, sees_changes
from kit.exchange import Table, type_for
from kit.foreign import Foreign
from kit.process import run
from kit.steady import is_steady

API = "__dlpack_c_exchange_api__"

pytestmark = sees_changes


def test_a_class_that_gets_its_table_while_it_is_looked_at():
    table = Table()

    class Meta(type):
        def __getattr__(cls, name):
            if name == API and not cls.asked:
                cls.asked.append(name)
                setattr(cls, API, table.capsule())
            raise AttributeError(name)

    plain = type_for(table)

    class Late(metaclass=Meta):
        asked = []
        source = staticmethod(Foreign)
        __dlpack__ = lambda self, **given: Foreign().capsule()
        __dlpack_device__ = plain.__dlpack_device__

    routes = [ext.describe(Late())["route"] for _ in range(3)]
    assert (routes[1:], Late.asked) == (["exchange"] * 2, [API])


def test_a_class_that_changes_whenever_it_is_looked_at():
    class Meta(type):
        def __getattr__(cls, name):
            cls.count += 1
            raise AttributeError(name)

    class Restless(metaclass=Meta):
        count = 0
        __dlpack__ = lambda self, **given: Foreign().capsule()

    for _ in range(100):
        assert ext.describe(Restless())["route"] == "protocol"
    assert Restless.count


def test_a_class_that_gets_another_name():
    """The arrays of JAX are read as buffers, and known by their names alone."""
    tensor = ext.make(bytes(8), "uint8", (8,))

    class Bytes(bytearray):
        def __dlpack__(self, **given):
            return tensor.__dlpack__(**given)

    def route():
        [first, second] = [ext.describe(Bytes(4)) for _ in range(2)]
        assert first["route"] == second["route"]
        return first["route"]

    for module, name, expected in [
        ("elsewhere", "Bytes", "protocol"),
        ("jaxlib.xla_extension", "ArrayImpl", "buffer"),
        ("jaxlib.xla_extension", "Bytes", "protocol"),
        ("elsewhere", "ArrayImpl", "protocol"),
    ]:
        Bytes.__module__, Bytes.__name__ = module, name
        assert route() == expected, (module, name)


def test_a_class_that_gets_another_table():
    tables = [Table(), Table()]

    class Changing(type_for(tables[0])):
        pass

    own = Changing()
    for table in tables * 2:
        capsule, before = table.capsule(), len(table.given)
        # Nobody looks at the class between the change and the import.
        setattr(Changing, API, capsule)
        assert ext.describe(own)["route"] == "exchange"
        assert len(table.given) == before + 1


def test_the_plans_of_a_class_that_changes_again_and_again_have_an_end():
    """A plan is never given back, since another thread may be using it."""
    tensor = ext.make(bytes(8), "uint8", (8,))
    table = getattr(type(tensor), API)

    class Changing:
        __dlpack__ = lambda self, **given: tensor.__dlpack__(**given)
        __dlpack_device__ = lambda self: (1, 0)

    def change():
        # The table takes objects of its own class alone, but there is one.
        setattr(Changing, API, table)
        ext.describe(Changing())
        delattr(Changing, API)
        ext.describe(Changing())

    for _ in range(100):
        change()
    is_steady(change, times=8000)


@classes_end
@pytest.mark.parametrize("name", ["__dict__", "__weakref__"])
def test_a_class_whose_own_property_is_looked_at_ends(name):
    """CPython has made the property in C, and it keeps its class alive."""

    class Odd(ext.Own, ext.PaddleBase):
        __module__ = "paddle"
        dense = holds = lambda self: True

    Odd.stop_gradient = vars(Odd)[name]
    for _ in range(3):
        assert ext.describe(Odd([1.0]))["route"] == "protocol"
    ended = weakref.ref(Odd)
    del Odd
    gc.collect()
    assert ended() is None


def refuse(self, **given):
    raise BufferError("refused")


def test_a_class_that_changes_more_often_than_cpython_counts():
    """From 3.13 on, CPython gives a class no tag after a thousand changes."""

    class Counted(ext.Own):
        count = 0

    for _ in range(1100):
        Counted.count += 1
        assert ext.describe(Counted([1.0]))["route"] == "exchange"
    Counted.__dlpack__ = refuse
    with pytest.raises(BufferError, match="refused"):
        ext.describe(Counted([1.0]))


def test_a_class_that_gets_no_tag_when_it_is_looked_at():
    class Meta(type):
        # CPython looks no further, and so does not come to the class.
        __dlpack__ = property(lambda cls: None)
        __dlpack_c_exchange_api__ = property(lambda cls: ext.Own.__dlpack_c_exchange_api__)

    class Plain(ext.Own):
        pass

    class Kind(Plain, metaclass=Meta):
        pass

    assert ext.describe(Kind([1.0]))["route"] == "exchange"
    Plain.__dlpack__ = refuse
    with pytest.raises(BufferError, match="refused"):
        ext.describe(Kind([1.0]))


# What the scripts below have: the version tag of a class, by its place in the struct.
TAG = """
    import ctypes
    from kit.exchange import Table, type_for

    def tag(kind):
        getattr(kind, "nothing", None)  # CPython gives a class its tag when it looks an attribute up.
        # The 22nd and the 49th of the fields, each of eight bytes; those before them are longer without the global lock.
        more = object.__basicsize__ - 16
        if sys.version_info < (3, 11):
            assert ctypes.c_ulong.from_address(id(kind) + 8 * 21).value & 1 << 19
        return ctypes.c_uint.from_address(id(kind) + more + 8 * 48)
"""


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="CPython uses no tag twice from 3.11 on")
def test_a_class_that_gets_the_tag_that_it_had():
    # In a process of its own, since no tags are used from then on.
    script = """
        kind, others = type_for(Table()), []
        print(ext.describe(kind())["route"])
        had = tag(kind).value
        sys._clear_type_cache()
        del kind.__dlpack_c_exchange_api__
        while not others or tag(others[-1]).value != had - 1:
            others.append(type("Other", (), {}))
        assert tag(kind).value == had
        print(ext.describe(kind())["route"], ext.describe(type_for(Table())())["route"])
    """
    assert run(dedent(TAG) + dedent(script), folder=Path(__file__).parent) == "exchange\nprotocol exchange\n"


@classes_end
def test_a_class_at_the_address_and_with_the_tag_of_another():
    # From 3.12 on, each interpreter numbers its classes by itself, so that two of them may give the same number. Here, it is
    # written into the second class.
    script = """
        kind = type_for(Table())
        print(ext.describe(kind())["route"])
        address, had, others = id(kind), tag(kind).value, []
        del kind
        gc.collect()
        while not others or id(others[-1]) != address:
            members = {"__dlpack__": lambda self, **given: make().__dlpack__(**given)}
            others.append(type("Other", (), {**members, "__dlpack_device__": lambda self: (1, 0)}))
        kind = others[-1]
        sys._clear_type_cache()
        now = tag(kind)
        assert now.value not in (0, had)
        now.value = had
        print(ext.describe(kind())["route"])
    """
    assert run(dedent(TAG) + dedent(script), folder=Path(__file__).parent) == "exchange\nprotocol\n"


LIKE_TORCH = {
    "requires_grad": property(lambda self: False),
    "is_neg": lambda self: False,
    "is_conj": lambda self: False,
    "untyped_storage": lambda self: self,
    "data_ptr": lambda self: self.source().start,
}


@pytest.mark.parametrize("module, members", [("torch", LIKE_TORCH), ("tvm_ffi.core", {})])
def test_a_class_that_gives_itself_for_that_of_a_library(module, members):
    """
    What it lends may be read-only, which a table cannot say. It is asked by its `__dlpack__`, which says so: only what is derived from
    PyTorch's class in C has PyTorch's table, and no tensor of TVM FFI has one, but a class for its tests, which may hold none.
    """
    members = {"__module__": module, **members}
    table = Table()
    for kind in (type_for(table, name="Tensor", **members), type("Tensor", (type_for(table),), members)):
        for _ in range(2):
            assert ext.borrow(kind())["access"] == "writable"
    assert table.given == []


@pytest.mark.parametrize("bases, members", [((), {}), ((Foreign,), {}), ((), {"__dlpack_c_exchange_api__": Table().capsule()})])
def test_a_class_that_has_no_module(bases, members):
    """As one that is made where no module is, and one in C whose name has no dot. NumPy imports its objects."""
    members = {
        **members,
        "source": lambda self: Foreign(),
        "__dlpack__": lambda self, **given: Foreign().capsule(),
        "__dlpack_device__": lambda self: (1, 0),
        "__array_namespace__": lambda self: SimpleNamespace(from_dlpack=lambda x: x),
    }
    kind = eval("type('Own', bases, members)", {"bases": bases, "members": members})
    assert bases or not hasattr(kind, "__module__")
    for _ in range(2):
        assert ext.describe(kind())["shape"] == ext.borrow(kind())["shape"] == (2, 3)
    assert ext.like(ext.make(bytes(8), "float32", (2,)), kind()) is not None


def test_what_interrupts_the_program_where_the_module_of_a_class_is_looked_up():
    """A key of the class that is compared with that of the module can run any code."""
    left = []

    class Key:
        def __hash__(self):
            return hash("__module__")

        def __eq__(self, other):
            if left:
                raise left.pop()
            return False

    members = {Key(): None, "__dlpack__": lambda self, **given: Foreign().capsule()}
    own = type("Own", (), members)()
    left.append(KeyboardInterrupt("mine"))
    with pytest.raises(KeyboardInterrupt, match="mine"):
        ext.describe(own)
    assert ext.describe(own)["shape"] == (2, 3)
