"""The report as a test run that continuous integration shows."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape, quoteattr

from .runner import FAULTS


def _clean(text: str) -> str:
    # XML has no words for most control characters.
    return "".join(c if c >= " " or c in "\n\t" else "?" for c in text)


def junit(report: dict[str, Any]) -> str:
    """One suite for each library, one test for each case."""
    suites = []
    for part in report["libraries"]:
        tests, failures, skips = [], 0, 0
        for result in part["cases"]:
            case = report["cases"][result["id"]]
            inner = ""
            if result["status"] in FAULTS and not result.get("expected"):
                failures += 1
                text = f"{case['does']}\nexpected {case['expects']}\nfound {result['found']}\n{case['clause']['where']}\n"
                text += result.get("snippet", "")
                inner = f"<failure type={quoteattr(result['severity'])} message={quoteattr(_clean(result['found']))}>"
                inner += f"{escape(_clean(text))}</failure>"
            elif result["status"] != "pass":
                skips += 1
                inner = f"<skipped message={quoteattr(_clean(result.get('found', '')))}/>"
            seconds = result.get("seconds", 0)
            tests.append(
                f"<testcase classname={quoteattr('dlpack.' + part['name'])} name={quoteattr(result['id'])} "
                f'time="{seconds}">{inner}</testcase>'
            )
        suites.append(
            f'<testsuite name={quoteattr(part["name"])} tests="{len(tests)}" failures="{failures}" '
            f'skipped="{skips}" time="{part.get("seconds", 0)}">' + "".join(tests) + "</testsuite>"
        )
    return '<?xml version="1.0" encoding="utf-8"?>\n<testsuites>' + "\n".join(suites) + "</testsuites>\n"
