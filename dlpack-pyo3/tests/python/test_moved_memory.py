"""Tensors of PyTorch whose memory is moved, given or taken away while they are imported."""

import importlib.util
import os
import sys

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
            except (MemoryError, BufferError, TypeError):
                # Of its functions that return a number, PyTorch says that they cannot.
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
    """The producer does not know the keyword, and the object is asked for its device then."""
    script = f"""
        import torch

        absent = torch.arange(100)[2:]
        kept = absent.untyped_storage()
        kept.resize_(0)

        class Older(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                with torch._C.DisableTorchFunction():
                    if function.__name__ == "{step}":
                        args[0].data = absent
                    return function(*args, **(kwargs or {{}}))

            def __dlpack__(self, *, stream=None, max_version=None):
                with torch._C.DisableTorchFunction():
                    return torch.Tensor.__dlpack__(self, max_version=max_version)

        for _ in range(2):
            try:
                ext.hold(torch.arange(98).as_subclass(Older), copy=True)
            except BufferError as error:
                print(str(error)[:29])
    """
    assert run(script) == "expected a tensor with memory\n" * 2


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


# A module in the place of PyTorch's in C, in which names are looked up while PyTorch is asked: a program's code runs.
LOOKED_UP = """
        import torch

        real, seen = torch._C, []

        class Module:
            def __getattr__(self, name):
                found = getattr(real, name)
                seen.append(name)
                in_the_midst(name)
                return found

        sys.modules["torch._C"] = Module()
"""


@pytest.mark.library("torch")
@pytest.mark.parametrize("conjugated", [False, True])
def test_a_tensor_that_becomes_another_one_while_it_is_asked(conjugated):
    """Numbers of another kind may have to be conjugated, about which the first ones raised no question."""
    script = f"""
        class Recording(torch.overrides.TorchFunctionMode):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                seen.append(function.__name__)
                return function(*args, **(kwargs or {{}}))

        def in_the_midst(name):
            tensor.data = other

        tensor, other = torch.zeros(2), torch.ones(2, dtype=torch.complex64)
        if {conjugated}:
            other = other.conj()
        with Recording():
            try:
                found = ext.borrow(tensor)
                print(found["dtype"], found["data"] == other.data_ptr())
            except BufferError as error:
                print(error)
        print("_data_address" in seen, "is_conj" in seen)
    """
    found = "Can't export tensors with the conjugate bit set" if conjugated else "complex64 True"
    assert run(LOOKED_UP + script) == f"{found}\nTrue True\n"


@pytest.mark.library("torch")
@pytest.mark.parametrize("gets", [False, True])
@pytest.mark.parametrize("way", ["describe", "borrow", "hold", "to_bytes"])
@pytest.mark.parametrize("kind", ["Tensor", "Own"])
def test_a_tensor_that_gets_or_loses_its_memory_while_it_is_asked(kind, way, gets):
    """What it has given before, without memory, is not taken; and what it has given with memory is no worse for a question."""
    script = f"""
        def in_the_midst(name):
            tensor.data = other

        class Own(torch.Tensor):
            def __dlpack__(self, **given):
                return super().__dlpack__(**given)

        tensor, other = torch.zeros(1 << 20)[1 << 17 :], torch.ones(2)
        tensor.untyped_storage().resize_(0)
        if not {gets}:
            tensor, other = other, tensor
        tensor, kept = tensor.as_subclass(torch.{kind} if "{kind}" == "Tensor" else Own), [tensor, other][{gets}]
        try:
            found = ext.{way}(tensor)
            if "{way}" == "to_bytes":
                assert found == bytes(kept.numpy())
            else:
                found = found.describe() if "{way}" == "hold" else found
                assert found["data"] == kept.data_ptr()
            print("given")
        except BufferError as error:
            print(str(error)[:29])
        assert "_data_address" in seen
    """
    # A class with a table is borrowed from once more, and is asked then.
    refused = kind == "Own" if gets else (kind, way) == ("Tensor", "borrow")
    assert run(LOOKED_UP + script) == ("expected a tensor with memory\n" if refused else "given\n")


