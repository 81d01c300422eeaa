"""Each tensor ends exactly once: consumed, dropped or failed, on any thread, with or without an exception on its way."""

import ctypes
import gc
import sys
import threading
import weakref

import dlpack_pyo3_tests as ext
import pytest

from kit import builds, capsules
from kit.foreign import Foreign
from kit.process import run

NEW = {"max_version": (1, 3)}

pytestmark = pytest.mark.usefixtures("nothing_remains")


class Object:
    """Something that weak references can watch."""


def watched():
    """An object of which a tensor holds the only reference; the tensor; and what tells whether the object lives."""
    thing = Object()
    return ext.keeping(thing), weakref.ref(thing)


def make(dtype="uint8", **options):
    return ext.make(b"12345678", dtype, (8,), **options)


# Capsules: dropped, consumed, failed.


@pytest.mark.parametrize("asked", [{}, NEW])
def test_a_dropped_capsule_ends_its_tensor(asked):
    tensor, before = make(), ext.live()
    capsule = tensor.__dlpack__(**asked)
    del tensor
    assert ext.live() == before
    del capsule
    assert ext.live() == before - 1


@pytest.mark.parametrize("asked", [{}, NEW])
def test_a_consumed_capsule_leaves_its_tensor_to_the_consumer(asked):
    tensor, before = make(), ext.live()
    capsule = tensor.__dlpack__(**asked)
    holder = ext.Holder(capsule)
    assert capsules.name(capsule).startswith("used_dltensor")
    del tensor, capsule
    assert ext.live() == before
    holder.release()
    assert ext.live() == before - 1
    holder.release()


@pytest.mark.parametrize("asked", [{}, NEW])
@pytest.mark.parametrize("name", ["dltensor_used", "", None, "used_dltensor", "used_dltensor_versioned"])
def test_a_capsule_with_another_name_is_left_alone(asked, name):
    foreign = Foreign()
    capsule = foreign.capsule()
    capsules.rename(capsule, name)
    with pytest.raises((TypeError, ValueError)):
        ext.describe(capsule)
    assert capsules.name(capsule) == name
    del capsule
    assert foreign.deletes == 0

    # And so is ours by its own destructor: who renames it takes it.
    tensor, before = make(), ext.live()
    capsule = tensor.__dlpack__(**asked)
    address = capsules.pointer(capsule)
    standard = capsules.name(capsule)
    capsules.rename(capsule, name)
    del capsule, tensor
    assert ext.live() == before
    ext.describe(capsules.new(address, standard))
    assert ext.live() == before - 1


@pytest.mark.parametrize("asked", [{}, NEW])
def test_a_capsule_is_taken_once(asked):
    tensor = make()
    capsule = tensor.__dlpack__(**asked)
    ext.describe(capsule)
    with pytest.raises(ValueError, match="taken already"):
        ext.describe(capsule)


@pytest.mark.parametrize("versioned", [False, True])
def test_a_tensor_that_makes_no_sense_ends_with_the_import(versioned):
    foreign = Foreign(shape=(-1, 3), versioned=versioned)
    capsule = foreign.capsule()
    with pytest.raises(BufferError):
        ext.describe(capsule)
    assert foreign.deletes == 1
    del capsule
    assert foreign.deletes == 1


def test_a_foreign_major_version_ends_with_the_import():
    foreign = Foreign(version=(2, 0))
    with pytest.raises(BufferError):
        ext.describe(foreign.capsule())
    assert foreign.deletes == 1


def test_a_tensor_without_a_deleter_has_no_end():
    foreign = Foreign(deleter=False)
    ext.Holder(foreign.capsule()).release()
    assert foreign.deletes == 0


@pytest.mark.library("numpy")
def test_a_capsule_that_another_library_refuses_ends_with_it():
    import numpy

    before = ext.live()
    tensor = make("float8_e4m3fn")
    with pytest.raises((BufferError, RuntimeError)):
        numpy.from_dlpack(tensor)
    del tensor
    gc.collect()
    assert ext.live() == before


# Threads.


