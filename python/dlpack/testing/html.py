"""The report as one page that needs nothing else: no server, no network, no library."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from .case import ROLES, SEVERITIES
from .pairs import RESULTS, worst
from .runner import FAULTS, counts

_ROLE_NAMES = {"producer": "Producers", "consumer": "Consumers", "exchange": "Exchange tables"}


def page(report: dict[str, Any]) -> str:
    """The whole page."""
    parts = [part for part in report["libraries"] if part["cases"]]
    folder = Path(__file__).parent
    style, script = ((folder / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    names = ", ".join(f"{part['name']} {part['version']}" for part in parts)
    body = "\n".join(
        [
            _summary(parts),
            _pairs(parts),
            _cases(report, parts),
            _rules(report, parts),
        ]
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>DLPack conformance: {escape(names)}</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#cases">Skip to the cases</a>
<header>
<h1>DLPack conformance</h1>
<p>How {len(parts)} {"library follows" if len(parts) == 1 else "libraries follow"} DLPack {escape(report["dlpack"])}, by {len(report["cases"])} cases, each in
a process of its own. What was found was looked at a second time, by a program without this suite. Python {escape(report["python"])} on
{escape(report["platform"])}, {escape(report["machine"])}.</p>
<nav aria-label="Sections"><ul><li><a href="#libraries">Libraries</a></li><li><a href="#pairs">Pairs</a></li><li><a href="#cases">Cases</a></li>
<li><a href="#rules">Rules and libraries</a></li><li><button id="theme" type="button">Light or dark</button></li></ul></nav>
</header>
<main>
{body}
</main>
<footer><p>Made by <code>python -m dlpack doctor --html</code>. A fault that you do not believe is a fault of the suite until its program
shows it: please report it.</p></footer>
<script>
{script}</script>
</body>
</html>
"""


def _faults(part: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {result["id"]: result for result in part["cases"] if result["status"] in FAULTS}


def _summary(parts: list[dict[str, Any]]) -> str:
    rows = []
    for part in parts:
        found = counts(part)
        cells = "".join(
            f'<td class="number {severity if found[severity] else ""}">{found[severity]}</td>'
            for severity in SEVERITIES
        )
        rows.append(
            f'<tr><th scope="row">{escape(part["name"])}</th><td>{escape(part["version"])}</td>{cells}'
            f'<td class="number">{found["pass"]}</td><td class="number">{found["skip"]}</td></tr>'
        )
    return f"""<h2 id="libraries">Libraries</h2>
<p><span class="must">must</span>: the standard demands it. <span class="should">should</span>: it recommends it, or memory and process are at stake when
the other side errs. <span class="quirk">quirk</span>: allowed, and trouble for some.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Libraries and their findings"><table><caption>Findings of each library</caption>
<thead><tr><th scope="col">Library</th><th scope="col">Version</th><th scope="col">must</th><th scope="col">should</th><th scope="col">quirk</th>
<th scope="col">passed</th><th scope="col">do not apply</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>"""


def _pairs(parts: list[dict[str, Any]]) -> str:
    cells: dict[tuple[str, ...], Any] = {}
    for part in parts:
        for pair in part.get("pairs", []):
            if pair.get("variants"):
                cells[tuple(pair["pair"])] = pair["variants"]
    if not cells:
        return '<h2 id="pairs">Pairs</h2>\n<p>Pairs were not tried; <code>--pairs</code> does.</p>'
    producers = [part["name"] for part in parts if any(key[0] == part["name"] for key in cells)]
    consumers = [part["name"] for part in parts if any(key[1] == part["name"] for key in cells)]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in consumers)
    rows = []
    details = []
    for producer in producers:
        row = []
        for consumer in consumers:
            variants = cells.get((producer, consumer))
            result = worst(variants) if variants else ""
            bad = {
                label: answer
                for label, answer in (variants or {}).items()
                if answer[0] in ("wrong", "crashed")
            }
            if not variants:
                row.append('<td class="skip-cell">not tried</td>')
                continue
            text = result
            if bad:
                id = f"pair.{producer}.{consumer}"
                text = f'<a href="#{escape(id)}">{result}</a>'
                items = "".join(
                    f"<dt>{escape(label)}</dt><dd>{escape(a[0])}: {escape(a[1])}</dd>"
                    for label, a in bad.items()
                )
                details.append(
                    f'<details id="{escape(id)}"><summary>{escape(producer)} in {escape(consumer)}: '
                    f'{", ".join(map(escape, bad))}</summary><div class="inside"><dl>{items}</dl></div></details>'
                )
            row.append(f'<td class="{result}">{text}</td>')
        rows.append(f'<tr><th scope="row">{escape(producer)}</th>{"".join(row)}</tr>')
    words = {
        "aliased": "the same memory",
        "copied": "a copy",
        "refused": "an exception",
        "wrong": "other elements, or read-only memory that was written",
        "crashed": "the end of the process",
    }
    legend = "; ".join(f'<span class="{name}">{name}</span>: {words[name]}' for name in RESULTS)
    return f"""<h2 id="pairs">Pairs</h2>
<p>A row is a producer, a column a consumer. {legend}. A plain array decides, unless another one of a dozen kinds is wrong or ends the process.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Pairs of libraries"><table><caption>Arrays of the library on the left, imported by the one above</caption>
<thead><tr><th scope="col">Producer</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>
{"".join(details)}"""


