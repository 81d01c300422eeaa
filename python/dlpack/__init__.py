"""Makes every buffer a tensor for every array library, by DLPack and without a copy.

>>> import dlpack
>>> t = dlpack.asdlpack(bytearray(b"abcdef")).reshape(2, 3)
>>> t
<dlpack.Tensor uint8 (2, 3) cpu [[97, 98, 99], [100, 101, 102]]>

`numpy.from_dlpack(t)`, `torch.from_dlpack(t)`, `jax.numpy.from_dlpack(t)` and so on are arrays of the same memory.

- `asdlpack(x)`: a tensor of any object that describes its memory.
- `from_dlpack(x)`: a tensor of an array, as the array API standard spells it.
- `from_pointer(address, ...)`: a tensor of memory of one's own extension.
- `explain(x)`: what each library would get of an object, and why: the same memory, a copy, or an exception.
- `adapt(x, "jax")`: a tensor that a certain library takes and shares.
- `SupportsDLPack`, `SupportsArrayInterface` and so on: the protocols, for annotations.
- `ROUTES`: the names of the ways in which `asdlpack` looks for the memory.

`python -m dlpack libraries` prints which call is for which library, from `libraries.md` beside this file. Programs to start from,
with MPI, Ray, shared memory and Mojo, are in `python/examples` of the repository.
"""

from ._core import (
    ROUTES,
    CopyError,
    Tensor,
    __version__,
    asdlpack,
    from_dlpack,
    refuse_other_interpreters,
)
from ._errors import DeviceError, DTypeError, LayoutError, NotATensorError, ReadOnlyError
from ._pointer import from_pointer

refuse_other_interpreters()

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._adapt import adapt
    from ._explain import Answer, Explanation, explain
    from ._protocols import (
        SupportsArrayInterface,
        SupportsArrayStruct,
        SupportsArrowArray,
        SupportsCudaArrayInterface,
        SupportsDLPack,
    )

__all__ = [
    "ROUTES",
    "Answer",
    "CopyError",
    "DTypeError",
    "DeviceError",
    "Explanation",
    "LayoutError",
    "NotATensorError",
    "ReadOnlyError",
    "SupportsArrayInterface",
    "SupportsArrayStruct",
    "SupportsArrowArray",
    "SupportsCudaArrayInterface",
    "SupportsDLPack",
    "Tensor",
    "__version__",
    "adapt",
    "asdlpack",
    "explain",
    "from_dlpack",
    "from_pointer",
]


_LATER = {
    "Answer": "._explain",
    "Explanation": "._explain",
    "SupportsArrayInterface": "._protocols",
    "SupportsArrayStruct": "._protocols",
    "SupportsArrowArray": "._protocols",
    "SupportsCudaArrayInterface": "._protocols",
    "SupportsDLPack": "._protocols",
    "adapt": "._adapt",
    "explain": "._explain",
}


def __getattr__(name: str) -> object:
    # What few programs need is imported when it is asked for, so that importing the package takes no time.
    if module := _LATER.get(name):
        from importlib import import_module

        globals()[name] = found = getattr(import_module(module, __name__), name)
        return found
    from ._pydlpack import hint

    raise AttributeError(f"module 'dlpack' has no attribute {name!r}{hint(name)}")


def __dir__() -> list[str]:
    return __all__
