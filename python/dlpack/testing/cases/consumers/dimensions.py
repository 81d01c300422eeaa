"""Numbers of axes, and shapes."""

from __future__ import annotations

from .common import FLOATS, add

add("ndim.zero", "shape", "take", "should", does="Imports one element without axes; shape and strides are NULL.",
     shape=(), strides=None, null_shape=True, wanted=FLOATS[:1])  # fmt: skip
add(
    "ndim.seven",
    "ndim",
    "take",
    "should",
    does="Imports a tensor with seven axes.",
    shape=(1, 2, 1, 3, 1, 1, 1),
)
add(
    "ndim.64",
    "ndim",
    "right",
    "should",
    does="Imports a tensor with 64 axes.",
    shape=(1,) * 62 + (2, 3),
    wanted=FLOATS,
)
add(
    "ndim.65",
    "ndim",
    "right",
    "should",
    does="Imports a tensor with 65 axes.",
    shape=(1,) * 63 + (2, 3),
    wanted=FLOATS,
)
add("ndim.negative", "ndim", "refuse", "should", does="Imports a tensor with `ndim` -1.", ndim=-1)
add(
    "ndim.minimum",
    "ndim",
    "refuse",
    "should",
    does="Imports a tensor with the smallest `ndim`.",
    ndim=-(2**31),
)
add(
    "shape.null",
    "shape",
    "refuse",
    "should",
    does="Imports a tensor with two axes whose shape is NULL.",
    null_shape=True,
)
add(
    "shape.negative",
    "shape",
    "refuse",
    "should",
    does="Imports a tensor of shape (-1, 3).",
    shape=(-1, 3),
    strides=(3, 1),
)
add(
    "shape.minimum",
    "shape",
    "refuse",
    "should",
    does="Imports a tensor of shape (-2**63,).",
    shape=(-(2**63),),
    strides=(1,),
)
add("shape.huge", "shape", "refuse", "should", does="Imports a tensor of 2**32 times 2**32 elements.",
     shape=(2**32, 2**32), strides=(2**32, 1))  # fmt: skip
add("shape.huge-empty", "shape", "survive", "should", does="Imports a tensor of shape (2**62, 4, 0).",
     shape=(2**62, 4, 0), strides=(0, 0, 1), address=None)  # fmt: skip
add("shape.negative-empty", "shape", "refuse", "quirk", does="Imports a tensor of shape (0, -2).",
     shape=(0, -2), strides=(1, 1))  # fmt: skip
add("empty.null", "size-zero", "take", does="Imports a tensor of shape (0, 3) whose data is NULL.",
     shape=(0, 3), address=None, wanted=[])  # fmt: skip
add("empty.dangling", "size-zero", "take", "should", does="Imports a tensor of shape (0, 3) whose data is the address 8.",
     shape=(0, 3), address=8, wanted=[])  # fmt: skip
add("empty.strides", "size-zero", "take", "should", does="Imports a tensor of shape (0, 3) whose strides are 0.",
     shape=(0, 3), strides=(0, 0), wanted=[])  # fmt: skip
add("empty.offset", "size-zero", "right", "should", does="Imports a tensor without elements, with NULL and a byte_offset of 64.",
     shape=(0,), address=None, byte_offset=64, wanted=[])  # fmt: skip
