"""Exchange tables gone wrong, as a consumer of them; and our own table, called the way careless consumers call it."""

import ctypes
import gc
import threading

import dlpack_pyo3_tests as ext
import pytest

from kit import abi, capsules, native, values
from kit.exchange import FUNCTIONS, Allocate, SetError, Table, object_at, type_for
from kit.foreign import Foreign
from kit.peek import describe_struct

SIX = values.sample_bytes("float32")
FROM = "managed_tensor_from_py_object_no_sync"
TO = "managed_tensor_to_py_object_no_sync"
BORROW = "dltensor_from_py_object_no_sync"


@pytest.fixture(autouse=True)
def _no_strays():
    yield
    assert native.strays() == 0


def six():
    return Foreign(SIX)


def total(table, carrier):
    """How many tensors the table and the carrier's `__dlpack__` have given, and how often deleters ran."""
    tensors = [*table.given, *getattr(carrier, "tensors", [])]
    return len(tensors), [tensor.deletes for tensor in tensors]


def imported(table, route, **carried):
    """Asserts that an object of a type with this table is imported by this route, right, and released."""
    carrier = type_for(table, **carried)(six)
    held = ext.hold(carrier)
    assert held.describe()["route"] == route
    assert held.to_bytes() == SIX
    # Borrowed tensors belong to the table's object; owned ones are released once.
    borrowed = table.calls.count(BORROW)
    held.release()
    count, deletes = total(table, carrier)
    assert count >= 1
    assert sorted(deletes) == sorted([0] * borrowed + [1] * (count - borrowed))
    return carrier


def test_a_table_is_used():
    table = Table()
    imported(table, "exchange")
    assert set(table.calls) <= {FROM, BORROW}
    assert table.calls


def test_a_table_is_looked_up_on_the_type():
    table = Table()
    plain = type_for(table, attribute="__no_api__")(six)
    plain.__dlpack_c_exchange_api__ = table.capsule()
    assert ext.describe(plain)["route"] == "protocol"
    assert table.calls == []


@pytest.mark.parametrize("thing", [0, 7, ..., "table", object()])
def test_h130_what_is_no_table(thing):
    imported(Table(), "protocol", capsule=thing)


@pytest.mark.parametrize("name", ["dlpack_exchange_api_2", capsules.VERSIONED, None])
def test_h130_a_capsule_of_another_name(name):
    table = Table()
    imported(table, "protocol", capsule=table.capsule(name))
    assert table.calls == []


def test_h130_the_older_attribute_is_an_address_and_is_not_followed():
    table = Table()
    imported(table, "protocol", attribute="__c_dlpack_exchange_api__", capsule=table.address)
    assert table.calls == []


def test_h130_a_later_major_version_without_an_earlier_one():
    table = Table(version=(2, 0))
    imported(table, "protocol")
    assert table.calls == []


def test_h130_a_later_major_version_with_an_earlier_one():
    first = Table(version=(1, 2))
    last = Table(version=(3, 0), prev=Table(version=(2, 0), prev=first))
    carrier = type_for(last)(six)
    held = ext.hold(carrier)
    assert held.describe()["route"] == "exchange"
    assert held.to_bytes() == SIX
    held.release()
    assert last.calls == []
    assert first.calls


def test_h130_a_cycle():
    table = Table(version=(2, 0))
    table.link(table)
    imported(table, "protocol")
    one, two = Table(version=(3, 0)), Table(version=(2, 0))
    one.link(two)
    two.link(one)
    imported(one, "protocol")
    assert one.calls == two.calls == []


def test_h130_a_chain_without_end():
    table = Table(version=(1, 3))
    for _ in range(1000):
        table = Table(version=(2, 0), prev=table)
    imported(table, "protocol")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_h131_each_function_null_in_turn(name):
    table = Table(**{name: None})
    carrier = type_for(table)(six)
    held = ext.hold(carrier)
    assert held.to_bytes() == SIX
    held.release()
    borrowed = table.calls.count(BORROW)
    count, deletes = total(table, carrier)
    assert sorted(deletes) == sorted([0] * borrowed + [1] * (count - borrowed))
    if name not in (FROM, BORROW):
        assert table.calls


