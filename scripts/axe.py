"""Looks for accessibility problems on the app's pages: axe-core in Chromium, in the light and the dark theme.

    python scripts/axe.py [--pages dynamics circuit] [--themes light dark] [--script axe.min.js] [--all-impacts]

What is wrong with a page's own parts is mended there. `EXCUSED` holds what is Streamlit's and cannot be reached from
here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
from scripts import visits  # noqa: E402

SEVERE = ("serious", "critical")
THEMES = ("light", "dark")
# Rule and selector of what is Streamlit's own and cannot be reached by style, options or script, with the reason.
EXCUSED: tuple[tuple[str, str, str], ...] = ()
# Rules of another impact than is asked for are not looked at: they take a third of the time.
_RUN = """async ([excused, rules, impacts]) => {
  const others = (axe._audit?.rules || []).filter(rule => rule.impact && !impacts.includes(rule.impact));
  const only = rules ? {runOnly: {type: 'rule', values: rules}}
    : {rules: Object.fromEntries(others.map(rule => [rule.id, {enabled: false}]))};
  const found = await axe.run(document, {resultTypes: ['violations'], ...only});
  const bad = [];
  for (const rule of found.violations) for (const node of rule.nodes) {
    const place = node.target.flat().join(' '), element = document.querySelector(node.target.flat().slice(-1)[0]);
    if (excused.some(([id, where]) => id === rule.id && element && element.matches(where))) continue;
    bad.push({rule: rule.id, impact: node.impact || rule.impact, help: rule.help, where: place,
              html: node.html.slice(0, 300), why: node.failureSummary});
  }
  return bad; }"""


def source() -> str:
    """The text of axe-core, as the package `axe-playwright-python` brings it."""
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text()


def violations(
    page: Any,
    impacts: Sequence[str] = SEVERE,
    script: str | None = None,
    rules: Sequence[str] | None = None,
) -> list[dict[str, str]]:
    """What axe-core finds wrong with an open page: dictionaries with `rule`, `impact`, `help`, `where`, `html` and
    `why`.

    Args:
        page: of Playwright, settled. impacts: which to return.
        script: text of another axe-core than the package's. rules: the only ones to look for; all of axe-core's unless
            given.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(script or source())
    found = page.evaluate(
        _RUN,
        [[list(one[:2]) for one in EXCUSED], list(rules) if rules else None, list(impacts)],
    )
    return [one for one in found if one["impact"] in impacts]


def lines(found: list[dict[str, str]]) -> str:
    """Findings for a reader, one rule and place a line."""
    return "\n".join(
        f"  {one['impact']}: {one['rule']} at {one['where']}\n      {one['html']}\n      {one['why']}"
        for one in found
    )


def main() -> int:
    """Prints what is found; returns 1 when something serious is."""
    parser = argparse.ArgumentParser(description="Looks for accessibility problems on the pages.")
    parser.add_argument(
        "--pages", nargs="*", default=[], help="names or beginnings of names; default all"
    )
    parser.add_argument("--themes", nargs="*", default=list(THEMES), choices=THEMES)
    parser.add_argument("--script", type=Path, help="another axe.min.js, such as npm's newest")
    parser.add_argument("--all-impacts", action="store_true", help="minor and moderate ones too")
    asked = parser.parse_args()
    impacts = (*SEVERE, "moderate", "minor") if asked.all_impacts else SEVERE
    script, bad = (asked.script.read_text() if asked.script else None), 0
    with (
        tempfile.TemporaryDirectory() as folder,
        visits.browsing(Path(folder)) as (server, browser),
    ):
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        for visit in visits.chosen(asked.pages):
            visits.open_page(page, server.url + visit.address, whole=True)
            for theme in asked.themes:
                visits.show_in(page, theme)
                found = violations(page, impacts, script)
                bad += len(found)
                print(f"{visit.name}, {theme}: {len(found)}\n{lines(found)}".rstrip(), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
