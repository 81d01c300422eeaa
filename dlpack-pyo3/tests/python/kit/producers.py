"""Classes with `__dlpack__` in the generations that are in use, and some that lie. All of them note what was asked."""

from . import abi
from .foreign import Foreign


class Producer:
    """The current protocol: four keyword-only arguments, a fresh tensor for each call.

    `calls` lists the keywords of each call in the order in which they came. Fields of the tensors are the keywords of
    `Foreign`.
    """

    versioned = True

    def __init__(self, *args, device=(abi.CPU, 0), **fields):
        self.calls = []
        self.tensors = []
        self.device_calls = 0
        self.device = device
        self._make = lambda **given: Foreign(*args, **{"device": device, **fields, **given})

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        raise NotImplementedError  # Replaced below, so that what was really passed can be told from defaults.

    def __dlpack_device__(self):
        self.device_calls += 1
        return self.device

    def hand_out(self, **fields):
        """Makes one tensor and returns its capsule."""
        tensor = self._make(**fields)
        self.tensors.append(tensor)
        return tensor.capsule()

    @property
    def deletes(self):
        return [tensor.deletes for tensor in self.tensors]

    @property
    def keywords(self):
        """The names of the keywords of each call."""
        return [sorted(call) for call in self.calls]


def _modern(self, **given):
    self.calls.append(given)
    unknown = set(given) - {"stream", "max_version", "dl_device", "copy"}
    if unknown:
        raise TypeError(f"__dlpack__() got unexpected keyword arguments {sorted(unknown)}")
    version = given.get("max_version")
    return self.hand_out(versioned=version is not None and version[0] >= 1)


Producer.__dlpack__ = _modern


class Generation2022(Producer):
    """Knows `stream` alone, and hands out legacy tensors: what libraries did before 2023.12."""

    def __dlpack__(self, **given):
        self.calls.append(given)
        if set(given) - {"stream"}:
            raise TypeError("__dlpack__() got an unexpected keyword argument")
        return self.hand_out(versioned=False)


class NoKeywords(Producer):
    """Knows no keyword at all."""

    def __dlpack__(self, **given):
        self.calls.append(given)
        if given:
            raise TypeError("__dlpack__() takes no keyword arguments")
        return self.hand_out(versioned=False)


class IgnoresVersion(Producer):
    """Takes `max_version` and hands out a legacy tensor all the same, as jax, mlx and TensorFlow do."""

    def __dlpack__(self, **given):
        self.calls.append(given)
        return self.hand_out(versioned=False)


class AlwaysVersioned(Producer):
    """Hands out a versioned tensor even where none was asked for."""

    def __dlpack__(self, **given):
        self.calls.append(given)
        return self.hand_out(versioned=True)


class Copies(Producer):
    """Keeps to the standard in `copy` and `dl_device`: copies when asked, flags the copy, refuses other devices."""

    def __dlpack__(self, **given):
        self.calls.append(given)
        device = given.get("dl_device")
        if device is not None and tuple(device) not in (self.device, (abi.CPU, 0)):
            raise BufferError("expected this device, found another one")
        elsewhere = device is not None and tuple(device) != self.device
        if elsewhere and given.get("copy") is False:
            raise BufferError("expected a copy to be allowed")
        fields = {}
        if given.get("copy") or elsewhere:
            fields["flags"] = abi.IS_COPIED
        if elsewhere:
            fields["device"] = device
        version = given.get("max_version")
        return self.hand_out(versioned=version is not None and version[0] >= 1, **fields)


class Raises(Producer):
    """Raises `errors`, one for each call; once they are used up it answers as `Producer` does."""

    def __init__(self, *errors, **fields):
        super().__init__(**fields)
        self.errors = list(errors)

    def __dlpack__(self, **given):
        self.calls.append(given)
        if self.errors:
            raise self.errors.pop(0)
        version = given.get("max_version")
        return self.hand_out(versioned=version is not None and version[0] >= 1)


class Gives(Producer):
    """Returns `answer` itself, whatever it is."""

    def __init__(self, answer, **fields):
        super().__init__(**fields)
        self.answer = answer

    def __dlpack__(self, **given):
        self.calls.append(given)
        return self.answer
