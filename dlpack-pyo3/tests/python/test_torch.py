"""PyTorch's tensors: what its own `__dlpack__` refuses is refused, by whatever route a tensor comes."""


import dlpack_pyo3_tests as ext
import pytest

from kit import values
from kit.exchange import Table
from kit.foreign import Foreign
from kit.peek import peek
from kit.process import run

pytestmark = pytest.mark.library("torch")
SIX = values.sample_bytes("float32")


def answer(function):
    """What a call says: its exception, by class and message, or what it returned."""
    try:
        return function()
    except Exception as error:
        return type(error), str(error).splitlines()[0]


REFUSED = {
    "requires_grad": lambda torch: torch.zeros(2, requires_grad=True),
    "result of a gradient": lambda torch: torch.zeros(2, requires_grad=True) * 2,
    "parameter": lambda torch: torch.nn.Parameter(torch.zeros(2)),
    "conj": lambda torch: torch.zeros(2, dtype=torch.complex64).conj(),
    "conj of a view": lambda torch: torch.zeros(4, dtype=torch.complex128).conj()[1:],
    "sparse": lambda torch: torch.zeros(2, 2).to_sparse(),
    "sparse csr": lambda torch: torch.zeros(2, 2).to_sparse_csr(),
    "meta": lambda torch: torch.zeros(2, device="meta"),
    "quantised": lambda torch: torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.qint8),
    "bits": lambda torch: torch.zeros(2, dtype=torch.uint8).view(torch.bits8),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("function", ["describe", "hold", "to_bytes", "borrow"])
def test_what_torch_refuses_is_refused_alike(torch, kind, function):
    tensor = REFUSED[kind](torch)
    theirs = answer(lambda: tensor.__dlpack__(max_version=(1, 3)))
    assert theirs[0] is BufferError
    with pytest.raises(BufferError) as caught:
        getattr(ext, function)(tensor)
    assert str(caught.value).splitlines()[0] == theirs[1]


def test_the_bits_are_looked_at_each_time(torch):
    tensor = torch.zeros(2, dtype=torch.complex64)
    ext.describe(tensor)
    with pytest.raises(BufferError, match="conjugate"):
        ext.describe(tensor.conj())
    ext.describe(tensor)
    gradient = torch.zeros(2)
    ext.describe(gradient)
    gradient.requires_grad_()
    with pytest.raises(BufferError, match="gradient"):
        ext.describe(gradient)
    ext.describe(gradient.detach())
    gradient.requires_grad_(False)
    ext.describe(gradient)


def test_plain_tensors_take_the_exchange_route(torch):
    for tensor in (torch.zeros(2, 3), torch.zeros(2, dtype=torch.complex64), torch.zeros(3).bool()):
        assert ext.describe(tensor)["route"] == "exchange"


def test_what_is_known_of_a_class_is_found_out_once():
    """In a process of its own, since there is room for so many classes only."""
    script = """
        import types
        import torch

        looked = []

        class Watched(types.ModuleType):
            def __getattribute__(self, name):
                looked.append(name)
                return getattr(torch, name)

        class Plain(torch.Tensor):
            pass

        tensor = torch.ones(2).as_subclass(Plain)
        sys.modules["torch"] = Watched("torch")
        assert ext.describe(tensor)["route"] == "exchange" and "Tensor" in looked
        looked.clear()
        assert ext.describe(tensor)["route"] == "exchange"
        print(looked)
    """
    assert run(script) == "[]\n"


def test_no_grad_changes_nothing(torch):
    with torch.no_grad():
        with pytest.raises(BufferError, match="gradient"):
            ext.describe(torch.zeros(2, requires_grad=True))
        ext.describe(torch.zeros(2, requires_grad=True) * 2)
    with torch.inference_mode():
        ext.describe(torch.zeros(2))


def test_a_parameter_without_a_gradient(torch):
    parameter = torch.nn.Parameter(torch.tensor(values.samples("float32")), requires_grad=False)
    held = ext.hold(parameter)
    assert held.describe()["data"] == parameter.data_ptr()
    assert held.to_bytes() == SIX


