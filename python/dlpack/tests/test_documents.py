"""The examples in docstrings run, and the types are those that the stubs say."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import json
import os
import pydoc
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dlpack

PUBLIC = [getattr(dlpack, name) for name in dlpack.__all__ if not name.startswith("__")]
DOCUMENTED = [dlpack, *(x for x in PUBLIC if callable(x))]
MODULES = [
    path.stem for path in sorted(Path(dlpack.__file__).parent.glob("*.py")) if path.stem != "__init__"
]
METHODS = [x for name, x in vars(dlpack.Tensor).items() if not name.startswith("_")]


@pytest.mark.parametrize("thing", DOCUMENTED + METHODS, ids=lambda x: getattr(x, "__name__", "?"))
def test_examples(thing):
    text = inspect.getdoc(thing)
    assert text, f"{thing} has no documentation"
    test = doctest.DocTestParser().get_doctest(text, {}, getattr(thing, "__name__", "?"), None, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    said: list[str] = []
    runner.run(test, out=said.append)
    assert not said, "".join(said)


def test_functions_have_signatures():
    assert str(inspect.signature(dlpack.asdlpack)) == (
        "(obj, /, *, route=None, avoid=None, device=None, copy=None, readonly=None)"
    )
    assert str(inspect.signature(dlpack.from_dlpack)) == "(x, /, *, device=None, copy=None)"
    assert list(inspect.signature(dlpack.from_pointer).parameters)[:4] == [
        "address",
        "shape",
        "dtype",
        "strides",
    ]


@pytest.mark.parametrize("name", ["permute", "reshape", "view"])
def test_help_of_a_method_has_its_signature_once(name):
    method = getattr(dlpack.Tensor, name)
    assert inspect.getdoc(method).startswith("The same ")
    assert str(inspect.signature(method)).startswith("(self, ")
    help_, documentation = pydoc.render_doc(method, renderer=pydoc.plaintext), inspect.getdoc(method)
    assert help_.count(f"{name}(") == 1 + documentation.count(f"{name}(")


def test_help_names_what_else_there_is():
    text = pydoc.render_doc(dlpack, renderer=pydoc.plaintext)
    for name in ("python -m dlpack libraries", "libraries.md", "python/examples", "explain"):
        assert name in text
    assert Path(dlpack.__file__).with_name("libraries.md").exists()


def test_names():
    assert dir(dlpack) == sorted(dlpack.__all__)
    for name in dlpack.__all__:
        assert getattr(dlpack, name) is not None
    assert os.path.exists(os.path.join(os.path.dirname(dlpack.__file__), "py.typed"))


def test_protocol():
    assert isinstance(dlpack.asdlpack(b""), dlpack.SupportsDLPack)
    assert not isinstance(b"", dlpack.SupportsDLPack)


@pytest.mark.parametrize(
    ("protocol", "route"),
    [
        ("SupportsDLPack", "dlpack"),
        ("SupportsArrayStruct", "array_struct"),
        ("SupportsArrayInterface", "array_interface"),
        ("SupportsCudaArrayInterface", "cuda_array_interface"),
        ("SupportsArrowArray", "arrow"),
    ],
)
def test_protocols_are_those_of_the_routes(protocol, route):
    """A protocol has the method or attribute that `asdlpack` looks for by its route, and nothing that others need."""
    protocol = getattr(dlpack, protocol)
    names = [name for name in vars(protocol) if name.startswith(("__dlpack", "__array", "__cuda", "__arrow"))]
    stand_in = type("StandIn", (), dict.fromkeys(names, lambda self: None))()
    assert isinstance(stand_in, protocol)
    assert not isinstance(b"", protocol)
    with pytest.raises(dlpack.NotATensorError, match=rf"expected an object with {names[0]}, found bytes"):
        dlpack.asdlpack(b"", route=route)


PROGRAM = """
from typing_extensions import assert_type
import dlpack
from typing import Any
from dlpack import (
    SupportsArrayInterface,
    SupportsArrayStruct,
    SupportsArrowArray,
    SupportsCudaArrayInterface,
    SupportsDLPack,
    Tensor,
)

def total(x: SupportsDLPack) -> int:
    return dlpack.from_dlpack(x).size

class Ours:
    __array_interface__: dict[str, Any] = {}
    __array_struct__: object = None
    __cuda_array_interface__: dict[str, Any] = {}
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return None, None

