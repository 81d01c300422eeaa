"""array-api-strict, which has NumPy inside and shows no more than the array API standard."""

from . import generic

Library = generic("array_api_strict")
Library.imports = "import array_api_strict as xp"
Library.distribution = "array-api-strict"
Library.take_device = "xp.from_dlpack({x}, device=xp.Device('CPU_DEVICE'))"
