"""Code of Python that runs in the middle of an import or an export: what it changes, raises and handles."""

import sys

import dlpack_pyo3_tests as ext
import pytest

from kit import builds
from kit.process import run


def test_a_class_that_ends_while_it_is_looked_at():
    # What the class gives for a table takes the class away from its only object when it is let go of.
    script = """
        import weakref

        class Plain:
            def __dlpack__(self, **keywords):
                raise ValueError("plain")

        class Taker:
            def __del__(self):
                place[0].__class__ = Plain
                gc.collect()

        class Meta(type):
            def __getattr__(cls, name):
                if name == "__dlpack_c_exchange_api__":
                    return Taker()
                raise AttributeError(name)

        place = [Meta("Brief", (), {})()]
        brief = weakref.ref(type(place[0]))
        try:
            ext.describe(place[0])
        except ValueError as error:
            print(error)
        gc.collect()
        print(brief())
    """
    assert run(script) == "plain\nNone\n"


def test_a_class_that_ends_after_its_table_has_refused():
    # The second look at the table, after a refusal, takes the class away from its only object.
    script = """
        class Plain:
            def __dlpack__(self, **keywords):
                raise ValueError("plain")

        table = ext.Own.__dlpack_c_exchange_api__
        is_last = []

        class Meta(type):
            def __getattribute__(cls, name):
                if name == "__dlpack_c_exchange_api__" and is_last:
                    is_last.clear()
                    place[0].__class__ = Plain
                    del cls
                    gc.collect()
                    return table
                return type.__getattribute__(cls, name)

        class Brief(metaclass=Meta):
            __dlpack_c_exchange_api__ = table

            def __dlpack__(self, **keywords):
                raise ValueError("brief")

        place = [Brief()]
        del Brief
        for _ in range(2):
            try:
                ext.describe(place[0])
            except ValueError as error:
                print(error)
            is_last.append(True)
    """
    assert run(script) in ("brief\nplain\n", "brief\nbrief\n")


def test_a_class_that_ends_in_a_getter_to_which_it_is_passed():
    # A function in C that is a getter gets the class as it is: nobody else keeps it meanwhile.
    script = """
        import math, weakref

        class Plain(ext.Own):
            def __float__(self):
                return 1.0

        class Getter:
            __get__ = math.hypot

            def __float__(self):
                place[0].__class__ = Plain
                gc.collect()
                print(brief() is None)
                return 1.0

        for function in (ext.describe, ext.borrow):
            members = {"__module__": "paddle", "stop_gradient": Getter(), "dense": lambda self: True, "holds": lambda self: True}
            place = [type("Brief", (ext.Own, ext.PaddleBase), members)([1.0])]
            brief = weakref.ref(type(place[0]))
            try:
                function(place[0])
            except TypeError as error:
                print(error)
            gc.collect()
            print(brief() is None)
    """
    assert run(script) == "False\nmust be real number, not type\nTrue\n" * 2


class Refuses:
    """A producer that raises twice."""

    def __dlpack__(self, **keywords):
        raise TypeError("old" if not keywords else "new")


def test_a_generator_that_was_refused_handles_nothing_of_its_callers():
    def generator():
        try:
            ext.describe(Refuses())
        except TypeError as error:
            yield error
        yield sys.exc_info()[1]

    try:
        raise KeyError
    except KeyError:
        refused = generator()
        error = next(refused)
    assert isinstance(error.__context__, TypeError)
    assert next(refused) is None


def test_who_was_refused_in_an_except_block_is_in_it_still():
    try:
        raise KeyError
    except KeyError as outer:
        with pytest.raises(TypeError) as refused:
            ext.describe(Refuses())
        assert sys.exc_info()[1] is outer
        assert refused.value.__context__.__context__ is outer
    assert sys.exc_info()[1] is None


@pytest.mark.parametrize("keyword", ["max_version", "dl_device"])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError, ZeroDivisionError])
def test_what_the_length_of_a_value_raises_is_passed_on(keyword, kind):
    class Pair:
        def __len__(self):
            raise kind

        def __getitem__(self, index):
            return 1

    tensor = ext.make(bytes(4), "float32", (1,))
    with pytest.raises(kind):
        tensor.__dlpack__(**{keyword: Pair()})


def test_a_value_without_a_length_is_refused_by_name():
    class Items:
        def __getitem__(self, index):
            return 1

    tensor = ext.make(bytes(4), "float32", (1,))
    with pytest.raises(TypeError, match="expected None or a tuple of two numbers for max_version"):
        tensor.__dlpack__(max_version=Items())


@pytest.mark.library("torch")
def test_properties_of_pytorch_on_what_is_no_tensor_of_it():
    # The class says that it is PyTorch's, and has its properties. They are not called, since no class in C says so, too.
    script = """
        import torch

        base = torch._C.TensorBase
        names = ["requires_grad", "is_conj", "is_neg"]
        members = {"__module__": "torch", **{name: vars(base)[name] for name in names}}
        false = type("Tensor", (ext.Own,), members)([1.0, 2.0])
        for attempt in range(2):
            print(ext.describe(false)["data"] == false.address)
    """
    assert run(script) == "True\nTrue\n"


