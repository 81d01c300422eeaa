"""Tensors without memory: no route hands them on."""

import contextlib
import ctypes
import functools
import pathlib
import platform
import sys
import types
import weakref

import dlpack_pyo3_tests as ext
import pytest

from kit import abi
from kit.absent import ELSEWHERE, WAYS_IN, WITHOUT_MEMORY, low_memory
from kit.foreign import Foreign
from kit.process import run, run_at_fixed_address

NEW = {"max_version": (1, 3)}


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
def test_tensors_without_elements_need_no_memory(torch):
    for tensor in (torch.zeros(0), torch.zeros(2, 0), torch._efficientzerotensor(10)[10:]):
        assert ext.describe(tensor)["numel"] == 0
        assert ext.to_bytes(tensor) == b""
        assert ext.hold(tensor).export().tolist() in ([], [[], []])


@pytest.mark.library("torch")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["zeros", "zeros, sliced", "zeros, far", "zeros, further", "resized", "fake, sliced", "masked, sliced"])
@pytest.mark.parametrize("stand_in", STAND_INS)
def test_what_stands_for_a_tensor_without_memory(kind, stand_in, torch):
    """Nothing about the class of such an object says that PyTorch answers, of the tensor behind it."""
    tensor = WITHOUT_MEMORY[kind](torch)
    ordinary = torch.arange(10.0)
    assert ext.describe(STAND_INS[stand_in](ordinary))["data"] == ordinary.data_ptr()
    for take in WAYS_IN.values():
        with pytest.raises(BufferError, match="with memory"):
            take(STAND_INS[stand_in](tensor))


@pytest.mark.library("torch")
@pytest.mark.parametrize("way", WAYS_IN.values(), ids=WAYS_IN)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["zeros, sliced", "zeros, far", "fake, sliced"])
def test_a_module_of_pytorch_that_passes_on_a_tensor(kind, way, torch):
    """It is of PyTorch's package, and no tensor."""

    class PassingOn(torch.nn.Module):
        def __init__(self, tensor):
            super().__init__()
            self.passed_on = tensor

        def __dlpack__(self, **given):
            # A copy is made here.
            return self.passed_on.__dlpack__()

        def __dlpack_device__(self):
            return self.passed_on.__dlpack_device__()

    way(PassingOn(torch.arange(10.0)))
    with pytest.raises(BufferError, match="with memory"):
        way(PassingOn(WITHOUT_MEMORY[kind](torch)))


@pytest.mark.library("torch")
@pytest.mark.parametrize("stand_in", [None, *STAND_INS])
@pytest.mark.parametrize("copy", [None, True])
@pytest.mark.parametrize("device", [abi.CUDA, abi.OPENCL])
@pytest.mark.parametrize("stream", [None, -1])
def test_a_tensor_without_memory_is_not_copied_to_a_device(stream, device, copy, stand_in, torch):
    """PyTorch, which would read the elements, is not asked for them."""
    asked = []

    class Asked(torch.Tensor):
        def __dlpack__(self, **given):
            asked.append(given)
            return Foreign(device=(device, 0)).capsule()

    def wanted(tensor):
        thing = STAND_INS[stand_in](tensor) if stand_in else tensor
        return ext.hold(thing, device=(device, 0), copy=copy, stream=stream)

    with pytest.raises(BufferError, match="with memory|since its library does not wait"):
        wanted(WITHOUT_MEMORY["resized"](torch).as_subclass(Asked))
    assert asked == []
    if device == abi.OPENCL or stream:
        assert wanted(torch.arange(6.0).as_subclass(Asked)).describe()["device"] == (device, 0)
        assert len(asked) == 1


@pytest.mark.library("torch")
@pytest.mark.parametrize("device", [abi.CPU, abi.OPENCL])
def test_a_module_of_pytorch_that_passes_on_an_address(device, torch):
    """Nothing that the processor can read is there. That says nothing about the memory of a device."""

    class PassingOn(torch.nn.Module):
        def __dlpack__(self, **given):
            return Foreign(device=(device, 0), address=0x6_4567_0000).capsule()

        def __dlpack_device__(self):
            return device, 0

    if device == abi.OPENCL:
        assert ext.hold(PassingOn()).describe()["data"] == 0x6_4567_0000
    elif sys.platform == "linux" and platform.machine() == "x86_64":
        # Elsewhere, the system is not asked.
        with pytest.raises(BufferError, match="with memory"):
            ext.hold(PassingOn())


@pytest.mark.library("torch")
def test_a_storage_that_passes_on_a_tensor(torch):
    class PassingOn(torch.UntypedStorage):
        def __dlpack__(self, **given):
            return torch.arange(10.0).__dlpack__(**given)

        def __dlpack_device__(self):
            return abi.CPU, 0

    assert ext.describe(PassingOn(40))["shape"] == (10,)
    with pytest.raises(BufferError, match="with memory"):
        ext.hold(PassingOn(40), copy=True)