# A tensor that PyTorch exports as read-only, and so without a copy of what is copied on write.
READ_ONLY = """
        import torch

        is_copied_on_write = getattr(torch._C, "_is_cow_tensor", None)
        if not hasattr(torch._C.TensorBase, "const_data_ptr") or is_copied_on_write is None:
            print("kept\\n" * 2, end="")
            raise SystemExit

        class ReadOnly(torch.Tensor):
            def __dlpack__(self, **given):
                return super().__dlpack__(read_only=True, **given)
"""


@pytest.mark.library("torch")
@pytest.mark.parametrize("when", ["_data_address", "DisableTorchFunction", "is_neg"])
def test_memory_that_begins_to_be_copied_on_write_is_not_copied_for_a_question(when):
    script = f"""
        others = []

        def share():
            if not others:
                with real.DisableTorchFunction():
                    others.append(torch._lazy_clone(tensor))

        def in_the_midst(name):
            if name == "{when}":
                share()

        class Asked(ReadOnly):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                if function.__name__ == "{when}":
                    share()
                return super().__torch_function__(function, types, args, kwargs)

        for way in (ext.hold, ext.describe):
            others[:] = [None]
            tensor = torch.ones(1000).as_subclass(Asked)
            held = ext.hold(tensor.as_subclass(ReadOnly))
            others.clear()
            way(tensor)
            assert others or "{when}" != "is_neg"
            share()
            print("kept" if is_copied_on_write(tensor) else "copied")
            others.clear()
            assert held.to_bytes() == bytes(torch.ones(1000).numpy())
    """
    assert run(LOOKED_UP + READ_ONLY + script) == "kept\n" * 2


@pytest.mark.library("torch")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process for each place, where no address is known yet")
@pytest.mark.parametrize("fails", [False, True], ids=["moved before", "no memory before"])
def test_memory_that_is_left_and_shared_at_a_collection_of_garbage_is_not_copied(fails):
    """The tensor gets other memory, and what it had is copied on write from then on. Whoever has that would lose it.

    At a collection before, the tensor had come to that memory, or an allocation fails after it.
    """
    if fails and importlib.util.find_spec("_testcapi") is None:
        pytest.skip("this Python has no _testcapi")
    script = f"""
        if {fails}:
            import _testcapi

        class Callback:
            def __init__(self, first, second):
                self.first, self.second, self.count, self.shared = first, second, 0, None

            def __call__(self, phase, info):
                begins = phase == "start"
                self.count += begins
                if self.count == self.first and not begins and {fails}:
                    _testcapi.set_nomemory(1, 2)
                if self.count == self.first and begins and not {fails}:
                    torch.Tensor.set_(tensor, kept)
                if self.count == self.second and begins:
                    if {fails}:
                        _testcapi.remove_mem_hooks()
                    torch.Tensor.set_(tensor, other)
                    self.shared = torch._lazy_clone(kept)

        def hold_at(first, second):
            callback = Callback(first, second)
            gc.callbacks.append(callback)
            gc.set_threshold(1)
            try:
                ext.hold(tensor)
            except Exception:
                # PyTorch makes exceptions of many classes of an allocation that fails.
                pass
            gc.set_threshold(0)
            if {fails}:
                _testcapi.remove_mem_hooks()
            return callback

        def in_a_process(do):
            child = os.fork()
            if not child:
                os._exit(do())
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        def is_copied(first, second):
            is_shared = hold_at(first, second).shared is not None
            return is_shared + (is_shared and kept.const_data_ptr() != address)

        # An allocation may fail in what is called at a collection.
        sys.unraisablehook = lambda _: None
        tensor, kept, other = torch.ones(1000), torch.ones(1000), torch.ones(1000)
        if {fails}:
            kept = tensor.detach()
        tensor, address = tensor.as_subclass(ReadOnly), kept.const_data_ptr()
        gc.collect()
        # It has no more collections than an exit status can be.
        count = in_a_process(lambda: hold_at(None, None).count)
        pairs = [(first, first + more) for first in range(1, count + 1) for more in (1, 4, 9)]
        found = [in_a_process(lambda: is_copied(*pair)) for pair in pairs]
        print("copied" if 2 in found else "kept")
        print("kept" if found.count(1) > 20 else "hardly tried")
    """
    assert run(READ_ONLY + script) == "kept\n" * 2


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
