"""`python -m dlpack doctor [LIBRARY...]`: a library's report."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from . import known, runner
from .adapters import installed
from .case import SEVERITIES, load

_COLOURS = {"must": "31;1", "should": "33", "quirk": "36", "pass": "32", "dim": "2", "bold": "1"}


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dlpack doctor",
        description="Says how a library follows DLPack, as a producer, as a consumer and by its exchange table. Each case runs in a "
        "process of its own, since some end it.",
        epilog="A library is the name of an adapter (numpy, torch, ...), a namespace that follows the array API standard, or "
        "MODULE:CLASS of an adapter of one's own. Without a name, all that are installed are looked at.",
    )
    add = parser.add_argument
    add("libraries", nargs="*", metavar="LIBRARY")
    add("--case", action="append", default=[], metavar="PATTERN", help="only cases like `producer.copy.*`")
    add("--skip", action="append", default=[], metavar="PATTERN", help="no cases like this")
    add(
        "--expect",
        action="append",
        default=[],
        metavar="ID",
        help="a finding that is known and does not count; the status is 1 if it is gone",
    )
    add(
        "--known",
        action="store_true",
        help="the status is 1 unless the findings are exactly those of known.toml",
    )
    add(
        "--fail",
        choices=[*SEVERITIES, "never"],
        default="must",
        help="the mildest finding for which the status is 1",
    )
    add("--pairs", action="store_true", help="also import the arrays of each library into each other one")
    add("--json", metavar="FILE", help="write the report; `-` for the standard output")
    add("--html", metavar="FILE", help="write one page with everything")
    add("--junit", metavar="FILE", help="write the results as a test run")
    add("--story", metavar="FILE", help="write a document for those who use the libraries, as Markdown")
    add("--badge", metavar="FILE", help="write the endpoint of a badge of shields.io")
    add(
        "--merge",
        nargs="+",
        default=[],
        metavar="REPORT",
        help="take these reports instead of running anything",
    )
    add("--jobs", type=int, default=0, metavar="N", help="how many cases run at a time")
    add("--limit", type=float, default=60, metavar="SECONDS", help="how long a case may take")
    add("--list", action="store_true", help="list the cases and end")
    add("-v", "--verbose", action="store_true", help="show the program of each finding")
    add("-q", "--quiet", action="store_true", help="show the summary only")
    return parser


class _Terminal:
    """Writes to the terminal, with colours and progress if it is one."""

    def __init__(self, quiet: bool, to: Any):
        self.to, self.quiet = to, quiet
        self.lively = to.isatty() and os.environ.get("TERM") != "dumb"
        self.colours = self.lively and "NO_COLOR" not in os.environ or "FORCE_COLOR" in os.environ
        self._last = 0.0

    def paint(self, kind: str, text: str) -> str:
        return f"\033[{_COLOURS[kind]}m{text}\033[0m" if self.colours else text

    def say(self, text: str = "") -> None:
        # Not every terminal has the quotation marks of clauses.
        encoding = getattr(self.to, "encoding", None) or "utf-8"
        print(text.encode(encoding, "replace").decode(encoding), file=self.to, flush=True)

    def progress(self, name: str, done: int, total: int) -> None:
        if self.lively and (done == total or time.monotonic() - self._last > 0.1):
            self._last = time.monotonic()
            print(f"\r\033[K{name} {done}/{total}", end="", file=self.to, flush=True)

    def clear(self) -> None:
        if self.lively:
            print("\r\033[K", end="", file=self.to, flush=True)


def _show(part: dict[str, Any], cases: dict[str, Any], terminal: _Terminal, verbose: bool) -> None:
    title = terminal.paint("bold", f"{part['name']} {part['version']}")
    if part.get("missing") or part.get("failed"):
        terminal.say(f"{title}: " + (part.get("failed") or f"{part['missing']} is not installed"))
        return
    found = runner.counts(part)
    summary = [
        terminal.paint(severity, f"{found[severity]} {severity}")
        for severity in SEVERITIES
        if found[severity]
    ]
    summary.append(terminal.paint("pass", f"{found['pass']} passed"))
    summary += [
        f"{found[name]} {label}"
        for name, label in (("skip", "do not apply"), ("unclear", "unclear"))
        if found[name]
    ]
    if found["unconfirmed"]:
        summary.append(f"{found['unconfirmed']} not confirmed by a second way")
    terminal.say(f"{title}: {', '.join(summary)} ({part.get('seconds', 0)} s)")
    if terminal.quiet:
        return
    order = {severity: place for place, severity in enumerate(SEVERITIES)}
    faults = [r for r in part["cases"] if r["status"] in runner.FAULTS]
    for result in sorted(faults, key=lambda r: (order[r["severity"]], r["id"])):
        case = cases[result["id"]]
        mark = (
            " (expected)" if result.get("expected") else "" if result.get("known") else " (not in known.toml)"
        )
        terminal.say(
            f"  {terminal.paint(result['severity'], result['severity'].ljust(6))} {result['id']}{mark}"
        )
        terminal.say(f"         {case['does']}")
        terminal.say(f"         expected {case['expects']}")
        terminal.say(f"         found    {result['found']}")
        clause = case["clause"]
        terminal.say(terminal.paint("dim", f"         {clause['where']}: “{clause['text']}”"))
        for thread in result.get("threads", []):
            terminal.say(terminal.paint("dim", f"         {thread}"))
        if verbose and result.get("snippet"):
            terminal.say()
            for line in result["snippet"].splitlines():
                terminal.say(f"             {line}")
            terminal.say()
    for result in part["cases"]:
        if result["status"] in ("unclear", "unconfirmed"):
            terminal.say(terminal.paint("dim", f"  {result['status']} {result['id']}: {result['found']}"))


def badge(part: dict[str, Any]) -> dict[str, Any]:
    """The endpoint of a badge, as shields.io reads it."""
    found = runner.counts(part)
    if not part["cases"]:
        text, colour = "not looked at", "lightgrey"
    elif found["must"] or found["should"]:
        text = f"{found['must']} must, {found['should']} should"
        colour = "red" if found["must"] else "yellow"
    elif found["unclear"]:
        text, colour = f"{found['unclear']} unclear", "yellow"
    else:
        text, colour = "follows 1.3", "brightgreen"
    return {"schemaVersion": 1, "label": "DLPack", "message": text, "color": colour}


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns its status."""
    parser = _arguments()
    options = parser.parse_args(arguments)
    cases = runner.select(options.case, options.skip)
    if options.list:
        for case in cases:
            print(f"{case.id:40} {case.severity:7} {case.does}")
        return 0
    if not cases:
        parser.error("no case is like that")
    for id in options.expect:
        if id not in load():
            parser.error(f"there is no case {id}")
    _open(options, parser)
    terminal = _Terminal(options.quiet, sys.stderr if options.json == "-" else sys.stdout)
    if options.merge:
        try:
            report = runner.merge([json.loads(Path(path).read_text()) for path in options.merge])
        except (OSError, ValueError) as error:
            parser.error(f"cannot read a report: {error}")
        for part in report["libraries"]:
            _show(part, report["cases"], terminal, options.verbose)
    else:
        names = options.libraries or installed()
        parts = []
        for name in names:
            try:
                part = runner.run(
                    name,
                    cases,
                    consumers=names if options.pairs else (),
                    parallel=options.jobs or None,
                    limit=options.limit,
                    progress=terminal.progress,
                )
            except (ImportError, AttributeError) as error:
                parser.error(f"there is no adapter {name}: {error}")
            terminal.clear()
            known.mark(part)
            for result in part["cases"]:
                if result["id"] in options.expect:
                    result["expected"] = True
            parts.append(part)
            _show(part, runner.report([])["cases"], terminal, options.verbose)
        report = runner.report(parts)
    _write(options, report)
    if options.known:
        return _compare(report, terminal)
    stale = _stale(options.expect, report)
    for id in stale:
        terminal.say(f"{id} is expected, and there is no finding any more")
    return _status(options, report) or int(bool(stale) and options.fail != "never")