@functools.cache
def operators(torch):
    """Functions in C with the names of PyTorch's, which run what a program gives them."""
    library = torch.library.Library("dlpack_pyo3_tests", "DEF")
    found = {}
    for name, answer in (("_is_cow_tensor", "bool"), ("_data_address", "int")):
        library.define(f"{name}(Tensor it) -> {answer}")
        library.impl(name, lambda it: 1, "CompositeImplicitAutograd")
        found[name] = torch._C._jit_get_operation(f"dlpack_pyo3_tests::{name}")[0]
    operators.library = library  # They end with this object.
    return found


@functools.cache
def documented(torch):
    """A function of PyTorch that is `True` for zeros, with the documentation of another one."""
    with contextlib.suppress(RuntimeError):  # It has one already.
        torch._C._add_docstr(torch._is_zerotensor, "_data_address(arg0: torch.Tensor) -> int\n")
    return torch._is_zerotensor


@pytest.mark.library("torch")
@pytest.mark.parametrize("kind", ["zeros, far", "zeros, further", "resized, far"])
@pytest.mark.parametrize("stand_in", [None, *STAND_INS])
@pytest.mark.parametrize("asked", ["nothing", "functions", "functions in C", "operators", "documented"])
def test_a_tensor_without_memory_where_pytorch_has_other_functions(kind, stand_in, asked, torch, monkeypatch):
    """At the end of the interpreter, PyTorch has none."""
    if kind == "resized, far":
        tensor = torch.ones(100_000)[50_000:]
        tensor.untyped_storage().resize_(0)
    else:
        tensor = WITHOUT_MEMORY[kind](torch)
    standing = STAND_INS[stand_in](tensor) if stand_in else tensor
    ordinary = torch.ones(2)
    if asked == "nothing":
        monkeypatch.delitem(sys.modules, "torch._C")
    else:
        for name, operator in operators(torch).items():
            others = {"functions": lambda it: True, "functions in C": id, "operators": operator}
            other = others.get(asked) or documented(torch)
            monkeypatch.setattr(torch._C, name, other, raising=False)
    for way in (ext.describe, ext.borrow, ext.hold):
        with pytest.raises(BufferError, match="with memory"):
            way(standing)
        way(ordinary)


@pytest.mark.library("torch")
@pytest.mark.parametrize("elements", [None, 0, 64])
def test_a_wrapper_that_says_how_many_elements_it_has(elements):
    """PyTorch asks the class for that when it is asked for the address, which is that of an offset."""
    script = f"""
        import torch

        ANSWERS = {{"size": (64,), "stride": (1,), "dim.": 1, "is_contiguous": True, "is_non": True}}

        class Wrapper(torch.Tensor):
            @classmethod
            def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
                name = str(function)
                if "numel" in name:
                    found = 64 if exporting else {elements}
                else:
                    found = next((answer for part, answer in ANSWERS.items() if part in name), None)
                if "storage_offset" in name:
                    found = offset
                if found is None:
                    raise RuntimeError(name)
                return found

            def __dlpack__(self, **given):
                global exporting
                exporting = True
                try:
                    return super().__dlpack__(**given)
                finally:
                    exporting = False

        exporting = True
        for offset in (1 << 20, 0x6000_0000_0000):
            wrapper = torch.Tensor._make_wrapper_subclass(
                Wrapper, (64,), strides=(1,), storage_offset=offset, dtype=torch.uint8, dispatch_sizes_strides_policy="sizes"
            )
            exporting = False
            for way in (ext.describe, ext.borrow, ext.hold, ext.to_bytes):
                try:
                    way(wrapper)
                except BufferError as error:
                    print(str(error)[:29])
    """
    assert run(script) == "expected a tensor with memory\n" * 8


@pytest.mark.library("torch")
def test_an_address_before_the_storage_is_no_memory_for_others():
    """PyTorch does not check the offset of a tensor without elements, and makes one with elements of it."""
    script = """
        import torch

        storage = torch.ones(8, dtype=torch.float64)
        offset = ((0x8_0000 - storage.data_ptr()) % 2**64) // 8
        empty = torch.empty(0, dtype=torch.float64).set_(storage.untyped_storage(), offset, (0,), (1,))
        wrapped = torch.ops.aten._reshape_alias(empty, [4], [1])
        assert wrapped.data_ptr() == 0x8_0000
        absent = torch._efficientzerotensor(1 << 20)[1 << 17 :]
        assert absent.data_ptr() == 0x8_0000
        for tensor in (wrapped, absent):
            for way in (ext.describe, ext.borrow, ext.hold):
                try:
                    way(tensor)
                except BufferError as error:
                    print(str(error)[:29])
    """
    assert run(script) == "expected a tensor with memory\n" * 6