def test_h131_all_functions_null():
    imported(Table(**dict.fromkeys(FUNCTIONS)), "protocol")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_h131_each_function_null_in_turn_for_a_borrow(name):
    table = Table(**{name: None})
    carrier = type_for(table)(six)
    seen = ext.borrow(carrier)
    assert (seen["shape"], seen["dtype"]) == ((2, 3), "float32")
    borrowed = table.calls.count(BORROW)
    count, deletes = total(table, carrier)
    assert sorted(deletes) == sorted([0] * borrowed + [1] * (count - borrowed))


FAILING = {FROM: native.FAIL_FROM_PYTHON, BORROW: native.FAIL_TO_LEND}


@pytest.mark.parametrize("function", [ext.hold, ext.describe, ext.borrow, ext.to_bytes])
def test_h132_a_failing_function_with_garbage_in_its_output(function):
    # What the table cannot give, the object's own `__dlpack__` is asked for.
    carrier = type_for(Table(**FAILING))(six)
    result = function(carrier)
    assert len(carrier.asked) == 1
    del result
    gc.collect()
    assert [tensor.deletes for tensor in carrier.tensors] == [1]


@pytest.mark.parametrize("function", [ext.hold, ext.describe, ext.borrow, ext.to_bytes])
def test_h132_a_failing_function_and_a_failing_method(function):
    def refuses(self, **_):
        raise BufferError("nor by protocol")

    carrier = type_for(Table(**FAILING), __dlpack__=refuses)(six)
    with pytest.raises(BufferError, match="nor by protocol"):
        function(carrier)


@pytest.mark.parametrize("function", [ext.hold, ext.describe, ext.borrow, ext.to_bytes])
def test_an_interrupt_in_a_table_is_passed_on_at_once(function):
    carrier = type_for(Table(**{FROM: native.INTERRUPT, BORROW: native.INTERRUPT}))(six)
    for attempt in range(2):  # The type is not known at first, and its tensors are taken.
        with pytest.raises(KeyboardInterrupt, match="stop") as raised:
            function(carrier)
        assert raised.value.__context__ is None
    assert carrier.asked == []


@pytest.mark.parametrize("function", [ext.hold, ext.describe, ext.borrow, ext.to_bytes])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupt_in_the_look_for_the_method_is_passed_on(function, kind):
    # The table has refused, and `__dlpack__` is found to be there or not by code of Python.
    interrupted = property(lambda self: raises(kind("stop")))
    carrier = type_for(Table(**FAILING), __dlpack__=interrupted)(six)
    for attempt in range(2):
        with pytest.raises(kind, match="stop"):
            function(carrier)


def test_an_error_in_the_look_for_the_method_leaves_that_of_the_table():
    broken = property(lambda self: raises(ValueError("broken")))
    carrier = type_for(Table(**FAILING), __dlpack__=broken)(six)
    for attempt in range(2):
        with pytest.raises(BufferError) as raised:
            ext.describe(carrier)
        assert "broken" not in str(raised.value)


def raises(error):
    raise error


@pytest.mark.parametrize("code", [-1, 1, 77])
def test_h132_a_failing_function_that_sets_no_exception(code):
    table = Table(**{FROM: lambda *_: code, BORROW: lambda *_: code})
    carrier = type_for(table)(six)
    assert ext.to_bytes(carrier) == SIX
    assert len(carrier.asked) == 1
    assert [tensor.deletes for tensor in carrier.tensors] == [1]


