"""The choice of a route: by what is asked for, and by what a class has."""

import array
import threading

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit import abi, values
from kit.exchange import Table, paddle_for, type_for
from kit.foreign import Foreign


# Requests.


@pytest.mark.parametrize("make", [lambda: np.arange(6.0), lambda: bytearray(6)], ids=["numpy", "bytearray"])
def test_what_may_be_asked_of_memory(make):
    made = make()
    plain = ext.describe(made)
    for request in [{"copy": False}, {"device": (1, 0)}, {"copy": False, "device": (1, 0)}]:
        assert ext.describe(made, **request) == plain
    held = ext.hold(made, copy=True)
    copied = held.describe()
    assert copied["data"] != plain["data"]
    assert copied["flags"] & abi.IS_COPIED
    assert held.to_bytes() == memoryview(made).tobytes()
    # A ValueError of NumPy's before 2.3.
    with pytest.raises((BufferError, ValueError)):
        ext.describe(made, device=(2, 0))


def test_streams_that_a_buffer_has_not():
    assert ext.describe(b"ab", stream=-1, device=(1, 0))["route"] == "buffer"
    with pytest.raises(ValueError, match="stream"):
        ext.describe(b"ab", stream=3, device=(1, 0))


# Types.


def test_types_without_number():
    """More of them than are remembered."""
    for i in range(400):
        table = Table() if i % 2 else None
        if table:
            kind = type_for(table)
            thing = kind(lambda: Foreign(values.sample_bytes("float32")))
            assert ext.describe(thing)["route"] in ("exchange", "protocol")
        else:
            kind = type(f"Kind{i}", (), {"__dlpack__": lambda self, **k: np.arange(3.0).__dlpack__(**k)})
            assert ext.describe(kind())["route"] == "protocol"
    assert ext.describe(np.zeros(3))["shape"] == (3,)


def test_a_type_that_learns():
    """What a class lacks it may get later."""

    class Kind:
        pass

    thing = Kind()
    for _ in range(2):
        with pytest.raises(TypeError, match=r"found .*\bKind"):
            ext.describe(thing)
    thing.__dlpack__ = np.arange(3.0).__dlpack__
    assert ext.describe(thing)["route"] == "protocol"
    Kind.__dlpack__ = lambda self, **keywords: np.arange(4.0).__dlpack__(**keywords)
    assert ext.describe(Kind())["shape"] == (4,)
    Kind.__dlpack__ = lambda self, **keywords: np.arange(5.0).__dlpack__(**keywords)
    assert ext.describe(Kind())["shape"] == (5,)


def test_a_subclass_with_a_method_of_its_own():
    """Its table is that of its base, and does not speak for it."""
    kind = type(ext.make(bytes(4), "float32", (1,)))
    table = Table()
    base = type_for(table)
    sub = type("Sub", (base,), {"__dlpack__": lambda self, **k: np.arange(3.0).__dlpack__(**k)})
    taken = ext.describe(sub(lambda: Foreign(values.sample_bytes("float32"))))
    assert (taken["route"], taken["shape"], table.calls) == ("protocol", (3,), [])
    plain = type("Sub", (base,), {})
    assert ext.describe(plain(lambda: Foreign(values.sample_bytes("float32"))))["route"] == "exchange"
    assert kind is not None


# The method of Paddle that says whether a tensor is a dense one with memory.
HOLDS = "_is_dense_tensor_hold_allocation"


def unsaid(self):
    raise ValueError("cannot say")


@pytest.mark.parametrize("take", [ext.hold, ext.describe, ext.borrow, ext.describe_managed])
@pytest.mark.parametrize(
    "members",
    [
        {"dense": lambda self: False},
        {"dense": lambda self: 1},
        {"dense": unsaid},
        {"is_dense": None},
        {"is_dense": lambda self: True},
        {"holds": lambda self: False},
        {"holds": unsaid},
        {HOLDS: None},
        {HOLDS: lambda self: True},
    ],
    ids="no other unsaid absent Python empty unsaid_of_memory absent_of_memory Python_of_memory".split(),
)
def test_a_table_that_takes_each_tensor_for_a_dense_one(members, take):
    """
    That of Paddle follows a null pointer if a tensor has no contents, reads what a sparse one or a distributed one has not, and leaks for one
    without memory. Only Paddle's own methods say which it is.
    """
    table = Table()
    dense = paddle_for(table)()
    take(dense)
    assert table.given and dense.asked == []
    table = Table()
    other = paddle_for(table, **members)()
    for count in range(1, 4):
        take(other)
        assert table.given == [] and len(other.asked) == count


