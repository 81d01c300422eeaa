"""Looks at the page of `python -m dlpack doctor --html` in Chromium, and asks axe-core what is wrong with it.

`python try_page.py AXE FOLDER`: the file of axe-core, and the folder for the pages. The interpreter is one with the package.
"""

import html
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

# Opens some of what unfolds, since what is hidden is not looked at, and leaves what was found in the page.
ASK = """
document.querySelectorAll('details').forEach((d, i) => { if (i % 5 == 0) d.open = true; });
axe.run().then(found => {
    const answer = document.createElement('pre');
    answer.id = 'axe-answer';
    answer.textContent = JSON.stringify({
        violations: found.violations.map(v => v.id + ': ' + v.nodes[0].failureSummary + ' ' + v.nodes[0].html.slice(0, 200)),
        passes: found.passes.length,
        fits: document.documentElement.scrollWidth <= innerWidth,
        dark: matchMedia('(prefers-color-scheme: dark)').matches,
    });
    document.body.append(answer);
});
"""
CHROMIUM = [
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--virtual-time-budget=60000",
]


def main(axe: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "page.html"
    doctor = [sys.executable, "-m", "dlpack", "doctor", "numpy", "dlpack", "--pairs", "--fail", "never", "-q"]
    subprocess.run([*doctor, "--html", page], check=True)
    text = page.read_text(encoding="utf-8")
    for width, dark in itertools.product([1400, 390], [False, True]):
        answer = look(text, axe, folder, width, dark)
        name = f"{width} pixels wide, {'dark' if dark else 'light'}"
        assert answer["violations"] == [], f"{name}: {answer['violations']}"
        assert answer["passes"] > 20, f"{name}: only {answer['passes']} rules were looked at"
        assert answer["fits"], f"{name}: it is to be scrolled sideways"
        assert answer["dark"] == dark, f"{name}: the colours are others"
        print(f"{name}: {answer['passes']} rules hold")
    # A page of which something is known to be wrong shows that axe-core has looked.
    faulty = text.replace("</body>", "<img src='data:,'><button></button></body>")
    found = look(faulty, axe, folder, 1400, False)["violations"]
    assert {"image-alt", "button-name"} <= {line.split(":")[0] for line in found}, found
    print("what is wrong on purpose is found")


def look(page: str, axe: Path, folder: Path, width: int, dark: bool) -> dict:
    """Returns what axe-core says of a page."""
    scripts = f"<script>{axe.read_text(encoding='utf-8')}</script><script>{ASK}</script></body>"
    asked = folder / "asked.html"
    asked.write_text(page.replace("</body>", scripts), encoding="utf-8")
    colours = ["--blink-settings=preferredColorScheme=0"] if dark else []
    command = [*CHROMIUM, *colours, f"--window-size={width},900", f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run([*command, "--dump-dom", asked.as_uri()], capture_output=True, text=True, timeout=300)
    answer = re.search(r'id="axe-answer">(.*?)</pre>', done.stdout, re.DOTALL)
    assert answer, f"there is no answer:\n{done.stderr[-2000:]}"
    return json.loads(html.unescape(answer[1]))


if __name__ == "__main__":
    main(*(Path(word).resolve() for word in sys.argv[1:]))