@pytest.mark.parametrize("asked", [{}, NEW])
def test_one_thread_of_many_takes_a_capsule(asked):
    for _ in range(50):
        before = ext.live()
        capsule = make().__dlpack__(**asked)
        count = 8
        barrier = threading.Barrier(count)
        outcomes = []

        def take():
            barrier.wait()
            try:
                outcomes.append(ext.Holder(capsule))
            except ValueError as error:
                outcomes.append(error)

        threads = [threading.Thread(target=take) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == count
        assert sum(isinstance(outcome, ext.Holder) for outcome in outcomes) == 1
        assert ext.live() == before + 1
        outcomes.clear()
        del capsule, take, threads
        assert ext.live() == before


WAYS = ["release", "release_detached", "release_on_thread"]


@pytest.mark.parametrize("way", WAYS)
def test_rust_memory_ends_on_any_thread(way):
    before = ext.live()
    holder = ext.Holder(make())
    assert ext.live() == before + 1
    getattr(holder, way)()
    assert ext.live() == before


@pytest.mark.parametrize("way", WAYS)
def test_an_object_ends_on_any_thread_at_once(way):
    tensor, alive = watched()
    holder = ext.Holder(tensor.__dlpack__(**NEW))
    del tensor
    assert alive() is not None
    getattr(holder, way)()
    assert alive() is None


@pytest.mark.parametrize("prototype", [ctypes.PYFUNCTYPE, ctypes.CFUNCTYPE])
def test_a_deleter_called_by_c(prototype):
    """Attached, as by an extension, and detached, as by a thread of a framework."""

    class Struct(ctypes.Structure):
        _fields_ = [
            ("version", ctypes.c_uint32 * 2),
            ("manager_ctx", ctypes.c_void_p),
            ("deleter", ctypes.c_void_p),
        ]

    tensor, alive = watched()
    capsule = tensor.__dlpack__(**NEW)
    address = capsules.pointer(capsule)
    capsules.rename(capsule, capsules.USED_VERSIONED)
    del tensor, capsule
    gc.collect()
    assert alive() is not None
    deleter = prototype(None, ctypes.c_void_p)(Struct.from_address(address).deleter)
    deleter(address)
    assert alive() is None


def test_a_thread_of_python_lets_go():
    tensor, alive = watched()
    holders = [ext.Holder(tensor.__dlpack__(**NEW))]
    del tensor
    thread = threading.Thread(target=holders.clear)
    thread.start()
    thread.join()
    assert alive() is None


@pytest.mark.parametrize("rust", [True, False])
def test_a_panic_on_its_way(rust, capfd):
    before = ext.live()
    tensor, alive = (make(), lambda: None) if rust else watched()
    holder = ext.Holder(tensor.__dlpack__(**NEW))
    del tensor
    with pytest.raises(BaseException, match="on purpose") as caught:
        holder.release_by_panic()
    assert type(caught.value).__name__ == "PanicException"
    assert alive() is None
    assert ext.live() == before
    assert "on purpose" in capfd.readouterr().err


def test_who_drops_a_python_owner_waits_for_attached_threads():
    """What is documented: with a lock held meanwhile that this thread wants, it would be a deadlock."""
    tensor, alive = watched()
    holder = ext.Holder(tensor.__dlpack__(**NEW))
    del tensor
    # Without the global lock a thread attaches at once, unless the interpreter stops all threads to make room for it.
    assert holder.release_under_lock(50) or builds.FREE_THREADED
    # And memory of Rust does not.
    assert not ext.Holder(make()).release_under_lock(60_000)
    for _ in range(1000):
        if alive() is None:
            break
        threading.Event().wait(0.01)
    assert alive() is None


# Exceptions on their way.


@pytest.mark.parametrize("asked", [{}, NEW])
def test_an_exception_survives_the_end_of_memory(asked):
    """`int` sets its exception; then the interpreter frees the argument, of which that is the last reference."""
    for _ in range(100):
        with pytest.raises(TypeError, match="int\\(\\) argument must be"):
            int(make().__dlpack__(**asked))


def test_an_exception_survives_the_end_of_an_object():
    seen = []

    class Owner:
        def __del__(self):
            seen.append(sys.exc_info()[0])
            try:
                raise KeyError
            except KeyError:
                pass

    with pytest.raises(TypeError, match="int\\(\\) argument must be"):
        int(ext.keeping(Owner()).__dlpack__(**NEW))
    assert seen == [None]


@pytest.mark.parametrize("asked", [{}, NEW])
def test_an_exception_survives_an_owner_that_forgets_it(asked):
    before = ext.live()
    for _ in range(100):
        with pytest.raises(TypeError, match="int\\(\\) argument must be"):
            int(ext.sloppy().__dlpack__(**asked))
    assert ext.live() == before


@builds.knows_its_thread
def test_an_exception_survives_the_end_of_a_tensor():
    """What is already on the stack is dropped while the exception is set."""
    before = ext.live()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            (ext.sloppy(), 1 / 0)
        with pytest.raises(ZeroDivisionError):
            (ext.hold(ext.sloppy()), 1 / 0)
        with pytest.raises(ZeroDivisionError):
            (ext.hold(ext.sloppy().__dlpack__()), 1 / 0)
        with pytest.raises(ZeroDivisionError):
            (ext.hold(ext.sloppy()).export(), 1 / 0)
        with pytest.raises(ZeroDivisionError):
            (ext.relay([ext.hold(ext.sloppy())]), 1 / 0)
    assert ext.live() == before


@builds.knows_its_thread
@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("way", [ext.hold, ext.keep, ext.Holder])
def test_an_exception_survives_a_deleter_in_python(way, versioned):
    struct = Foreign(versioned=versioned)
    struct.on_delete(lambda: None)
    with pytest.raises(ZeroDivisionError):
        (way(struct.capsule()), 1 / 0)
    assert struct.deletes == 1


@builds.knows_its_thread
@pytest.mark.parametrize("way", [ext.hold, ext.keep, ext.Holder])
def test_an_exception_survives_a_tensor_without_memory(way):
    """Nobody can use it, but it has a deleter."""
    struct = Foreign(address=None)
    struct.on_delete(lambda: None)
    with pytest.raises(ZeroDivisionError):
        (way(struct.capsule()), 1 / 0)
    assert struct.deletes == 1


@pytest.mark.library("numpy")
@pytest.mark.parametrize("legacy", [False, True])
def test_the_exception_of_numpy_survives(legacy):
    import numpy

    class Producer:
        def __dlpack__(self, **asked):
            return ext.make(b"12345678", "bfloat16", (4,)).__dlpack__(**({} if legacy else asked))

        def __dlpack_device__(self):
            return (1, 0)

    before = ext.live()
    for _ in range(100):
        with pytest.raises((BufferError, RuntimeError), match="Unsupported dtype") as caught:
            numpy.from_dlpack(Producer())
        assert caught.value.__cause__ is None and caught.value.__context__ is None
    assert ext.live() == before


@pytest.mark.library("pyarrow")
def test_the_exception_of_pyarrow_survives():
    import pyarrow

    before = ext.live()
    for _ in range(100):
        with pytest.raises(pyarrow.ArrowException):
            pyarrow.Tensor.from_dlpack(make("float8_e4m3fn"))
    assert ext.live() == before


# Objects that own memory, and their own ends.


def test_an_end_that_fails_is_reported_and_no_more():
    class Failing:
        def __del__(self):
            raise RuntimeError("in an end")

    reported = []
    hook, sys.unraisablehook = sys.unraisablehook, lambda report: reported.append(report.exc_value)
    try:
        holder = ext.Holder(ext.keeping(Failing()).__dlpack__(**NEW))
        holder.release_on_thread()
    finally:
        sys.unraisablehook = hook
    assert [str(error) for error in reported] == ["in an end"]


def test_an_end_may_import_again():
    described = []

    class Importing:
        def __del__(self):
            described.append(ext.describe(make()))

    ext.Holder(ext.keeping(Importing()).__dlpack__(**NEW)).release_detached()
    assert described[0]["shape"] == (8,)


def test_an_object_may_come_back_to_life():
    saved = []

    class Phoenix:
        def __del__(self):
            saved.append(self)

    ext.Holder(ext.keeping(Phoenix()).__dlpack__(**NEW)).release()
    assert len(saved) == 1
    ext.Holder(ext.keeping(saved[0]).__dlpack__(**NEW)).release()
    assert len(saved) == 1


@builds.classes_end
def test_a_class_that_was_seen_ends():
    def fresh():
        class Producer:
            def __dlpack__(self, **asked):
                return make().__dlpack__(**asked)

            def __dlpack_device__(self):
                return (1, 0)

        ext.describe(Producer())
        return weakref.ref(Producer)

    seen = [fresh() for _ in range(300)]
    gc.collect()
    assert [alive() for alive in seen] == [None] * 300


def test_a_cycle_with_a_tensor_in_it_is_opened_by_hand():
    """What is documented: the collector does not see the reference that a tensor holds."""
    tensor, alive = watched()
    alive().tensor = tensor
    del tensor
    gc.collect()
    assert alive() is not None
    del alive().tensor
    assert alive() is None


def test_a_cycle_without_owners_in_python_is_collected():
    before = ext.live()
    thing = Object()
    thing.me, thing.tensor, thing.holder = thing, make(), ext.Holder(make())
    del thing
    gc.collect()
    assert ext.live() == before


# A tensor that is passed on shares its owner with the one that it came from.


@pytest.mark.parametrize(
    "source",
    ["ext.keeping(Owner())", "ext.keeping([[]])", "Bytes(8)", "kept", "Lends()", "lends", "extensions", "static"],
    ids=[
        "object",
        "list",
        "buffer",
        "buffer of another",
        "buffer by a function",
        "buffer of another by a function",
        "buffer of an extension",
        "buffer of a static class",
    ],
)
def test_no_object_ends_while_the_collector_looks_at_it(source):
    """It is leaked. The collector would go on from an object that is no more, and code of Python would run in its midst."""
    script = f"""
        class Bytes(bytearray):
            def __release_buffer__(self, view):
                # The limited API asks for a buffer, and releases it, to know that there is one.
                if gc_runs:
                    os.write(1, b"released")

        class Lends(object if sys.version_info >= (3, 12) else bytearray):
            __buffer__ = lambda self, flags: memoryview(bytearray(8))
            __release_buffer__ = Bytes.__release_buffer__

        gc.disable()
        gc_runs, kept, lends = [], Bytes(8), Lends()
        # Its class is one of PyO3, which calls nothing in a `__traverse__`, and ends the process.
        extensions = ext.OwnBuffer() if ext.BUFFERS else bytearray(8)
        static = bytearray(8) if ext.LIMITED_API else ext.static_buffer()
        # Among others, so that something is made of what ends.
        found = [(ext.Traversed({source}), [[]]) for _ in range(100)]
        gc_runs.append(True)
        for _ in range(11):
            gc.collect()
        os.write(1, b"ok")
        os._exit(0)
    """
    assert run(script) == "ok"


def test_tensors_of_tensors_are_no_chain():
    script = """
        tensor = make()
        for _ in range(300_000):
            tensor = ext.hold(tensor).export()
        for _ in range(100_000):
            tensor = ext.like(tensor, tensor)
        print(ext.to_bytes(tensor), ext.live())
        del tensor
        print(ext.live())
    """
    assert run(script) == "b'12345678' 1\n0\n"


def test_a_tensor_of_a_tensor_keeps_what_it_says():
    for options in ({}, {"read_only": True}, {"strides": [1, 4], "is_copied": True}):
        tensor = ext.make(bytes(range(16)), "uint8", (4, 4), **options)
        first = ext.describe(tensor)
        for _ in range(3):
            tensor = ext.hold(tensor).export()
        again = ext.describe(tensor)
        assert {**again, "flags": 0} == {**first, "flags": 0}


CHAINS = {
    "objects": ([], "ext.keeping(it)"),
    "capsules": ([], "ext.keeping(it.__dlpack__(**NEW))"),
    "held tensors": ([], "ext.hold(ext.keeping(it))"),
    "views": ([], "ext.hold(memoryview(ext.hold(it).export())).export()"),
    "arrays": (["numpy"], "ext.hold(numpy.from_dlpack(it)).export()"),
    "arrays that keep objects": (["numpy"], "ext.keeping(numpy.from_dlpack(it))"),
    "views of arrays": (["numpy"], "ext.hold(memoryview(numpy.from_dlpack(it))).export()"),
    "capsules of arrays": (["numpy"], "ext.hold(numpy.from_dlpack(it).__dlpack__(**NEW)).export()"),
    "tensors of pyarrow": (["pyarrow"], "ext.hold(pyarrow.Tensor.from_dlpack(it)).export()"),
    "tensors of tvm_ffi": (["tvm_ffi"], "ext.hold(tvm_ffi.from_dlpack(it)).export()"),
    "tensors of torch": (["torch"], "ext.hold(torch.from_dlpack(it)).export()"),
    "legacy capsules of torch": (["torch"], "ext.hold(torch.from_dlpack(it).__dlpack__()).export()"),
    "results of tvm_ffi": (["tvm_ffi"], "tvm_ffi.get_global_func('testing.echo')(it)"),
    "results of C": ([], "ext.passed(it)"),
}


@pytest.mark.parametrize(
    ("libraries", "step"),
    [
        pytest.param(*chain, id=name, marks=[pytest.mark.library(library) for library in chain[0]])
        for name, chain in CHAINS.items()
    ],
)
def test_a_chain_ends_however_long_it_is(libraries, step):
    """Also on the stack of a thread, which may be small."""
    if "memoryview" in step and not ext.BUFFERS:
        pytest.skip("there are no buffers")
    script = f"""
        {"; ".join(f"import {library}" for library in libraries)}

        def chain(count):
            it = ext.keeping(Owner())
            for _ in range(count):
                it = {step}
            del it
            assert ext.live() == 0, ext.live()

        chain(50_000)
        threading.stack_size(256 * 1024)
        thread = threading.Thread(target=chain, args=(5_000,))
        thread.start()
        thread.join()
        print("done")
    """
    assert sorted(run(script).splitlines()) == ["done", "end of the owner", "end of the owner"]


def test_what_waits_for_greenlets_ends_when_one_of_them_goes_on():
    """Each of them stands still in the destructor of an object, on a stack of its own."""
    greenlet = pytest.importorskip("greenlet")
    ended = []

    class Still:
        def __del__(self):
            main.switch()

    class Other:
        def __del__(self):
            ended.append(self)

    def end():
        tensor = ext.keeping(Still())
        del tensor

    main = greenlet.getcurrent()
    still = [greenlet.greenlet(end) for _ in range(32)]
    for one in still:
        one.switch()
    tensor = ext.keeping(Other())
    del tensor
    assert not ended
    # The first, and not the one that came last.
    still.pop(0).switch()
    assert ended
    for one in still:
        one.switch()