def _cases(report: dict[str, Any], parts: list[dict[str, Any]]) -> str:
    options = "".join(f"<option>{escape(part['name'])}</option>" for part in parts)
    blocks = []
    faults = {part["name"]: _faults(part) for part in parts}
    for id, case in report["cases"].items():
        found = {name: results[id] for name, results in faults.items() if id in results}
        severities = {name: result["severity"] for name, result in found.items()}
        worst_of = min(severities.values(), key=SEVERITIES.index, default=case["severity"])
        who = ", ".join(found) if found else "no finding"
        blocks.append(
            f'<details id="{escape(id)}" data-role="{id.partition(".")[0]}" data-found="{escape(json.dumps(severities))}"><summary>'
            f'<span class="{worst_of}">{worst_of}</span> <code>{escape(id)}</code> <span class="who">{escape(who)}</span></summary>'
            f'<div class="inside"><dl><dt>What is done</dt><dd>{_text(case["does"])}</dd><dt>Expected</dt><dd>{_text(case["expects"])}</dd>'
            f'<dt>Clause</dt><dd><a href="{escape(case["clause"]["url"])}">{escape(case["clause"]["where"])}</a>: '
            f"“{escape(case['clause']['text'])}”</dd><dt>Since</dt><dd>{escape(case['since'])}</dd>"
            f'<dt>Link</dt><dd><a href="#{escape(id)}">#{escape(id)}</a></dd></dl>'
            f"{''.join(_finding(name, part, result) for name, result in found.items() for part in parts if part['name'] == name)}</div></details>"
        )
    roles = "".join(f'<option value="{role}">{_ROLE_NAMES[role]}</option>' for role in ROLES)
    return f"""<h2 id="cases">Cases</h2>
<form id="filters" class="filters" aria-label="Which cases are shown">
<label>Library <select name="library"><option value="">all</option>{options}</select></label>
<label>Findings <select name="severity"><option value="">any</option><option>must</option><option>should</option><option>quirk</option>
<option value="all">also none</option></select></label>
<label>Part <select name="role"><option value="">all</option>{roles}</select></label>
<label>Text <input name="text" type="search" autocomplete="off"></label>
<button type="reset">Reset</button>
</form>
<p id="count" role="status"></p>
{"".join(blocks)}"""


def _text(text: str) -> str:
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))


def _finding(name: str, part: dict[str, Any], result: dict[str, Any]) -> str:
    second = result.get("second", {})
    how = (
        "a program without this suite: "
        if second.get("by") == "program"
        else "the case again, in another process: "
    ) + (second.get("said") or f"it ended with status {second.get('status')}")
    rows = [
        f"<dt>Found</dt><dd>{escape(result['found'])}</dd>",
        f"<dt>Second look</dt><dd>{escape(how)}</dd>",
    ]
    if result.get("known"):
        rows.append(f"<dt>Known</dt><dd>{escape(result['known'])}</dd>")
    for thread in result.get("threads", []):
        rows.append(f'<dt>Thread</dt><dd><a href="{escape(thread)}">{escape(thread)}</a></dd>')
    snippet = ""
    if result.get("snippet"):
        label = escape(f"Program for {name}, {result['id']}")
        code = f'<pre tabindex="0" role="region" aria-label="{label}"><code>{escape(result["snippet"])}</code></pre>'
        snippet = f'<details class="program"><summary>Program, to paste</summary>{code}</details>'
    return (
        f'<div data-library="{escape(name)}"><h3>{escape(name)} {escape(part["version"])}: '
        f'<span class="{result["severity"]}">{result["severity"]}</span></h3><dl>{"".join(rows)}</dl>{snippet}</div>'
    )


def _rules(report: dict[str, Any], parts: list[dict[str, Any]]) -> str:
    head = "".join(f'<th scope="col">{escape(part["name"])}</th>' for part in parts)
    results = [{result["id"]: result for result in part["cases"]} for part in parts]
    rows = []
    for role in ROLES:
        rows.append(
            f'<tbody><tr class="group"><th scope="rowgroup" colspan="{len(parts) + 1}">{_ROLE_NAMES[role]}</th></tr>'
        )
        for id in report["cases"]:
            if not id.startswith(f"{role}."):
                continue
            cells = "".join(_cell(id, found.get(id)) for found in results)
            rows.append(
                f'<tr data-case="{escape(id)}"><th scope="row"><a href="#{escape(id)}">{escape(id.partition(".")[2])}</a></th>{cells}</tr>'
            )
        rows.append("</tbody>")
    return f"""<h2 id="rules">Rules and libraries</h2>
<p>The filters above choose the rows, too.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Rules and libraries"><table><caption>Each case in each library; – where it does not apply</caption>
<thead><tr><th scope="col">Case</th>{head}</tr></thead>{"".join(rows)}</table></div>"""


def _cell(id: str, result: dict[str, Any] | None) -> str:
    if result is None or result["status"] == "skip":
        return '<td class="skip-cell">–</td>'
    if result["status"] in FAULTS:
        return f'<td class="{result["severity"]}"><a href="#{escape(id)}">{result["severity"]}</a></td>'
    if result["status"] == "pass":
        return '<td class="pass">ok</td>'
    return '<td class="unclear">unclear</td>'
