"""`python -m dlpack doctor`: what it writes, and how it ends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import xml.dom.minidom
from html.parser import HTMLParser

import pytest

from dlpack.testing import Adapter, known, pairs, runner
from dlpack.testing.adapters import generic
from dlpack.testing.doctor import _Terminal, badge
from dlpack.testing.watch import Watch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


def doctor(*arguments, status=0):
    done = subprocess.run(
        [sys.executable, "-m", "dlpack", "doctor", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_our_own_package_has_no_finding(tmp_path):
    said = doctor("dlpack", "--json", tmp_path / "r.json", "--fail", "quirk", "--badge", tmp_path / "b.json")
    assert said.startswith("dlpack 0.") and "passed" in said and "must" not in said
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["schema"] == "dlpack-doctor/1"
    part = report["libraries"][0]
    assert {result["id"] for result in part["cases"]} == set(report["cases"])
    assert runner.counts(part)["unclear"] == runner.counts(part)["unconfirmed"] == 0
    assert json.loads((tmp_path / "b.json").read_text())["message"] == "follows 1.3"


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.links, self.outside = [], [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if tag == "a":
            self.links.append(attrs["href"])
        self.outside += [attrs[name] for name in ("src",) if name in attrs]
        if tag in ("link", "img", "iframe"):
            self.outside.append(tag)


def test_findings(tmp_path):
    np = pytest.importorskip("numpy")
    files = {kind: tmp_path / f"r.{kind}" for kind in ("json", "html", "xml")}
    chosen = ["--case", "consumer.shape.*", "--case", "producer.empty.*"]
    said = doctor(
        "numpy",
        *chosen,
        "--json",
        files["json"],
        "--html",
        files["html"],
        "--junit",
        files["xml"],
        "-v",
        "--fail",
        "should",
        status=1,
    )
    assert "consumer.shape.null" in said and "SIGSEGV" in said and "dlpack.h 1.3, lines 257-262" in said
    assert "np.from_dlpack(producer)" in said
    found = {
        result["id"]: result for result in json.loads(files["json"].read_text())["libraries"][0]["cases"]
    }
    crash = found["consumer.shape.null"]
    assert (crash["status"], crash["signal"], crash["second"]["by"], crash["second"]["agrees"]) == (
        "crash",
        "SIGSEGV",
        "program",
        True,
    )
    assert found["producer.empty.data"]["severity"] == "quirk"
    tests = xml.dom.minidom.parse(str(files["xml"])).getElementsByTagName("testcase")
    assert len(tests) == len(found)
    page = Page()
    page.feed(files["html"].read_text())
    assert page.outside == []
    assert len(page.ids) == len(set(page.ids)) and "consumer.shape.null" in page.ids
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    merged = doctor("--merge", files["json"], files["json"], "--fail", "never", "--story", tmp_path / "s.md")
    story = (tmp_path / "s.md").read_text()
    # What is not known of a version of NumPy is told as it was found.
    told = "consumer.shape.null" in known.of("numpy", np.__version__)
    assert "## numpy " in story and ("Ends the process for a tensor whose shape is NULL" in story) == told
    assert told or "The process ended by SIGSEGV" in story
    assert merged.count("consumer.shape.null") == 1
    doctor("numpy", *chosen, "--fail", "must")
    doctor("numpy", *chosen, "--expect", "consumer.shape.null", "--fail", "should")


def test_words():
    assert "producer.copy.flag" in doctor("--list")
    assert "is not installed" in doctor("cupy", status=2)
    raises = f"{__name__}:Warmed"
    assert "unclear producer.keyword.stream" in doctor(raises, "--case", "producer.keyword.stream", status=1)
    doctor(raises, "--case", "producer.keyword.stream", "--fail", "never")
    gone = ["dlpack", "--case", "producer.methods", "--expect", "producer.methods"]
    assert "producer.methods is expected, and there is no finding any more" in doctor(*gone, status=1)
    doctor("dlpack", "--expect", "producer.method", status=2)
    doctor("no_such_library_anywhere", status=2)
    doctor("dlpack", "--case", "nothing", status=2)


def test_files_that_cannot_be_used(tmp_path):
    # No case runs before, so that nothing is said.
    assert doctor("dlpack", "--html", tmp_path / "nowhere" / "page.html", status=2) == ""
    assert doctor("--merge", tmp_path / "r.json", status=2) == ""
    (tmp_path / "r.json").write_text("{")
    assert doctor("--merge", tmp_path / "r.json", status=2) == ""


def test_terminals_without_quotation_marks():
    to = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    _Terminal(False, to).say("line 1: \u201cNULL\u201d")
    assert to.buffer.getvalue().splitlines() == [b"line 1: ?NULL?"]


def test_reports_are_merged():
    first = {"name": "a", "cases": [{"id": "x"}], "pairs": [{"pair": ["a", "b"], "variants": {}}]}
    second = {"name": "a", "cases": [], "pairs": [{"pair": ["a", "c"], "variants": {}}]}
    whole = runner.merge([{"libraries": [first]}, {"libraries": [second]}])
    assert len(whole["libraries"]) == 1
    assert whole["libraries"][0]["cases"] and len(whole["libraries"][0]["pairs"]) == 2


def test_pairs():
    pytest.importorskip("numpy")
    part = runner.run("dlpack", [], consumers=["numpy", "dlpack"])
    matrix = {tuple(pair["pair"]): pair["variants"] for pair in part["pairs"]}
    assert pairs.worst(matrix["dlpack", "numpy"]) == pairs.worst(matrix["dlpack", "dlpack"]) == "aliased"
    assert matrix["dlpack", "numpy"]["bfloat16"][0] == "refused"
    assert pairs.worst({"plain": ["aliased", ""], "step": ["wrong", ""]}) == "wrong"
    assert pairs.worst({"plain": ["aliased", ""], "step": ["refused", ""]}) == "aliased"


def test_read_only_memory_is_found():
    np = pytest.importorskip("numpy")
    x = np.arange(6.0)
    x.flags.writeable = False
    lib = generic("numpy")()
    with pytest.raises(BufferError):
        lib.where(x)
    assert pairs._where(lib, x) == x.ctypes.data


def test_pairs_are_looked_at_one_by_one_where_forks_end(monkeypatch):
    pytest.importorskip("numpy")
    monkeypatch.setattr(runner, "_forked", lambda *_: "")
    part = runner.run("dlpack", [], consumers=["numpy", "no_such_library"])
    matrix = {pair["pair"][1]: pair for pair in part["pairs"]}
    assert pairs.worst(matrix["numpy"]["variants"]) == "aliased"
    assert "no_such_library" in matrix["no_such_library"]["failed"]


def test_badges():
    part = {"cases": [{"id": "a", "status": "finding", "severity": "should"}]}
    assert badge(part)["color"] == "yellow"
    for part in ({"cases": [], "missing": "cupy"}, {"cases": [], "failed": "ImportError"}):
        assert badge(part)["message"] == "not looked at"
    unclear = [{"id": "a", "status": "pass"}, {"id": "b", "status": "unclear", "severity": "must"}]
    assert badge({"cases": unclear})["message"] == "1 unclear"
    assert badge({"cases": unclear[:1]})["message"] == "follows 1.3"


def test_known_faults_are_read():
    text = known.FILE.read_text(encoding="utf-8")
    tomllib = pytest.importorskip("tomllib")
    assert known.read(text) == tomllib.loads(text)["fault"]


@pytest.mark.parametrize(
    ("bounds", "version", "holds"),
    [
        (">=2.4, <2.6", "2.4.6", True),
        (">=2.4, <2.6", "2.6", False),
        ("==2.15.0", "2.15.0+cu132", True),
        ("<=0.1.15", "0.1.15.post2", False),
        ("", "1", True),
    ],
)
def test_versions(bounds, version, holds):
    assert known.holds(bounds, version) is holds


def test_known_faults_name_cases():
    from dlpack.testing.adapters import NAMES
    from dlpack.testing.case import load

    seen = set()
    for fault in known.faults():
        assert fault["library"] in NAMES and fault["says"] and fault["versions"]
        for id in fault["cases"]:
            assert id in load(), id
            assert (fault["library"], id) not in seen, (fault["library"], id)
            seen.add((fault["library"], id))


@pytest.mark.parametrize("name", ["numpy", "array_api_strict", "pyarrow", "mlx"])
def test_what_is_found_is_known(name):
    """A fault that disappears is noticed, and so is a new one. `cargo xtask test conformance` looks at more libraries."""
    from dlpack.testing.adapters import find

    if find(name).missing():
        pytest.skip(f"{name} is not installed")
    part = runner.run(name)
    assert not part.get("failed")
    there = known.of(name, part["version"])
    if not there:
        pytest.skip(f"nothing is known of {name} {part['version']}")
    found = {result["id"] for result in part["cases"] if result["status"] in runner.FAULTS}
    assert found == set(there)
    assert [r for r in part["cases"] if r["status"] in ("unclear", "unconfirmed")] == []


class Hangs(Adapter):
    name = "hangs"
    modules = ("dlpack",)
    imports = "import time"
    array = "time.sleep(1000)"
    dtypes = {"float32": ""}


def test_what_imports_nothing_refuses_nothing():
    part = runner.run("dlpack", [], consumers=[f"{__name__}:Hangs"])
    assert [pair["variants"] for pair in part["pairs"]] == [{}]


class Warmed(Adapter):
    name = "warmed"
    modules = ("dlpack",)
    imports = "import os; seen = []"
    warm = "seen.append(os.getpid())"
    array = "seen.copy() if seen and os.getpid() not in seen else 1 / 0"
    dtypes = {"float32": ""}


def test_what_does_not_apply_needs_no_process():
    chosen = runner.select(["consumer.*", "exchange.*", "producer.keyword.stream"])
    part = runner.run(f"{__name__}:Warmed", chosen, confirm=False)
    found = {result["id"]: result for result in part["cases"]}
    # A list has no `__dlpack__`; that it was made shows that the parent was warm.
    assert "AttributeError" in found.pop("producer.keyword.stream")["found"]
    assert {result["status"] for result in found.values()} == {"skip"}
    forked = {id for id, result in found.items() if "seconds" in result}
    assert not any(id.startswith("consumer.") for id in forked)
    # The first tell that there is no table, and the others do not run.
    assert len(forked) < 10


class Aborts(Adapter):
    name = "aborts"
    modules = ("dlpack",)
    imports = "import os; os.abort()"
    take = "{x}"


def test_an_import_that_ends_the_process_ends_one_pair(monkeypatch):
    monkeypatch.delattr(runner, "_alone")
    names = [f"{__name__}:Aborts", "dlpack"]
    matrix = {pair["pair"][1]: pair for pair in runner.run("dlpack", [], consumers=names)["pairs"]}
    assert "SIGABRT" in matrix[names[0]]["failed"]
    assert pairs.worst(matrix["dlpack"]["variants"]) == "aliased"


class Waits(Adapter):
    name = "waits"
    modules = ("dlpack",)
    imports = "import time"
    read = "[]"
    take = "time.sleep(1000)"


def test_an_import_that_hangs_ends_one_pair(monkeypatch):
    monkeypatch.delattr(runner, "_alone")
    names = [f"{__name__}:Waits", "dlpack"]
    matrix = {pair["pair"][1]: pair for pair in runner.run("dlpack", [], consumers=names, limit=2)["pairs"]}
    assert "no end after 2 s" in matrix[names[0]]["failed"]
    assert pairs.worst(matrix["dlpack"]["variants"]) == "aliased"


def test_what_hangs_is_ended():
    part = runner.run(f"{__name__}:Hangs", runner.select(["producer.methods", "producer.life.end"]), limit=2)
    assert {result["id"]: (result["status"], result["second"]["agrees"]) for result in part["cases"]} == {
        "producer.methods": ("timeout", True),
        "producer.life.end": ("timeout", True),
    }


def test_a_busy_machine_is_no_reason():
    work = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        watch = Watch(work.pid, 30)
        watch.started -= 100
        assert not watch.over()
        watch.limit = 0.05
        end = time.monotonic() + 60
        while not watch.over():
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        work.kill()
        work.wait()
