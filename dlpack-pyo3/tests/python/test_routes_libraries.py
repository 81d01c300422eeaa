"""Tensors of PyTorch and JAX: taken by the faster routes, and answered by the library where these would be wrong."""

import gc

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit.builds import sees_changes


# PyTorch.


@pytest.mark.library("torch")
class TestTorch:
    def plain(self):
        import torch

        class Plain(torch.Tensor):
            pass

        return [
            torch.arange(6.0).reshape(2, 3),
            torch.arange(6.0).reshape(2, 3).t(),
            torch.arange(6.0)[::2],
            torch.tensor(1.5),
            torch.zeros((0, 2)),
            torch.arange(3),
            torch.tensor([True, False]),
            torch.arange(3.0, dtype=torch.bfloat16),
            torch.zeros(2, dtype=torch.complex64),
            torch.nn.Parameter(torch.zeros(2), requires_grad=False),
            torch.arange(3.0).as_subclass(Plain),
            torch.arange(3.0, requires_grad=True).detach(),
        ]

    def test_plain_tensors_go_by_the_table(self):
        for tensor in self.plain():
            taken = ext.describe(tensor)
            assert taken["route"] == "exchange", tensor
            assert (taken["data"], taken["shape"]) == (tensor.data_ptr(), tuple(tensor.shape))
            assert taken["strides"] == tensor.stride() or tensor.numel() <= 1
            assert str(tensor.dtype) == f"torch.{taken['dtype']}"

    def test_others_are_answered_by_pytorch(self):
        import torch

        refused = [
            torch.zeros(2, requires_grad=True),
            torch.zeros(2, requires_grad=True) * 2,
            torch.nn.Parameter(torch.zeros(2)),
            torch.zeros(2, dtype=torch.complex64).conj(),
            torch.eye(3).to_sparse(),
            torch.zeros(2, device="meta"),
        ]
        for tensor in refused:
            with pytest.raises(Exception) as theirs:
                tensor.__dlpack__(max_version=(1, 3))
            with pytest.raises(theirs.type) as ours:
                ext.describe(tensor)
            assert str(ours.value) == str(theirs.value)

    def test_subclasses_that_answer_themselves(self):
        import torch

        asked = []

        class Own(torch.Tensor):
            def __dlpack__(self, **keywords):
                asked.append("method")
                return torch.arange(7.0).__dlpack__(**keywords)

        class Function(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                asked.append("function")
                return super().__torch_function__(function, types, args, kwargs or {})

        assert ext.describe(torch.zeros(3).as_subclass(Own))["shape"] == (7,)
        assert ext.describe(torch.zeros(3).as_subclass(Function))["shape"] == (3,)
        assert asked[0] == "method" and set(asked[1:]) == {"function"}

    @sees_changes
    def test_subclasses_that_answer_themselves_from_some_time_on(self):
        import torch

        class Later(torch.Tensor):
            pass

        class Derived(Later):
            pass

        tensors = [torch.zeros(3).as_subclass(kind) for kind in (Later, Derived)]
        for tensor in tensors:
            assert ext.describe(tensor)["route"] == "exchange"
        # A change that has nothing to do with tensors.
        for count in range(50):
            Later.count = count
            assert [ext.describe(tensor)["route"] for tensor in tensors] == ["exchange"] * 2
        Later.__dlpack__ = lambda self, **keywords: torch.arange(7.0).__dlpack__(**keywords)
        for tensor in tensors:
            assert (ext.describe(tensor)["shape"], ext.borrow(tensor)["shape"]) == ((7,), (7,))
        del Later.__dlpack__
        for tensor in tensors:
            assert ext.describe(tensor)["route"] == "exchange"
        asked = []

        def function(cls, function, types, args=(), kwargs=None):
            asked.append(cls)
            return super(Later, cls).__torch_function__(function, types, args, kwargs or {})

        Later.__torch_function__ = classmethod(function)
        for tensor in tensors:
            assert ext.describe(tensor)["shape"] == (3,)
        assert {Later, Derived} <= set(asked)

    def test_the_first_refusal_changes_only_how_fast_the_next_is(self):
        """The table's own exception, of twenty lines, is not shown, and the table is not asked again in vain."""
        import torch

        class Own(torch.Tensor):
            pass

        plain = [torch.arange(6.0), torch.arange(6.0).as_subclass(Own), torch.tensor([1 + 2j])]
        # Of nothing that is known before the table is called.
        bits = torch.zeros(2, dtype=torch.uint8).view(torch.bits8)
        refused = [torch.eye(3).to_sparse(), torch.eye(3).to_sparse_csr(), torch.zeros(2, device="meta"), bits]
        refused += [torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.quint8), bits.as_subclass(Own)]
        before = [ext.describe(tensor) for tensor in plain]
        for tensor in refused * 2:
            with pytest.raises(Exception) as theirs:
                tensor.__dlpack__(max_version=(1, 3))
            for function in (ext.describe, ext.borrow):
                with pytest.raises(theirs.type) as ours:
                    function(tensor)
                assert str(ours.value) == str(theirs.value)
                assert (ours.value.__context__, ours.value.__cause__) == (None, None)
        assert [ext.describe(tensor) for tensor in plain] == before
        assert [ext.borrow(tensor)["data"] for tensor in plain] == [tensor.data_ptr() for tensor in plain]
        with pytest.raises(BufferError):
            ext.describe(torch.zeros(2, requires_grad=True))
        assert ext.ordered(plain[0], 7)[0]["route"] == "exchange"

    @sees_changes
    def test_a_class_changes_its_plan_as_often_as_it_likes(self):
        """More often than there are places for classes."""
        import torch

        class Wavering(torch.Tensor):
            pass

        tensor = torch.zeros(3).as_subclass(Wavering)
        for _ in range(50):
            assert ext.describe(tensor)["route"] == "exchange"
            Wavering.__dlpack__ = lambda self, **keywords: torch.arange(7.0).__dlpack__(**keywords)
            assert ext.describe(tensor)["shape"] == (7,)
            del Wavering.__dlpack__

    def test_read_only_wrappers(self):
        import torch

        wrapper = torch.utils.dlpack.ReadOnlyTensorWrapper(torch.zeros(3))
        taken = ext.describe(wrapper)
        assert (taken["route"], taken["access"]) == ("protocol", "read-only")

    def test_copies(self):
        import torch

        tensor = torch.arange(3.0)
        assert ext.describe(tensor, copy=True)["data"] != tensor.data_ptr()
        assert ext.describe(tensor, copy=False)["data"] == tensor.data_ptr()


