"""Hands an array in Ray's object store to several libraries in a worker, without a copy.

    pip install ray numpy
    python ray_object_store.py

Ray keeps large arrays in shared memory. A worker on the same machine gets one without a copy, and read-only, as others read the same
memory. A `dlpack.Tensor` of it says so to each consumer. A library that has no word for read-only memory gets a copy, or, where the
program promises that nobody writes, the memory itself.
"""

from __future__ import annotations

import importlib
from typing import Any

import dlpack
import numpy as np
import ray


@ray.remote
def consume(x: Any) -> dict[str, Any]:
    """Runs in a worker, on an array of the object store."""
    t = dlpack.asdlpack(x)
    assert t.readonly and t.address == x.ctypes.data
    found: dict[str, Any] = {"sum": float(np.from_dlpack(t).sum())}

    # NumPy reads the flag: its array cannot be written.
    array = np.from_dlpack(t)
    assert not array.flags.writeable
    found["numpy"] = array.ctypes.data == t.address

    # pyarrow reads it, too.
    pyarrow = _module("pyarrow")
    if pyarrow is not None:
        tensor = pyarrow.Tensor.from_dlpack(t)
        assert not tensor.is_mutable
        found["pyarrow"] = dlpack.asdlpack(tensor).address == t.address

    # PyTorch shares the memory and would write it. It is for the program to leave that.
    torch = _module("torch")
    if torch is not None:
        found["torch"] = torch.from_dlpack(t).data_ptr() == t.address

    # JAX asks for the older protocol, and so gets a copy: nothing that it does can reach the others.
    jax = _module("jax")
    if jax is not None:
        found["jax"] = jax.numpy.from_dlpack(t).unsafe_buffer_pointer() == t.address
    return found


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def main() -> None:
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        # Small arrays are not in the store, but in the message.
        stored = ray.put(np.arange(1 << 17, dtype="float64"))
        found = ray.get(consume.remote(stored))
        total = found.pop("sum")
        assert total == sum(range(1 << 17))
        assert found.pop("numpy")
        for library in ("pyarrow", "torch"):
            assert found.pop(library, True), library
        assert not found.pop("jax", False)
        print("the libraries read one array of the object store")
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