def _stale(expected: list[str], report: dict[str, Any]) -> list[str]:
    """What was expected, and looked at, and found in no library."""
    results = [result for part in report["libraries"] for result in part["cases"]]
    ran = {result["id"] for result in results}
    found = {result["id"] for result in results if result["status"] in (*runner.FAULTS, "unclear")}
    return [id for id in expected if id in ran - found]


def _compare(report: dict[str, Any], terminal: _Terminal) -> int:
    """Says how the findings differ from what is known."""
    status = 0
    for part in report["libraries"]:
        there = set(known.of(part["name"], part["version"]))
        ran = {result["id"] for result in part["cases"]}
        found = {result["id"] for result in part["cases"] if result["status"] in runner.FAULTS}
        differences = [f"{id} is new" for id in sorted(found - there)]
        differences += [f"{id} is known, and was not found" for id in sorted((there & ran) - found)]
        differences += [
            f"{r['id']} is {r['status']}: {r['found']}" for r in part["cases"] if r["status"].startswith("un")
        ]
        if part.get("missing") or part.get("failed"):
            differences.append(part.get("failed") or f"{part['missing']} is not installed")
        for difference in differences:
            terminal.say(f"{part['name']} {part['version']}: {difference}")
            status = 1
    return status


def _open(options: Any, parser: argparse.ArgumentParser) -> None:
    """Makes sure that all files can be written, before the cases run."""
    for path in (options.json, options.html, options.junit, options.story, options.badge):
        try:
            if path and path != "-":
                Path(path).open("a").close()
        except OSError as error:
            parser.error(f"cannot write {path}: {error.strerror}")


def _write(options: Any, report: dict[str, Any]) -> None:
    if options.json == "-":
        print(json.dumps(report, indent=1))
    elif options.json:
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    if options.junit:
        from .junit import junit

        Path(options.junit).write_text(junit(report), encoding="utf-8")
    if options.html:
        from .html import page

        Path(options.html).write_text(page(report), encoding="utf-8")
    if options.story:
        from .story import story

        Path(options.story).write_text(story(report), encoding="utf-8")
    if options.badge:
        Path(options.badge).write_text(json.dumps(badge(report["libraries"][0])) + "\n")


def _status(options: Any, report: dict[str, Any]) -> int:
    parts = report["libraries"]
    if any(part.get("failed") for part in parts) or (
        options.libraries and any(part.get("missing") for part in parts)
    ):
        return 2
    counted = () if options.fail == "never" else SEVERITIES[: SEVERITIES.index(options.fail) + 1]
    bad = [
        result
        for part in parts
        for result in part["cases"]
        if not result.get("expected")
        and (
            result["severity"] in counted
            if result["status"] in runner.FAULTS
            # An exception that no case expects is no proof that all is well.
            else result["status"] == "unclear" and counted
        )
    ]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