interface: SupportsArrayInterface = Ours()
struct: SupportsArrayStruct = Ours()
cuda: SupportsCudaArrayInterface = Ours()
arrow: SupportsArrowArray = Ours()
none: SupportsArrowArray = b"abc"  # type: ignore[assignment]
t = dlpack.asdlpack(b"abc", route="buffer", copy=True)
assert_type(t, Tensor)
assert_type(t[1:, ..., None], Tensor)
assert_type(t.shape, tuple[int, ...])
interface, cuda = t, t
total(t)
memoryview(t.reshape(3, 1).permute((1, 0)))
try:
    dlpack.from_pointer(0, (1,), "float32", device="cpu", deleter=lambda address: None)
except dlpack.LayoutError as error:
    caught: BufferError = error
total(b"abc")  # type: ignore[arg-type]
dlpack.asdlpack(b"abc", route="road")  # type: ignore[arg-type]
t.dtype  # type: ignore[attr-defined]
numbers = (int(t[0]), float(t[0]), complex(t[0]), [1, 2][t[0]], bytes(t))
assert_type(numbers, tuple[int, float, complex, int, bytes])
t[0] = 1  # type: ignore[index, assignment]
0 in t  # type: ignore[operator]
adapted = dlpack.adapt(t, "jax", copy=None, align=64)
assert_type(adapted, Tensor)
assert_type(adapted.adapted, tuple[str, ...])
assert_type(dlpack.explain(t, "jax"), dlpack.Answer)
everything = dlpack.explain(t)
assert_type(everything, dlpack.Explanation)
assert_type(everything["jax"].why, str)
if everything["jax"].result == "shared":  # type: ignore[comparison-overlap]
    pass
for route in dlpack.ROUTES:
    dlpack.asdlpack(b"abc", route=route)
"""


def test_pyright(tmp_path):
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    pyright = [sys.executable, "-m", "pyright"]
    # It fetches the rest of itself, for which there may be no network.
    if subprocess.run([*pyright, "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("pyright does not run")
    # What mypy is told to ignore are errors here, too.
    lines = PROGRAM.splitlines()
    wrong = [number for number, line in enumerate(lines) if "type: ignore" in line]
    (tmp_path / "program.py").write_text("\n".join(line.partition("  # type: ignore")[0] for line in lines))
    settings = {
        "include": ["program.py", "dlpack"],
        "exclude": ["dlpack/tests"],
        "typeCheckingMode": "strict",
        "reportMissingModuleSource": False,
        "reportUnusedExpression": False,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    # Its own modules are checked as well, which a checker leaves out where packages are installed.
    own = os.path.dirname(dlpack.__file__)
    ignore = shutil.ignore_patterns("tests", "__pycache__", "*.so", "*.pyd")
    shutil.copytree(own, tmp_path / "dlpack", ignore=ignore)
    done = subprocess.run(
        [*pyright, "--outputjson", "--pythonpath", sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [x for x in json.loads(done.stdout)["generalDiagnostics"] if x["severity"] == "error"]
    # What is inside the conformance suite is checked by mypy alone.
    outside = ("program.py", os.path.join("testing", "__init__.py"))
    inside = os.path.join("dlpack", "testing")
    found = [x for x in found if x["file"].endswith(outside) or inside not in x["file"]]
    elsewhere = [x for x in found if not x["file"].endswith("program.py")]
    assert not elsewhere, elsewhere
    assert sorted({x["range"]["start"]["line"] for x in found}) == wrong, found


# Reading one raises an AttributeError that says what stands for it.
ABSENT = ["dtype", "data", "data_ptr", "numpy", "item", "T", "transpose"]


def test_mypy(tmp_path):
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    (tmp_path / "program.py").write_text(PROGRAM)
    # Before 3.12, buffers have no method in Python.
    allowed = ["__buffer__", *ABSENT]
    (tmp_path / "allowed.txt").write_text("".join(f"dlpack._core.Tensor.{name}\n" for name in allowed))
    allowed = ["--allowlist", "allowed.txt", "--ignore-unused-allowlist"]
    package = [arg for name in MODULES for arg in ("-m", f"dlpack.{name}")]
    for arguments in (
        ["mypy", "--strict", "program.py"],
        ["mypy", "--strict", *package],
        ["mypy.stubtest", "dlpack._core", *allowed],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
