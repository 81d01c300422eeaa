"""The end of the interpreter, with tensors still in use. Each test is a process of its own."""

import sys
import textwrap
from pathlib import Path

import dlpack_pyo3_tests as ext
import pytest

from kit.process import run

MODES = pytest.mark.parametrize("mode", [[], ["-X", "dev"]], ids=["plain", "dev"])
ENDED = "end of the owner\n"
# The limited API does not tell whether a thread is attached, and one that attaches while the interpreter finalises may
# never come back. So there references are leaked from then on.
LATE = "" if ext.LIMITED_API else ENDED


# While the interpreter finalises.


@MODES
def test_globals(mode):
    script = """
        tensor, kept = make(), ext.keeping(Owner())
        capsules = [tensor.__dlpack__(), tensor.__dlpack__(**NEW), kept.__dlpack__(**NEW)]
        holders = [hold(tensor), hold(kept), hold(ext.keeping(Owner()))]
    """
    assert run(script, mode) == 2 * LATE


@MODES
def test_a_cycle_that_nobody_sees(mode):
    """What is documented: the script's names are in it, so that none of them ends."""
    script = """
        class Unlucky:
            def __del__(self):
                os.write(1, b"unreachable")

        tensor = ext.keeping(Unlucky())
    """
    assert run(script, mode) == ""


@MODES
def test_cycles(mode):
    script = """
        class Node: pass
        node = Node()
        node.me, node.tensor, node.holder = node, make(), hold(ext.keeping(Owner()))
        node.capsule = node.tensor.__dlpack__(**NEW)
        del node
    """
    assert run(script, mode) == LATE


@MODES
def test_ends_of_objects_that_use_tensors(mode):
    script = """
        class User:
            def __init__(self):
                self.holder = hold(ext.keeping(Owner()))

            def __del__(self, ext=ext, make=make, hold=hold):
                assert ext.describe(make())["shape"] == (8,)
                for way in ("release", "release_detached", "release_on_thread"):
                    getattr(hold(make()), way)()
                hold(ext.keeping(Owner())).release()
                self.holder.release()
                os.write(1, b"end of the user\\n")

        user = User()
    """
    assert run(script, mode) == 2 * LATE + "end of the user\n"


@MODES
def test_a_foreign_thread_leaks_while_the_interpreter_finalises(mode):
    """It can neither attach nor wait: this thread waits for it. Memory of Rust ends all the same."""
    script = """
        class User:
            def __init__(self):
                self.kept, self.made = hold(ext.keeping(Owner())), hold(make())
                self.live = ext.live()

            def __del__(self, ext=ext, os=os):
                self.kept.release_on_thread()
                os.write(1, b"let go\\n")
                self.made.release_on_thread()
                assert ext.live() == self.live - 1

        user = User()
    """
    assert run(script, mode) == "let go\n"


@MODES
def test_pythons_own_exit_handlers_come_before(mode):
    script = """
        kept = hold(ext.keeping(Owner()))
        atexit.register(kept.release_on_thread)
    """
    assert run(script, mode) == ENDED


PRODUCER = """
        class Producer:
            def __init__(self):
                self.tensor = make()

            def __dlpack__(self, **asked):
                return self.tensor.__dlpack__(**asked)

            def __dlpack_device__(self):
                return (1, 0)
"""


@MODES
def test_a_script_whose_classes_were_seen_ends_as_always(mode, tmp_path):
    """What is known of a class must keep neither it nor, by way of its functions, the names of the script alive."""
    path = tmp_path / "written"
    script = PRODUCER + f"""
        ext.describe(Producer())
        file = open({str(path)!r}, "w")
        file.write("to the end")
        owner, holder = Owner(), hold(make())
        import warnings
        warnings.simplefilter("ignore")  # That nobody closes the file.
    """
    assert run(script, mode) == ENDED
    assert path.read_text() == "to the end"


