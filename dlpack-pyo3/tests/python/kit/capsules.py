"""Capsules through CPython's C API: making them, and reading and changing their names."""

import ctypes

LEGACY, VERSIONED = "dltensor", "dltensor_versioned"
USED_LEGACY, USED_VERSIONED = "used_dltensor", "used_dltensor_versioned"
EXCHANGE = "dlpack_exchange_api"

_api = ctypes.pythonapi
# Each consumer keeps its prototypes for itself, since `pythonapi` is shared by the whole process.
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(
    ("PyCapsule_New", _api)
)
_get_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", _api))
_get_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", _api)
)
_set_name = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)(
    ("PyCapsule_SetName", _api)
)

_names = {}


def _static(name):
    """The address of a C string that lives as long as the process; a capsule does not copy its name."""
    if name is None:
        return None
    if name not in _names:
        _names[name] = ctypes.create_string_buffer(name.encode())
    return ctypes.addressof(_names[name])


def new(address, name, destructor=None):
    """A capsule over an address; `destructor` is the address of a native function."""
    return _new(address, _static(name), destructor)


def name(capsule):
    """The capsule's name, or None if it has none."""
    found = _get_name(capsule)
    return None if found is None else found.decode()


def pointer(capsule):
    """The address inside, whatever the capsule is called."""
    return _get_pointer(capsule, _get_name(capsule))


def rename(capsule, new_name):
    """Gives the capsule another name."""
    if _set_name(capsule, _static(new_name)) != 0:
        raise ValueError("the capsule did not take the name")


def is_capsule(value):
    return type(value).__name__ == "PyCapsule"