def test_h133_success_without_a_tensor():
    def nothing(_, out):
        out[0] = None
        return 0

    table = Table(**{FROM: nothing, BORROW: None})
    carrier = type_for(table)(six)
    assert ext.to_bytes(carrier) == SIX
    assert len(carrier.asked) == 1
    assert [tensor.deletes for tensor in carrier.tensors] == [1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"version": (2, 0)}, "expected dlpack version"),
        ({"ndim": -1}, "expected a number of dimensions"),
        ({"shape": (-2, 3), "strides": (3, 1)}, "expected a size of at least 0"),
        ({"null_shape": True}, "expected a shape"),
        ({"dtype": (2, 0, 1)}, "expected a valid dtype"),
    ],
)
def test_tensors_of_a_table_are_checked(fields, message):
    table = Table(**{BORROW: None})
    carrier = type_for(table)(lambda: Foreign(SIX, **fields))
    with pytest.raises(BufferError, match=message):
        ext.hold(carrier)
    assert [tensor.deletes for tensor in table.given] == [1]


def test_a_table_whose_tensors_are_read_only():
    carrier = type_for(Table())(lambda: Foreign(SIX, flags=abi.READ_ONLY))
    assert ext.describe(carrier)["access"] == "read-only"


def test_a_table_whose_tensors_have_no_deleter():
    table = Table()
    held = ext.hold(type_for(table)(lambda: Foreign(SIX, deleter=False)))
    assert held.to_bytes() == SIX
    held.release()
    assert [tensor.deletes for tensor in table.given] == [0]


def test_device_memory_is_asked_of_the_method_which_orders_streams():
    def on_device():
        return Foreign(SIX, device=(abi.CUDA, 0), address=0x1000)

    table = Table(**{BORROW: None})
    carrier = type_for(table)(on_device)
    seen = ext.describe(carrier)
    assert (seen["device"], seen["route"]) == ((abi.CUDA, 0), "protocol")
    assert len(carrier.asked) == 1
    # Whoever says that no order is needed gets it by the table.
    other = type_for(table)(on_device)
    assert ext.describe(other, stream=-1)["route"] == "exchange"
    assert other.asked == []
    assert all(tensor.deletes == 1 for tensor in [*table.given, *carrier.tensors])


def test_copies_are_asked_of_the_method():
    table = Table()
    carrier = type_for(table)(six)
    ext.describe(carrier, copy=True)
    assert [call.get("copy") for call in carrier.asked] == [True]
    assert all(tensor.deletes == 1 for tensor in [*table.given, *carrier.tensors])


def test_tensors_of_a_table_that_are_not_what_was_asked_for():
    table = Table()
    copied = type_for(table)(lambda: Foreign(SIX, flags=abi.IS_COPIED))
    with pytest.raises(BufferError):
        ext.describe(copied, copy=False)
    elsewhere = type_for(table)(lambda: Foreign(SIX, device=(abi.CUDA, 0), address=0x1000))
    with pytest.raises(BufferError):
        ext.describe(elsewhere, device=(abi.CPU, 0))
    given = [*table.given, *copied.tensors, *elsewhere.tensors]
    assert [tensor.deletes for tensor in given] == [1] * len(given)


def test_types_that_come_and_go():
    # Types are freed and others take their addresses: what was found of one must not be believed of another.
    for turn in range(600):
        table = Table() if turn % 3 else None
        kind = type_for(table) if table else type_for(Table(), attribute="__no_api__")
        carrier = kind(six)
        held = ext.hold(carrier)
        assert held.describe()["route"] == ("exchange" if table else "protocol")
        assert held.to_bytes() == SIX
        held.release()
        del held, carrier, kind
        if turn % 50 == 0:
            gc.collect()