def test_what_interrupts_the_program_where_a_table_has_to_be_asked_about():
    table, left = Table(), [KeyboardInterrupt("mine")]

    def dense(self):
        if left:
            raise left.pop()
        return True

    thing = paddle_for(table, dense=dense)()
    with pytest.raises(KeyboardInterrupt, match="mine"):
        ext.hold(thing)
    assert table.given == [] and thing.asked == []
    ext.hold(thing)
    assert len(table.given) == 1


@pytest.mark.parametrize("error", [OSError("not today"), RuntimeError("never")])
def test_a_class_that_cannot_say_whether_it_has_a_table_is_asked(error):
    class Meta(type):
        @property
        def __dlpack_c_exchange_api__(cls):
            raise error

    made = np.arange(3.0)
    kind = Meta("Kind", (), {"__dlpack__": lambda self, **k: made.__dlpack__(**k)})
    for _ in range(2):
        taken = ext.describe(kind())
        assert (taken["route"], taken["data"]) == ("protocol", made.ctypes.data)
    with pytest.raises(TypeError, match="expected an object with __dlpack__ or a buffer"):
        ext.describe(Meta("Kind", (), {})())


def test_an_interrupt_while_a_class_is_looked_at():
    class Meta(type):
        @property
        def __dlpack_c_exchange_api__(cls):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ext.describe(Meta("Kind", (), {"__dlpack__": lambda self, **k: None})())


@pytest.mark.parametrize("which", range(1, 5))
def test_an_interrupt_while_an_attribute_is_looked_for(which):
    """A signal comes once, and may come at each look at an object."""

    class Kind:
        looks = 0

        def __getattr__(self, name):
            if name == "__dlpack__":
                Kind.looks += 1
                if Kind.looks == which:
                    raise KeyboardInterrupt
            raise AttributeError(name)

    with pytest.raises((KeyboardInterrupt, TypeError)) as raised:
        ext.describe(Kind())
    assert (raised.type is KeyboardInterrupt) == (Kind.looks >= which)


def test_the_name_of_a_class_is_read_without_its_metaclass():
    """What the metaclass raises would be lost, since the message replaces it."""

    class Meta(type):
        @property
        def __module__(cls):
            asked.append(cls)
            raise KeyboardInterrupt

    asked = []
    made = Meta("Kind", (), {"__module__": "of_the_test"})()
    answers = type("Answers", (), {"__dlpack__": lambda self, **keywords: made})()
    with pytest.raises(TypeError, match=r"found of_the_test\.Kind$"):
        ext.describe(answers)
    assert not asked


def test_an_axis_of_one_element_has_no_stride():
    memory = np.ones(1000, "u1")
    for shape, strides in [((4, 1), (16, 3)), ((1, 4, 1), (-5, 8, 7)), ((1,), (1,)), ((1, 1), (3, 5)), ((0, 3), (3, 5)), ((3, 0), (1, 1))]:
        made = np.ndarray(shape, "f8", memory, strides=strides)
        things = [made, memoryview(made)] if ext.BUFFERS else [made]
        for thing in things:
            seen = ext.describe(thing)
            assert (seen["shape"], seen["data"]) == (shape, made.ctypes.data)
            assert ext.to_bytes(thing) == made.tobytes()
    for shape, strides in [((4, 2), (16, 3)), ((2, 1), (3, 8))]:
        made = np.ndarray(shape, "f8", memory, strides=strides)
        with pytest.raises(BufferError):
            ext.describe(made)
        with pytest.raises(BufferError):
            ext.describe(memoryview(made))


def test_many_threads():
    made = [np.arange(3.0), bytearray(3), array.array("i", [1]), ext.make(bytes(24), "float32", (2, 3))]
    expected = [ext.describe(thing) for thing in made]
    kinds = [type(f"T{i}", (), {"__dlpack__": lambda self, **k: made[0].__dlpack__(**k)}) for i in range(40)]
    wrong = []

    def work():
        for i in range(200):
            if ext.describe(made[i % 4]) != expected[i % 4]:
                wrong.append(i)
            if ext.describe(kinds[i % 40]())["shape"] != (3,):
                wrong.append(i)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
