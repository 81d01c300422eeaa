"""DLPack by hand, in ctypes: producers, consumers and tables that the tests under test know nothing about.

Nothing here uses the library that is tested. What it says about the standard is written from `dlpack.h` and from the
Python specification of DLPack.
"""