def test_threads_that_meet_a_type_for_the_first_time():
    for _ in range(20):
        table = Table()
        kind = type_for(table)
        start = threading.Barrier(4)
        results = []

        def take(kind=kind, start=start, results=results):
            start.wait()
            results.append(ext.to_bytes(kind(six)))

        workers = [threading.Thread(target=take) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert results == [SIX] * 4
        assert all(tensor.deletes == 1 for tensor in table.given)


@pytest.mark.parametrize("function", [native.FAIL_TO_PYTHON, native.RELEASE_AND_FAIL], ids=["left alone", "released"])
def test_h134_a_failing_hand_over(function):
    gc.collect()
    live = ext.live()
    table = Table(**{TO: function})
    tensor = ext.make(SIX, "float32", (2, 3))
    with pytest.raises(BufferError, match=native.FAILURE):
        ext.like(tensor, type_for(table)(six))
    # Nobody knows whether the function has released the tensor: it is not released again, at the price of a leak.
    del tensor
    gc.collect()
    assert ext.live() == live + (function == native.FAIL_TO_PYTHON)


def test_h135_a_hand_over_that_succeeds_without_an_object():
    def nothing(_, out):
        out[0] = None
        return 0

    table = Table(**{TO: nothing})
    with pytest.raises((BufferError, RuntimeError, SystemError)):
        ext.like(ext.make(SIX, "float32", (2, 3)), type_for(table)(six))


def test_a_hand_over():
    gc.collect()
    live = ext.live()
    table = Table()
    tensor = ext.make(SIX, "float32", (2, 3))
    made = ext.like(tensor, type_for(table)(six))
    assert table.calls == [TO]
    assert (made.shape, made.dtype) == ((2, 3), (2, 32, 1))
    assert ctypes.string_at(made.data, 24) == SIX
    del tensor
    gc.collect()
    assert ext.live() == live + 1
    made.release()
    assert ext.live() == live


# Our own table.


def ours():
    """The table of the ready-made class."""
    kind = type(ext.make(SIX, "float32", (2, 3)))
    capsule = kind.__dlpack_c_exchange_api__
    assert capsules.name(capsule) == capsules.EXCHANGE
    return abi.ExchangeApi.from_address(capsules.pointer(capsule))


def function(name):
    return FUNCTIONS[name](getattr(ours(), name))


def test_x1_x2_x3_our_table_is_complete_and_static():
    table = ours()
    assert (table.header.version.major, table.header.version.minor) == (1, 3)
    assert not table.header.prev_api
    assert all(getattr(table, name) for name in FUNCTIONS)
    assert ctypes.addressof(table) == ctypes.addressof(ours())


def test_x4_our_tensors_by_table():
    gc.collect()
    live = ext.live()
    tensor = ext.make(SIX, "float32", (2, 3), read_only=True)
    out = ctypes.c_void_p()
    assert function(FROM)(id(tensor), ctypes.pointer(out)) == 0
    struct = abi.ManagedTensorVersioned.from_address(out.value)
    seen = describe_struct(struct)
    assert (seen["version"], seen["flags"], seen["dtype"]) == ((1, 3), abi.READ_ONLY, (2, 32, 1))
    assert seen["bytes"] == SIX
    del tensor
    gc.collect()
    assert ext.live() == live + 1
    assert describe_struct(struct)["bytes"] == SIX
    abi.Deleter(struct.deleter)(out.value)
    assert ext.live() == live


def test_x4_our_tensors_lent_by_table():
    tensor = ext.make(SIX, "float32", (2, 3))
    lent = abi.Tensor()
    assert function(BORROW)(id(tensor), ctypes.pointer(lent)) == 0
    shapes = [lent.shape[axis] for axis in range(lent.ndim)], [lent.strides[axis] for axis in range(2)]
    assert shapes == ([2, 3], [3, 1])
    assert ctypes.string_at(lent.data + lent.byte_offset, 24) == SIX


@pytest.mark.parametrize("thing", [7, "text", [1.0]])
def test_x4_other_objects_by_our_table(thing):
    out = ctypes.c_void_p(0xDEAD)
    with pytest.raises((TypeError, BufferError)):
        if function(FROM)(id(thing), ctypes.pointer(out)) == 0:
            pytest.fail("made a tensor of it")


def test_x5_our_table_makes_objects():
    tensor = Foreign(SIX)
    out = ctypes.c_void_p()
    assert function(TO)(tensor.address, ctypes.pointer(out)) == 0
    made = object_at(out.value)
    ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(("Py_DecRef", ctypes.pythonapi))(out.value)
    assert ext.to_bytes(made) == SIX
    assert tensor.deletes == 0
    del made
    gc.collect()
    assert tensor.deletes == 1


@pytest.mark.parametrize("fields", [{"version": (2, 0)}, {"ndim": -1}, {"shape": (-1, 3), "strides": (3, 1)}])
def test_x5_our_table_refuses_and_leaves_the_tensor_alone(fields):
    tensor = Foreign(SIX, **fields)
    out = ctypes.c_void_p(0xDEAD)
    with pytest.raises(BufferError):
        if function(TO)(tensor.address, ctypes.pointer(out)) == 0:
            pytest.fail("made an object of it")
    assert tensor.deletes <= 1


def test_x7_our_stream_on_the_processor_is_none():
    out = ctypes.c_void_p(0xDEAD)
    assert function("current_work_stream")(abi.CPU, 0, ctypes.pointer(out)) == 0
    assert out.value is None


def allocate(prototype, set_error=SetError(), context=None):
    out = ctypes.c_void_p(0xDEAD)
    code = Allocate(ours().managed_tensor_allocator)(
        ctypes.pointer(prototype), ctypes.pointer(out), context, set_error
    )
    return code, out.value


def prototype(shape=(2, 3), ndim=None, dtype=(2, 32, 1), device=(1, 0), null_shape=False):
    """A prototype whose other fields are garbage: an allocator uses dtype, ndim, shape and device alone."""
    made = abi.Tensor()
    ctypes.memset(ctypes.addressof(made), 0xA5, ctypes.sizeof(made))
    made.device = abi.Device(*device)
    made.dtype = abi.DataType(*dtype)
    made.ndim = len(shape) if ndim is None else ndim
    made.shape = (ctypes.c_int64 * max(len(shape), 1))(*shape)
    if null_shape:
        made.shape = None
    return made


def test_h138_our_allocator_uses_four_fields():
    code, out = allocate(prototype())
    assert code == 0
    struct = abi.ManagedTensorVersioned.from_address(out)
    seen = describe_struct(struct)
    assert (seen["shape"], seen["strides"], seen["dtype"]) == ((2, 3), (3, 1), (2, 32, 1))
    assert seen["data"] % 64 == 0
    ctypes.memset(seen["data"], 0x11, 24)
    abi.Deleter(struct.deleter)(out)


BAD_PROTOTYPES = {
    "ndim -1": {"ndim": -1},
    "size -1": {"shape": (2, -1)},
    "no shape": {"null_shape": True},
    "too large": {"shape": (1 << 40, 1 << 40)},
    "dtype": {"dtype": (2, 0, 1)},
    "device": {"device": (2, 0)},
    "dimensions": {"ndim": 2**31 - 1, "shape": (1,)},
}


@pytest.mark.parametrize("fields", BAD_PROTOTYPES.values(), ids=BAD_PROTOTYPES)
def test_h137_our_allocator_without_a_way_to_report(fields):
    code, _ = allocate(prototype(**fields))
    assert code == -1


@pytest.mark.parametrize("fields", BAD_PROTOTYPES.values(), ids=BAD_PROTOTYPES)
def test_h138_our_allocator_reports_once(fields):
    reports = []
    report = SetError(lambda context, kind, message: reports.append((context, kind, message)))
    code, _ = allocate(prototype(**fields), report, 0x77)
    assert code == -1
    [(context, kind, message)] = reports
    assert context == 0x77
    assert kind.decode() in ("BufferError", "MemoryError", "ValueError")
    assert message


def test_h138_our_allocator_makes_tensors_without_elements():
    for shape in [(0,), (3, 0), ()]:
        code, out = allocate(prototype(shape))
        assert code == 0
        struct = abi.ManagedTensorVersioned.from_address(out)
        assert describe_struct(struct)["shape"] == shape
        abi.Deleter(struct.deleter)(out)
