"""Threads that share tensors, capsules and classes. Without the global lock they run side by side."""

import threading

import dlpack_pyo3_tests as ext
import numpy as np
import pytest

from kit import builds

SIX = np.arange(6.0, dtype="f4").tobytes()
NEW = {"max_version": (1, 3)}
THREADS, ROUNDS = 6, 200

pytestmark = pytest.mark.usefixtures("nothing_remains")


def make():
    return ext.make(SIX, "float32", (2, 3))


def together(work):
    """Runs the function on several threads that begin at the same time, and raises what one of them raised."""
    start, raised = threading.Barrier(THREADS), []

    def run(number):
        start.wait()
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


USES = [
    lambda tensor: np.from_dlpack(tensor).tobytes(),
    lambda tensor: ext.to_bytes(tensor),
    lambda tensor: ext.hold(tensor).to_bytes(),
    lambda tensor: ext.to_bytes(tensor.__dlpack__(**NEW)),
    lambda tensor: ext.to_bytes(tensor.__dlpack__(copy=True, **NEW)),
    lambda tensor: ext.to_bytes(ext.hold(np.from_dlpack(tensor)).export()),
]
if ext.BUFFERS:
    USES.append(lambda tensor: bytes(memoryview(tensor)))


def test_threads_share_a_tensor():
    tensor = make()

    def work(number):
        for turn in range(ROUNDS):
            assert USES[(turn + number) % len(USES)](tensor) == SIX

    together(work)


def test_threads_drop_what_others_made():
    places = [None] * 4

    def work(number):
        for turn in range(ROUNDS):
            held = places[(turn + number) % len(places)]
            if held is not None:
                assert USES[turn % len(USES)](held) == SIX
            places[turn % len(places)] = make() if turn % 2 else ext.hold(np.from_dlpack(make())).export()

    together(work)
    places.clear()


def test_threads_use_classes_that_change_meanwhile():
    """What is cached for a class is of the class as it was. Classes begin, change and end all the time."""
    tensors = [make()]

    def fresh():
        class Producer:
            def __dlpack__(self, **asked):
                return tensors[0].__dlpack__(**asked)

            def __dlpack_device__(self):
                return (1, 0)

        return Producer

    shared = [fresh() for _ in range(4)]

    def work(number):
        for turn in range(ROUNDS):
            kind = shared[(turn + number) % len(shared)]
            assert ext.to_bytes(kind()) == SIX
            if turn % 5 == 0:
                kind.note = turn
            if turn % 20 == 0:
                shared[turn // 20 % len(shared)] = fresh()

    together(work)
    # CPython 3.13 keeps the classes of threads for ever.
    tensors.clear()


def test_of_threads_that_consume_a_capsule_one_gets_it():
    for _ in range(ROUNDS):
        capsule = make().__dlpack__(**NEW)
        won, lost = [], []

        def work(_, capsule=capsule, won=won, lost=lost):
            try:
                won.append(ext.to_bytes(capsule))
            except (ValueError, BufferError, TypeError) as error:
                lost.append(error)

        together(work)
        assert (won, len(lost)) == ([SIX], THREADS - 1)


@pytest.mark.skipif(not builds.FREE_THREADED, reason="this Python has a global lock")
def test_the_extension_does_without_the_global_lock():
    import sys

    assert not sys._is_gil_enabled()