def test_a_subclass_with_a_dlpack_of_its_own(torch):
    asked = []

    class Watched(torch.Tensor):
        def __dlpack__(self, **given):
            asked.append(given)
            return super().__dlpack__(**given)

    class Refuses(torch.Tensor):
        def __dlpack__(self, **given):
            raise BufferError("this kind does not travel")

    tensor = torch.tensor(values.samples("float32"))
    assert ext.to_bytes(tensor.as_subclass(Watched)) == SIX
    assert asked, "its own method was passed over"
    with pytest.raises(BufferError, match="does not travel"):
        ext.describe(tensor.as_subclass(Refuses))


def test_a_plain_subclass(torch):
    class Plain(torch.Tensor):
        pass

    tensor = torch.tensor(values.samples("float32")).as_subclass(Plain)
    assert ext.to_bytes(tensor) == SIX
    with pytest.raises(BufferError, match="gradient"):
        ext.describe(torch.zeros(2, requires_grad=True).as_subclass(Plain))


def test_a_subclass_whose_attribute_raises(torch):
    class Undecided(torch.Tensor):
        __torch_function__ = torch._C._disabled_torch_function_impl

        @property
        def requires_grad(self):
            raise ZeroDivisionError("nobody knows")

    tensor = torch.zeros(4, 2).as_subclass(Undecided)
    # The first time, the type is looked at; then it is known.
    for _ in range(3):
        for function in (ext.describe, ext.borrow):
            with pytest.raises(ZeroDivisionError, match="nobody knows"):
                function(tensor)


