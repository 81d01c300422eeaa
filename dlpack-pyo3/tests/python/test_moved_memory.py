"""Tensors of PyTorch whose memory is moved, given or taken away while they are imported."""

import importlib.util
import sys

import dlpack_pyo3_tests as ext
import pytest

from kit.process import run


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
def test_a_tensor_that_becomes_another_one_while_it_is_asked(torch):
    """Numbers of another kind may have to be conjugated, about which the first ones raised no question."""
    seen = []

    class Changing(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            seen.append(function.__name__)
            if function.__name__.endswith("data_ptr"):
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
                    if asked[-1].endswith("data_ptr") and sum(name.endswith("data_ptr") for name in asked) == 1:
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
                elif function.__name__.endswith("data_ptr"):
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
def test_memory_that_is_copied_on_write_is_not_copied_for_a_question():
    """In a process where no address is known to have any. Whoever has the memory already would lose it."""
    script = """
        import torch

        if not hasattr(torch._C.TensorBase, "const_data_ptr") or not hasattr(torch._C, "_is_cow_tensor"):
            print("kept\\n" * 2, end="")
            raise SystemExit

        class ReadOnly(torch.Tensor):
            def __dlpack__(self, **given):
                return super().__dlpack__(read_only=True, **given)

        # What is asked of a subclass is remembered of no address.
        for kind in (ReadOnly, torch.Tensor):
            tensor = torch.ones(1000).as_subclass(kind)
            held = ext.hold(tensor)
            other = torch._lazy_clone(tensor)
            ext.hold(tensor, copy=True)
            if kind is ReadOnly:
                ext.hold(tensor)
                ext.describe(tensor)
            print("kept" if torch._C._is_cow_tensor(tensor) else "copied")
            del other
            assert held.to_bytes() == bytes(torch.ones(1000).numpy())
    """
    assert run(script) == "kept\n" * 2


@pytest.mark.library("torch")
def test_memory_that_is_copied_on_write_is_not_copied_for_want_of_memory():
    """A question that fails for want of memory says nothing about the tensor."""
    script = """
        import _testcapi, torch

        if not hasattr(torch._C.TensorBase, "const_data_ptr") or not hasattr(torch._C, "_is_cow_tensor"):
            print("kept")
            raise SystemExit

        tensor = torch.ones(1000)
        other = torch._lazy_clone(tensor)
        ext.hold(tensor, copy=True)
        gc.disable()
        served = 0
        for start in range(200):
            _testcapi.set_nomemory(start, start + 1)
            try:
                ext.hold(tensor, copy=True)
                served += 1
            except (BufferError, MemoryError, TypeError):
                # PyTorch's functions take no argument without memory, they say.
                pass
            finally:
                _testcapi.remove_mem_hooks()
        assert 0 < served < 200, served
        print("kept" if torch._C._is_cow_tensor(tensor) else "copied")
    """
    assert run(script) == "kept\n"


@pytest.mark.library("torch")
@pytest.mark.parametrize("when", ["untyped_storage", "data_ptr", "const_data_ptr", "is_neg"])
@pytest.mark.parametrize("is_before", [False, True])
def test_memory_that_begins_to_be_copied_on_write_is_not_copied_for_a_question(when, is_before):
    script = f"""
        import torch

        if not hasattr(torch._C.TensorBase, "const_data_ptr") or not hasattr(torch._C, "_is_cow_tensor"):
            print("kept\\n" * 2, end="")
            raise SystemExit

        others = []

        def share(tensor):
            if not others:
                with torch._C.DisableTorchFunction():
                    others.append(torch._lazy_clone(tensor))

        # What is asked of a subclass is remembered of no address.
        class ReadOnly(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                is_asked = function.__name__ == "{when}"
                if is_asked and {is_before}:
                    share(*args)
                found = super().__torch_function__(function, types, args, kwargs)
                if is_asked:
                    share(*args)
                return found

            def __dlpack__(self, **given):
                return super().__dlpack__(read_only=True, **given)

        for way in (ext.hold, ext.describe):
            others[:] = [None]
            tensor = torch.ones(1000).as_subclass(ReadOnly)
            held = ext.hold(tensor)
            others.clear()
            way(tensor)
            share(tensor)
            print("kept" if torch._C._is_cow_tensor(tensor) else "copied")
            others.clear()
            assert held.to_bytes() == bytes(torch.ones(1000).numpy())
    """
    assert run(script) == "kept\n" * 2


@pytest.mark.library("torch")
@pytest.mark.parametrize("is_before", [False, True])
def test_memory_that_is_shared_and_left_in_the_midst_is_not_copied(is_before):
    """The storage is no longer the tensor's, or becomes it. Whoever has its memory would lose that."""
    script = f"""
        import torch

        if not hasattr(torch._C.TensorBase, "const_data_ptr") or not hasattr(torch._C, "_is_cow_tensor"):
            print("kept\\n" * 2, end="")
            raise SystemExit

        def move(tensor):
            with torch._C.DisableTorchFunction():
                others.append(torch._lazy_clone(kept))
                tensor.set_(moved)

        class ReadOnly(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                is_asked = function.__name__ == "untyped_storage" and not others
                if is_asked and {is_before}:
                    move(*args)
                found = super().__torch_function__(function, types, args, kwargs)
                if is_asked and not {is_before}:
                    move(*args)
                return found

            def __dlpack__(self, **given):
                return super().__dlpack__(read_only=True, **given)

        for way in (ext.hold, ext.describe):
            others = []
            kept, moved = torch.ones(1000), torch.ones(1000)
            tensor = kept.view(1000).as_subclass(ReadOnly)
            if {is_before}:
                # It gets the shared memory, of which the storage is asked for then.
                kept, moved = moved, moved
            address, storage = kept.const_data_ptr(), kept.untyped_storage()
            way(tensor)
            assert others
            print("kept" if torch.empty(0).set_(storage).const_data_ptr() == address else "copied")
    """
    assert run(script) == "kept\n" * 2


@pytest.mark.library("torch")
@pytest.mark.parametrize("missing", ["_is_cow_tensor", "_data_address", "torch._C", "both"])
def test_memory_that_is_copied_on_write_is_not_copied_where_pytorch_has_other_functions(missing):
    """At the end of the interpreter, PyTorch has none."""
    script = f"""
        import torch

        names = {{"both": ["_is_cow_tensor", "_data_address"], "torch._C": []}}.get({missing!r}, [{missing!r}])
        is_copied_on_write = getattr(torch._C, "_is_cow_tensor", None)
        if not hasattr(torch._C.TensorBase, "const_data_ptr") or is_copied_on_write is None:
            print("kept")
            raise SystemExit

        class ReadOnly(torch.Tensor):
            def __dlpack__(self, **given):
                return super().__dlpack__(read_only=True, **given)

        tensor = torch.ones(1000).as_subclass(ReadOnly)
        held = ext.hold(tensor)
        other = torch._lazy_clone(tensor)
        plain = torch._lazy_clone(tensor.as_subclass(torch.Tensor))
        for name in names:
            delattr(torch._C, name)
        if not names:
            del sys.modules["torch._C"]
        assert ext.hold(tensor).to_bytes() == held.to_bytes()
        ext.describe(tensor)
        for copied in (tensor, plain):
            try:
                assert ext.hold(copied, copy=True).to_bytes() == held.to_bytes()
            except BufferError as error:
                # PyTorch, which would read the elements, cannot be asked whether there are any.
                assert "with memory" in str(error)
        assert is_copied_on_write(plain)
        print("kept" if is_copied_on_write(tensor) else "copied")
        del other
        assert held.to_bytes() == bytes(torch.ones(1000).numpy())
    """
    assert run(script) == "kept\n"


@pytest.mark.library("torch")
def test_a_tensor_that_gets_memory_when_it_is_exported():
    """PyTorch, which would read the elements for a copy, says before that there are none."""
    script = """
        import torch

        class Late(torch.Tensor):
            def __dlpack__(self, **given):
                if not self.untyped_storage().size():
                    with torch._C.DisableTorchFunction():
                        self.set_(torch.arange(98))
                return super().__dlpack__(**given)

        tensor = torch.arange(100)[2:].as_subclass(Late)
        tensor.untyped_storage().resize_(0)
        try:
            ext.hold(tensor, copy=True)
        except BufferError as error:
            print("with memory" in str(error))
        print(ext.hold(tensor).export().tolist() == list(range(98)))
    """
    assert run(script) == "True\nTrue\n"


@pytest.mark.library("torch")
def test_a_tensor_without_memory_is_not_exported_for_a_copy():
    """It could get memory that PyTorch copies on write, which an export as it is would copy, and free for whoever has it."""
    script = """
        import torch

        if not hasattr(torch, "_lazy_clone") or not hasattr(torch._C, "_is_cow_tensor"):
            print("kept")
            raise SystemExit

        kept = []

        class Late(torch.Tensor):
            def __dlpack__(self, **given):
                if not kept:
                    with torch._C.DisableTorchFunction():
                        self.untyped_storage().resize_(4000)
                        kept.append(ext.hold(self.as_subclass(torch.Tensor)))
                        kept.append(torch._lazy_clone(self))
                return super().__dlpack__(**given)

        tensor = torch.ones(1000).as_subclass(Late)
        tensor.untyped_storage().resize_(0)
        try:
            ext.hold(tensor, copy=True)
        except BufferError as error:
            assert "with memory" in str(error)
        print("kept" if not kept or torch._C._is_cow_tensor(tensor) else "copied")
    """
    assert run(script) == "kept\n"