@pytest.mark.library("torch")
def test_a_tensor_that_moves_when_it_is_asked_whether_it_may_be_borrowed():
    import torch

    class Moves(torch.Tensor):
        __torch_function__ = torch._C._disabled_torch_function_impl

        @property
        def requires_grad(self):
            self.resize_(self.numel() + 1000)
            return False

    tensor = torch.zeros(3).as_subclass(Moves)
    for attempt in range(2):  # The type is not known at first.
        seen = ext.borrow(tensor)
    assert seen["shape"] == tuple(tensor.shape) == (2003,)
    assert seen["data"] == tensor.data_ptr()


@pytest.mark.library("torch")
def test_a_tensor_that_a_mode_of_pytorch_moves_when_it_is_asked():
    import torch
    from torch.overrides import TorchFunctionMode

    class Moves(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            torch.Tensor.resize_(args[0], args[0].numel() + 100_000)
            return func(*args, **(kwargs or {}))

    tensor = torch.zeros(3)
    for attempt in range(2):
        ext.borrow(tensor)
    with Moves():
        seen = ext.borrow(tensor)
    assert seen["shape"] == tuple(tensor.shape) > (100_000,)
    assert seen["data"] == tensor.data_ptr()


@pytest.mark.library("torch")
def test_a_tensor_whose_class_begins_to_move_it_when_it_is_asked():
    import torch

    class Late(torch.Tensor):
        __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def moves(cls, func, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            args[0].resize_(args[0].numel() + 100_000)
            return func(*args, **(kwargs or {}))

    tensor = torch.zeros(3).as_subclass(Late)
    for attempt in range(2):
        ext.borrow(tensor)
    Late.__torch_function__ = moves
    seen = ext.borrow(tensor)
    with torch._C.DisableTorchFunctionSubclass():
        assert seen["shape"] == tuple(tensor.shape)
        assert seen["data"] == tensor.data_ptr()
    assert seen["shape"][0] > 100_000


@pytest.mark.library("torch")
@pytest.mark.parametrize("where", ["mode", "mode, elsewhere", "default device, elsewhere", "subclass, elsewhere"])
def test_a_tensor_that_gets_other_memory_before_it_is_read(where):
    """PyTorch is asked first and the tensor borrowed afterwards: what a question runs may give it other memory."""
    import threading

    import torch
    from torch.overrides import TorchFunctionMode

    elsewhere = "elsewhere" in where
    tensor = torch.ones(1 << 22)
    moved = []

    def move(function):
        """What another thread may do in the meantime, at each question."""
        moved.append(function.__name__)
        with torch._C.DisableTorchFunction():
            fresh = torch.full((1000 + len(moved),), 2.0)
            change = lambda: tensor.set_(fresh)
            if elsewhere:
                thread = threading.Thread(target=change)
                thread.start()
                thread.join()
            else:
                change()

    class Moves(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            move(function)
            return function(*args, **(kwargs or {}))

    class Late(torch.Tensor):
        __torch_function__ = torch._C._disabled_torch_function_impl

    if where.startswith("subclass"):
        tensor = tensor.as_subclass(Late)
    for attempt in range(2):  # From the second time on, the class is known, and its tensors are borrowed.
        ext.borrowed_sum(tensor)
    if where.startswith("mode"):
        with Moves():
            total, address = ext.borrowed_sum(tensor)
    elif where.startswith("default device"):
        with torch.device("cpu"), Moves():
            total, address = ext.borrowed_sum(tensor)
    else:

        @classmethod
        def function(cls, function, types, args=(), kwargs=None):
            move(function)
            with torch._C.DisableTorchFunctionSubclass():
                return function(*args, **(kwargs or {}))

        Late.__torch_function__ = function
        total, address = ext.borrowed_sum(tensor)
        del Late.__torch_function__
    assert moved
    assert total == 2 * (1000 + len(moved))
    with torch._C.DisableTorchFunction():
        assert address == tensor.data_ptr()


@pytest.mark.library("numpy")
@pytest.mark.skipif(builds.FREE_THREADED, reason="NumPy's own capsule has one reference, which its `resize` takes for the caller's")
def test_numpy_does_not_resize_an_array_that_is_kept():
    """NumPy takes one reference besides that of the call for nobody's."""
    import numpy

    for keep in (ext.hold, lambda array: ext.hold(array).export(), ext.Holder):
        places = [numpy.ones(1 << 16, "f4")]
        held = keep(places[0])
        with pytest.raises(ValueError, match="refcheck|references"):
            places.pop().resize(4)
        if keep is ext.hold:
            assert held.to_bytes() == numpy.ones(1 << 16, "f4").tobytes()
        count = sys.getrefcount(array := numpy.ones(4))
        held = keep(array)
        assert sys.getrefcount(array) == count + 2
        del held
        assert sys.getrefcount(array) == count
        array.resize(8, refcheck=sys.version_info < (3, 14))