@pytest.mark.library("torch")
@pytest.mark.parametrize(
    "members",
    [
        "requires_grad = property(lambda self: owner is None)",
        "is_neg = lambda self: owner is None",
        "__module__, stop_gradient = 'paddle', property(lambda self: owner is not None)\n"
        "            is_dense = lambda self: True",
        "layout = property(lambda self: owner and torch.sparse_coo)",
    ],
    ids=["requires_grad", "is_neg", "stop_gradient", "layout"],
)
def test_a_script_with_getters_of_tensors_ends_as_always(members):
    """As above. What is known of the class has functions of the script."""
    script = f"""
        import torch

        class Getters(torch.Tensor):
            {members}

        owner = Owner()
        for tensor in torch.zeros(2), torch.zeros(2, device="meta"):
            for _ in range(3):
                try:
                    ext.describe(tensor.as_subclass(Getters))
                except BufferError:
                    pass
    """
    assert run(script) == ENDED


# After the interpreter is gone.


@MODES
@pytest.mark.parametrize("on_thread", [False, True])
def test_memory_of_rust_ends_after_the_interpreter(mode, on_thread):
    script = f"""
        holder = hold(make())
        assert ext.live() == 1
        holder.release_at_exit(on_thread={on_thread})
        print("at the end of the script:", ext.live(), flush=True)
    """
    assert run(script, mode) == "at the end of the script: 1\nat exit: 0 live\n"


@MODES
@pytest.mark.parametrize("on_thread", [False, True])
def test_objects_leak_after_the_interpreter(mode, on_thread):
    script = f"""
        hold(ext.keeping(Owner())).release_at_exit(on_thread={on_thread})
    """
    assert run(script, mode) == "at exit: 0 live\n"


@MODES
def test_the_end_of_the_main_thread(mode):
    script = """
        hold(ext.keeping(Owner())).release_with_thread()
    """
    assert run(script, mode) == ""


@MODES
def test_the_end_of_a_thread(mode):
    """The thread has left Python by then."""
    script = """
        import weakref
        owner = Owner()
        alive = weakref.ref(owner)
        for holder in (hold(ext.keeping(owner)), hold(make())):
            thread = threading.Thread(target=holder.release_with_thread)
            thread.start()
            thread.join()
        del owner
        while alive() or ext.live():
            time.sleep(0.01)
    """
    assert run(script, mode) == ENDED


SOURCES = {
    "bytes": "b'1234'",
    "bytearray": "bytearray(b'1234')",
    "memoryview": "memoryview(bytearray(b'1234'))",
    "array": "__import__('array').array('f', [1, 2])",
    "numpy": "__import__('numpy').arange(4.0)",
    "numpy, read-only": "__import__('numpy').frombuffer(b'12345678')",
    "numpy, capsule": "__import__('numpy').arange(4.0).__dlpack__()",
    "pyarrow": "__import__('pyarrow').array([1.0, 2.0])",
    "torch": "__import__('torch').arange(4.0)",
    "jax": "__import__('jax').numpy.arange(4.0)",
    "tvm_ffi": "__import__('tvm_ffi').from_dlpack(make())",
}


@pytest.mark.parametrize("source", SOURCES)
def test_tensors_of_others_after_the_interpreter(source):
    """On the main thread, and on another one."""
    script = f"""
        try:
            sources = [{SOURCES[source]} for _ in range(2)]
        except ImportError:
            print("missing", flush=True)
            sys.exit()
        ext.Holder(sources[0]).release_at_exit()
        ext.Holder(sources[1]).release_at_exit(on_thread=True)
    """
    printed = run(script)
    if printed == "missing\n":
        pytest.skip(f"{source} is not installed")
    # TVM FFI's tensors keep two of this crate, which leak with them.
    assert printed == f"at exit: {2 if source == 'tvm_ffi' else 0} live\n"


@MODES
@pytest.mark.parametrize("on_thread", [False, True])
@pytest.mark.parametrize("source", ["Locking(True)", "Locking(False)", "ext.passed(Locking(True))", "ext.passed(Locking(False))"])
def test_a_deleter_that_takes_the_lock_after_the_interpreter(source, on_thread, mode):
    """Those of CuPy, Warp and cuda.core do, without a look at whether there is an interpreter. Nobody calls it."""
    script = f"""
        import ctypes
        from kit import abi
        from kit.foreign import FOREVER, Foreign

        delete = abi.Deleter(lambda managed: os.write(1, b"deleted\\n") and None)

        class Locking:
            def __init__(self, versioned):
                self.made = Foreign(versioned=versioned)
                self.made.struct.deleter = ctypes.cast(delete, ctypes.c_void_p).value
                FOREVER.append((self.made, delete))

            def __dlpack__(self, **given):
                return self.made.capsule()

        ext.Holder({source}).release()
        ext.Holder({source}).release_at_exit(on_thread={on_thread})
    """
    assert run(script, mode, folder=Path(__file__).parent) == "deleted\nat exit: 0 live\n"


