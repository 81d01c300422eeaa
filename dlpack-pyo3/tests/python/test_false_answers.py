"""Classes, objects and modes that answer falsely in the place of PyTorch or NumPy: no other tensor is believed for that."""

import sys
import types

import dlpack_pyo3_tests as ext
import pytest

from kit.absent import ABSENT
from kit.process import run


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
                if function.__name__ in ("untyped_storage", "data_ptr", "const_data_ptr"):
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
            return 8 if function.__name__.endswith("data_ptr") else function(*args, **(kwargs or {{}}))

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
            try:
                way(Pretending([1.0]))
            except BufferError as error:
                assert "with memory" in str(error)
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


CLASSES_THAT_PRETEND = {
    "of TVM FFI": """
        class Pretending(torch.Tensor):
            __module__ = "tvm_ffi"
    """,
    "of Paddle": """
        class Pretending(torch.Tensor):
            __module__ = "paddle"
            stop_gradient = property(lambda self: True)
            is_dense = _is_dense_tensor_hold_allocation = lambda self: True
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
            if function.__name__.endswith("data_ptr"):
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


UNWRAPPING = """
        import torch

        def unwrap(it):
            return it.inner if isinstance(it, torch.Tensor) and hasattr(it, "inner") else it

        class Unwrapping(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                with torch._C.DisableTorchFunction():
                    given = {name: unwrap(it) for name, it in (kwargs or {}).items()}
                return function(*map(unwrap, args), **given)

        class Wrapper(torch.Tensor):
            @classmethod
            def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
                return function(*map(unwrap, args), **(kwargs or {}))

            def __dlpack__(self, **given):
                return self.inner.__dlpack__(**given)

            def __dlpack_device__(self):
                return self.inner.__dlpack_device__()

        class Module(torch.nn.Module):
            def __getattr__(self, name):
                return getattr(self.__dict__["inner"], name)

        resized = torch.ones(1 << 20)[1 << 17 :]
        resized.untyped_storage().resize_(0)
        for inner in (torch._efficientzerotensor(1 << 20)[1 << 17 :], resized):
            outer = OUTER
            outer.__dict__["inner"] = inner
            for way in (ext.describe, ext.borrow, ext.hold, ext.to_bytes):
                try:
                    way(outer)
                except BufferError as error:
                    print(str(error)[:29])
"""
OUTER = {
    "empty": "torch.Tensor._make_subclass(Unwrapping, torch.empty(0))",
    "with memory": "torch.Tensor._make_subclass(Unwrapping, torch.ones(5))",
    "wrapper": "torch.Tensor._make_wrapper_subclass(Wrapper, inner.shape)",
    "module": "Module()",
}


@pytest.mark.library("torch")
@pytest.mark.parametrize("outer", OUTER)
def test_a_class_that_passes_on_all_questions(outer):
    """It says truly that there is no memory, whatever it has itself."""
    assert run(UNWRAPPING.replace("OUTER", OUTER[outer])) == "expected a tensor with memory\n" * 8


@pytest.mark.library("torch")
@pytest.mark.parametrize("how", ["module", "collection", "collection, passing on"])
def test_code_that_lets_a_class_answer_again(how):
    """It runs when a name is looked up in PyTorch's module, or when Python collects garbage."""
    script = f"""
        import gc
        import torch

        absent = torch._efficientzerotensor(1 << 20)[1 << 17 :]
        present, kept = torch.ones(8), []

        class Lying(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                if function.__name__ == "untyped_storage" and {how != "collection, passing on"}:
                    return present.untyped_storage()
                if function.__name__ in ("data_ptr", "const_data_ptr"):
                    return 1 << 19
                return super().__torch_function__(function, types, args, kwargs or {{}})

        class Passing(Lying):
            def __dlpack__(self, **given):
                return absent.__dlpack__(**given)

            def __dlpack_device__(self):
                return absent.__dlpack_device__()

        def answer(*_):
            if not torch._C._is_torch_function_enabled():
                kept.append(torch._C._EnableTorchFunction())
                kept[-1].__enter__()

        class Module:
            def __getattr__(self, name):
                answer()
                return getattr(torch._C, name)

        if {how == "module"}:
            sys.modules["torch._C"] = Module()
        else:
            gc.callbacks.append(answer)
        lying = torch.ones(7).as_subclass(Passing) if {how == "collection, passing on"} else absent.as_subclass(Lying)
        for way in (ext.describe, ext.borrow, ext.hold):
            gc.set_threshold(1)
            try:
                way(lying)
            except BufferError:
                pass
            gc.set_threshold(0)
            try:
                way(absent)
            except BufferError as error:
                print(str(error)[:29])
        print(ext.describe(present)["shape"])
    """
    assert run(script) == "expected a tensor with memory\n" * 3 + "(8,)\n"


EMPTY_HANDED = {
    "wrapper": "torch.Tensor._make_wrapper_subclass(Lying, absent.shape)",
    "wrapper with an offset": "torch.Tensor._make_wrapper_subclass(Lying, (64,), strides=(1,), storage_offset=1 << 20)",
    "functional": "torch.Tensor._make_subclass(Lying, torch._to_functional_tensor(torch.ones(5)))",
    "zeros": "torch.Tensor._make_subclass(Lying, torch._efficientzerotensor(5))",
}


@pytest.mark.library("torch")
@pytest.mark.parametrize("kind", EMPTY_HANDED)
def test_a_tensor_without_memory_that_passes_on_another_one(kind):
    """Its class says that it has the memory of a third one, at the address of the other."""
    script = f"""
        import torch

        present, absent = torch.ones(8), torch._efficientzerotensor(1 << 20)[1 << 17 :]

        class Lying(torch.Tensor):
            @classmethod
            def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
                raise RuntimeError(function)

            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                if function.__name__ == "untyped_storage":
                    return present.untyped_storage()
                if function.__name__ in ("data_ptr", "const_data_ptr"):
                    return 1 << 19
                return super().__torch_function__(function, types, args, kwargs or {{}})

            def __dlpack__(self, **given):
                return absent.__dlpack__(**given)

            def __dlpack_device__(self):
                return absent.__dlpack_device__()

        for way in (ext.describe, ext.borrow, ext.hold, ext.to_bytes):
            try:
                way({EMPTY_HANDED[kind]})
            except BufferError as error:
                print(str(error)[:29])
    """
    assert run(script) == "expected a tensor with memory\n" * 4
