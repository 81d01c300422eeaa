"""The clauses on which cases rest: lines of the header of version 1.3, and sections of the two Python specifications."""

from __future__ import annotations

from dataclasses import dataclass

HEADER = "https://github.com/dmlc/dlpack/blob/v1.3/include/dlpack/dlpack.h"
PYTHON = "https://dmlc.github.io/dlpack/latest/python_spec.html"
ARRAY_API = "https://data-apis.org/array-api/draft/API_specification/generated"


@dataclass(frozen=True)
class Clause:
    """Where a rule stands, and the words that it rests on."""

    where: str
    text: str
    url: str
    # First and last line, of clauses of the header.
    lines: tuple[int, int] | None = None

    def __str__(self) -> str:
        return f"{self.where}: “{self.text}”"


def _header(first: int, last: int, text: str) -> Clause:
    return Clause(f"dlpack.h 1.3, lines {first}-{last}", text, f"{HEADER}#L{first}-L{last}", (first, last))


def _python(section: str, text: str) -> Clause:
    anchor = section.lower().replace(" ", "-")
    return Clause(f"Python specification, “{section}”", text, f"{PYTHON}#{anchor}")


def _array(function: str, part: str, text: str) -> Clause:
    return Clause(f"array API standard, {function}, “{part}”", text, f"{ARRAY_API}/array_api.{function}.html")


_EXPORT, _IMPORT, _DEVICE = "array.__dlpack__", "from_dlpack", "array.__dlpack_device__"