# Threads that go on.

# Without any extension, too, about one time in a hundred when the machine is busy.
DAEMONS = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="CPython 3.10 may crash when daemon threads run at its end"
)


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 5, 10, 20, 40, 80, 160])
def test_a_foreign_thread_lets_go_about_then(milliseconds):
    script = f"""
        for _ in range(8):
            hold(ext.keeping(object())).release_later({milliseconds})
            hold(make()).release_later({milliseconds})
    """
    assert run(script) == ""


def test_a_foreign_thread_waits_to_attach_at_the_end():
    """Its wait begins before the end, and this thread never gives way."""
    script = """
        sys.setswitchinterval(1000)
        for _ in range(8):
            hold(ext.keeping(object())).release_under_lock(1)
    """
    assert run(script) == ""


@DAEMONS
@MODES
def test_daemon_threads_that_use_tensors(mode):
    script = """
        held = []

        def use():
            while True:
                tensor = make()
                held.append(hold(tensor))
                hold(ext.keeping(object())).release_detached()
                ext.describe(tensor)
                if len(held) > 100:
                    held.clear()

        for _ in range(4):
            threading.Thread(target=use, daemon=True).start()
        time.sleep(0.05)
    """
    assert run(script, mode) == ""


@DAEMONS
@MODES
@pytest.mark.parametrize("place", ["__dlpack__", "__dlpack_device__", "__cuda_stream__", "__del__"])
def test_daemon_threads_in_code_of_python(mode, place):
    """They come back from `read` while the interpreter finalises, which ends them where they stand."""
    script = f"""
        import types

        ear, mouth = os.pipe()

        def linger(at):
            if at == {place!r}:
                is_there.set()
                os.read(ear, 1)
                os.write(1, b"unreachable")

        class Producer:
            def __dlpack__(self, **asked):
                linger("__dlpack__")
                return make().__dlpack__(**asked)

            def __dlpack_device__(self):
                linger("__dlpack_device__")
                return (1, 0)

            def __cuda_stream__(self):
                linger("__cuda_stream__")
                return (0, 1)

        class Ending:
            def __del__(self):
                linger("__del__")

        def use():
            ext.describe(Producer())
            ext.stream(Producer(), (2, 0))
            hold(ext.keeping(Ending())).release()
            ext.describe(Producer(), stream=-1)
            os.write(1, b"never asked")
            is_there.set()

        is_there = threading.Event()
        threading.Thread(target=use, daemon=True).start()
        is_there.wait()
        # Where it ends although the thread still uses the names of the script.
        late = sys.modules["late"] = types.ModuleType("late")
        exec("class Late:\\n  def __del__(self): write(mouth, b'!'); sleep(0.3); write(1, b'late')",
             names := {{"sleep": time.sleep, "write": os.write, "mouth": mouth}})
        late.late = names.pop("Late")()
        del late
    """
    assert run(script, mode) == "late"