def test_a_subclass_that_intercepts_functions(torch):
    class Wrapped(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            if getattr(function, "__name__", "") == "__dlpack__":
                raise BufferError("intercepted")
            return super().__torch_function__(function, types, args, kwargs or {})

    with pytest.raises(BufferError, match="intercepted"):
        ext.describe(torch.zeros(2).as_subclass(Wrapped))


def test_a_subclass_in_the_place_of_pytorchs_class_is_still_one_that_intercepts_functions(torch, monkeypatch):
    Tensor = torch.Tensor

    class Intercepting(Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            if function is Tensor.__dlpack__:
                raise BufferError("not this one")
            return super().__torch_function__(function, types, args, kwargs)

    class Derived(Intercepting):
        pass

    tensors = [torch.zeros(2).as_subclass(kind) for kind in (Intercepting, Derived)]
    with monkeypatch.context() as patch:
        patch.setattr(torch, "Tensor", Intercepting)
        # The second time by the plan of the first.
        for tensor in tensors * 2:
            for way in (ext.describe, ext.borrow):
                with pytest.raises(BufferError, match="not this one"):
                    way(tensor)
    assert ext.describe(torch.zeros(2))["route"] == "exchange"


def test_a_wrapper_without_memory(torch):
    class Hollow(torch.Tensor):
        @staticmethod
        def __new__(cls):
            return torch.Tensor._make_wrapper_subclass(cls, (2, 3))

        @classmethod
        def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
            raise RuntimeError("no memory here")

    theirs = answer(lambda: peek(Hollow()))
    ours = answer(lambda: ext.describe(Hollow()))
    # PyTorch exports a null pointer, or refuses.
    assert ours[0] is (BufferError if isinstance(theirs, dict) else theirs[0])


@pytest.mark.filterwarnings("ignore")
def test_read_only_wrapper(torch):
    try:
        from torch.utils.dlpack import ReadOnlyTensorWrapper
    except ImportError:
        pytest.skip("this PyTorch has no read-only wrapper")
    tensor = torch.tensor(values.samples("float32"))
    held = ext.hold(ReadOnlyTensorWrapper(tensor))
    assert held.describe()["access"] == "read-only"
    assert held.to_bytes() == SIX
    # It answers no question, so that PyTorch is asked itself.
    negated = torch.complex(tensor, tensor).conj().imag
    for wrapped in (negated, ReadOnlyTensorWrapper(negated)):
        for take in (ext.hold, ext.describe, ext.borrow):
            with pytest.raises(BufferError, match="without the negative bit"):
                take(wrapped)


def test_a_table_that_is_not_pytorchs_may_lend_read_only_memory(torch):
    """Although the class is PyTorch's by its bases and by its name."""
    original = torch.tensor(values.samples("float32"))
    members = {
        "__module__": "torch",
        "__dlpack_c_exchange_api__": Table().capsule(),
        "source": lambda self: Foreign(SIX, shape=(6,), address=original.data_ptr()),
    }
    derived = original.as_subclass(type("Tensor", (torch.Tensor,), members))
    assert ext.borrow(original)["access"] == "writable"
    assert ext.borrow(derived)["access"] == "unknown"


def test_copies_are_asked_of_the_protocol(torch):
    tensor = torch.tensor(values.samples("float32"))
    held = ext.hold(tensor, copy=True)
    assert held.describe()["data"] != tensor.data_ptr()
    tensor.zero_()
    assert held.to_bytes() == SIX
    assert ext.describe(tensor, copy=False)["data"] == tensor.data_ptr()


def test_a_functional_tensor(torch):
    inside = []

    def look(tensor):
        inside.append((answer(lambda: peek(tensor)), answer(lambda: ext.describe(tensor))))
        return tensor * 2

    torch.func.vmap(look)(torch.zeros(3, 4))
    [(theirs, ours)] = inside
    if isinstance(theirs, dict):
        assert ours["shape"] == theirs["shape"]
    else:
        assert ours[0] is theirs[0]


def test_results_go_straight_to_torch(torch):
    live = ext.live()
    tensor = ext.make(SIX, "float32", (2, 3))
    address = peek(tensor)["data"]
    made = ext.like(tensor, torch.zeros(1))
    assert type(made) is torch.Tensor
    assert (made.data_ptr(), tuple(made.shape), made.dtype) == (address, (2, 3), torch.float32)
    assert made.reshape(-1).tolist() == values.samples("float32")
    del tensor
    assert ext.live() == live + 1
    del made
    assert ext.live() == live


def test_what_torch_does_not_take_is_refused_when_handed_over(torch):
    tensor = ext.make(bytes(3), "float4_e2m1fn", (6,))
    with pytest.raises(Exception, match="(?i)float4|lanes|unsupported"):
        ext.like(tensor, torch.zeros(1))


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_a_metaclass_does_not_say_which_the_bases_are(torch, byte):
    """What its property names need not even be a class, and is not read as one."""

    class Odd(bytes):
        __module__ = "torch"

    fake = Odd(bytes([byte]) * 400)
    asked = []

    class Meta(type(torch.Tensor)):
        @property
        def __mro__(cls):
            asked.append(cls)
            return (cls, fake, torch.Tensor)

    class Tensor(torch.Tensor, metaclass=Meta):
        __dlpack_c_exchange_api__ = torch.Tensor.__dlpack_c_exchange_api__
        __torch_function__ = torch._C._disabled_torch_function_impl

    tensor = torch.zeros(3).as_subclass(Tensor)
    asked.clear()
    for way in (ext.describe, ext.borrow, ext.hold):
        way(tensor)
    assert not asked


@pytest.mark.parametrize(
    ("name", "answer"),
    [("is_neg", lambda self: True), ("is_conj", lambda self: True), ("requires_grad", property(lambda self: True))],
)
def test_a_subclass_that_gets_an_answer_of_its_own(torch, name, answer):
    class Answers(torch.Tensor):
        pass

    tensor = torch.ones(3, dtype=torch.complex64).as_subclass(Answers)
    assert [ext.describe(tensor)["route"] for _ in range(2)] == ["exchange"] * 2
    setattr(Answers, name, answer)
    # Its class may know better than PyTorch, and its `__dlpack__` says what is to be done.
    for _ in range(2):
        try:
            found = ext.describe(tensor)["route"]
        except BufferError:
            found = "refused"
        assert found != "exchange"


def test_a_tensor_of_a_subclass_is_borrowed_as_writable(torch):
    class Plain(torch.Tensor):
        __torch_function__ = torch._C._disabled_torch_function_impl

    for tensor in (torch.ones(2), torch.ones(2).as_subclass(Plain)):
        assert ext.borrow(tensor)["access"] == "writable"
