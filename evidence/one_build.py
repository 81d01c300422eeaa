"""Runs the tests that reach a mutant, for one mutant after the other, each in a child of a process that has everything loaded.

A plugin of pytest for `cargo xtask evidence cargo-mutants`. The extension has all mutants; the file that `ONE_BUILD` names says with
its first four bytes which of them is chosen, or 0. From its ninth byte on, a byte for each number says whether it was reached.
What a test notices is written beside the file that `ONE_BUILD_WANTED` names, with the test. With `ONE_BUILD_EARLY`, a mutant that is
reached before the first test, and that no child notices, is tried in a process of its own, which takes as long as all tests.
"""

import gc
import mmap
import os
import pathlib
import pickle
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time

import pytest

HEAD = 8

# In seconds, besides thrice what a test takes without a mutant.
PATIENCE = 20

# In bytes.
MEMORY = 16 << 30


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    if "ONE_BUILD_WANTED" not in os.environ or session.testsfailed:
        return None
    tests = _Tests(session)
    wanted = pathlib.Path(os.environ["ONE_BUILD_WANTED"])
    numbers = [int(line) for line in wanted.read_text().split()]
    with wanted.with_suffix(".done").open("w") as done:
        for at, number in enumerate(numbers):
            by = tests.notices(number)
            reach = len(tests.reached_by.get(number, ()))
            print(f"{at + 1} of {len(numbers)}: {number}, which {reach} tests reach: {by}", flush=True)
            if by:
                done.write(f"{number} {by}\n")
                done.flush()
    return True


class _Tests:
    def __init__(self, session):
        self.session, self.items = session, session.items
        with open(os.environ["ONE_BUILD"], "r+b") as file:
            self.shared = mmap.mmap(file.fileno(), 0)
        # Which test a child runs.
        self.at = mmap.mmap(-1, 8)
        # No child does again what was done before the first test.
        self.early = set(self._reached())
        gc.collect()
        gc.freeze()
        self.reached_by, self.seconds = self._without_mutants()

    def notices(self, number):
        """Returns the test that notices a mutant, or nothing."""
        indices = sorted(self.reached_by.get(number, ()), key=self.seconds.__getitem__)
        failed = self._in_a_child(number, indices) if indices else None
        if failed is not None:
            # It may have failed because of the order.
            until = indices[: indices.index(failed) + 1]
            if self._in_a_child(0, until) is None:
                return self.items[failed].nodeid
        if failed is not None or number in self.early and "ONE_BUILD_EARLY" in os.environ:
            return self._in_a_process(number)
        return None

    def _without_mutants(self):
        """Returns which tests reach each mutant, and how long each test takes."""
        with tempfile.NamedTemporaryFile() as file:
            def each(index, seconds, failed):
                reached.append((self._reached(), seconds))
                if failed:
                    print("without a mutant:", self.items[index].nodeid, file=sys.__stderr__, flush=True)

            reached = []
            child = os.fork()
            if not child:
                try:
                    self._be_a_child()
                    for index in range(len(self.items)):
                        self.shared[HEAD:] = bytes(len(self.shared) - HEAD)
                        start = time.monotonic()
                        failed = self._fails(index, index + 1)
                        each(index, time.monotonic() - start, failed)
                    pickle.dump(reached, file)
                    file.flush()
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
            file.seek(0)
            reached = pickle.load(file)
        reached_by = {}
        for index, (numbers, _) in enumerate(reached):
            for number in numbers:
                reached_by.setdefault(number, []).append(index)
        return reached_by, [seconds for _, seconds in reached]

    def _in_a_child(self, number, indices):
        """Runs tests until one fails, which is returned."""
        self._choose(number)
        self.at[:] = struct.pack("q", indices[0])
        child = os.fork()
        if not child:
            code = 2
            try:
                self._be_a_child()
                code = 0
                for place, index in enumerate(indices):
                    self.at[:] = struct.pack("q", index)
                    following = indices[place + 1] if place + 1 < len(indices) else None
                    if self._fails(index, following):
                        code = 1
                        break
            except BaseException:
                code = 3
            finally:
                os._exit(code)
        pause, at, end = 0.001, None, 0
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            before, at = at, struct.unpack("q", self.at[:])[0]
            if at != before:
                end = time.monotonic() + PATIENCE + 3 * self.seconds[at]
            elif time.monotonic() > end:
                _kill(child)
                os.waitpid(child, 0)
                status = 1
                break
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        _kill(child)
        self._choose(0)
        return None if status == 0 else struct.unpack("q", self.at[:])[0]

    def _in_a_process(self, number):
        """Runs all tests in a process of their own."""
        self._choose(number)
        environment = {name: value for name, value in os.environ.items() if name != "ONE_BUILD_WANTED"}
        command = [sys.executable, "-m", "pytest", "-x", *self.session.config.invocation_params.args]
        try:
            ran = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=PATIENCE + 2 * sum(self.seconds),
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return "a test that hangs"
        finally:
            self._choose(0)
        if not ran.returncode:
            return None
        failed = [line for line in ran.stdout.decode(errors="replace").splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return failed[0].split(" ", 1)[1] if failed else f"a process that ends with {ran.returncode}"

    def _fails(self, index, following):
        before = self.session.testsfailed
        item = self.items[index]
        following = self.items[following] if following is not None and following < len(self.items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return self.session.testsfailed > before

    def _be_a_child(self):
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        reporter = self.session.config.pluginmanager.get_plugin("terminalreporter")
        os.dup2(nowhere, reporter._tw._file.fileno())
        os.dup2(nowhere, 1)

    def _choose(self, number):
        self.shared[:4] = struct.pack("I", number)

    def _reached(self):
        return [at for at, byte in enumerate(self.shared[HEAD:]) if byte]


def _kill(child):
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        pass