CLAUSES = {
    # The header.
    "major": _header(51, 55, "the consumer must call the deleter"),
    "minor": _header(57, 58, "In the case of a minor version mismatch, the tensor can be safely used"),
    "device-id": _header(
        131, 134, "For vanilla CPU memory, pinned memory, or managed memory, this is set to 0."
    ),
    "complex": _header(155, 159, "compact struct per complex number"),
    "bool": _header(194, 194, "the underlying storage size of bool is 8 bits"),
    "float6": _header(171, 174, "the consumer must stop importing if the value is unexpected"),
    "float4": _header(177, 180, "the consumer must stop importing if the value is unexpected"),
    "endian": _header(185, 187, "An explicit error message should be raised when attempting to"),
    "sub-byte": _header(199, 200, "DLPack requires the data to be in little bit-endian"),
    "dtype-code": _header(204, 207, "the value should be one of DLDataTypeCode enum values"),
    "bits": _header(209, 211, "Number of bits, common choices are 8, 16, 32."),
    "lanes": _header(213, 214, "Number of lanes in the type, used for vector types."),
    "alignment": _header(227, 231, "not rely on the data pointer being correctly aligned"),
    "size-zero": _header(247, 248, "if the tensor is of size zero, then the data pointer should be"),
    "data": _header(221, 222, "The data pointer points to the allocated data."),
    "ndim": _header(253, 254, "Number of dimensions"),
    "shape": _header(257, 262, "When ndim == 0, shape can be set to NULL."),
    "strides": _header(263, 268, "can not be NULL if ndim != 0"),
    "strides-elements": _header(264, 264, "in number of elements, not bytes"),
    "strides-old": _header(271, 274, "Before DLPack v1.2, strides can be NULL to indicate contiguous data."),
    "offset": _header(276, 277, "The offset in bytes to the beginning pointer to data"),
    "deleter-when": _header(283, 286, "it should call the deleter to notify the host"),
    "context": _header(346, 352, "It can also be NULL."),
    "deleter": _header(353, 360, "The destructor deletes the argument self as well."),
    "deleter-null": _header(357, 358, "if there is no way for the caller to provide a reasonable"),
    "borrowing": _header(334, 335, "intended to facilitate the borrowing of DLTensor by"),
    "read-only": _header(312, 313, "bit mask to indicate that the tensor is read only."),
    "is-copied": _header(315, 321, "the tensor is considered solely owned throughout its lifetime by the"),
    "padded": _header(323, 329, "is assumed packed"),
    "flags": _header(361, 372, "By default the flags should be set to 0."),
    "flags-stable": _header(366, 367, "Future ABI changes should keep everything until this field"),
    "version": _header(342, 345, "The API and ABI version of the current managed Tensor"),
    # The exchange table.
    "allocator": _header(381, 406, "Only the dtype, ndim, shape,"),
    "allocator-error": _header(393, 395, "SetError is called exactly when NULL is returned"),
    "allocator-python": _header(396, 399, "Error propagation via SetError to avoid any direct need"),
    "from-object": _header(408, 429, "this should be a BufferError if possible"),
    "borrowed": _header(431, 458, "is only guaranteed until"),
    "stream": _header(460, 485, "and the producer can simply return NULL when queried"),
    "to-object": _header(487, 507, "tensor is stolen"),
    "table-header": _header(514, 518, "the consumer must check major version"),
    "table-chain": _header(519, 528, "It must be NULL if the framework does not support older versions."),
    "table-type": _header(536, 538, "This attribute must be set on the type as a Python PyCapsule"),
    "table-lookup": _header(556, 557, "The consumer should look up the"),
    "table-alive": _header(600, 600, "must stay alive throughout the lifetime of the process"),
    "table-functions": _header(613, 641, "This function must not be NULL."),
    # DLPack's Python specification.
    "methods": _python(
        "Syntax for data interchange with DLPack", "any (array) object with the two DLPack methods implemented"
    ),
    "zero-copy": _python("Semantics", "If possible, this must be zero-copy (i.e. y will be a view on x)."),
    "both-used": _python(
        "Semantics", "Both x and y may continue to be used just like arrays created in other ways."
    ),
    "keeps-owning": _python("Semantics", "The producer keeps owning the memory of x"),
    "unsupported-device": _python(
        "Semantics",
        "on a device that the requesting (consumer) library does not support, it is recommended to raise a BufferError",
    ),
    "capsule-name": _python("Implementation", 'The producer must set the PyCapsule name to "dltensor"'),
    "capsule-destructor": _python(
        "Implementation", 'PyCapsule_Destructor calls deleter only for capsules whose name is "dltensor"'
    ),
    "consumed-once": _python("Implementation", "it is consumed exactly once"),
    "rename": _python("Implementation", 'It does so by renaming the capsule to "used_dltensor"'),
    "deleter-gil": _python(
        "Implementation", "the GIL must be acquired explicitly if it uses Python objects or API"
    ),
    "deleter-end": _python(
        "Implementation", "Leak the Python object if the Python runtime is not available."
    ),
    "both-structs": _python(
        "Implementation", "a library should try to support both during the transition period"
    ),
    "dense": _python(
        "Semantics", "DLPack describes the memory layout of dense, strided, n-dimensional arrays."
    ),
    # The array API standard.
    "keywords": _array(_EXPORT, "Signature", "(*, stream=None, max_version=None, dl_device=None, copy=None)"),
    "stream-cpu": _array(
        _EXPORT, "stream", "On CPU and other device types without streams, only None is accepted."
    ),
    "max-version": _array(_EXPORT, "max_version", "This method may return a capsule of version max_version"),
    "max-version-verify": _array(
        _EXPORT, "max_version", "the consumer must verify the version even when max_version is passed"
    ),
    "max-version-high": _array(
        _EXPORT,
        "Notes",
        "if max_version >= our_own_dlpack_version: # Consumer understands us, just return a Capsule with our max version",
    ),
    "max-version-none": _array(
        _EXPORT, "Notes", "if max_version is None: # Keep and use the DLPack 0.X implementation"
    ),
    "max-version-old": _array(
        _EXPORT,
        "Notes",
        "If so, use that. Else, the producer should raise a BufferError",
    ),
    "dl-device": _array(
        _EXPORT,
        "dl_device",
        "If the device type cannot be handled by the producer, this function must raise BufferError.",
    ),
    "dl-device-cpu": _array(
        _EXPORT, "dl_device", "whose underlying memory is accessible to the Python interpreter"
    ),
    "copy-true": _array(_EXPORT, "copy", "If True, the function must always copy"),
    "copy-false": _array(_EXPORT, "copy", "If False, the function must never copy"),
    "copy-flag": _array(
        _EXPORT, "copy", "When a copy happens, the DLPACK_FLAG_BITMASK_IS_COPIED flag must be set."
    ),
    "export-error": _array(
        _EXPORT,
        "Raises",
        "Implementations should raise BufferError when the data cannot be exported as DLPack",
    ),
    "ask-versioned": _array(
        _EXPORT, "Notes", "except TypeError: x.__dlpack__(...)"
    ),
    "ignore-read-only": _array(
        _EXPORT, "Notes", "A consumer that does not support read-only arrays should ignore this flag"
    ),
    "device-pair": _array(_DEVICE, "Returns", "a tuple (device_type, device_id) in DLPack format"),
    "import-device": _array(
        _IMPORT,
        "device",
        "an array whose underlying memory is accessible to the Python interpreter, when the corresponding device is provided",
    ),
    "import-copy": _array(_IMPORT, "copy", "If True, the function must always copy."),
    "import-no-copy": _array(_IMPORT, "copy", "If False, the function must never copy"),
    "import-propagate": _array(_IMPORT, "Raises", "from_dlpack must propagate such exceptions."),
    "import-error": _array(
        _IMPORT,
        "Raises",
        "may raise BufferError when the data cannot be exported as DLPack (e.g., incompatible dtype, strides, or device)",
    ),
    "import-attribute": _array(
        _IMPORT, "Raises", "If the __dlpack__ and __dlpack_device__ methods are not present on the input array"
    ),
}
