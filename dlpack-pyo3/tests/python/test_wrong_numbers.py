"""Elements that are not what their memory says, negated or masked: no route hands them on."""

import dlpack_pyo3_tests as ext
import pytest

from kit.absent import WAYS_IN


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
