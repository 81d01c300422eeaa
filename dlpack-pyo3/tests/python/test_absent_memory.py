"""Tensors without memory, and numbers that are not what they seem: no route hands them on, in or out."""

import ctypes
import importlib.util
import sys
import types
import warnings
import weakref

import dlpack_pyo3_tests as ext
import pytest

from kit import abi, capsules
from kit.exchange import FUNCTIONS, Table, type_for
from kit.foreign import Foreign
from kit.process import run, run_at_fixed_address

NEW = {"max_version": (1, 3)}
# The ways in: an argument, a borrow, a tensor that is kept, one that is asked for with options, one in another's hands.
WAYS_IN = {
    "argument": ext.describe,
    "borrow": ext.borrow,
    "hold": ext.hold,
    "options": lambda tensor: ext.describe(tensor, copy=False),
    "copy": lambda tensor: ext.hold(tensor, copy=True),
    "bytes": ext.to_bytes,
    "export": lambda tensor: ext.hold(tensor).export(),
}


@pytest.fixture(scope="module")
def torch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        import torch.masked
    return torch


def resized(torch):
    tensor = torch.ones(10)
    tensor.untyped_storage().resize_(0)
    return tensor


def fake(torch):
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        return torch.ones(10)


def masked(torch):
    return torch.masked.masked_tensor(torch.arange(10.0), torch.arange(10) % 2 == 0)


class PassesOn:
    def __init__(self, behind):
        self._behind = behind

    def __getattr__(self, name):
        return getattr(self._behind, name)


# Objects that are no tensors of PyTorch, and answer as one.
STAND_INS = {
    "weak proxy": weakref.proxy,
    "attributes": lambda it: types.SimpleNamespace(__dlpack__=it.__dlpack__, __dlpack_device__=it.__dlpack_device__),
    "wrapper": PassesOn,
    "class": lambda it: type("A", (), {"__dlpack__": it.__dlpack__, "__dlpack_device__": it.__dlpack_device__})(),
}

WITHOUT_MEMORY = {
    "zeros": lambda torch: torch._efficientzerotensor(10),
    "zeros, sliced": lambda torch: torch._efficientzerotensor(10)[2:],
    "zeros of integers, sliced": lambda torch: torch._efficientzerotensor(10, dtype=torch.int32)[2:],
    "zeros, far": lambda torch: torch._efficientzerotensor(4_000_000)[2_000_000:],
    "zeros, further": lambda torch: torch._efficientzerotensor(1 << 40)[1 << 33 :][:4],
    "zeros, where programs may be": lambda torch: torch._efficientzerotensor(1 << 45)[1 << 44 :][:4],
    "zeros, beyond addresses": lambda torch: torch._efficientzerotensor(1 << 46)[1 << 45 :][:4],
    "resized": resized,
    "fake": fake,
    "fake, sliced": lambda torch: fake(torch)[1:],
    "masked": masked,
    "masked, sliced": lambda torch: masked(torch)[1:],
}


@pytest.mark.library("torch")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", WAYS_IN)
@pytest.mark.parametrize("kind", WITHOUT_MEMORY)
def test_tensors_of_torch_without_memory(torch, kind, way):
    tensor = WITHOUT_MEMORY[kind](torch)
    for attempt in range(2):  # The second time, the class is known.
        with pytest.raises(BufferError, match="expected a tensor with memory, .*clone"):
            WAYS_IN[way](tensor)


@pytest.mark.library("torch")
@pytest.mark.parametrize("keywords", [["stream", "max_version"], ["stream"], []])
def test_what_is_copied_here_has_memory(torch, keywords):
    """The producer copies nothing: it does not know the keyword, or overlooks it and answers in the legacy ABI."""

    def answer(self, **given):
        if keywords and set(given) - set(keywords):
            raise TypeError("unexpected keyword")
        return torch.Tensor.__dlpack__(self, **{name: given[name] for name in keywords if name in given})

    tensor = torch.arange(100)[2:].as_subclass(type("Older", (torch.Tensor,), {"__dlpack__": answer}))
    assert ext.hold(tensor, copy=True).describe()["shape"] == (98,)
    assert ext.hold(tensor[:0], copy=True).describe()["shape"] == (0,)
    tensor.untyped_storage().resize_(0)
    with pytest.raises(BufferError, match="expected a tensor with memory, .*clone"):
        ext.hold(tensor, copy=True)
    assert ext.hold(tensor[:0], copy=True).describe()["shape"] == (0,)


@pytest.mark.library("torch")
@pytest.mark.parametrize("cut", [slice(None), slice(1, None)])
def test_tensors_of_transforms_without_memory(torch, cut):
    seen = []

    def look(tensor):
        for way in (ext.describe, ext.borrow, ext.hold):
            with pytest.raises(Exception) as refused:
                way(tensor[cut])
            seen.append(refused.type)
        return tensor * 2

    torch.func.functionalize(look)(torch.ones(3))
    assert seen == [BufferError] * 3
    torch.func.vmap(look)(torch.ones(2, 3))
    torch.func.jvp(look, (torch.ones(3),), (torch.ones(3),))
    torch.func.grad(lambda tensor: look(tensor).sum())(torch.ones(3))
    assert len(seen) == 12


