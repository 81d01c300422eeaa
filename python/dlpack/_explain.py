"""`explain`: what a library would get of an object, and why."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any, Literal, NamedTuple, overload

from ._consumers import NAMES, Consumer, named
from ._core import Tensor
from ._facts import Facts, Subject, ask, subject

_Result = Literal["aliased", "copied", "refused"]


class Answer(NamedTuple):
    """What a library would get of an object.

    `str(answer)` is a sentence, and `answer._asdict()` a dictionary of strings.
    """

    #: The module of the library, such as "numpy".
    consumer: str
    #: The call that this is about, where `x` is the object.
    call: str
    #: "aliased": the same memory. "copied": other memory with the same numbers. "refused": an exception.
    result: _Result
    #: Why it is not aliased; empty if it is.
    why: str = ""
    #: What is wrong or dangerous although the library takes the object.
    caution: str = ""
    #: A call that gives more, or nothing.
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.call}: {self.result}"
        if self.why:
            text += f", because {self.why}"
        if self.caution:
            text += f". Caution: {self.caution}"
        if self.remedy:
            text += f". Try {self.remedy}"
        return text


Answer.__module__ = "dlpack"


class Explanation(dict[str, Answer]):
    """What each library would get of an object, by the name of its module.

    `str(explanation)` has a line for each library.
    """

    def __str__(self) -> str:
        return "\n".join(str(answer) for answer in self.values())

    def __repr__(self) -> str:
        results = ", ".join(f"{name}: {answer.result}" for name, answer in self.items())
        return f"<dlpack.Explanation {results}>"


Explanation.__module__ = "dlpack"


@overload
def explain(obj: Any, consumer: str) -> Answer: ...
@overload
def explain(obj: Any, consumer: None = None) -> Explanation: ...
def explain(obj: Any, consumer: str | None = None) -> Answer | Explanation:
    """Says what a library would get of an object: the same memory, a copy, or an exception; and why.

    `consumer` is the name of the library's module, such as "jax"; without it, all are meant that are installed and known. The
    object is asked for a tensor as the library asks it, with the same effect on the object; the library itself is not called, and not
    even imported.

    The answer for one library is an `Answer`, and those for several an `Explanation`, which is a dictionary. Both print as text.

    >>> import dlpack
    >>> answer = dlpack.explain(b"abc", "torch")
    >>> answer.result, answer.call
    ('aliased', 'torch.from_dlpack(dlpack.asdlpack(x))')
    >>> answer.caution
    'the memory is read-only, and PyTorch writes to it all the same'
    >>> print(dlpack.explain(b"abc", "tensorflow").why)
    TensorFlow asks for the legacy struct, which cannot say that memory is read-only, so that it is given a copy

    What this knows of the libraries was measured, and `python -m dlpack libraries` prints for which versions.
    """
    found = subject(obj)
    if consumer is not None:
        return judge(named(consumer), found)
    return Explanation((name, judge(named(name), found)) for name in NAMES if is_installed(name))


def is_installed(name: str) -> bool:
    """Returns True if a module could be imported, without importing it."""
    if sys.modules.get(name) is not None:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def judge(consumer: Consumer, found: Subject) -> Answer:
    """Says what the library would get."""
    answer = Answer(consumer.name, consumer.call.format(found.spelling), "aliased")
    adapt = f'dlpack.adapt(x, "{consumer.name}")'
    copy = f'dlpack.adapt(x, "{consumer.name}", copy=None)'
    if found.tensor is None and found.raised is not None:
        try:
            facts = ask(consumer, found.producer)
        except Exception:  # noqa: BLE001
            return answer._replace(result="refused", why=str(found.raised))
        # The object gives what it should not, as PyTorch gives elements that are negated when they are read.
        answer = answer._replace(caution=str(found.raised))
    else:
        if spelled := _device_id(consumer, found.producer):
            return answer._replace(result="refused", why=spelled, remedy=adapt)
        try:
            facts = ask(consumer, found.producer)
        except Exception as raised:  # noqa: BLE001
            why = f"the object answers {consumer.title} with {type(raised).__name__}: {_line(raised)}"
            assert found.tensor is not None
            return answer._replace(result="refused", why=why, remedy=_remedy(consumer, found, adapt, copy))
    if problem := device_problem(consumer, facts.device):
        dies = facts.device[0] in consumer.fatal_devices
        return answer._replace(
            result="refused",
            why=problem,
            caution=f"{consumer.title} does not raise, but ends the process" if dies else "",
            remedy='dlpack.asdlpack(x, device="cpu")',
        )
    if problem := struct_problem(consumer, facts):
        return answer._replace(result="refused", why=problem, remedy=_remedy(consumer, found, adapt, copy))
    if problem := dtype_problem(consumer, facts.dtype_name):
        remedy = _remedy(consumer, found, adapt, copy) or _as_bits(consumer, found)
        return answer._replace(result="refused", why=problem, remedy=remedy)
    if problem := layout_problem(consumer, facts):
        remedy = _remedy(consumer, found, adapt, copy)
        return answer._replace(result="refused", why=problem, remedy=remedy)
    if wrong := _wrong(consumer, facts):
        return answer._replace(caution=wrong)
    if facts.size == 0:
        return answer
    return _share(consumer, facts, found, answer, copy)


def _share(consumer: Consumer, facts: Facts, found: Subject, answer: Answer, copy: str) -> Answer:
    """For what the library takes: is it the memory of the object?"""
    if to := consumer.narrowed(facts.dtype_name):
        why = f"{consumer.title} makes {to} of {facts.dtype_name}"
        return answer._replace(
            result="copied", why=why, caution="numbers lose digits", remedy=x64_call(consumer)
        )
    if consumer.always_copies:
        return answer._replace(result="copied", why=f"{consumer.title} copies whatever it takes")
    own = found.tensor.address if found.tensor is not None else facts.address
    if facts.address != own:
        if found.tensor is not None and found.tensor.readonly and facts.version is None:
            why = (
                f"{consumer.title} asks for the legacy struct, which cannot say that memory is read-only, "
                "so that it is given a copy"
            )
            trusted = _facts_as_trusted(consumer, found.tensor)
            trust = f'dlpack.adapt(x, "{consumer.name}", trust=True), if nobody writes to it'
            return answer._replace(result="copied", why=why, remedy=trust if trusted else copy)
        return answer._replace(result="copied", why="the object gives a copy")
    if facts.address is not None and facts.address % consumer.alignment:
        why = f"{consumer.title} shares memory only if it begins at a multiple of {consumer.alignment} bytes"
        return answer._replace(result="copied", why=why, remedy=copy)
    if facts.readonly and not consumer.honours_readonly:
        caution = f"the memory is read-only, and {consumer.title} writes to it all the same"
        return answer._replace(caution=caution, remedy=copy if found.spelling == "x" else "")
    if consumer.honours_readonly and facts.version is None:
        # A legacy struct does not say whether its memory may be written.
        return answer._replace(
            caution=f"{consumer.title} makes it read-only, since the legacy struct does not say more"
        )
    return answer


def x64_call(consumer: Consumer) -> str:
    """Returns the call by which a library keeps all digits of numbers, if it has one."""
    return 'jax.config.update("jax_enable_x64", True)' if consumer.name == "jax" else ""


def _facts_as_trusted(consumer: Consumer, tensor: Tensor) -> bool:
    """Returns True if the library would share the memory, were it not read-only."""
    from ._adapt import why_copy

    return not why_copy(consumer, tensor, trust=True)


def struct_problem(consumer: Consumer, facts: Facts) -> str | None:
    """Says why the library refuses the struct, whatever is in it."""
    if facts.version is None and not consumer.takes_legacy:
        return f"{consumer.title} takes the versioned struct only, and the object gives the legacy one"
    if facts.version is not None and not (consumer.takes_versioned or facts.by_table):
        return f"{consumer.title} takes the legacy struct only, and the object gives the versioned one"
    if facts.byte_offset and consumer.offset == "refused":
        return f"{consumer.title} takes no offset from the start of the memory"
    return None


def device_problem(consumer: Consumer, device: tuple[int, int]) -> str | None:
    """Says why the library refuses the device."""
    if consumer.devices is None or device[0] in consumer.devices or _has(consumer, device):
        return None
    return f"{consumer.title} does not take memory of this device"


def dtype_problem(consumer: Consumer, dtype: str) -> str | None:
    """Says why the library refuses a dtype."""
    if consumer.dtypes is None or dtype in consumer.dtypes:
        return None
    scalar, lanes, _ = dtype.rpartition("x")
    if lanes and consumer.lanes == "wrong" and scalar in consumer.dtypes:
        return None
    return f"{consumer.title} has no dtype {dtype}"


def layout_problem(consumer: Consumer, facts: Facts) -> str | None:
    """Says why the library refuses shape or strides."""
    if not consumer.least_ndim <= len(facts.shape) <= consumer.most_ndim:
        return f"{consumer.title} takes tensors with {consumer.least_ndim} to {consumer.most_ndim} axes"
    if facts.size == 0:
        return None
    if consumer.strides == "rows" and not facts.is_row_major:
        return f"{consumer.title} takes only elements in row-major order without gaps"
    if consumer.strides == "dense" and not facts.is_dense:
        return f"{consumer.title} takes only elements without gaps, in some order of the axes"
    if consumer.strides in ("positive", "dense"):
        if any(stride < 0 and count > 1 for stride, count in zip(facts.strides, facts.shape)):
            return f"{consumer.title} takes no negative strides"
    return None


def _wrong(consumer: Consumer, facts: Facts) -> str:
    """Says what is wrong with the numbers that the library reads."""
    if facts.byte_offset and consumer.offset == "ignored":
        return f"{consumer.title} ignores the offset of {facts.byte_offset} bytes, and reads other elements"
    if consumer.lanes == "wrong" and consumer.dtypes is not None and facts.dtype_name not in consumer.dtypes:
        return f"{consumer.title} ignores that an element has several numbers, and reads other elements"
    return ""


def _device_id(consumer: Consumer, producer: Any) -> str:
    if not consumer.needs_device_id:
        return ""
    try:
        kind, number = producer.__dlpack_device__()
    except Exception as raised:  # noqa: BLE001
        return f"{consumer.title} takes a pair of numbers for the device, and asking for it raises {type(raised).__name__}"
    if number is not None:
        return ""
    kind = getattr(kind, "value", kind)
    return f"{consumer.title} takes a number for the device, and the object spells it ({kind}, None)"


def _has(consumer: Consumer, device: tuple[int, int]) -> bool:
    """Returns True if the library, which is loaded, has such a device."""
    module: Any = sys.modules.get(consumer.name)
    try:
        if consumer.name == "torch" and device[0] in (2, 10):
            return bool(module.cuda.is_available())
        if consumer.name == "jax" and device[0] in (2, 10):
            return any(found.platform in ("gpu", "cuda", "rocm") for found in module.devices())
        if consumer.name == "paddle" and device[0] == 2:
            return bool(module.device.is_compiled_with_cuda())
        if consumer.name == "tensorflow" and device[0] == 2:
            return bool(module.config.list_physical_devices("GPU"))
        if consumer.name == "warp" and device[0] == 2:
            return bool(module.is_cuda_available())
    except Exception:  # noqa: BLE001
        pass
    return False


def _remedy(consumer: Consumer, found: Subject, adapt: str, copy: str) -> str:
    """Returns the call that makes a tensor which the library takes."""
    from ._adapt import needs_copy

    if found.tensor is None:
        return ""
    needs = needs_copy(consumer, found.tensor)
    if needs is None:
        return ""
    call = copy if needs else adapt
    if consumer.narrowed(found.tensor.dtype_name):
        return f"{x64_call(consumer)}, and then {call}" if x64_call(consumer) else ""
    return call


def _as_bits(consumer: Consumer, found: Subject) -> str:
    """Returns the call that makes integers of elements which have no dtype in the library."""
    if found.tensor is None or consumer.dtypes is None or "x" in found.tensor.dtype_name:
        return ""
    try:
        bits = f"uint{8 * found.tensor.itemsize}"
    except (BufferError, ValueError):
        return ""
    return (
        f'dlpack.asdlpack(x).view("{bits}"), whose elements are the bits' if bits in consumer.dtypes else ""
    )


def _line(raised: Exception) -> str:
    return str(raised).strip().partition("\n")[0]
