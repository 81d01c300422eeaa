"""Scripts that are processes of their own, since they end in unusual ways."""

import os
import subprocess
import sys
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


def run(script, mode=(), status=0, folder=None):
    """What the script prints. It ends with this status, and says nothing on its error output."""
    source = PRELUDE + textwrap.dedent(script)
    environment = {**os.environ, "PYTHONFAULTHANDLER": "1", "PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [sys.executable, *mode, "-c", source],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        cwd=folder,
    )
    assert (done.returncode, done.stderr) == (status, ""), (done.returncode, done.stderr)
    return done.stdout