@pytest.mark.library("torch")
def test_what_has_memory_is_confirmed_once_if_its_address_is_odd(torch):
    # Memory at an address that a program chose, where storages usually are not.
    import mmap

    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    address = libc.mmap(0x2_3456_0000, 4096, mmap.PROT_READ | mmap.PROT_WRITE, private, -1, 0)
    if not address or address > 1 << 40:
        pytest.skip("the system puts memory elsewhere")
    tensor = torch.frombuffer((ctypes.c_char * 64).from_address(address), dtype=torch.float32)
    asked = []

    class Noting(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            asked.append(function.__name__)
            return function(*args, **(kwargs or {}))

    for way in (ext.describe, ext.borrow, ext.hold):
        with Noting():
            way(tensor)
    assert asked.count("untyped_storage") <= 1
    assert ext.describe(tensor)["data"] == address
    # What was found out about one address says nothing about its neighbours, nor about those of PyTorch's own storages.
    for other in (address + 64, address + 4096, torch.ones(1).data_ptr() ^ (1 << 40)):
        absent = torch._efficientzerotensor(1 << 46)[other // 4 :][:4]
        assert absent.data_ptr() == other
        for way in (ext.describe, ext.borrow, ext.hold):
            with pytest.raises(BufferError, match="expected a tensor with memory"):
                way(absent)


# For scripts, in which no address has been confirmed.
ABSENT = """
        import torch

        absent = torch.zeros(10)[2:]
        absent.untyped_storage().resize_(0)
        assert absent.data_ptr() == 8

        def refuses_absent(way):
            try:
                way(absent)
            except BufferError:
                return True
"""


@pytest.mark.library("torch")
@pytest.mark.parametrize("kind", ["class", "object"])
def test_a_tensor_that_lies_about_its_address_speaks_for_no_other(kind):
    """In a process of its own, in which no address has been confirmed."""
    script = f"""
        class Lying(torch.Tensor):
            def data_ptr(self):
                return 8

        lying = torch.zeros(4)
        if {kind == "class"}:
            lying = lying.as_subclass(Lying)
        else:
            lying.data_ptr = lambda: 8
        address = torch.Tensor.data_ptr(lying)
        for way in (ext.describe, ext.borrow, ext.hold):
            way(lying)
        assert ext.describe(lying)["data"] == address
        assert all([refuses_absent(way) for way in (ext.describe, ext.borrow, ext.hold)])
        print("refused")
    """
    assert run(ABSENT + script) == "refused\n"


@pytest.mark.library("torch")
@pytest.mark.parametrize("kind", ["class", "object", "storage", "function"])
def test_a_tensor_without_memory_that_lies_about_its_storage(kind):
    """
    PyTorch itself is asked, whatever methods the tensor, its class and its storage have, and whoever answers for it.
    """
    script = f"""
        import torch

        class Storage:
            def data_ptr(self):
                return 1

        class Lying(torch.Tensor):
            def untyped_storage(self):
                return Storage()

            def data_ptr(self):
                return 8

        class Answering(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                if function.__name__ in ("untyped_storage", "data_ptr"):
                    return getattr(Lying, function.__name__)(args[0])
                return super().__torch_function__(function, types, args, kwargs)

        absent, lying = torch.zeros(10)[2:], torch.zeros(10)[2:]
        for tensor in (absent, lying):
            storage = tensor.untyped_storage()
            storage.resize_(0)
            assert tensor.data_ptr() == 8
        if "{kind}" == "class":
            lying = lying.as_subclass(Lying)
        elif "{kind}" == "function":
            lying = lying.as_subclass(Answering)
        elif "{kind}" == "object":
            lying.untyped_storage, lying.data_ptr = Storage, lambda: 8
        else:
            storage.data_ptr = lambda: 1
            assert lying.untyped_storage().data_ptr() == 1
        for tensor in (lying, absent):
            for way in (ext.describe, ext.borrow, ext.hold):
                try:
                    way(tensor)
                except BufferError:
                    continue
                raise AssertionError(way)
        print("refused")
    """
    assert run(script) == "refused\n"


@pytest.mark.library("torch")
@pytest.mark.parametrize("kind", ["mode", "class that begins to"])
def test_who_answers_for_pytorch_speaks_for_no_other_tensor(kind):
    script = f"""
        from torch.overrides import TorchFunctionMode

        class Storage:
            def data_ptr(self):
                return 1

        def answer(function, args, kwargs):
            if function.__name__ == "untyped_storage":
                return Storage()
            return 8 if function.__name__ == "data_ptr" else function(*args, **(kwargs or {{}}))

        class Lying(TorchFunctionMode):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                return answer(function, args, kwargs)

        @classmethod
        def late(cls, function, types, args=(), kwargs=None):
            with torch._C.DisableTorchFunctionSubclass():
                return answer(function, args, kwargs)

        class Late(torch.Tensor):
            @property
            def requires_grad(self):
                Late.__torch_function__ = late
                return False

        lying = torch.zeros(10)[2:]
        lying.untyped_storage().resize_(0)
        for way in (ext.describe, ext.borrow, ext.hold):
            for attempt in range(2):
                Late.__torch_function__ = torch._C._disabled_torch_function_impl
                try:
                    if "{kind}" == "mode":
                        with Lying():
                            way(lying)
                    else:
                        way(lying.as_subclass(Late))
                except BufferError:
                    assert refuses_absent(way)
        print("refused")
    """
    assert run(ABSENT + script) == "refused\n"


@pytest.mark.library("torch")
def test_a_class_in_the_place_of_pytorchs_speaks_for_no_tensor_of_pytorch():
    script = """
        Tensor = torch.Tensor

        class Storage:
            def data_ptr(self):
                return 1

        class Pretending(ext.Own):
            __module__ = "torch"
            __dlpack_c_exchange_api__ = ext.Own.__dlpack_c_exchange_api__
            # The table is not used then, and `__dlpack__` is asked.
            requires_grad = property(lambda self: True)

            def is_neg(self):
                return False

            is_conj = is_neg

            def untyped_storage(self):
                return Storage()

            def data_ptr(self):
                return 8

            def __dlpack__(self, **given):
                return Tensor.__dlpack__(absent, **given)

        for way in (ext.describe, ext.borrow, ext.hold):
            torch.Tensor = Pretending
            assert ext.describe(Pretending([1.0]))["data"] == 8
            torch.Tensor = Tensor
            assert refuses_absent(way)
        print("refused")
    """
    assert run(ABSENT + script) == "refused\n"


def test_the_base_of_all_classes_in_the_place_of_pytorchs(monkeypatch):
    """It has no base itself that could be looked at."""

    class Pretending(ext.Own):
        __module__ = "torch"
        __dlpack_c_exchange_api__ = ext.Own.__dlpack_c_exchange_api__

        def untyped_storage(self):
            return self

        def data_ptr(self):
            return 8

    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(Tensor=object))
    for way in (ext.describe, ext.borrow):
        assert way(Pretending([1.0]))["shape"] == (1,)


@pytest.mark.library("torch")
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not link programs to fixed addresses")
def test_a_program_that_is_linked_to_a_fixed_address(tmp_path):
    """Its heap is where offsets from a null pointer may lead, and no address is known to have memory."""
    script = """
        import torch

        class Passing(torch.Tensor):
            def __dlpack__(self, **keywords):
                return self.other.__dlpack__(**keywords)

        def tensors():
            return [torch.arange(3.0) for _ in range(5)]

        if max(tensor.data_ptr() for tensor in tensors()) >= 1 << 32:
            print("elsewhere")
            sys.exit()
        for way in [ext.describe, lambda tensor: ext.describe(tensor, copy=False)]:
            for tensor in tensors():
                passing = torch.zeros(3).as_subclass(Passing)
                passing.other = tensor
                for given in (passing, tensor):
                    assert way(given)["data"] == tensor.data_ptr()
        for tensor in tensors():
            passing = torch.zeros(3).as_subclass(Passing)
            passing.other = tensor
            for given in (passing, tensor):
                assert ext.describe(given, copy=True)["data"] not in (0, tensor.data_ptr())
        absent = torch.arange(100)[2:]
        absent.untyped_storage().resize_(0)
        for keywords in ({}, {"copy": True}, {"copy": False}):
            try:
                ext.describe(absent, **keywords)
            except BufferError:
                continue
            raise AssertionError(keywords)
        print("done")
    """
    found = run_at_fixed_address(script, tmp_path)
    if found in (None, "elsewhere\n"):
        pytest.skip("needs the library of Python, and a heap that follows the program")
    assert found == "done\n"


@pytest.mark.library("torch")
def test_memory_that_is_moved_at_collections_of_garbage():
    """No class and no mode answers for PyTorch, but other code runs: no memory is freed, and each answer is true when it is given."""
    script = """
        import random
        import torch

        chance = random.Random(0)
        absent, present = torch.arange(100)[2:], torch.arange(100)[3:]
        absent.untyped_storage().resize_(0)
        moving = torch.arange(100)[2:]
        is_moving = False

        def move(*_):
            if is_moving:
                moving.data = chance.choice([absent, present])

        gc.callbacks.append(move)
        gc.set_threshold(1)
        for way in [ext.describe, ext.hold, ext.borrow, lambda tensor: ext.describe(tensor, copy=False)] * 1000:
            moving.data, is_moving = absent, True
            try:
                found = way(moving)
            except BufferError:
                continue
            finally:
                is_moving = False
            found = found if isinstance(found, dict) else found.describe()
            assert found["data"] > 4096, found
        print("refused")
    """
    assert run(script) == "refused\n"


@pytest.mark.library("torch")
@pytest.mark.skipif(sys.platform != "linux", reason="maps memory at an address that programs hardly have")
def test_no_memory_for_a_question_leaves_pytorch_as_it_was():
    """Neither classes nor modes answer for PyTorch while it is asked, and they do afterwards."""
    if importlib.util.find_spec("_testcapi") is None:
        pytest.skip("this Python has no _testcapi")
    script = """
        import ctypes
        import _testcapi
        import numpy
        import torch

        class Intercepting(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                return "intercepted"

        libc = ctypes.CDLL(None)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        # Private and anonymous, to be read and written. At each of these addresses, there may be none for all that is known.
        start = libc.mmap(0x2000_0000, 1 << 20, 3, 0x22, -1, 0)
        places = [(ctypes.c_float * 8).from_address(start + 64 * i) for i in range(150)]
        tensors = [torch.from_numpy(numpy.frombuffer(place, "f4")) for place in places]
        ext.hold(tensors.pop())
        intercepting = torch.zeros(2).as_subclass(Intercepting)
        failed = 0
        for skip, tensor in enumerate(tensors):
            _testcapi.set_nomemory(skip, skip + 1)
            try:
                ext.hold(tensor)
            except (MemoryError, BufferError):
                failed += 1
            _testcapi.remove_mem_hooks()
            assert intercepting.sum() == "intercepted", skip
        assert failed, hex(start)
        print("asked")
    """
    assert run(script) == "asked\n"


CLASSES_THAT_PRETEND = {
    "of TVM FFI": """
        class Pretending(torch.Tensor):
            __module__ = "tvm_ffi"
    """,
    "of Paddle": """
        class Pretending(torch.Tensor):
            __module__ = "paddle"
            stop_gradient = property(lambda self: True)
    """,
    "that cannot name its module": """
        class Meta(type(torch.Tensor)):
            __module__ = property(lambda cls: 1 / 0)

        class Pretending(torch.Tensor, metaclass=Meta):
            pass
    """,
    "that cannot name its methods": """
        class Meta(type(torch.Tensor)):
            __dlpack__ = property(lambda cls: 1 / 0)

        class Pretending(torch.Tensor, metaclass=Meta):
            def __dlpack__(self, **keywords):
                return super().__dlpack__(**keywords)
    """,
    "that names other methods": """
        class Meta(type(torch.Tensor)):
            is_neg = is_conj = torch.Tensor.is_inference

        class Pretending(torch.Tensor, metaclass=Meta):
            pass
    """,
    "of a storage that lies": """
        class Storage(torch.UntypedStorage):
            def data_ptr(self):
                return 1

        class Pretending(torch.Tensor):
            pass

        for tensor in (lying, absent):
            tensor.untyped_storage().__class__ = Storage
    """,
    "that names itself as PyTorch does": """
        class Pretending(torch.Tensor):
            __module__ = "torch"
            __torch_function__ = classmethod(answer)

        Pretending.__name__ = "Tensor"
    """,
    "that hides what it has": """
        class Meta(type(torch.Tensor)):
            __dict__ = property(lambda cls: {})

        class Pretending(torch.Tensor, metaclass=Meta):
            __torch_function__ = classmethod(answer)
    """,
    "of another order": """
        class Meta(type(torch.Tensor)):
            def mro(cls):
                return [cls, torch._C.TensorBase, torch.Tensor, object]

        class Pretending(torch.Tensor, metaclass=Meta):
            __torch_function__ = classmethod(answer)
    """,
}


@pytest.mark.library("torch")
@pytest.mark.parametrize("kind", CLASSES_THAT_PRETEND)
def test_a_class_that_pretends_to_be_another(kind):
    """
    PyTorch's own class in C, which each class of tensors is derived from, says what it is, whatever a class and its metaclass say.
    A class that answers for PyTorch is believed of its own objects at most.
    """
    start = """
        import torch

        def answer(cls, function, types, args=(), kwargs=None):
            if function.__name__ == "untyped_storage":
                return torch.zeros(1).untyped_storage()
            if function.__name__ == "data_ptr":
                return 8
            return torch.Tensor.__torch_function__.__func__(cls, function, types, args, kwargs or {})

        conjugated = torch.tensor([1 + 2j]).conj()
        absent, lying = torch.zeros(10)[2:], torch.zeros(10)[2:]
        for tensor in (absent, lying):
            tensor.untyped_storage().resize_(0)
            assert tensor.data_ptr() == 8
    """
    end = f"""
        lying = lying.as_subclass(Pretending)
        assert isinstance(lying, torch.Tensor) and lying.is_conj() is False
        for tensor in (lying, absent, conjugated.as_subclass(Pretending)):
            for way in (ext.describe, ext.borrow, ext.hold):
                try:
                    way(tensor)
                except BufferError:
                    continue
                if "answer" not in {CLASSES_THAT_PRETEND[kind]!r} or tensor is absent:
                    raise AssertionError(way, tensor is absent, tensor is lying)
        print("refused")
    """
    assert run(start + CLASSES_THAT_PRETEND[kind] + end) == "refused\n"


WAYS_OF_HIDDEN = {
    "table": "__dlpack_c_exchange_api__ = torch.Tensor.__dlpack_c_exchange_api__",
    "method": "__dlpack__ = lambda self, **keywords: absent.__dlpack__(**keywords)",
}


@pytest.mark.library("torch")
@pytest.mark.parametrize("way", WAYS_OF_HIDDEN)
def test_a_class_without_those_of_pytorch_in_its_order(way):
    """A metaclass may leave the classes of PyTorch out. The objects are tensors of PyTorch nevertheless."""
    script = f"""
        import torch

        hidden = False

        class Meta(type(torch.Tensor)):
            def mro(cls):
                return [cls, object] if hidden else super().mro()

        class Other(torch.Tensor):
            pass

        class Hidden(torch.Tensor, metaclass=Meta):
            __class__ = property(lambda self: torch.Tensor)
            {WAYS_OF_HIDDEN[way]}

            def __dlpack_device__(self):
                return (1, 0)

        absent = torch.zeros(10)[2:]
        alias = absent.as_subclass(Other)
        absent.untyped_storage().resize_(0)
        object.__dict__["__class__"].__set__(alias, Hidden)
        hidden = True
        Hidden.__bases__ = (Other,)
        assert type(alias).__mro__ == (Hidden, object)
        for way in (ext.describe, ext.borrow, ext.hold, ext.describe):
            try:
                print(way(alias))
            except (BufferError, TypeError):
                pass
    """
    assert run(script) == ""


def denying(base, *, once=False):
    """Returns a class derived from another one, which says that it has no `__dlpack__`, as its objects do when they are asked first."""
    denied = {"__dlpack__", "__dlpack_c_exchange_api__"}

    class Meta(type(base)):
        def __getattribute__(cls, name):
            if name in denied:
                raise AttributeError(name)
            return super().__getattribute__(name)

    class Denying(base, metaclass=Meta):
        def __getattribute__(self, name):
            if once and name == "__dlpack__" and not asked:
                asked.append(name)
                raise AttributeError(name)
            return super().__getattribute__(name)

    asked = []
    return Denying


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("way", [ext.describe, ext.borrow, ext.hold])
@pytest.mark.library("torch")
def test_a_class_of_pytorch_that_says_that_it_has_no_method(torch, once, way):
    absent = torch.ones(10)[2:].as_subclass(denying(torch.Tensor, once=once))
    torch.Tensor.untyped_storage(absent).resize_(0)
    with pytest.raises(BufferError, match="expected a tensor with memory"):
        way(absent)
    negated = torch.tensor([1 + 2j]).conj().imag.as_subclass(denying(torch.Tensor, once=once))
    with pytest.raises(BufferError, match="expected a tensor without the negative bit"):
        way(negated)


@pytest.mark.library("numpy")
def test_a_masked_array_of_a_class_that_says_that_it_has_no_method():
    import numpy as np

    array = denying(np.ma.MaskedArray)([1.0, 2.0], mask=[True, False])
    with pytest.raises(BufferError, match="masked elements"):
        ext.describe(array)


@pytest.mark.library("torch")
def test_tensors_that_pass_others_on_are_asked_a_few_times():
    """In a process where no address is known to have memory: each names another one than that of its own elements."""
    script = """
        import torch

        class Passing(torch.Tensor):
            def __dlpack__(self, **given):
                asked.append(self)
                return ext.hold(self.other).export().__dlpack__(**given)

        asked, first = [], make()
        last = first
        for _ in range(10):
            passing = torch.zeros(8).as_subclass(Passing)
            passing.other, last = last, passing
        assert ext.describe(last)["data"] == ext.describe(first)["data"]
        print(len(asked) < 100 or len(asked))
    """
    assert run(script) == "True\n"


@pytest.mark.library("torch")
def test_tensors_without_elements_need_no_memory(torch):
    for tensor in (torch.zeros(0), torch.zeros(2, 0), torch._efficientzerotensor(10)[10:]):
        assert ext.describe(tensor)["numel"] == 0
        assert ext.to_bytes(tensor) == b""
        assert ext.hold(tensor).export().tolist() in ([], [[], []])


def data(torch, tensor):
    """A tensor that gets the numbers of another one, with their bit, by an assignment."""
    changed = torch.zeros_like(tensor)
    changed.data = tensor
    return changed


def inference(torch):
    with torch.inference_mode():
        return torch._neg_view(torch.ones(2, 2))


def imaginary(torch):
    return torch.tensor([1 + 2j, 3 + 4j, 5 + 6j, 7 + 8j]).conj().imag


NEGATED = {
    "strided": lambda torch: torch._neg_view(torch.ones(2, 4)[:, ::2]),
    "complex": lambda torch: torch._neg_view(torch.ones(3, dtype=torch.complex64)),
    "complex, conjugated": lambda torch: torch._neg_view(torch.ones(3, dtype=torch.complex64).conj()),
    "imaginary parts": imaginary,
    "imaginary part": lambda torch: imaginary(torch)[1],
    "dense": lambda torch: torch._neg_view(torch.ones(2, 2)),
    "dense, in columns": lambda torch: torch._neg_view(torch.ones(2, 3)).t(),
    "no axes": lambda torch: torch._neg_view(torch.tensor(1.0)),
    "one element": lambda torch: torch._neg_view(torch.ones(1, 1)),
    "no elements": lambda torch: torch._neg_view(torch.ones(0)),
    "float64": lambda torch: torch._neg_view(torch.ones(3, dtype=torch.float64)),
    "bfloat16": lambda torch: torch._neg_view(torch.ones(3, dtype=torch.bfloat16)),
    "int32": lambda torch: torch._neg_view(torch.ones(2, 2, dtype=torch.int32)),
    "uint8": lambda torch: torch._neg_view(torch.ones(2, 2, dtype=torch.uint8)),
    "as_strided": lambda torch: imaginary(torch).as_strided((4,), (1,)),
    "as_strided, even": lambda torch: imaginary(torch).as_strided((2,), (2,)),
    "resize_": lambda torch: imaginary(torch).resize_(3),
    "data": lambda torch: torch._neg_view(torch.ones(2, 2)).data,
    "data, assigned": lambda torch: data(torch, torch._neg_view(torch.ones(2, 2))),
    "detach": lambda torch: torch._neg_view(torch.ones(2, 2)).detach(),
    "gradient": lambda torch: torch._neg_view(torch.ones(2, 2)).requires_grad_(),
    "inference": inference,
    "parameter": lambda torch: torch.nn.Parameter(torch._neg_view(torch.ones(2, 2)), requires_grad=False),
}
WAYS_OF_NEGATED = {
    **WAYS_IN,
    "no copy": lambda tensor: ext.hold(tensor, copy=False),
    "device": lambda tensor: ext.describe(tensor, device=(1, 0)),
    "sum": lambda tensor: ext.borrowed_sum(tensor),
}


@pytest.mark.library("torch")
@pytest.mark.parametrize("way", WAYS_OF_NEGATED)
@pytest.mark.parametrize("kind", NEGATED)
def test_negated_tensors_of_torch(torch, kind, way):
    tensor = NEGATED[kind](torch)
    assert tensor.is_neg()
    take = WAYS_OF_NEGATED[way]
    for attempt in range(2):
        with pytest.raises(BufferError, match="found one whose elements are to be negated: use .*resolve_neg"):
            take(tensor)
    # What helps is the call that the refusal names.
    plain = tensor.detach().resolve_neg().resolve_conj()
    if way != "sum" or plain.dtype == torch.float32:
        take(plain)


@pytest.mark.library("torch")
def test_negated_tensors_have_the_wrong_sign_in_a_capsule_of_torch(torch):
    """What is wrong with PyTorch's own `__dlpack__`. The capsule does not tell; this is what SAFETY.md says."""
    negated = torch._neg_view(torch.ones(2, 2))
    assert negated.tolist() == [[-1.0, -1.0], [-1.0, -1.0]]
    assert torch.from_dlpack(negated).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert ext.hold(negated.__dlpack__()).export().tolist() == [[1.0, 1.0], [1.0, 1.0]]


@pytest.mark.library("torch")
@pytest.mark.parametrize("dtype", ["bool", "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e8m0fnu"])
@pytest.mark.parametrize("way", [way for way in WAYS_OF_NEGATED if way != "sum"])
def test_tensors_with_the_bit_that_torch_cannot_negate(torch, dtype, way):
    """PyTorch sets the bit whatever the dtype, and can then read no element."""
    plain = torch.zeros(3, dtype=getattr(torch, dtype))
    with pytest.raises(RuntimeError, match="not implemented"):
        torch._neg_view(plain).resolve_neg()
    with pytest.raises(BufferError, match="resolve_neg"):
        WAYS_OF_NEGATED[way](torch._neg_view(plain))
    WAYS_OF_NEGATED[way](plain)


@pytest.mark.library("torch")
def test_a_tensor_that_becomes_another_one_while_it_is_asked(torch):
    """Numbers of another kind may have to be conjugated, about which the first ones raised no question."""
    seen = []

    class Changing(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            seen.append(function.__name__)
            if function.__name__ == "data_ptr":
                return 8
            if function.__name__ == "untyped_storage":
                with torch._C.DisableTorchFunction():
                    tensor.data = torch.ones(2, dtype=torch.complex64)
            return function(*args, **(kwargs or {}))

    tensor = torch.zeros(4)[2:]
    tensor.untyped_storage().resize_(0)
    ext.borrow(torch.ones(2))  # There is memory near this address.
    with Changing():
        assert ext.borrow(tensor)["dtype"] == "complex64"
    assert "is_conj" in seen


@pytest.mark.library("torch")
def test_a_tensor_that_gets_memory_while_it_is_asked(torch):
    """What its `__dlpack__` has given before is not taken."""

    class Changing(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            if function.__name__ == "untyped_storage":
                with torch._C.DisableTorchFunction():
                    tensor.data = torch.ones(2)
            return function(*args, **(kwargs or {}))

    class Own(torch.Tensor):
        def __dlpack__(self, **given):
            return super().__dlpack__(**given)

    for _ in range(2):
        tensor = torch.zeros(4)[2:].as_subclass(Own)
        tensor.untyped_storage().resize_(0)
        with Changing():
            held = ext.hold(tensor)
        assert held.describe()["data"] == tensor.data_ptr() != 8
        assert held.to_bytes() == bytes(torch.ones(2).numpy())


@pytest.mark.library("torch")
def test_a_tensor_that_loses_its_memory_before_it_is_asked_again():
    """A question moves the memory, in a process where no address is known to have any. All answers are true."""
    script = """
        import torch

        class Losing(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                asked.append(function.__name__)
                with torch._C.DisableTorchFunction():
                    if asked[-1] == "data_ptr" and asked.count("data_ptr") == 1:
                        args[0].set_(torch.arange(100)[5:])
                    if asked[-1] == "__dlpack__" and asked.count("__dlpack__") == 2:
                        args[0].untyped_storage().resize_(0)
                    return function(*args, **(kwargs or {}))

        for _ in range(2):
            asked = []
            tensor = torch.arange(100)[2:].as_subclass(Losing)
            try:
                ext.to_bytes(tensor)
            except BufferError as error:
                print(str(error)[:29])
    """
    assert run(script) == "expected a tensor with memory\n" * 2


@pytest.mark.library("torch")
@pytest.mark.parametrize("kind", ["class", "mode"])
@pytest.mark.parametrize("copy", [None, True])
def test_a_tensor_that_has_memory_for_one_question_only(kind, copy):
    """Its storage is asked when it has memory, and its address when it has none. All answers are true."""
    script = f"""
        import torch

        absent = torch.arange(100)[2:]
        kept = absent.untyped_storage()
        kept.resize_(0)

        def change(function, args, kwargs):
            with torch._C.DisableTorchFunction():
                if function.__name__ == "untyped_storage":
                    args[0].data = torch.arange(100)[2:]
                elif function.__name__ == "data_ptr":
                    args[0].data = absent
                return function(*args, **(kwargs or {{}}))

        class Changing(torch.overrides.TorchFunctionMode):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                return change(function, args, kwargs)

        class Older(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                return change(function, args, kwargs)

            def __dlpack__(self, *, stream=None, max_version=None):
                with torch._C.DisableTorchFunction():
                    return torch.Tensor.__dlpack__(self, max_version=max_version)

        for _ in range(2):
            tensor = torch.zeros(98, dtype=torch.int64)
            tensor.data = absent
            try:
                if "{kind}" == "mode":
                    with Changing():
                        ext.hold(tensor, copy={copy}).to_bytes()
                else:
                    ext.hold(tensor.as_subclass(Older), copy={copy}).to_bytes()
            except BufferError as error:
                print(str(error)[:29])
    """
    assert run(script) == "expected a tensor with memory\n" * 2


@pytest.mark.library("torch")
@pytest.mark.parametrize("step", ["__dlpack_device__", "is_neg"])
def test_what_is_copied_here_loses_its_memory_before(step):
    """The producer does not know the keyword, and the object is asked for its device once more then."""
    script = f"""
        import torch

        absent = torch.arange(100)[2:]
        kept = absent.untyped_storage()
        kept.resize_(0)

        class Older(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                asked.append(function.__name__)
                with torch._C.DisableTorchFunction():
                    if function.__name__ == "{step}" and asked.count("__dlpack_device__") != 1:
                        args[0].data = absent
                    return function(*args, **(kwargs or {{}}))

            def __dlpack__(self, *, stream=None, max_version=None):
                with torch._C.DisableTorchFunction():
                    return torch.Tensor.__dlpack__(self, max_version=max_version)

        for _ in range(2):
            asked = []
            try:
                ext.hold(torch.arange(98).as_subclass(Older), copy=True)
            except BufferError as error:
                print(str(error)[:29])
    """
    assert run(script) == "expected a tensor with memory\n" * 2


@pytest.mark.library("torch")
def test_a_tensor_that_gets_memory_while_another_one_is_asked_again():
    """The inner one is not asked again then, and what it has given before has no memory."""
    script = """
        import torch

        class Changing(torch.overrides.TorchFunctionMode):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                if function.__name__ == "untyped_storage":
                    with torch._C.DisableTorchFunction():
                        inner.data = torch.ones(200)
                return function(*args, **(kwargs or {}))

        class Own(torch.Tensor):
            def __dlpack__(self, **given):
                return super().__dlpack__(**given)

        class Outer(torch.Tensor):
            def __dlpack__(self, **given):
                global inner
                inner = torch.zeros(400)[2:].as_subclass(Own)
                asked.append(inner)
                if len(asked) == 2:
                    inner.untyped_storage().resize_(0)
                    with Changing():
                        ext.hold(inner).to_bytes()
                return torch.Tensor.__dlpack__(torch.ones(3), **given)

        asked = []
        try:
            ext.describe(torch.ones(5).as_subclass(Outer))
        except BufferError as error:
            print(len(asked), str(error)[:29])
    """
    assert run(script) == "2 expected a tensor with memory\n"


@pytest.mark.library("torch")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["zeros", "zeros, sliced", "zeros, far", "zeros, further", "resized", "fake, sliced", "masked, sliced"])
@pytest.mark.parametrize("stand_in", STAND_INS)
def test_what_stands_for_a_tensor_without_memory(kind, stand_in, torch):
    """Nothing about the class of such an object says that PyTorch answers, of the tensor behind it."""
    tensor = WITHOUT_MEMORY[kind](torch)
    ordinary = torch.arange(10.0)
    assert ext.describe(STAND_INS[stand_in](ordinary))["data"] == ordinary.data_ptr()
    for way, take in WAYS_IN.items():
        if way != "copy":  # PyTorch makes the copy, and crashes where there is nothing to copy.
            with pytest.raises(BufferError, match="with memory"):
                take(STAND_INS[stand_in](tensor))


@pytest.mark.library("torch")
@pytest.mark.parametrize("stand_in", STAND_INS)
def test_what_stands_for_a_tensor_is_copied_here(stand_in, torch):
    class Legacy(torch.Tensor):
        def __dlpack__(self, *, stream=None):
            return super().__dlpack__(stream=stream)

    tensor = torch._efficientzerotensor(10)[2:].as_subclass(Legacy)
    with pytest.raises(BufferError, match="with memory"):
        ext.describe(STAND_INS[stand_in](tensor), copy=True)
    ordinary = torch.arange(10.0).as_subclass(Legacy)
    assert ext.describe(STAND_INS[stand_in](ordinary), copy=True)["data"] != ordinary.data_ptr()


@pytest.mark.library("torch")
def test_each_tensor_is_asked_for_the_negative_bit(torch):
    asked = []

    class Noting(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            asked.append(function.__name__)
            return function(*args, **(kwargs or {}))

    for tensor in (torch.ones(3), torch.ones(3, dtype=torch.int32), torch.ones(3, dtype=torch.complex64)):
        for way in (ext.describe, ext.borrow, ext.hold):
            way(tensor)  # Its address is known from here on.
            asked.clear()
            with Noting():
                way(tensor)
            assert asked.count("is_neg") == 1


@pytest.mark.library("torch")
def test_a_negated_tensor_of_a_subclass(torch):
    class Plain(torch.Tensor):
        pass

    class Wrapped(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            return super().__torch_function__(function, types, args, kwargs or {})

    class Wary(torch.Tensor):
        """Once the table has refused one, each is looked at before the table is called."""

    for attempt in range(2):
        with pytest.raises(Exception, match="SparseTensorImpl"):
            ext.describe(torch.eye(2).to_sparse().as_subclass(Wary))
    for kind in (Plain, Wrapped, Wary):
        for plain in (torch.ones(6)[::2], torch.ones(3), torch.ones(3, dtype=torch.int32)):
            for way in (ext.describe, ext.borrow, ext.hold):
                with pytest.raises(BufferError, match="resolve_neg"):
                    way(torch._neg_view(plain).as_subclass(kind))
                way(plain.as_subclass(kind))


@pytest.mark.library("torch")
def test_a_question_that_is_interrupted(torch):
    class Interrupted(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            if function.__name__ == "is_neg":
                raise KeyboardInterrupt
            return super().__torch_function__(function, types, args, kwargs or {})

    with pytest.raises(KeyboardInterrupt):
        ext.describe(torch.ones(3).as_subclass(Interrupted))


@pytest.mark.library("numpy")
@pytest.mark.parametrize("way", WAYS_IN)
def test_masked_arrays_of_numpy(way):
    import numpy

    class Own(numpy.ma.MaskedArray):
        pass

    masked = numpy.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0])
    for array in (masked, masked[1:], masked.view(Own)):
        with pytest.raises(BufferError, match=r"\.filled\(\)"):
            WAYS_IN[way](array)
    for plain in (masked.filled(0), masked[:1], numpy.ma.array([1.0, 2.0])):
        WAYS_IN[way](plain)


# What the importer lets in, since its shape may be all that is wanted, is not handed on.


def test_null_data_goes_out_by_no_way():
    live = ext.live()
    for fields in ({}, {"byte_offset": 64}, {"versioned": False}):
        foreign = Foreign(address=None, **fields)
        out = ext.hold(foreign.capsule())
        assert out.describe()["data"] == 0
        with pytest.raises(BufferError, match="data pointer"):
            out.to_bytes()
        try:
            tensor = out.export()
        except BufferError:  # Under a new header, already.
            assert foreign.deletes == 1
            continue
        for way in (
            lambda: tensor.__dlpack__(),
            lambda: tensor.__dlpack__(**NEW),
            lambda: tensor.__dlpack__(**NEW, copy=True),
            lambda: tensor.__dlpack__(**NEW, dl_device=(1, 0)),
            lambda: memoryview(tensor) if ext.BUFFERS else ext.to_bytes(tensor),
            lambda: ext.describe(tensor),
            lambda: ext.borrow(tensor),
            lambda: ext.like(tensor, tensor),
        ):
            with pytest.raises(BufferError, match="data pointer"):
                way()
        assert foreign.deletes == 0
        del tensor
        assert foreign.deletes == 1
    assert ext.live() == live


@pytest.mark.parametrize("name", ["managed_tensor_from_py_object_no_sync", "dltensor_from_py_object_no_sync"])
def test_null_data_goes_out_by_no_function_of_the_table(name):
    tensor = ext.hold(Foreign(address=None).capsule()).export()
    table = abi.ExchangeApi.from_address(capsules.pointer(type(tensor).__dlpack_c_exchange_api__))
    out = abi.Tensor() if name.startswith("dl") else ctypes.c_void_p()
    with pytest.raises(BufferError, match="data pointer"):
        FUNCTIONS[name](getattr(table, name))(id(tensor), ctypes.pointer(out))


def test_null_data_of_a_table_goes_on_by_no_way():
    carrier = type_for(Table())(lambda: Foreign(address=None))
    for attempt in range(2):
        assert ext.describe(carrier)["data"] == ext.borrow(carrier)["data"] == 0
        tensor = ext.hold(carrier).export()
        with pytest.raises(BufferError, match="data pointer"):
            bytes(tensor) if ext.BUFFERS else tensor.tolist()
        with pytest.raises(BufferError, match="data pointer"):
            tensor.__dlpack__(**NEW)


def test_null_data_of_a_buffer_goes_on_by_no_way():
    # As `ctypes` makes it, and reversed, so that the lowest address is not the null pointer.
    null = memoryview((ctypes.c_char * 16).from_address(0)).cast("B")
    for view in (null, null[::-1][15:]):
        held = ext.hold(view)
        with pytest.raises(BufferError):
            held.to_bytes()
        with pytest.raises(BufferError):
            bytes(held.export())


def test_new_memory_of_rust_is_zero_for_whoever_reads_it():
    for count in (1, 100, 100_000):
        used = bytearray(b"\xa5" * 4 * count)
        del used  # The next block may be this one.
        tensor = ext.fresh(count)
        assert ext.to_bytes(tensor) == bytes(4 * count)
        assert tensor.tolist() == [0.0] * count
