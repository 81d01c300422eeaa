"""An array into native code: rows that end with the address and the number of its elements."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

import floors
from contender import Call, Contender, Row

SHAPE = (3, 4)

OURS = "dlpack-pyo3"


@cache
def module(name: str) -> Any:
    return importlib.import_module(name)


@cache
def tvm_ffi_take() -> Any:
    return module("tvm_ffi").load_module(module("peers").file("peer_tvm_ffi")).take


def numpy_array() -> Any:
    return module("numpy").zeros(SHAPE, "float32")


def derived_array() -> Any:
    """An array that must be asked, since its class could say other things of it than NumPy's own."""
    numpy = module("numpy")
    return numpy_array().view(type("Derived", (numpy.ndarray,), {}))


def torch_tensor() -> Any:
    return module("torch").zeros(SHAPE)


def jax_array() -> Any:
    return module("jax").numpy.zeros(SHAPE, "float32").block_until_ready()


def jax_bfloat16() -> Any:
    """An array that no buffer can describe."""
    return module("jax").numpy.zeros(SHAPE, "bfloat16").block_until_ready()


def address(array: Any) -> int:
    """Where its first element is, as its own library says."""
    if hasattr(array, "data_ptr"):
        return array.data_ptr()
    if hasattr(array, "unsafe_buffer_pointer"):
        return array.unsafe_buffer_pointer()
    if hasattr(array, "address"):
        return array.address() if callable(array.address) else array.address
    return module("numpy").from_dlpack(array).ctypes.data


def look(call: Call, result: Any) -> Any:
    """The number of elements, if the address is right."""
    array = call.arguments[0]
    return result - address(array)


def taker(array: Callable[[], Any]) -> Callable[..., Contender]:
    """Makes contenders that take what `array` makes."""

    def contender(role: str, name: str, function: Callable[[], Any], remark: str = "") -> Contender:
        return Contender(name, role, lambda: Call(function(), (array(),)), look, remark)

    return contender


LEGACY = "asks for the legacy struct, which has no flags and no version"
UNCHECKED = "checks neither sizes nor the version"
ASKING = "asks PyTorch whether a gradient is required, and for the negative bit"


def ours() -> Any:
    return module("ours")


def protocol_peers(take: Callable[..., Contender]) -> list[Contender]:
    return [
        take("peer", "nanobind", lambda: module("peer_nanobind").take, "does not look at the version"),
        take("peer", "tvm-ffi", tvm_ffi_take, LEGACY),
        take("peer", "pyo3-dlpack", lambda: module("peer_pyo3_dlpack").take),
        take("peer", "dlpark", lambda: module("peer_dlpark").take, "asks for the device first"),
        take("peer", "dlpack-rs", lambda: module("peer_dlpack_rs").take, LEGACY + "; " + UNCHECKED),
    ]


def numpy_protocol() -> list[Contender]:
    take = taker(derived_array)
    return [
        take("floor", "floor", lambda: floors.take_protocol),
        take("ours", OURS, lambda: ours().take),
        take("reference", "floor, legacy", lambda: floors.take_legacy, LEGACY),
        *protocol_peers(take),
    ]


def numpy_any() -> list[Contender]:
    take = taker(numpy_array)
    return [
        take("floor", "floor", lambda: floors.take_protocol),
        take("ours", OURS, lambda: ours().take),
        take("reference", "buffer", lambda: floors.take_buffer),
        take("reference", "array struct", lambda: floors.take_array_struct),
        take("reference", "fields", lambda: floors.take_ndarray, "reads the fields of NumPy's object"),
        take("peer", "rust-numpy", lambda: module("peer_rust_numpy").take, "knows NumPy's arrays only"),
    ]


def torch_view() -> list[Contender]:
    take = taker(torch_tensor)
    return [
        take("floor", "floor", lambda: floors.take_view, "asks nothing"),
        take("ours", OURS, lambda: ours().take_view),
        take("reference", "floor, asking", lambda: floors.take_view_asking, ASKING),
        take("peer", "dlpark", lambda: module("peer_dlpark").take_view, "asks nothing"),
    ]


def torch_owned() -> list[Contender]:
    take = taker(torch_tensor)
    return [
        take("floor", "floor", lambda: floors.take_view, "borrows, and asks nothing"),
        take("ours", OURS, lambda: ours().take),
        take("reference", "floor, owned", lambda: floors.take_owned, "asks nothing either"),
        take("reference", "floor, owned, asking", lambda: floors.take_owned_asking, ASKING),
        *protocol_peers(take),
    ]


def jax_protocol() -> list[Contender]:
    take = taker(jax_bfloat16)
    return [
        take("floor", "floor", lambda: floors.take_protocol),
        take("ours", OURS, lambda: ours().take),
        *protocol_peers(take),
    ]


def jax_any() -> list[Contender]:
    take = taker(jax_array)
    return [
        take("floor", "floor", lambda: floors.take_protocol),
        take("ours", OURS, lambda: ours().take),
        take("reference", "buffer", lambda: floors.take_buffer),
    ]


def own_view() -> list[Contender]:
    take = taker(lambda: floors.Own())
    return [
        take("floor", "floor", lambda: floors.take_view),
        take("ours", OURS, lambda: ours().take_view),
        take("peer", "dlpark", lambda: module("peer_dlpark").take_view),
    ]


def own_owned() -> list[Contender]:
    take = taker(lambda: floors.Own())
    return [
        take("floor", "floor", lambda: floors.take_owned),
        take("ours", OURS, lambda: ours().take),
        take("peer", "dlpark", lambda: module("peer_dlpark").take),
        take("peer", "tvm-ffi", tvm_ffi_take),
    ]


def rows() -> list[Row]:
    return [
        Row("numpy-protocol", "an array of a class derived from NumPy's into native code, by __dlpack__", 1.10, numpy_protocol),
        Row("numpy", "an array of NumPy into native code, by any route", 0.65, numpy_any),
        Row("torch-view", "a tensor of PyTorch into native code, borrowed for the call", 1.35, torch_view),
        Row("torch", "the same, owned", 1.7, torch_owned),
        Row("jax-protocol", "an array of JAX, of a dtype that only __dlpack__ can say, into native code", 1.05, jax_protocol, 200),
        Row("jax", "an array of JAX, of float32, into native code, by any route", 0.25, jax_any, 200),
        Row("table-view", "an object with a table into native code, borrowed for the call", 2.0, own_view),
        Row("table", "the same, owned", 2.0, own_owned),
    ]
