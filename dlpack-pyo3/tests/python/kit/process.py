"""Scripts that are processes of their own, since they end in unusual ways."""

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import textwrap

PRELUDE = '''
import atexit, gc, os, sys, threading, time
import dlpack_pyo3_tests as ext

NEW = {"max_version": (1, 3)}

# In a namespace of its own. With that of the script, a tensor in a global variable would be part of a cycle that nobody
# sees, by way of the class and its functions.
space = {"write": os.write, "words": b"end of the owner\\n"}
exec("class Owner:\\n  def __del__(self): write(1, words)", space)
Owner = space["Owner"]

def make(dtype="uint8"):
    return ext.make(b"12345678", dtype, (8,))

def hold(tensor):
    return ext.Holder(tensor.__dlpack__(**NEW))
'''


def run(script, mode=(), status=0, folder=None, python=sys.executable, **environment):
    """What the script prints. It ends with this status, and says nothing on its error output."""
    source = PRELUDE + textwrap.dedent(script)
    environment = {**os.environ, "PYTHONFAULTHANDLER": "1", "PYTHONWARNINGS": "default", **environment}
    done = subprocess.run(
        [python, *mode, "-c", source],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        cwd=folder,
    )
    assert (done.returncode, done.stderr) == (status, ""), (done.returncode, done.stderr)
    return done.stdout


def run_at_fixed_address(script, folder):
    """As `run`, in a program that is linked to a fixed address, as Conda's Python is, so that its heap is in the first 4 GiB. Returns
    `None` if there is no library of Python to link."""
    source, program = folder / "python.c", folder / "python"
    source.write_text("#include <Python.h>\nint main(int n, char** words) { return Py_BytesMain(n, words); }\n")
    names = "LIBDIR LIBPL LDVERSION INCLUDEPY LIBS SYSLIBS".split()
    shared, static, version, headers, *others = sysconfig.get_config_vars(*names)
    if pathlib.Path(shared, f"libpython{version}.so").exists():
        library = [f"-L{shared}", f"-lpython{version}", f"-Wl,-rpath,{shared}"]
    else:
        library = [f"{static}/libpython{version}.a", "-Wl,-E", "-lm", *" ".join(others).split()]
    compiler = os.environ.get("CC", "cc").split()
    command = [*compiler, "-no-pie", source, f"-I{headers}", "-o", program, *library]
    if shutil.which(compiler[0]) is None or subprocess.run(command, capture_output=True).returncode != 0:
        return None
    return run(script, python=program, PYTHONHOME=sys.base_prefix, PYTHONPATH=os.pathsep.join(sys.path))
