"""Tensors and processes, interpreters and modules: what can be had twice, and what cannot."""

import copy
import gc
import importlib
import multiprocessing
import os
import pickle
import sys

import dlpack_pyo3_tests as ext
import pytest

from kit.process import run

MODES = pytest.mark.parametrize("mode", [[], ["-X", "dev"]], ids=["plain", "dev"])
ENDED = "end of the owner\n"

FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
DATA = b"12345678"


def make():
    return ext.make(DATA, "uint8", (8,))


# Fork.


@FORK
@MODES
@pytest.mark.parametrize("leave", ["sys.exit(5)", "os._exit(5)"])
def test_a_child_has_copies_of_all_tensors(mode, leave):
    """It uses and releases what it inherits, and that is nothing to its parent."""
    script = f"""
        tensor, kept = make(), ext.keeping(Owner())
        here, there, unused = hold(tensor), hold(kept), tensor.__dlpack__(**NEW)
        live = ext.live()
        child = os.fork()
        if child == 0:
            assert ext.live() == live
            assert ext.describe(unused)["shape"] == (8,)
            assert ext.describe(tensor)["shape"] == (8,)
            here.release_on_thread()
            there.release_on_thread()
            hold(make()).release_on_thread()
            hold(ext.keeping(object())).release_on_thread()
            del tensor, kept, here, there, unused
            assert ext.live() == live - 1
            {leave}
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
        assert ext.live() == live
        here.release()
        there.release()
        assert ext.describe(unused)["shape"] == (8,)
        del kept
    """
    # The child's last words, and the parent's.
    assert run(script, mode) == 2 * ENDED


@FORK
def test_a_child_of_a_thread():
    script = """
        import warnings
        warnings.simplefilter("ignore")  # That there is more than one thread.
        tensor = make()

        def fork():
            held = hold(tensor)
            child = os.fork()
            if child == 0:
                held.release()
                hold(ext.keeping(object())).release_on_thread()
                os._exit(5)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
            os.write(1, b"ok")

        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()
        assert ext.live() == 1
    """
    assert run(script) == "ok"


@FORK
def test_children_while_other_threads_use_tensors():
    """Each child has this thread alone, and all memory as it was at that moment."""
    script = """
        import warnings
        warnings.simplefilter("ignore")  # That there is more than one thread.
        stop = False

        def use():
            while not stop:
                hold(make()).release_on_thread()
                hold(ext.keeping(object())).release_detached()

        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            child = os.fork()
            if child == 0:
                hold(make()).release()
                hold(ext.keeping(object())).release()
                os._exit(5)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
        stop = True
        for thread in threads:
            thread.join()
    """
    assert run(script) == ""


def _describe(count):
    import dlpack_pyo3_tests as ext

    return [ext.describe(ext.make(DATA, "uint8", (8,)))["numel"] for _ in range(count)]


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_multiprocessing(method):
    script = f"""
        import multiprocessing, test_life_process
        if __name__ == "__main__":
            tensor = make()
            with multiprocessing.get_context({method!r}).Pool(2) as pool:
                assert pool.map(test_life_process._describe, [1, 2, 3]) == [[8], [8, 8], [8, 8, 8]]
            assert ext.describe(tensor)["numel"] == 8
    """
    assert run(script, folder=os.path.dirname(__file__)) == ""


# Copies.


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_tensor_is_not_pickled(protocol):
    with pytest.raises(TypeError, match="expected an object that can be pickled or copied, found a tensor"):
        pickle.dumps(make(), protocol)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy])
def test_a_tensor_is_not_copied_by_chance(way):
    with pytest.raises(TypeError, match="expected an object that can be pickled or copied, found a tensor"):
        way(make())


# Modules.


def test_the_module_is_one():
    script = """
        import importlib
        first, tensor, holder = ext, make(), hold(make())
        assert importlib.reload(ext) is first
        assert type(make()) is type(tensor)

        # A second import, as after a test that cleans up too much.
        for name in [name for name in sys.modules if name.split(".")[0] == "dlpack_pyo3_tests"]:
            del sys.modules[name]
        try:
            import dlpack_pyo3_tests as second
        except ImportError as error:
            print(error)
        else:
            assert type(second.make(b"1", "uint8", (1,))) is type(tensor)
            assert second.live() == first.live() == 2
            assert second.describe(tensor)["shape"] == (8,)
        holder.release()
        del ext
        gc.collect()
        assert first.live() == 1
    """
    assert run(script) == ""


# Interpreters.


INTERPRETERS = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

SOURCE = """ + "'''" + """
try:
    import dlpack_pyo3_tests as ext
except ImportError as error:
    print("refused:", error, flush=True)
else:
    class Producer:
        def __init__(self):
            self.tensor = ext.make(b"1234", "uint8", (4,))

        def __dlpack__(self, **asked):
            return self.tensor.__dlpack__(**asked)

    # Before CPython 3.12 nothing tells whether a thread of another interpreter is attached: memory of objects is not for it.
    import sys
    memory = [bytearray(b"1234")] if sys.version_info >= (3, 12) else []
    for source in (Producer(), Producer().tensor, *memory):
        assert ext.describe(source)["shape"] == (4,)
        held = ext.Holder(source)
    print("shares", flush=True)
""" + "'''" + """

def enter(isolated):
    if sys.version_info >= (3, 13):
        interpreter = interpreters.create("isolated" if isolated else "legacy")
    else:
        interpreter = interpreters.create(isolated=isolated)
    assert not interpreters.run_string(interpreter, SOURCE)
    interpreters.destroy(interpreter)
"""


@MODES
@pytest.mark.parametrize("first", [False, True], ids=["later", "first"])
@pytest.mark.parametrize("isolated", [True, False])
def test_other_interpreters(mode, isolated, first):
    """With a lock of its own, CPython refuses the extension. One that shares the lock shares the extension, too.

    PyO3 supports neither, so that this is the least: the interpreter that goes on has lost nothing.
    """
    script = INTERPRETERS + f"""
if {first}:
    # Before anything is used here.
    enter({isolated})
tensor, holder = make(), hold(ext.keeping(Owner()))
for _ in range(3):
    enter({isolated})
assert ext.live() == 1, ext.live()
hold(make()).release_on_thread()
holder.release_on_thread()
assert ext.describe(tensor)["shape"] == (8,)
assert ext.describe(bytearray(b"1234"))["shape"] == (4,)
"""
    printed = run(script, mode)
    assert printed.endswith(ENDED)
    lines = printed.splitlines()[:-1]
    assert len(lines) == 3 + first
    if isolated and sys.version_info >= (3, 12):
        assert all(line.startswith("refused: ") and "subinterpreters" in line for line in lines)
    else:
        assert all(line == "shares" for line in lines)


def test_nothing_remains():
    gc.collect()
    assert importlib.import_module("dlpack_pyo3_tests") is ext