def run_with_low_memory(script):
    """As `run`, of a script that asks for `low_memory_or_exit`."""
    printed = run(script, folder=pathlib.Path(__file__).parent)
    if printed == ELSEWHERE:
        pytest.skip("the system puts memory elsewhere")
    return printed


@pytest.mark.library("torch")
@pytest.mark.parametrize("kind", ["behind", "no bytes"])
def test_an_address_behind_the_storage_is_no_memory_for_others(kind):
    """As above. A storage without bytes may be at any address."""
    script = f"""
        import ctypes, torch
        from kit.absent import low_memory_or_exit
        from kit.foreign import Foreign

        memory = low_memory_or_exit()
        if "{kind}" == "behind":
            low = torch.frombuffer((ctypes.c_char * 64).from_address(memory), dtype=torch.float64)
            address = memory + (1 << 33)
        else:
            address = memory + 4096
            low = torch.from_dlpack(Foreign(b"", "float64", (0,), address=address).capsule())
        offset = (address - low.data_ptr()) // 8 if len(low) else 0
        empty = torch.empty(0, dtype=torch.float64).set_(low.untyped_storage(), offset, (0,), (1,))
        wrapped = torch.ops.aten._reshape_alias(empty, [4], [1])
        absent = torch._efficientzerotensor(address + 4096, dtype=torch.uint8)[address:]
        assert wrapped.data_ptr() == absent.data_ptr() == address
        # PyTorch has not checked the offset. Nobody reads the elements here.
        ext.describe(wrapped)
        for way in (ext.describe, ext.borrow, ext.hold):
            try:
                way(absent)
            except BufferError as error:
                print(str(error)[:29])
    """
    assert run_with_low_memory(script) == "expected a tensor with memory\n" * 3


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
def test_what_has_memory_is_confirmed_once_if_its_address_is_odd(torch):
    address = low_memory()
    if address is None:
        pytest.skip("the system puts memory elsewhere")
    tensor = torch.frombuffer((ctypes.c_char * 64).from_address(address), dtype=torch.float32)
    asked = []

    class Noting(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            asked.append(function.__name__)
            return function(*args, **(kwargs or {}))

    # An object that stands for a tensor is let through for the tensor's memory, wherever that is.
    for stand_in in STAND_INS.values():
        assert ext.describe(stand_in(tensor))["data"] == address
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
@pytest.mark.skipif(sys.platform != "linux", reason="other systems are not asked")
@pytest.mark.parametrize("kind", ["module", "tensor"])
def test_reserved_addresses_are_no_memory(kind):
    """As those of a driver or of another machine in the process."""
    script = f"""
        import ctypes, torch
        from kit.absent import low_memory_or_exit

        memory = low_memory_or_exit(0)

        class PassingOn:
            def __dlpack__(self, **given):
                return absent.__dlpack__()

            def __dlpack_device__(self):
                return absent.__dlpack_device__()

        class Module(PassingOn, torch.nn.Module):
            pass

        class Tensor(PassingOn, torch.Tensor):
            pass

        absent = torch._efficientzerotensor(memory + 4096, dtype=torch.uint8)[memory:]
        passing = Module() if "{kind}" == "module" else torch.ones(3).as_subclass(Tensor)
        for way in (ext.describe, ext.borrow, ext.hold, ext.to_bytes):
            try:
                way(passing)
            except BufferError as error:
                print(str(error)[:29])
    """
    assert run_with_low_memory(script) == "expected a tensor with memory\n" * 4


@pytest.mark.library("torch")
@pytest.mark.skipif(sys.platform != "linux", reason="maps memory at an address that programs hardly have")
def test_no_answer_for_want_of_memory_or_stack_is_no_answer():
    """The program has memory of its own where the offset leads."""
    script = """
        import gc, torch
        from kit.absent import low_memory_or_exit

        try:
            import _testcapi
        except ImportError:
            _testcapi = None
        memory = low_memory_or_exit()
        absent = torch._efficientzerotensor(memory + 4096, dtype=torch.uint8)[memory:]
        gc.disable()

        def refused(way):
            try:
                way(absent)
            except (BufferError, MemoryError, RecursionError, TypeError):
                return True

        def deep(depth, way):
            return refused(way) if depth == 0 else deep(depth - 1, way)

        for way in (ext.describe, ext.borrow, ext.hold):
            for skip in range(120):
                if _testcapi is not None:
                    _testcapi.set_nomemory(skip, skip + 1)
                found = refused(way)
                if _testcapi is not None:
                    _testcapi.remove_mem_hooks()
                assert found, skip
            for depth in range(900, 1000):
                try:
                    assert deep(depth, way), depth
                except RecursionError:
                    break
        del sys.modules["torch._C"]
        assert refused(ext.describe) and refused(ext.hold)
        print("refused")
    """
    assert run_with_low_memory(script) == "refused\n"
