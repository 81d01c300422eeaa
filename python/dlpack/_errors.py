"""The exceptions of the package. Each is also what callers of other functions with the same task already catch."""


class DTypeError(BufferError, ValueError):
    """No dtype of DLPack describes the elements, or not the one that was asked for."""


class LayoutError(BufferError, ValueError):
    """No shape and strides describe the elements: they have a mask, are not whole elements apart, or are not there."""


class DeviceError(BufferError, ValueError):
    """The memory is on another device than was asked for, and nobody copies it."""


class ReadOnlyError(BufferError, ValueError):
    """The memory is read-only, and was to be writable."""


class NotATensorError(TypeError, AttributeError):
    """The object describes its memory in none of the ways that were tried, or not as the protocol has it."""


# By these names they are found when they are unpickled.
for _class in (DTypeError, LayoutError, DeviceError, ReadOnlyError, NotATensorError):
    _class.__module__ = "dlpack"
del _class