# What calls code of Python on its way, and that code, which waits.
WAITING = {
    "an attribute": ("ext.describe(It())", "class It: __getattr__ = wait"),
    "an attribute of a class": (
        "ext.describe(It)",
        """
        class Meta(type): __getattr__ = wait
        class It(metaclass=Meta): pass
        """,
    ),
    "a property": ("ext.describe(It(), stream=5)", "class It: __dlpack_device__ = property(wait)"),
    "an integer": ("ext.stream(It(), (2, 0))", "class It: __index__ = wait"),
    "a truth": ("make().__dlpack__(copy=It())", "class It: __bool__ = wait"),
    "a length": ("make().__dlpack__(max_version=It())", "class It: __len__ = __getitem__ = wait"),
    "an item": (
        "make().__dlpack__(max_version=It())",
        """
        class It:
            __len__ = lambda self: 2
            __getitem__ = wait
        """,
    ),
    "the end of an answer": (
        "ext.describe(Asked())",
        """
        class It: __del__ = wait
        class Asked: __dlpack__ = lambda self, **asked: It()
        """,
    ),
    "the end of an exception": (
        "ext.describe(Asked())",
        """
        class It(AttributeError): __del__ = wait
        class Asked:
            def __getattr__(self, name): raise It
        """,
    ),
    "an exception on its way to another process": (
        "error(It()).__reduce__()",
        """
        class It: __repr__ = wait
        try:
            make().__dlpack__(dl_device=(2, 0), copy=False)
        except ValueError as conflict:
            error = type(conflict)
        """,
    ),
    "from_dlpack": ("ext.like(make(), It())", "class It: from_dlpack = staticmethod(wait)"),
    "a namespace": ("ext.like(make(), It())", "class It: __array_namespace__ = wait"),
    "a table that takes": ("ext.describe(It())", "It = carrier(managed_tensor_from_py_object_no_sync=wait)"),
    "a table that gives": ("ext.like(make(), It())", "It = carrier(managed_tensor_to_py_object_no_sync=wait)"),
    "a table that tells a stream": (
        "ext.ordered(It(on_device), 5)",
        """
        It = carrier(current_work_stream=wait)
        on_device = lambda: Foreign(device=(2, 0))
        """,
    ),
}
if sys.version_info >= (3, 12):
    WAITING["a buffer"] = ("ext.describe(It())", "class It: __buffer__ = wait")
    WAITING["the end of a buffer"] = (
        "ext.describe(It())",
        """
        class It:
            __buffer__ = lambda self, flags: memoryview(b"1234")
            __release_buffer__ = wait
        """,
    )

BEFORE = f"""
import types

sys.path.append({str(Path(__file__).parent)!r})
from kit.exchange import Table, type_for
from kit.foreign import Foreign

ear, mouth = os.pipe()
is_there = threading.Event()

def wait(*given):
    is_there.set()
    os.read(ear, 1)
    os.write(1, b"unreachable")

def carrier(**functions):
    return type_for(Table(**functions))

# Counts the threads, on Linux. A thread that unwound through frames of Rust, and ended, may leave no other trace.
def threads(folder="/proc/self/task", names=os.listdir, is_told=os.path.isdir("/proc/self/task")):
    return len(names(folder)) if is_told else 0
"""

AFTER = '''
    os.write(1, b"never called")
    is_there.set()

threading.Thread(target=use, daemon=True).start()
is_there.wait()
late = sys.modules["late"] = types.ModuleType("late")
names = {"sleep": time.sleep, "write": os.write, "mouth": mouth, "threads": threads, "before": threads()}
exec("""
class Late:
    def __del__(self):
        write(mouth, b'!')
        sleep(0.3)
        write(1, b'late' if threads() == before else b'the thread has ended')
""", names)
late.late = names.pop("Late")()
del late
'''


@DAEMONS
@pytest.mark.parametrize("what", WAITING)
def test_daemon_threads_in_code_that_is_called_on_the_way(what):
    """As above. Rust has values on the stack that must not be dropped without the lock."""
    use, code = WAITING[what]
    assert run(BEFORE + textwrap.dedent(code) + f"\ndef use():\n    {use}" + AFTER) == "late"


@DAEMONS
@pytest.mark.library("torch")
@pytest.mark.parametrize(
    "tensor, members",
    [("ones(2)", "requires_grad=property(wait)"), ("ones(4)[::2]", "is_neg=wait, requires_grad=property(lambda self: False)")],
    ids=["requires_grad", "is_neg"],
)
def test_daemon_threads_in_getters_of_tensors(tensor, members):
    code = f"import torch\nIt = type('It', (torch.Tensor,), dict({members}))"
    use = f"ext.describe(torch.{tensor}.as_subclass(It))"
    assert run(BEFORE + code + f"\ndef use():\n    {use}" + AFTER) == "late"


# Other ends.


def test_an_end_without_an_end():
    script = """
        holders = [hold(make()), hold(ext.keeping(Owner()))]
        hold(make()).release_at_exit()
        os._exit(7)
    """
    assert run(script, status=7) == ""


def test_a_signal():
    script = """
        holders = [hold(make()), hold(ext.keeping(Owner()))]
        import signal
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    """
    assert run(script, status=-15) == ""


def test_an_exit_by_exception():
    script = """
        holder = hold(ext.keeping(Owner()))
        sys.exit(3)
    """
    assert run(script, status=3) == LATE