# JAX.


@pytest.mark.library("jax")
class TestJax:
    @pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "float16", "float32", "complex64"])
    def test_arrays_go_as_buffers(self, dtype):
        import jax.numpy as jnp

        for shape in [(2, 3), (), (0, 3), (1, 2, 3)]:
            made = jnp.ones(shape, dtype)
            taken = ext.describe(made)
            assert (taken["route"], taken["dtype"], taken["shape"]) == ("buffer", dtype, shape)
            assert taken["access"] == "read-only"
            assert taken["data"] == made.unsafe_buffer_pointer() or 0 in shape
            assert ext.to_bytes(made) == np.asarray(made).tobytes()

    @pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
    def test_others_go_by_the_protocol(self, dtype):
        import jax.numpy as jnp

        made = jnp.ones((2, 3), dtype)
        taken = ext.describe(made)
        assert (taken["route"], taken["dtype"]) == ("protocol", dtype)
        assert taken["data"] == made.unsafe_buffer_pointer()

    @pytest.mark.parametrize("dtype, route", [("float32", "buffer"), ("bfloat16", "protocol")])
    @pytest.mark.parametrize("device", [None, (1, 0)])
    def test_a_copy_may_be_written(self, dtype, route, device):
        import jax.numpy as jnp

        made = jnp.ones((2, 3), dtype)
        copied = ext.describe(made, copy=True, device=device)
        assert (copied["route"], copied["access"], copied["dtype"]) == (route, "writable", dtype)
        assert copied["flags"] == 2  # IS_COPIED
        assert copied["data"] != made.unsafe_buffer_pointer()

    def test_what_jax_refuses(self):
        import jax.numpy as jnp

        gone = jnp.ones(3)
        gone.delete()
        for made in [gone, jnp.ones(3, "int4")]:
            with pytest.raises(Exception) as theirs:
                made.__dlpack__()
            with pytest.raises(theirs.type) as ours:
                ext.describe(made)
            assert str(ours.value) == str(theirs.value)

    def test_arrays_live_until_the_tensor_is_dropped(self):
        import jax.numpy as jnp

        made = jnp.arange(1000.0)
        expected = np.asarray(made).tobytes()
        held = ext.hold(made)
        del made
        gc.collect()
        assert held.to_bytes() == expected
