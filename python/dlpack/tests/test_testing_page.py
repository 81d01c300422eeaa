"""The page of `doctor --html`, for those who cannot see it or use no mouse: what can be said of it without a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dlpack.testing import html, runner

CSS = Path(html.__file__).with_name("page.css").read_text(encoding="utf-8")
VOID = {"meta", "input", "link", "br"}


def a_report():
    second = {"by": "program", "said": "AssertionError: <b>no</b>", "agrees": True, "status": 1}
    cases = [
        {
            "id": "producer.copy.flag",
            "status": "finding",
            "severity": "must",
            "found": "<script>alert('found')</script> & more",
            "second": second,
            "snippet": "assert 1 < 0 & 2",
            "known": "sets no flag",
            "threads": ["https://github.com/dmlc/dlpack/issues/149"],
        },
        {"id": "consumer.shape.null", "status": "crash", "severity": "should", "found": "SIGSEGV"},
        {"id": "consumer.capsule.used", "status": "pass", "severity": "must"},
        {"id": "exchange.table.capsule", "status": "skip", "severity": "must", "found": "no table"},
    ]
    variants = {"plain": ["aliased", ""], "step": ["wrong", "<i>other</i> elements"]}
    parts = [
        {
            "name": name,
            "version": "1.0",
            "cases": cases,
            "pairs": [{"pair": [name, "a"], "variants": variants}],
        }
        for name in ("a", "b")
    ]
    return runner.report(parts)


class Element:
    def __init__(self, tag, attrs, above):
        self.tag, self.attrs, self.above, self.words, self.below = tag, attrs, above, "", []

    def path(self):
        return [self, *(self.above.path() if self.above else [])]

    def text(self):
        return " ".join([self.words, *(part.text() for part in self.below)]).strip()


class Page(HTMLParser):
    """The elements of a page, which must be closed in the order in which they were opened."""

    def __init__(self, text):
        super().__init__()
        self.all, self.open = [], [Element("", {}, None)]
        self.feed(text)
        assert [element.tag for element in self.open] == [""]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs), self.open[-1])
        self.open[-1].below.append(element)
        self.all.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag, tag

    def handle_data(self, data):
        self.open[-1].words += data

    def of(self, *tags):
        return [element for element in self.all if element.tag in tags]


@pytest.fixture(scope="module")
def page():
    return Page(html.page(a_report()))


def test_language_title_and_landmarks(page):
    assert [element.attrs["lang"] for element in page.of("html")] == ["en"]
    assert "a 1.0, b 1.0" in page.of("title")[0].text()
    viewport = next(e.attrs["content"] for e in page.of("meta") if e.attrs.get("name") == "viewport")
    assert (
        "width=device-width" in viewport
        and "user-scalable" not in viewport
        and "maximum-scale" not in viewport
    )
    for tag in ("header", "main", "footer", "nav"):
        assert len(page.of(tag)) == 1, tag
    skip = page.of("a")[0].attrs
    assert skip["class"] == "skip" and skip["href"] == "#cases"


def test_headings_leave_no_level_out(page):
    levels = [int(element.tag[1]) for element in page.of("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:])), levels
    assert all(element.text() for element in page.of("h1", "h2", "h3"))


def test_ids_are_unique_and_links_lead_somewhere(page):
    ids = [element.attrs["id"] for element in page.all if "id" in element.attrs]
    assert len(ids) == len(set(ids))
    for link in page.of("a"):
        assert link.text() or link.attrs.get("aria-label"), link.attrs
        target = link.attrs["href"]
        assert target.startswith("https://") or target[1:] in ids, target


def test_what_can_be_operated_has_a_name(page):
    for element in page.of("select", "input", "textarea"):
        label = next(above for above in element.path() if above.tag == "label")
        assert label.words.strip(), element.attrs
    for element in page.of("button", "summary", "option"):
        assert element.text(), element.attrs
    for element in page.all:
        if element.attrs.get("role") == "region" or element.tag in ("nav", "form"):
            assert element.attrs.get("aria-label"), element.attrs
        assert "onclick" not in element.attrs
        # What scrolls can be reached by the keyboard; nothing comes before its turn.
        assert element.attrs.get("tabindex", "0") == "0"
    assert all(e.attrs.get("tabindex") == "0" for e in page.all if e.attrs.get("class") == "scroll")
    for element in page.of("details"):
        assert element.below[0].tag == "summary"
        id = element.attrs.get("id", "")
        assert id.startswith("pair.") or id in element.below[0].text()
    # How many cases the filters leave is said when it changes.
    assert next(e for e in page.all if e.attrs.get("id") == "count").attrs["role"] == "status"


def test_tables_have_headers(page):
    assert len(page.of("table")) == 3
    for table in page.of("table"):
        assert table.below[0].tag == "caption" and table.below[0].text()
    for cell in page.of("th"):
        assert cell.attrs["scope"] in ("col", "row", "rowgroup") and cell.text()
    for row in page.of("tr"):
        assert row.below[0].tag == "th", row.text()
    for cell in page.of("td"):
        # A colour is never all that tells results apart.
        assert cell.text(), cell.attrs


def test_text_of_libraries_stays_text(page):
    assert len(page.of("script")) == 1 and not page.of("b", "i")
    assert any("<script>alert('found')</script> & more" in e.words for e in page.of("dd"))


def colours(rule):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", rule))


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrasts_are_measured_right():
    assert contrast("#fff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


LIGHT = colours(re.search(r":root \{(.*?)\}", CSS, re.S)[1])
DARK = colours(re.search(r":root\[data-theme=dark\] \{(.*?)\}", CSS, re.S)[1])
SYSTEM = colours(re.search(r":root:not\(\[data-theme=light\]\) \{(.*?)\}", CSS, re.S)[1])


def test_the_dark_of_the_system_is_that_of_the_button():
    assert DARK == SYSTEM and set(DARK) == set(LIGHT)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(scheme):
    """The contrast that WCAG 2.2 asks for: 4.5 for text, 3 for the outline of what can be operated."""
    for name in ("text", "soft", "link", "must", "should", "quirk", "good"):
        for behind in ("back", "panel"):
            assert contrast(scheme[name], scheme[behind]) >= 4.5, (name, behind)
    assert contrast(scheme["soft"], scheme["back"]) >= 3 and contrast(scheme["link"], scheme["panel"]) >= 3


def test_no_other_colours_are_used():
    rules = re.sub(r":root[^{]*\{[^}]*\}", "", CSS)
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?![\w-]*\s*\{)", re.sub(r"#(count|theme)", "", rules))
    assert not re.findall(r"\b(?:rgb|hsl)a?\(|opacity", rules)
    # The focus is seen, and nobody is kept from making text larger.
    assert ":focus-visible" in rules and "outline: none" not in rules and "outline: 0" not in rules


def test_paper_shows_all_columns():
    paper = CSS[CSS.index("@media print") :]
    assert "max-height: none" in paper and "position: static" in paper
