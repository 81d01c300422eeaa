"""What to use instead of the other names of pydlpack."""

_HINTS = {
    "asdlpack_dlpack": "use asdlpack(x, route='dlpack')",
    "asdlpack_array_interface_v3": "use asdlpack(x, route='array_interface')",
    "asdlpack_array_interface_v2": "use asdlpack(x, route='array_interface')",
    "asdlpack_cuda_array_interface": "use asdlpack(x, route='cuda_array_interface')",
    "asdlpack_buffer": "use asdlpack(x, route='buffer')",
    "todict": "use the attributes of asdlpack(capsule): shape, strides, dtype_name, device, address",
    "DLPackObject": "asdlpack(x) returns a Tensor",
    "Capsule": "asdlpack(x).__dlpack__() returns a capsule, and asdlpack(capsule) takes one",
    "Buffer": "use memoryview(asdlpack(x))",
    "MemoryManager": "memory is freed when no tensor uses it any longer",
    "capsule": "asdlpack(x).__dlpack__() returns a capsule, and asdlpack(capsule) takes one",
    "buffer": "use memoryview(asdlpack(x))",
}
_STRUCTS = "the structs of C are declared in the crate dlpack-sys; a Tensor has their fields as attributes"


def hint(name: str) -> str:
    """Returns the end of a message about a missing name."""
    found = _HINTS.get(name) or (_STRUCTS if name.startswith("DL") else None)
    return f": {found}" if found else ""
