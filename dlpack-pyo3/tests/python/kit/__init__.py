"""DLPack by hand, in ctypes: producers, consumers and tables that the tests under test know nothing about.

Nothing here uses the library that is tested. What it says about the standard is written from `dlpack.h` and from the
Python specification of DLPack.
"""

from pathlib import Path

# `abi`, the structs and dtypes, and `values`, sample elements, are files of the conformance suite. They need nothing but ctypes,
# so that the package `dlpack` does not have to be installed for them.
__path__.append(str(Path(__file__).resolve().parents[4] / "python/dlpack/testing"))
