"""What a browser and a server do until the first chart stands: the dashboard beside a bare Streamlit page with one
Plotly chart, part by part.

    python benchmarks/first_chart.py [--loads 5]

Both are served in turn, warm, and loaded anew in one tab of Chromium. Counted is from the navigation until the browser
opens its connection (Streamlit's own scripts), the first message of the page comes, the title is shown, the first chart
is drawn, the navigation is shown, and the last message of the page has come; medians. Writes the table `first-chart` of
docs/results.md. How long it takes from the start of a server is in the table `browser`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import tables  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from scripts import serving  # noqa: E402

BARE = """import plotly.graph_objects as go
import streamlit as st

st.title("bare")
st.plotly_chart(go.Figure(go.Bar(x=[1, 2], y=[3, 4])))
"""
CHART = ".js-plotly-plot .main-svg"
PARTS = {
    "connection": "the connection is opened",
    "message": "the first message is received",
    "title": "the title is shown",
    "chart": "the first chart is drawn",
    "navigation": "the navigation is shown",
    "last": "the last message is received",
}
WATCH = """(() => {
  const parts = window.parts = {}, mark = part => { parts[part] ??= performance.now(); };
  window.WebSocket = class extends window.WebSocket {
    constructor(...given) {
      super(...given);
      mark('connection');
      this.addEventListener('message', () => { mark('message'); parts.last = performance.now(); });
    }
  };
  const seen = Object.entries({title: 'h1',
    chart: '.js-plotly-plot .main-svg', navigation: '[data-testid=stSidebar] a'});
  new MutationObserver(() => { for (const [part, what] of seen) if (document.querySelector(what)) mark(part); })
    .observe(document, {subtree: true, childList: true});
})();"""


def loads(playwright: Any, place: Path, count: int) -> list[dict[str, float]]:
    """Milliseconds of every part, for each time that the page of an app is loaded anew."""
    with tempfile.TemporaryDirectory() as folder:
        own = serving.own_places(Path(folder))
        with serving.serve(Path(folder), own, limit=240, place=place) as server:
            browser = serving.launch(playwright)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script(WATCH)
            page.goto(server.url)
            page.wait_for_selector(CHART, state="attached", timeout=120_000)
            page.wait_for_timeout(12_000)  # in which a server loads what it will need
            result = []
            for _ in range(count + 1):
                page.reload()
                page.wait_for_selector(CHART, state="attached", timeout=120_000)
                page.wait_for_timeout(2_500)
                result.append(page.evaluate("parts"))
            browser.close()
    return result[1:]


def main() -> None:
    """Loads both and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--loads", type=int, default=5)
    count = parser.parse_args().loads
    with tempfile.TemporaryDirectory() as bare, sync_playwright() as playwright:
        Path(bare, "app.py").write_text(BARE)
        theirs, ours = (loads(playwright, place, count) for place in (Path(bare), ROOT))
    rows = []
    for part, words in PARTS.items():
        both = [[one[part] for one in many if part in one] for many in (theirs, ours)]
        rows.append(
            [words, *(f"{statistics.median(times):.0f}" if times else "–" for times in both)]
        )
    charts = [statistics.median(one["chart"] for one in many) for many in (theirs, ours)]
    lines = [
        tables.markdown(["ms after a reload until", "bare Streamlit page", "dashboard"], rows),
        "",
        f"The dashboard's first chart comes after {charts[1] / charts[0]:.2f} times the bare page's time; medians of "
        f"{count} loads. {tables.provenance('first_chart.py')}",
    ]
    tables.write("first-chart", "\n".join(lines))


if __name__ == "__main__":
    main()
