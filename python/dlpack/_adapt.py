"""`adapt`: a tensor that a certain library takes, and shares."""

from __future__ import annotations

from typing import Any

from ._consumers import Consumer, named
from ._core import CopyError, Tensor, adapted, asdlpack
from ._errors import DeviceError, DTypeError, LayoutError
from ._explain import device_problem, dtype_problem, layout_problem, struct_problem, x64_call
from ._facts import Facts, facts, has_table, request


def adapt(
    obj: Any,
    consumer: str | None = None,
    *,
    dtype: Any = None,
    align: int | None = None,
    contiguous: bool = False,
    copy: bool | None = False,
    trust: bool = False,
) -> Tensor:
    """Makes a tensor that a library takes and shares, where it would refuse or copy the object as it is.

    `consumer` is the name of the library's module, such as "jax"; `dlpack.explain` says what it would get without this. Only
    what is needed is changed, and `adapted`, an attribute of the result that its repr shows, says what that was:

    - offsets are folded into the address, missing strides are filled in, those of axes of one element are normalised, either
      version of the struct is given to whoever asks for it, and a device is spelled as two numbers;
    - booleans become uint8 for a library without booleans;
    - elements are copied, to memory aligned to 64 bytes and in row-major order, if that is allowed.

    The options are for libraries that are not known:

    - `dtype`: the elements as those of another dtype. Bytes become "bool" only if all are 0 or 1.
    - `align`: what the address must be a multiple of, in bytes: a power of two up to 64.
    - `contiguous`: True for elements in row-major order without gaps.

    And these say what may be done:

    - `copy`: False to raise CopyError rather than to copy; None to copy if nothing else helps; True to copy in any case.
    - `trust`: True is your word that nobody writes to the memory through this tensor. Memory that is read-only is then shared
      with libraries that cannot be told, or do not care. Otherwise they get a copy, or nothing.

    >>> import dlpack
    >>> t = dlpack.asdlpack(bytes([1, 0, 1])).view("bool")
    >>> dlpack.adapt(t, "pyarrow")
    <dlpack.Tensor uint8 (3,) cpu read-only [1, 0, 1], adapted: bool as uint8>
    >>> dlpack.adapt(t, "torch", copy=None).adapted
    ('copied, as PyTorch cannot be told that memory is read-only',)
    >>> dlpack.adapt(t, "torch", trust=True).readonly
    False
    >>> dlpack.adapt(t, "torch")
    Traceback (most recent call last):
        ...
    dlpack.CopyError: PyTorch cannot be told that memory is read-only: pass copy=None for a copy, or trust=True if nobody writes
    """
    library = named(consumer) if consumer is not None else None
    notes = _differences(obj, library)
    tensor = asdlpack(obj)
    if align is not None and (align < 1 or align > 64 or align & (align - 1)):
        raise ValueError(f"expected a power of two up to 64 for align, found {align}")
    if dtype is not None:
        tensor = _as_dtype(tensor, dtype, notes)
    elif library is not None and dtype_problem(library, tensor.dtype_name):
        if tensor.dtype_name != "bool" or dtype_problem(library, "uint8"):
            raise DTypeError(
                f"{dtype_problem(library, tensor.dtype_name)}: pass dtype= for the same bytes as others"
            )
        tensor = _as_dtype(tensor, "uint8", notes)
    tensor, strides = _normalise(tensor, notes)
    if library is not None:
        _check(library, tensor)
    why = why_copy(library, tensor, strides, align, contiguous, trust)
    if library is not None and library.always_copies and copy is False:
        raise CopyError(f"{library.title} copies whatever it takes: pass copy=None if it may")
    if why and copy is False:
        ways = "pass copy=None for a copy"
        if _is_unsafe(library, tensor) and not trust:
            ways += ", or trust=True if nobody writes"
        raise CopyError(f"{'; '.join(why)}: {ways}")
    if why or copy is True:
        tensor = tensor.copy()
        notes.append(f"copied, as {'; '.join(why)}" if why else "copied, as was asked for")
        strides = tensor.strides
    writable = trust and tensor.readonly and (library is None or _is_unsafe(library, tensor))
    if writable:
        notes.append("read-only memory as writable, as trust=True allows")
    return adapted(tensor, strides, writable, notes)


def needs_copy(consumer: Consumer, tensor: Tensor) -> bool | None:
    """Returns True if the library can be given the elements as a copy only, and None if it takes them in no way."""
    if device_problem(consumer, tensor.__dlpack_device__()):
        return None
    if dtype_problem(consumer, tensor.dtype_name):
        if tensor.dtype_name != "bool" or dtype_problem(consumer, "uint8"):
            return None
        tensor = tensor.view("uint8")
    if not consumer.least_ndim <= tensor.ndim <= consumer.most_ndim:
        return None
    return bool(why_copy(consumer, tensor))


def _as_dtype(tensor: Tensor, dtype: Any, notes: list[str]) -> Tensor:
    made = tensor.view(dtype)
    if (
        made.dtype_name == "bool"
        and tensor.dtype_name != "bool"
        and tensor.tobytes().translate(None, b"\0\1")
    ):
        # Anything but 0 and 1 is no truth value in C.
        raise DTypeError(f"{tensor.dtype_name} as bool: some elements are neither 0 nor 1")
    if made.dtype_name != tensor.dtype_name:
        notes.append(f"{tensor.dtype_name} as {made.dtype_name}")
    return made


def _differences(obj: Any, library: Consumer | None) -> list[str]:
    """Says what any tensor of this package does better than the object itself."""
    notes: list[str] = []
    if isinstance(obj, Tensor):
        return list(obj.adapted)
    if getattr(obj, "__dlpack__", None) is None:
        return notes
    try:
        found = _plain(obj)
        kind, number = obj.__dlpack_device__()
        kind = int(getattr(kind, "value", kind))
    except Exception:  # noqa: BLE001 - `asdlpack` says what is wrong.
        return notes
    if found.byte_offset and kind not in (4, 7, 8):
        notes.append(f"offset of {found.byte_offset} bytes folded into the address")
    if not found.has_strides:
        notes.append("missing strides filled in")
    if number is None:
        notes.append(f"device ({kind}, None) spelled ({kind}, 0)")
    if library is not None:
        notes += _version(obj, library)
    elif found.version is None:
        notes.append("legacy struct raised to version 1.3")
    return notes


def _version(obj: Any, library: Consumer) -> list[str]:
    """Says what becomes of the version of the struct that the object gives to a library."""
    if library.uses_table and has_table(obj):
        return []
    legacy = "max_version" not in library.asks[0]
    try:
        version = facts(request(obj, library.asks, library.retries_on)).version
    except TypeError:
        return [f"keywords that {library.title} passes are understood"]
    except Exception:  # noqa: BLE001
        return []
    if legacy and version is not None:
        return [f"versioned struct lowered to the legacy one that {library.title} takes"]
    if not legacy and version is None:
        return ["legacy struct raised to version 1.3"]
    return []


def _plain(obj: Any) -> Facts:
    return facts(request(obj, ({"max_version": (1, 3)}, {})))


def _normalise(tensor: Tensor, notes: list[str]) -> tuple[Tensor, tuple[int, ...]]:
    """Returns the strides by which axes of one element do not look like gaps, and empty tensors are in row-major order."""
    strides = list(tensor.strides)
    step = 1
    for axis in reversed(range(tensor.ndim)):
        count = tensor.shape[axis]
        if count == 1 or tensor.size == 0:
            strides[axis] = step
        step = abs(strides[axis]) * max(count, 1)
    if tuple(strides) != tensor.strides:
        notes.append(f"strides {tensor.strides} normalised to {tuple(strides)}")
    return tensor, tuple(strides)


def _check(library: Consumer, tensor: Tensor) -> None:
    """Raises for what no copy could mend."""
    if to := library.narrowed(tensor.dtype_name):
        hint = f": call {x64_call(library)}" if x64_call(library) else ""
        raise DTypeError(
            f"{library.title} makes {to} of {tensor.dtype_name}, whose numbers lose digits{hint}"
        )
    found = _facts_of(tensor, tensor.strides)
    if problem := device_problem(library, found.device):
        raise DeviceError(f'{problem}: call dlpack.asdlpack(x, device="cpu") first')
    if problem := struct_problem(
        library, found._replace(version=(1, 3) if library.takes_versioned else None)
    ):
        raise LayoutError(problem)
    if not library.least_ndim <= tensor.ndim <= library.most_ndim:
        raise LayoutError(str(layout_problem(library, found)))
    if library.lanes == "wrong" and library.dtypes is not None and tensor.dtype_name not in library.dtypes:
        raise DTypeError(
            f"{library.title} ignores that an element has several numbers: pass dtype= for the single ones"
        )


def _facts_of(tensor: Tensor, strides: tuple[int, ...]) -> Facts:
    return facts(adapted(tensor, strides, False, []).__dlpack__(max_version=(1, 0), stream=-1))


def why_copy(
    library: Consumer | None,
    tensor: Tensor,
    strides: tuple[int, ...] | None = None,
    align: int | None = None,
    contiguous: bool = False,
    trust: bool = False,
) -> list[str]:
    """Returns the reasons for which the elements must be copied."""
    why: list[str] = []
    strides = tensor.strides if strides is None else strides
    if tensor.size == 0:
        return why
    if library is not None:
        if problem := layout_problem(library, _facts_of(tensor, strides)):
            why.append(problem)
        if tensor.address % library.alignment:
            why.append(f"{library.title} shares memory only at multiples of {library.alignment} bytes")
        if _is_unsafe(library, tensor) and not trust:
            why.append(f"{library.title} cannot be told that memory is read-only")
    if align is not None and tensor.address % align:
        why.append(f"the address is not a multiple of {align}")
    if contiguous and not tensor.is_contiguous:
        why.append("the elements are not in row-major order")
    return why


def _is_unsafe(library: Consumer | None, tensor: Tensor) -> bool:
    """Returns True for read-only memory that the library would write to."""
    return library is not None and tensor.readonly and not library.honours_readonly and tensor.size > 0
